//! What a search found.

use cohort_eval::Interval;
use cohort_train::Selection;
use cohort_tuning::{Method, Outcome, Point};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::TestScores;
use crate::modality::Modality;

/// What a search found: `search.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Searched {
    /// `cohort.tuning/1`.
    pub schema: String,
    /// What the model looks at.
    pub modality: Modality,
    /// How points were chosen.
    pub method: Method,
    /// Seed of the search, and of every trial.
    pub seed: u64,
    /// Trials at a time: a suggestion knows the results of all trials but the last so many.
    pub jobs: usize,
    /// Whether poor trials were given up early.
    pub prune: bool,
    /// The validation metric by which epochs and trials are chosen.
    pub selection: Selection,
    /// Level of the intervals.
    pub level: f64,
    /// What the intervals are clustered by, such as `subject` or `picture`.
    pub unit: String,
    /// The configuration as it was given, without any change.
    pub reference: Scored,
    /// Number of the trial that is best on validation; none when no trial was finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<usize>,
    /// The chosen trial, whose test figures are looked at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Scored>,
    /// The chosen trial minus the reference on the test split, paired by unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
    /// Always saying the class that is most frequent in the test split.
    pub majority: TestScores,
    /// In their order.
    pub trials: Vec<TrialRecord>,
    /// What of the data set's tables was read otherwise than it was written, a line each; absent where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A model that was trained to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Its folder below that of the search.
    pub name: String,
    /// The best epoch's selection metric on validation.
    pub valid: f64,
    /// Skill on the test split.
    pub test: TestScores,
}

/// Differences on the test split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// Of the share of items whose class was met.
    pub accuracy: Interval,
    /// Of the mean over classes of the share met.
    pub balanced_accuracy: Interval,
}

/// One trial: `trial.json` in its folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Its number, from 1, which is its folder's name below `trials`.
    pub number: usize,
    /// Where in the space.
    pub point: Point,
    /// The settings that the point stands for, by key.
    pub values: Map<String, Value>,
    /// How it ended.
    pub end: TrialEnd,
    /// Epochs that were trained.
    pub epochs: usize,
    /// The best epoch's selection metric on validation; none where no epoch has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<f64>,
    /// By epoch, the selection metric turned so that larger is better; none where it is no number.
    pub curve: Vec<Option<f64>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialEnd {
    /// It was trained to its end.
    Finished,
    /// It was given up, since it lay below the median of the others.
    Pruned,
    /// It gave no number, or its settings do not go together.
    Failed,
}

impl TrialRecord {
    /// The best merit of its epochs.
    pub(super) fn merit(&self) -> Option<f64> {
        self.curve.iter().flatten().copied().reduce(f64::max)
    }

    /// As the search takes it.
    pub(super) fn outcome(&self) -> Outcome {
        match (self.end, self.merit()) {
            (TrialEnd::Finished, Some(merit)) => Outcome::Finished(merit),
            (TrialEnd::Pruned, Some(merit)) => Outcome::Pruned {
                steps: self.epochs,
                merit,
            },
            _ => Outcome::Failed,
        }
    }

    /// Its merits by epoch.
    pub(super) fn merits(&self) -> Vec<f64> {
        let merits = self.curve.iter().map(|merit| merit.unwrap_or(f64::NAN));
        merits.collect()
    }
}
