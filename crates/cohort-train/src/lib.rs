//! The training loop: batches, optimiser, schedule, early stopping, checkpoints.
//!
//! [`fit`] trains whatever a [`Task`] describes inside a [`RunFolder`]. Classification is the first task: [`train`] fits a
//! network ([`ModelConfig`]) to a [`Source`] of samples; [`Trained::load`] and [`Trained::predict`] use what it left there.
//! [`train_embedding`] trains one whose outputs are embeddings, and [`Embedder`] uses that. [`train_pairs`] trains two, for pictures
//! and their captions, and [`Aligned`] uses them.
//!
//! Everything random is a function of (seed, purpose, epoch, index or step). A run therefore
//! gives the same bytes whatever the number of threads, and a run that was killed and resumed
//! ends with the same weights and metrics as one that was not (on the CPU back end).

#![warn(missing_docs)]

mod align;
mod average;
mod batches;
mod checkpoint;
mod classify;
mod embed;
mod error;
mod fit;
mod gradients;
mod history;
mod optimiser;
mod parts;
mod plan;
mod random;
mod record;
mod run_folder;
mod schedule;
mod settings;
mod task;
mod trainable;

pub use align::settings::{AlignSelection, AlignSettings};
pub use align::trained::Aligned;
pub use align::{AlignFacts, AlignJob, Pairs, train_pairs};
pub use classify::settings::{FineTuning, Head, Sampling, Selection, TrainSettings};
pub use classify::source::{MemorySource, Source};
pub use classify::trained::{Scores, Trained};
pub use classify::{Job, RunFacts, train};
pub use cohort_eval::{EpochMetrics, TRAIN_LOSS, TrainingRecord, VALID_LOSS};
pub use cohort_nn::{
    ClassWeights, CompactCnnConfig, DeviceChoice, JointConfig, JointInput, JointKind, MlpConfig,
    ModelConfig, NnError, derive_seed,
};
pub use embed::settings::{EmbeddingSelection, EmbeddingSettings};
pub use embed::trained::Embedder;
pub use embed::{EmbeddingFacts, EmbeddingJob, train_embedding};
pub use error::TrainError;
pub use fit::fit;
pub use gradients::NamedGradients;
pub use history::{Criterion, Metrics, best_epoch};
pub use optimiser::Optimiser;
pub use plan::{Augment, Draw, Plan};
pub use run_folder::RunFolder;
pub use settings::{FitSettings, OptimiserKind, Schedule};
pub use task::{Difference, Loss, Moment, Network, Observer, Single, Task, Unobserved};
pub use trainable::Trainable;
