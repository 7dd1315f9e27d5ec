//! The jobs over data sets and run folders: features, one model a modality, late fusion, ablation, audit, report.
//!
//! Each stage reads tables and writes tables into a run folder, so that any of them can be run alone,
//! resumed, or fed by somebody else's model. [`run()`] does them all.
//!
//! The rooms, from the ground up: `error`, `watch`, `modality`; `config` (settings as data); `hashes`, `weights`,
//! `dataset`, `run_folder`; `branches` (what one modality does, for every job alike); `encode` (media to vectors for a search);
//! `transcribe`; `models` (trained models at work); `jobs`.

mod branches;
mod config;
mod dataset;
mod encode;
mod error;
mod hashes;
mod jobs;
mod modality;
mod models;
mod run_folder;
mod transcribe;
mod watch;
mod weights;

pub use branches::{ClipMedia, Damage, Features, Skipped, VideoSeen, damages};
pub use cohort_nn::Backbone;
pub use cohort_nn::metric::{MetricLoss, Miner, PairLoss};
pub use cohort_train::{
    AlignSelection, AlignSettings, DeviceChoice, EmbeddingSelection, EmbeddingSettings,
    EpochMetrics, JointKind, Trainable,
};
pub use cohort_tuning::{Method, Space, SpaceError};
pub use cohort_video::FrameSettings;
pub use config::{
    AudioFeatureConfig, AuditConfig, Augmentation, FaceFeatureConfig, FeatureConfig, FusionConfig,
    ImageMode, ImageSettings, JointSettings, ModelSettings, ReadingConfig, RunConfig, TextEncoder,
    TextFeatureConfig,
};
pub use dataset::fusion_settings;
pub use encode::{Encoder, EncoderSettings};
pub use error::PipelineError;
pub use jobs::{
    Answers, ClipAnswer, EmbeddingPlan, FailedMedium, FeatureTables, FrameChoice, FramesChosen,
    JointPlan, JointSubset, PairsPlan, PredictSettings, RunSummary, SearchSettings, Searched,
    Spawn, Sweep, SweepCell, SweepData, SweepGrid, SweepSetting, TestScores, TrainedEmbedding,
    TrainedJoint, TrainedModality, TrainedPairs, TrialEnd, TrialRecord, choose_frames, degrade,
    feature_tables, predict, run, run_trial, search, sweep, train_embedding, train_joint,
    train_modality, train_pairs, write_report,
};
pub use modality::Modality;
pub use models::{Answer, Predictor};
pub use transcribe::{MadeTranscript, TranscribeConfig, Transcribed, transcribe_missing};
pub use watch::{Silent, Watch};
