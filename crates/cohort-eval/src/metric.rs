//! The metrics: names, ranges, directions.

use serde::{Deserialize, Serialize};

use crate::Sample;
use crate::tally::{Evaluator, Tally};

/// A figure of merit of a sample of decisions.
///
/// Distances between classes are differences of their indices ("groups"), so the metrics marked *ordered* are
/// not defined for unordered classes; those marked *probabilities* need them. Definitions follow scikit-learn 1.9
/// where it has the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// Share of rows whose prediction is the truth.
    Accuracy,
    /// Mean recall over the classes that occur in the truth (`balanced_accuracy_score`).
    BalancedAccuracy,
    /// Mean F1 over the classes that occur in truth or prediction (`f1_score(average="macro")`, 0 where never right).
    MacroF1,
    /// Cohen's kappa without weights (`cohen_kappa_score`): 0 is chance, 1 perfect; the test of skill for unordered classes.
    Kappa,
    /// Cohen's kappa with quadratic weights (`cohen_kappa_score(weights="quadratic")`); ordered. 0 is chance, 1 perfect.
    QuadraticKappa,
    /// Mean absolute distance in classes; ordered.
    MaeGroups,
    /// Mean absolute distance of the class midpoints, in their unit (years); needs midpoints; ordered.
    MaeYears,
    /// Mean over the classes in the truth of their mean absolute distance in classes; ordered.
    MacroMae,
    /// Share of rows at most one class off; ordered.
    WithinOne,
    /// Mean of prediction minus truth in classes: positive when guessed too high (too old); ordered.
    SignedError,
    /// Mean negative natural logarithm of the probability of the truth, clipped at 2.2e-16; probabilities.
    Nll,
    /// Mean squared distance of the probability vector from the truth, summed over classes, 0 to 2 (Brier 1950); probabilities.
    Brier,
    /// Mean ranked probability score: squared distance of cumulative probabilities over the `K - 1` cuts, divided by
    /// `K - 1`, 0 to 1 (Epstein 1969, Murphy 1971); ordered; probabilities.
    Rps,
    /// Expected calibration error of the predicted class in 15 bins of equal width (Guo et al. 2017); probabilities.
    /// Biased upward by noise in small samples.
    Ece,
}

impl Metric {
    /// Every metric, in the order in which reports show them.
    pub const ALL: [Metric; 14] = [
        Metric::Accuracy,
        Metric::BalancedAccuracy,
        Metric::MacroF1,
        Metric::Kappa,
        Metric::QuadraticKappa,
        Metric::MaeGroups,
        Metric::MaeYears,
        Metric::MacroMae,
        Metric::WithinOne,
        Metric::SignedError,
        Metric::Nll,
        Metric::Brier,
        Metric::Rps,
        Metric::Ece,
    ];

    /// Machine name, as in the audit's JSON: `accuracy`, `balanced_accuracy`, `mae_groups`, ...
    pub fn name(self) -> &'static str {
        match self {
            Metric::Accuracy => "accuracy",
            Metric::BalancedAccuracy => "balanced_accuracy",
            Metric::MacroF1 => "macro_f1",
            Metric::Kappa => "kappa",
            Metric::QuadraticKappa => "quadratic_kappa",
            Metric::MaeGroups => "mae_groups",
            Metric::MaeYears => "mae_years",
            Metric::MacroMae => "macro_mae",
            Metric::WithinOne => "within_one",
            Metric::SignedError => "signed_error",
            Metric::Nll => "nll",
            Metric::Brier => "brier",
            Metric::Rps => "rps",
            Metric::Ece => "ece",
        }
    }

    /// Name for a reader: `Accuracy`, `Mean absolute error (groups)`, ...
    pub fn title(self) -> &'static str {
        match self {
            Metric::Accuracy => "Accuracy",
            Metric::BalancedAccuracy => "Balanced accuracy",
            Metric::MacroF1 => "Macro F1",
            Metric::Kappa => "Kappa",
            Metric::QuadraticKappa => "Quadratic kappa",
            Metric::MaeGroups => "Mean absolute error (groups)",
            Metric::MaeYears => "Mean absolute error (years)",
            Metric::MacroMae => "Macro mean absolute error (groups)",
            Metric::WithinOne => "Within one group",
            Metric::SignedError => "Signed error (groups)",
            Metric::Nll => "Negative log likelihood",
            Metric::Brier => "Brier score",
            Metric::Rps => "Ranked probability score",
            Metric::Ece => "Expected calibration error",
        }
    }

    /// The metric of a machine name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// `Some(true)`: more is better; `Some(false)`: less is better; `None`: 0 is best ([`Metric::SignedError`]).
    pub fn higher_is_better(self) -> Option<bool> {
        match self {
            Metric::Accuracy
            | Metric::BalancedAccuracy
            | Metric::MacroF1
            | Metric::Kappa
            | Metric::QuadraticKappa
            | Metric::WithinOne => Some(true),
            Metric::SignedError => None,
            _ => Some(false),
        }
    }

    /// How bad a value is: the negated value where more is better, its size where 0 is best.
    pub fn badness(self, value: f64) -> f64 {
        match self.higher_is_better() {
            Some(true) => -value,
            Some(false) => value,
            None => value.abs(),
        }
    }

    /// Whether the metric needs ordered classes.
    pub fn needs_order(self) -> bool {
        matches!(
            self,
            Metric::QuadraticKappa
                | Metric::MaeGroups
                | Metric::MaeYears
                | Metric::MacroMae
                | Metric::WithinOne
                | Metric::SignedError
                | Metric::Rps
        )
    }

    /// Whether the metric needs probabilities.
    pub fn needs_probabilities(self) -> bool {
        matches!(
            self,
            Metric::Nll | Metric::Brier | Metric::Rps | Metric::Ece
        )
    }

    /// Whether the metric is the mean over rows of a loss that each row has by itself.
    pub fn is_mean(self) -> bool {
        !matches!(
            self,
            Metric::BalancedAccuracy
                | Metric::MacroF1
                | Metric::Kappa
                | Metric::QuadraticKappa
                | Metric::MacroMae
                | Metric::Ece
        )
    }

    /// Whether the metric gives every true class the same weight, so that rare classes decide its error.
    pub fn weighs_classes(self) -> bool {
        matches!(
            self,
            Metric::BalancedAccuracy | Metric::MacroF1 | Metric::MacroMae
        )
    }

    /// Whether `sample` has what the metric needs (order, probabilities, midpoints).
    pub fn applies_to(self, sample: &Sample) -> bool {
        (!self.needs_order() || sample.is_ordered())
            && (!self.needs_probabilities() || sample.has_probabilities())
            && (self != Metric::MaeYears || sample.midpoints().is_some())
    }

    /// The metrics that `sample` has what they need for, in the order of [`Metric::ALL`].
    pub fn applicable(sample: &Sample) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|metric| metric.applies_to(sample))
            .collect()
    }
}

/// The value of a metric; `None` where it is not defined: no rows, no order, probabilities or midpoints where they are
/// needed, kappa when truth and prediction are one and the same single class.
pub fn score(metric: Metric, sample: &Sample) -> Option<f64> {
    scores(&[metric], sample).pop().flatten()
}

/// The values of several metrics in one pass; see [`score`].
pub fn scores(metrics: &[Metric], sample: &Sample) -> Vec<Option<f64>> {
    let tally = Tally::new(sample, None);
    Evaluator::new(&tally, metrics)
        .values(None)
        .iter()
        .map(|value| Some(*value).filter(|value| value.is_finite()))
        .collect()
}
