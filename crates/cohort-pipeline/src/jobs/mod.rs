//! The jobs: what a command of the program does, over data sets and run folders.

mod audit;
mod degrade;
mod embedding;
mod features;
mod frames;
mod joint;
mod mistakes;
mod pairs;
mod planted;
mod predict;
mod progress;
mod rehearse;
mod report;
mod run;
mod sweep;
mod train;

pub use degrade::degrade;
pub use embedding::{EmbeddingPlan, TrainedEmbedding, train_embedding};
pub use features::{FeatureTables, feature_tables};
pub use frames::{FrameChoice, FramesChosen, choose_frames};
pub use joint::{JointPlan, JointSubset, TrainedJoint, train_joint};
pub use pairs::{PairsPlan, TrainedPairs, train_pairs};
pub use predict::{Answers, ClipAnswer, FailedMedium, PredictSettings, predict};
pub use report::write_report;
pub use run::{RunSummary, run};
pub use sweep::{
    SearchSettings, Searched, Spawn, Sweep, SweepCell, SweepData, SweepGrid, SweepSetting,
    TestScores, TrialEnd, TrialRecord, run_trial, search, sweep,
};
pub use train::{TrainedModality, train_modality};
