//! The training loop: batches, optimiser, schedule, early stopping, checkpoints.
//!
//! [`train`] fits a network ([`ModelConfig`]) to a [`Source`] of samples inside a [`RunFolder`];
//! [`Trained::load`] and [`Trained::predict`] use what it left there.
//!
//! Everything random is a function of (seed, purpose, epoch, index or step). A run therefore
//! gives the same bytes whatever the number of threads, and a run that was killed and resumed
//! ends with the same weights and metrics as one that was not (on the CPU back end).

#![warn(missing_docs)]

mod average;
mod batches;
mod checkpoint;
mod checks;
mod error;
mod fit;
mod gradients;
mod history;
mod network;
mod optimiser;
mod run_folder;
mod sampling;
mod schedule;
mod score;
mod settings;
mod source;
mod trainable;
mod trained;

pub use cohort_nn::{
    ClassWeights, CompactCnnConfig, DeviceChoice, JointConfig, JointInput, JointKind, MlpConfig,
    ModelConfig, NnError, Weights, derive_seed,
};
pub use error::TrainError;
pub use fit::{Job, Progress, RunFacts, Silent, train};
pub use history::{EpochMetrics, best_epoch};
pub use run_folder::RunFolder;
pub use sampling::Sampling;
pub use schedule::Schedule;
pub use score::Confusion;
pub use settings::{FineTuning, Head, OptimiserKind, Selection, TrainSettings};
pub use source::{MemorySource, Source};
pub use trainable::Trainable;
pub use trained::{Scores, Trained};
