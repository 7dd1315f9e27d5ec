//! What a sweep found.

use cohort_eval::{Interval, Repeats};
use cohort_train::{EpochMetrics, Selection};
use serde::{Deserialize, Serialize};

use crate::modality::Modality;

/// What a sweep found: `sweep.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// `cohort.sweep/2`.
    pub schema: String,
    /// What the model looks at.
    pub modality: Modality,
    /// The validation metric by which epochs and settings are chosen.
    pub selection: Selection,
    /// Level of the intervals.
    pub level: f64,
    /// What the intervals of a run are clustered by, such as `subject` or `picture`.
    pub unit: String,
    /// The data sets, the configuration's own first.
    pub data_sets: Vec<SweepData>,
    /// Whether all data sets have the same test items, classes and units, so that their test figures can be compared.
    pub same_test: bool,
    /// Position in `settings` of the one that is best on validation.
    pub chosen: usize,
    /// One a combination of data set, batch size and learning rate.
    pub settings: Vec<SweepSetting>,
    /// One a run.
    pub cells: Vec<SweepCell>,
    /// What of the data sets' tables was read otherwise than it was written, a line each; absent where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A data set of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepData {
    /// Its folder's name.
    pub name: String,
    /// Training items.
    pub train: usize,
    /// Validation items.
    pub valid: usize,
    /// Test items.
    pub test: usize,
    /// Always saying the class that is most frequent in the test split.
    pub majority: TestScores,
}

/// The runs of one combination of settings, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepSetting {
    /// Name of the data set.
    pub data: String,
    /// Samples a step.
    pub batch_size: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Runs.
    pub seeds: usize,
    /// Mean over the seeds of the selection metric on validation, turned so that larger is better.
    pub merit: f64,
    /// Over the seeds on validation.
    pub valid_balanced_accuracy: Repeats,
    /// Over the seeds on the test split.
    pub test_accuracy: Repeats,
    /// Over the seeds on the test split.
    pub test_balanced_accuracy: Repeats,
}

impl SweepSetting {
    /// Whether a run is of this combination.
    pub(super) fn is_of(&self, cell: &SweepCell) -> bool {
        (self.data.as_str(), self.batch_size, self.learning_rate)
            == (cell.data.as_str(), cell.batch_size, cell.learning_rate)
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepCell {
    /// Its folder below that of the sweep.
    pub name: String,
    /// Name of the data set.
    pub data: String,
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

/// Skill on the test split, with intervals by unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestScores {
    /// Share of items whose class was met.
    pub accuracy: Interval,
    /// Mean over classes of the share met.
    pub balanced_accuracy: Interval,
    /// Share of items whose class was missed by at most one; for ordered classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_one: Option<Interval>,
    /// Mean distance in classes; for ordered classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mae_groups: Option<Interval>,
}
