//! What a sweep found.

use cohort_eval::Interval;
use cohort_train::{EpochMetrics, Selection};
use serde::{Deserialize, Serialize};

use crate::modality::Modality;

/// What a sweep found: `sweep.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// `cohort.sweep/1`.
    pub schema: String,
    /// What the model looks at.
    pub modality: Modality,
    /// The validation metric by which epochs and settings are chosen.
    pub selection: Selection,
    /// Level of the intervals, clustered by subject.
    pub level: f64,
    /// Position in `settings` of the one that is best on validation.
    pub chosen: usize,
    /// One a combination of batch size and learning rate.
    pub settings: Vec<SweepSetting>,
    /// One a run.
    pub cells: Vec<SweepCell>,
    /// Always saying the class that is most frequent in the test split.
    pub majority: TestScores,
    /// What of the data set's tables was read otherwise than it was written, a line each; absent where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The runs of one combination of settings, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepSetting {
    /// Samples a step.
    pub batch_size: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Runs.
    pub seeds: usize,
    /// Mean over the seeds of the selection metric on validation, turned so that larger is better.
    pub merit: f64,
    /// Mean over the seeds on validation.
    pub valid_balanced_accuracy: f64,
    /// Mean over the seeds on the test split.
    pub test_accuracy: f64,
    /// Mean over the seeds on the test split.
    pub test_balanced_accuracy: f64,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepCell {
    /// Its folder below that of the sweep.
    pub name: String,
    /// Samples a step.
    pub batch_size: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// The best epoch by validation, whose network was kept.
    pub best: EpochMetrics,
    /// Skill of that network on the test split.
    pub test: TestScores,
}

/// Skill on the test split, with intervals by subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestScores {
    /// Share of clips whose class was met.
    pub accuracy: Interval,
    /// Mean over classes of the share met.
    pub balanced_accuracy: Interval,
    /// Share of clips whose class was missed by at most one; for ordered classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_one: Option<Interval>,
    /// Mean distance in classes; for ordered classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mae_groups: Option<Interval>,
}
