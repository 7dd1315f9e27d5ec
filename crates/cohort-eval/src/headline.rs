//! What a run ends with: every model beside always naming the majority class, taken from the models' audits.

use cohort_tables::Nouns;
use serde::{Deserialize, Serialize};

use crate::{Audit, Interval, Metric, Verdict};

/// Version of the document.
pub const HEADLINE_SCHEMA: &str = "cohort.headline/1";

/// Skill of every model on one split: the document `cohort.headline/1`. Its numbers are those of the models' audits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    /// [`HEADLINE_SCHEMA`].
    pub schema: String,
    /// Which split was scored.
    pub split: String,
    /// Level of the intervals, clustered by subject.
    pub level: f64,
    /// What items and units are called.
    #[serde(default, skip_serializing_if = "Nouns::are_usual")]
    pub nouns: Nouns,
    /// One a model.
    pub rows: Vec<HeadlineRow>,
    /// Always naming the class that is most frequent among the same clips.
    pub majority: Majority,
}

/// What kind of model a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// A model of one modality.
    Single,
    /// A model that learned from all modalities together.
    Joint,
    /// The single models' answers put together.
    Fused,
}

/// A model in the [`Headline`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadlineRow {
    /// `image`, `audio`, `text`, `joint`, `fused`.
    pub model: String,
    /// What kind of model it is.
    pub kind: ModelKind,
    /// Clips scored.
    pub clips: usize,
    /// Subjects that they belong to.
    pub subjects: usize,
    /// Whether it has skill.
    pub verdict: Verdict,
    /// Share of clips that are right.
    pub accuracy: Interval,
    /// Mean over classes of the share that is right.
    pub balanced_accuracy: Interval,
    /// Cohen's kappa with quadratic weights; for classes with an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quadratic_kappa: Option<Interval>,
    /// F1 averaged over the classes; for classes without an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_f1: Option<Interval>,
}

/// Always naming one class, which costs nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Majority {
    /// Name of the class.
    pub class: String,
    /// Its share of the clips.
    pub accuracy: f64,
    /// One over the number of classes that occur.
    pub balanced_accuracy: f64,
    /// 0 where it is defined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quadratic_kappa: Option<f64>,
    /// F1 averaged over the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_f1: Option<f64>,
}

impl Headline {
    /// From the audits of the models, in the order in which they are listed; the majority is that of the last, which should be
    /// the one that answers all clips. None without a model.
    pub fn of(split: &str, models: &[(&str, ModelKind, &Audit)]) -> Option<Self> {
        let (_, _, last) = models.last()?;
        let ordered = last.settings.ordered;
        let rows = models.iter().map(|&(model, kind, audit)| {
            let own = |metric| {
                let found = audit.metrics.get(&metric).cloned();
                found.expect("an audit has every metric that its classes allow")
            };
            HeadlineRow {
                model: model.to_owned(),
                kind,
                clips: audit.clips,
                subjects: audit.subjects,
                verdict: audit.skill.verdict,
                accuracy: own(Metric::Accuracy),
                balanced_accuracy: own(Metric::BalancedAccuracy),
                quadratic_kappa: ordered.then(|| own(Metric::QuadraticKappa)),
                macro_f1: (!ordered).then(|| own(Metric::MacroF1)),
            }
        });
        let constant = |metric| last.skill.majority.get(&metric).copied();
        let share = |metric| constant(metric).expect("a constant answer has an accuracy");
        Some(Self {
            schema: HEADLINE_SCHEMA.into(),
            split: split.to_owned(),
            level: last.settings.level,
            nouns: last.settings.nouns.clone(),
            rows: rows.collect(),
            majority: Majority {
                class: last.majority_name().to_owned(),
                accuracy: share(Metric::Accuracy),
                balanced_accuracy: share(Metric::BalancedAccuracy),
                quadratic_kappa: constant(Metric::QuadraticKappa).filter(|_| ordered),
                macro_f1: constant(Metric::MacroF1).filter(|_| !ordered),
            },
        })
    }

    /// The table for a terminal of 80 columns.
    pub fn to_text(&self) -> String {
        let ordered = self.rows.iter().any(|row| row.quadratic_kappa.is_some());
        let last = if ordered {
            "quadratic kappa"
        } else {
            "macro F1"
        };
        let names = self.rows.iter().map(|row| row.model.chars().count());
        let width = names.fold(MAJORITY.len(), usize::max);
        let items = self.nouns.items();
        let count = items.chars().count().max(6);
        let mut text = format!(
            "{:<width$}  {items:>count$}  {:>17}  {:>17}  {last:>17}\n",
            "model", "accuracy", "balanced"
        );
        for row in &self.rows {
            let last = row.quadratic_kappa.as_ref().or(row.macro_f1.as_ref());
            text += &format!(
                "{:<width$}  {:>count$}  {:>17}  {:>17}  {:>17}\n",
                row.model,
                row.clips,
                cell(&row.accuracy),
                cell(&row.balanced_accuracy),
                last.map_or_else(String::new, cell)
            );
        }
        let majority = &self.majority;
        let last = majority.quadratic_kappa.or(majority.macro_f1);
        // under the values, not under their intervals
        let plain = |value: f64| format!("{value:.3}{}", " ".repeat(12));
        text += &format!(
            "{MAJORITY:<width$}  {:>count$}  {:>17}  {:>17}  {:>17}",
            "",
            plain(majority.accuracy),
            plain(majority.balanced_accuracy),
            last.map_or_else(String::new, plain)
        );
        text.truncate(text.trim_end().len());
        text + &format!(
            "\non the {} split; in brackets {:.0} % intervals by {}; majority: always {}\n",
            self.split,
            100.0 * self.level,
            self.nouns.unit,
            majority.class
        )
    }
}

/// Name of the baseline.
const MAJORITY: &str = "majority";

/// A value with its interval in 17 characters, one more where both ends are below 0.
fn cell(interval: &Interval) -> String {
    let short = |value: f64| {
        let text = format!("{value:.2}");
        match text.strip_prefix("0.") {
            Some(digits) => format!(".{digits}"),
            None => text.replacen("-0.", "-.", 1),
        }
    };
    match (interval.estimate(), interval.value()) {
        (Some(e), _) => format!("{:.3} [{}, {}]", e.value, short(e.low), short(e.high)),
        (None, Some(value)) => format!("{value:.3} [ - , - ]"),
        (None, None) => "not defined".to_string(),
    }
}
