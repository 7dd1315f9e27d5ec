//! What training leaves of each epoch and of a run: the lines of `metrics.jsonl` and what `run.json` ends with.

use cohort_tables::entries;
use serde::{Deserialize, Serialize};

use crate::Metric;

/// Named values in the order in which a task gives them; none where one is undefined.
pub type NamedValues = Vec<(String, Option<f64>)>;

/// Mean loss of an epoch's training samples as they were seen, by the weights of the moment.
pub const TRAIN_LOSS: &str = "train_loss";
/// Mean loss of the validation samples after the epoch; every task records it.
pub const VALID_LOSS: &str = "valid_loss";

/// Name of a metric of the samples that an epoch learned from.
pub fn train_name(metric: Metric) -> String {
    format!("train_{}", metric.name())
}

/// Name of a metric of the validation samples.
pub fn valid_name(metric: Metric) -> String {
    format!("valid_{}", metric.name())
}

/// One line of `metrics.jsonl`: an object with `epoch`, `learning_rate`, `train_loss`, further `train_` values of the task,
/// and its `valid_` values, `valid_loss` first. Every average is over samples, not over batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Named values, in the order in which the task gives them; null where one is undefined.
    #[serde(flatten, with = "entries")]
    pub values: NamedValues,
}

impl EpochMetrics {
    /// A value by name; `None` where it is undefined or not recorded.
    pub fn get(&self, name: &str) -> Option<f64> {
        let found = self.values.iter().find(|(own, _)| own == name)?;
        found.1
    }

    /// A value by name; NaN where it is undefined or not recorded.
    pub fn value(&self, name: &str) -> f64 {
        self.get(name).unwrap_or(f64::NAN)
    }

    /// Loss on the validation samples.
    pub fn valid_loss(&self) -> f64 {
        self.value(VALID_LOSS)
    }
}

/// What the `run.json` of a model ends with; `F` is what its task knew when it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord<F> {
    /// [`TRAINING_SCHEMA`].
    pub schema: String,
    /// What the task knew when it began.
    #[serde(flatten)]
    pub facts: F,
    /// Whether it came to its end.
    pub finished: bool,
    /// Epochs done.
    pub epochs: usize,
    /// Epoch whose weights are kept; none before the first.
    pub best_epoch: Option<usize>,
    /// Name of the value that selects it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_by: Option<String>,
    /// What changed in the course of the epochs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// When it began, in seconds of the Unix epoch.
    pub started_unix: u64,
    /// How long it took.
    pub seconds: f64,
}

/// A change in the course of training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The first epoch that it holds for, from 1.
    pub epoch: usize,
    /// What begins with it, in words.
    pub what: String,
}

/// Version of a model's `run.json`.
pub const TRAINING_SCHEMA: &str = "cohort.run/1";

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;

    #[test]
    fn a_line_keeps_names_order_and_what_is_undefined() {
        let line = "{\"epoch\":3,\"learning_rate\":0.001,\"train_loss\":0.1,\"z\":0.30000000000000004,\"a\":null}";
        let metrics: EpochMetrics = serde_json::from_str(line).unwrap();
        assert_eq!(
            (metrics.get("z"), metrics.get("a")),
            (Some(0.1 + 0.2), None)
        );
        assert_eq!(serde_json::to_string(&metrics).unwrap(), line);
    }

    #[test]
    fn a_record_is_read_whatever_its_task_knew() {
        #[derive(Serialize)]
        struct Facts {
            seed: u64,
        }
        let record = TrainingRecord {
            schema: TRAINING_SCHEMA.into(),
            facts: Facts { seed: 7 },
            finished: true,
            epochs: 5,
            best_epoch: Some(3),
            selected_by: Some(VALID_LOSS.into()),
            changes: Vec::new(),
            started_unix: 1,
            seconds: 0.5,
        };
        let text = serde_json::to_string(&record).unwrap();
        let read: TrainingRecord<IgnoredAny> = serde_json::from_str(&text).unwrap();
        assert_eq!((read.best_epoch, read.epochs), (Some(3), 5));
        assert_eq!(read.selected_by.as_deref(), Some(VALID_LOSS));
    }
}
