//! The table that a run ends with: what each model is worth beside the majority class.

use cohort_data::Split;
use cohort_eval::{Interval, IntervalSettings, Metric, Sample, interval};
use cohort_tables::Predictions;
use serde::Serialize;

use crate::dataset::subject_numbers;
use crate::error::PipelineError;

/// Metrics of the headline, in its order.
const METRICS: [Metric; 3] = [
    Metric::Accuracy,
    Metric::BalancedAccuracy,
    Metric::QuadraticKappa,
];

/// Skill on the test split of every model, of their fusion, and of always saying the training split's majority class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Headline {
    /// `cohort.headline/1`.
    pub schema: String,
    /// Which split was scored.
    pub split: String,
    /// Level of the intervals, clustered by subject.
    pub level: f64,
    /// One a model, then the fusion, then the baseline.
    pub rows: Vec<HeadlineRow>,
}

/// A row of the [`Headline`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeadlineRow {
    /// `image`, `audio`, `text`, `fused`, `majority class`.
    pub model: String,
    /// Clips scored.
    pub clips: usize,
    /// Subjects that they belong to.
    pub subjects: usize,
    /// Share of clips whose class was met.
    pub accuracy: Interval,
    /// Mean over classes of the share met.
    pub balanced_accuracy: Interval,
    /// Cohen's kappa with quadratic weights.
    pub quadratic_kappa: Interval,
}

impl Headline {
    /// Scores each model's predictions of `split`.
    ///
    /// # Errors
    /// When a table has no ground truth, or clips that the split does not have.
    pub(crate) fn new(
        split: &Split,
        models: &[(&str, &Predictions)],
        majority: usize,
        ordered: bool,
        settings: &IntervalSettings,
    ) -> Result<Self, PipelineError> {
        let mut rows = Vec::new();
        for (name, predictions) in models {
            rows.push(row(name, split, predictions, ordered, settings)?);
        }
        if let Some((_, last)) = models.last() {
            let baseline = Predictions {
                predicted: vec![majority; last.len()],
                probabilities: None,
                ..(*last).clone()
            };
            rows.push(row("majority class", split, &baseline, ordered, settings)?);
        }
        Ok(Self {
            schema: "cohort.headline/1".to_string(),
            split: split.name.clone(),
            level: settings.level,
            rows,
        })
    }

    /// The table for a terminal.
    pub fn to_text(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.model.chars().count())
            .max()
            .unwrap_or(0)
            .max(5);
        let mut text = format!(
            "{:<width$}  {:>6}  {:>20}  {:>20}  {:>20}\n",
            "model", "clips", "accuracy", "balanced accuracy", "quadratic kappa"
        );
        for row in &self.rows {
            text += &format!(
                "{:<width$}  {:>6}  {:>20}  {:>20}  {:>20}\n",
                row.model,
                row.clips,
                cell(&row.accuracy),
                cell(&row.balanced_accuracy),
                cell(&row.quadratic_kappa)
            );
        }
        text + &format!(
            "on the {} split; in brackets {:.0} % intervals clustered by subject\n",
            self.split,
            100.0 * self.level
        )
    }
}

/// A value with its interval for a terminal.
pub(crate) fn cell(interval: &Interval) -> String {
    match (interval.estimate(), interval.value()) {
        (Some(e), _) => format!("{:.3} [{:.3}, {:.3}]", e.value, e.low, e.high),
        (None, Some(value)) => format!("{value:.3} [  -  ,   -  ]"),
        (None, None) => "not defined".to_string(),
    }
}

fn row(
    name: &str,
    split: &Split,
    predictions: &Predictions,
    ordered: bool,
    settings: &IntervalSettings,
) -> Result<HeadlineRow, PipelineError> {
    let subject = subject_numbers(&split.clips, predictions);
    let truth = predictions.truth.as_deref().unwrap_or_default();
    let sample = Sample::new(
        predictions.classes.len(),
        truth,
        &predictions.predicted,
        &subject,
    )?;
    let sample = if ordered { sample } else { sample.unordered() };
    let [accuracy, balanced_accuracy, quadratic_kappa] =
        METRICS.map(|metric| interval(metric, &sample, settings));
    let (accuracy, balanced_accuracy, quadratic_kappa) =
        (accuracy?, balanced_accuracy?, quadratic_kappa?);
    Ok(HeadlineRow {
        model: name.to_string(),
        clips: accuracy.clips(),
        subjects: accuracy.subjects(),
        accuracy,
        balanced_accuracy,
        quadratic_kappa,
    })
}
