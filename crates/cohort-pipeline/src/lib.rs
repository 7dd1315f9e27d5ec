//! The stages in turn: features, one model a modality, late fusion, ablation, audit, report.
//!
//! Each stage reads tables and writes tables into a run folder, so that any of them can be run alone,
//! resumed, or fed by somebody else's model. [`run()`] does them all.

mod config;
mod config_file;
mod degrade;
mod downloads;
mod embeddings;
mod error;
mod faces;
mod feature_stage;
mod features;
mod headline;
mod joint;
mod pictures;
mod predict;
mod predictor;
mod report;
mod run;
mod sealed;
mod sentence_vectors;
mod stages;
mod sweep;
mod sweep_report;
mod text_config;
mod training;
mod transcribe;
mod transcript_reading;
#[cfg(any(test, feature = "whisper"))]
mod transcript_store;
mod transcripts;
mod tuned_text;
mod vectors;
mod view;
mod watch;
mod word_vectors;

pub use cohort_nn::Backbone;
pub use cohort_train::{DeviceChoice, JointKind};
pub use config::{
    AudioFeatureConfig, AuditConfig, Augmentation, FeatureConfig, FusionConfig, ImageMode,
    ImageSettings, JointSettings, ModelSettings, RunConfig,
};
pub use degrade::{DAMAGES, Damage, degrade};
pub use error::PipelineError;
pub use faces::{FaceFeatureConfig, FaceNetwork, face_table};
pub use feature_stage::{FeatureTables, feature_tables};
pub use features::{Features, Skipped, acoustic_table, text_table};
pub use headline::{Headline, HeadlineRow};
pub use joint::{JointPlan, JointSubset, TrainedJoint, train_joint};
pub use predict::{ClipMedia, Prediction, Predictions, predict};
pub use predictor::{Answer, Predictor};
pub use report::write_report;
pub use run::{RunSummary, run};
pub use stages::fusion_settings;
pub use sweep::{Sweep, SweepCell, SweepGrid, SweepSetting, TestScores, sweep};
pub use text_config::{TextEncoder, TextFeatureConfig};
pub use training::{Modality, TrainedModality, train_modality};
pub use transcribe::transcribe_missing;
pub use transcripts::{MadeTranscript, TranscribeConfig, Transcribed};
pub use watch::{Silent, Watch};
