//! The table that a run ends with: what each model is worth beside the majority class.

use cohort_data::{Schema, Split};
use cohort_eval::{Interval, IntervalSettings, Metric, Sample, interval};
use cohort_tables::Predictions;
use serde::Serialize;

use crate::dataset::subject_numbers;
use crate::error::PipelineError;

/// Skill on the test split of every model, of their fusion, and of always saying the training split's majority class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Headline {
    /// `cohort.headline/1`.
    pub schema: String,
    /// Which split was scored.
    pub split: String,
    /// Level of the intervals, clustered by subject.
    pub level: f64,
    /// What an item of the data set is called, several of them.
    #[serde(skip)]
    items: String,
    /// What must not be torn apart.
    #[serde(skip)]
    unit: String,
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
    /// Cohen's kappa with quadratic weights; for classes with an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quadratic_kappa: Option<Interval>,
    /// F1 averaged over the classes; for classes without an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub macro_f1: Option<Interval>,
}

impl Headline {
    /// Scores each model's predictions of `split`.
    ///
    /// # Errors
    /// When a table has no ground truth, or clips that the split does not have.
    pub(crate) fn new(
        schema: &Schema,
        split: &Split,
        models: &[(&str, &Predictions)],
        majority: usize,
        settings: &IntervalSettings,
    ) -> Result<Self, PipelineError> {
        let ordered = schema
            .target_attribute()
            .is_some_and(|target| target.ordered);
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
            items: format!("{}s", schema.item),
            unit: schema.unit.clone(),
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
        let last = match self.rows.iter().any(|row| row.quadratic_kappa.is_some()) {
            true => "quadratic kappa",
            false => "macro F1",
        };
        let mut text = format!(
            "{:<width$}  {:>6}  {:>20}  {:>20}  {:>20}\n",
            "model", self.items, "accuracy", "balanced accuracy", last
        );
        for row in &self.rows {
            let last = row.quadratic_kappa.as_ref().or(row.macro_f1.as_ref());
            text += &format!(
                "{:<width$}  {:>6}  {:>20}  {:>20}  {:>20}\n",
                row.model,
                row.clips,
                cell(&row.accuracy),
                cell(&row.balanced_accuracy),
                last.map_or_else(String::new, cell)
            );
        }
        text + &format!(
            "on the {} split; in brackets {:.0} % intervals clustered by {}\n",
            self.split,
            100.0 * self.level,
            self.unit
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
    let one = |metric| interval(metric, &sample, settings);
    let accuracy = one(Metric::Accuracy)?;
    let balanced_accuracy = one(Metric::BalancedAccuracy)?;
    let (quadratic_kappa, macro_f1) = match ordered {
        true => (Some(one(Metric::QuadraticKappa)?), None),
        false => (None, Some(one(Metric::MacroF1)?)),
    };
    Ok(HeadlineRow {
        model: name.to_string(),
        clips: accuracy.clips(),
        subjects: accuracy.subjects(),
        accuracy,
        balanced_accuracy,
        quadratic_kappa,
        macro_f1,
    })
}
