//! The metrics. One file each: arithmetic, names, direction, range, interval scale, meaning, source and test; nothing else
//! in the workspace knows any of these. A new metric is a file and a line in the two lists below.

mod accuracy;
mod balanced_accuracy;
mod brier;
mod definition;
pub(crate) mod ece;
mod kappa;
mod macro_f1;
mod macro_mae;
mod macro_precision;
mod mae_groups;
mod mae_years;
mod matrix;
mod nll;
mod quadratic_kappa;
mod rps;
mod signed_error;
#[cfg(test)]
mod testing;
mod within_one;

use serde::{Deserialize, Serialize};

use crate::Sample;
use crate::scale::Scale;

pub(crate) use definition::{Arithmetic, Counts, Prevalences, Shape};
pub use matrix::ConfusionMatrix;

use definition::{Best, Definition};

/// Makes the enumeration from the files.
macro_rules! metrics {
    ($($(#[$doc:meta])* $variant:ident = $file:ident,)*) => {
        /// A figure of merit of a sample of decisions.
        ///
        /// Distances between classes are differences of their indices ("groups"), so the metrics marked *ordered* are
        /// not defined for unordered classes; those marked *probabilities* need them. Definitions follow scikit-learn 1.9
        /// where it has the metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Metric {
            $($(#[$doc])* $variant,)*
        }

        impl Metric {
            /// Every metric, in the order in which reports show them.
            pub const ALL: [Metric; [$(Metric::$variant),*].len()] = [$(Metric::$variant),*];

            pub(crate) fn definition(self) -> &'static Definition {
                match self {
                    $(Metric::$variant => &$file::DEFINITION,)*
                }
            }

            #[cfg(test)]
            fn test(self) -> testing::Test {
                match self {
                    $(Metric::$variant => $file::TEST,)*
                }
            }
        }
    };
}

metrics! {
    /// Share of rows whose prediction is the truth.
    Accuracy = accuracy,
    /// Mean recall over the classes that occur in the truth, which is macro-averaged recall (`balanced_accuracy_score`).
    BalancedAccuracy = balanced_accuracy,
    /// Mean precision over the classes that occur in truth or prediction, 0 for one that is never predicted
    /// (`precision_score(average="macro", zero_division=0)`).
    MacroPrecision = macro_precision,
    /// Mean F1 over the classes that occur in truth or prediction (`f1_score(average="macro")`, 0 where never right).
    MacroF1 = macro_f1,
    /// Cohen's kappa without weights (`cohen_kappa_score`): 0 is chance, 1 perfect; the test of skill for unordered classes.
    Kappa = kappa,
    /// Cohen's kappa with quadratic weights (`cohen_kappa_score(weights="quadratic")`); ordered. 0 is chance, 1 perfect.
    QuadraticKappa = quadratic_kappa,
    /// Mean absolute distance in classes; ordered.
    MaeGroups = mae_groups,
    /// Mean absolute distance of the class midpoints, in their unit (years); needs midpoints; ordered.
    MaeYears = mae_years,
    /// Mean over the classes in the truth of their mean absolute distance in classes; ordered.
    MacroMae = macro_mae,
    /// Share of rows at most one class off; ordered.
    WithinOne = within_one,
    /// Mean of prediction minus truth in classes: positive when guessed too high (too old); ordered.
    SignedError = signed_error,
    /// Mean negative natural logarithm of the probability of the truth, clipped at 2.2e-16; probabilities.
    Nll = nll,
    /// Mean squared distance of the probability vector from the truth, summed over classes, 0 to 2 (Brier 1950); probabilities.
    Brier = brier,
    /// Mean ranked probability score: squared distance of cumulative probabilities over the `K - 1` cuts, divided by
    /// `K - 1`, 0 to 1 (Epstein 1969, Murphy 1971); ordered; probabilities.
    Rps = rps,
    /// Expected calibration error of the predicted class in 15 bins of equal width (Guo et al. 2017); probabilities.
    /// Biased upward by noise in small samples.
    Ece = ece,
}

impl Metric {
    /// Machine name, as in the audit's JSON: `accuracy`, `balanced_accuracy`, `mae_groups`, ...
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Name for a reader: `Accuracy`, `Mean absolute error (groups)`, ...
    pub fn title(self) -> &'static str {
        self.definition().title
    }

    /// Name for a narrow column: `Balanced acc.`, `MAE (groups)`, ...
    pub fn short(self) -> &'static str {
        self.definition().short
    }

    /// Entry of a glossary: its title without the unit, and what it means in plain words; `ages` where the classes are
    /// age groups, of which some things can be said more plainly.
    pub fn glossary(self, ages: bool) -> (&'static str, &'static str) {
        let definition = self.definition();
        let of_ages = definition.meaning_of_ages.filter(|_| ages);
        (definition.term, of_ages.unwrap_or(definition.meaning))
    }

    /// How it is computed, on one line.
    pub fn formula(self) -> &'static str {
        self.definition().formula
    }

    /// Its least and largest value with so many classes, whose midpoints span `span`.
    pub fn range(self, classes: usize, span: f64) -> (f64, f64) {
        (self.definition().range)(Shape { classes, span })
    }

    /// Where the definition comes from: a paper, or the function of a library that it equals.
    pub fn source(self) -> &'static str {
        self.definition().source
    }

    /// The metric of a machine name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// `Some(true)`: more is better; `Some(false)`: less is better; `None`: 0 is best ([`Metric::SignedError`]).
    pub fn higher_is_better(self) -> Option<bool> {
        match self.definition().best {
            Best::Highest => Some(true),
            Best::Lowest => Some(false),
            Best::Zero => None,
        }
    }

    /// How bad a value is: the negated value where more is better, its size where 0 is best.
    pub fn badness(self, value: f64) -> f64 {
        match self.definition().best {
            Best::Highest => -value,
            Best::Lowest => value,
            Best::Zero => value.abs(),
        }
    }

    /// Whether the metric needs ordered classes.
    pub fn needs_order(self) -> bool {
        self.definition().ordered
    }

    /// Whether the metric needs probabilities.
    pub fn needs_probabilities(self) -> bool {
        matches!(
            self.definition().arithmetic,
            Arithmetic::Probabilities(_) | Arithmetic::Gaps(_)
        )
    }

    /// Whether the metric needs a midpoint of every class.
    pub fn needs_midpoints(self) -> bool {
        matches!(self.definition().arithmetic, Arithmetic::Midpoints(_))
    }

    /// Whether the metric is the mean over rows of a loss that each row has by itself.
    pub fn is_mean(self) -> bool {
        !matches!(
            self.definition().arithmetic,
            Arithmetic::Counts(_) | Arithmetic::Gaps(_)
        )
    }

    /// The scale on which its intervals are made.
    pub(crate) fn scale(self) -> Scale {
        self.definition().scale
    }

    /// Whether the metric is the share of rows of which something holds.
    pub(crate) fn is_share(self) -> bool {
        let definition = self.definition();
        matches!(definition.arithmetic, Arithmetic::Decisions(_))
            && definition.scale == Scale::Logit
    }

    /// Whether the metric gives every true class the same weight, so that rare classes decide its error.
    pub fn weighs_classes(self) -> bool {
        self.definition().weighs_classes
    }

    /// Whether `sample` has what the metric needs (order, probabilities, midpoints).
    pub fn applies_to(self, sample: &Sample) -> bool {
        (!self.needs_order() || sample.is_ordered())
            && (!self.needs_probabilities() || sample.has_probabilities())
            && (!self.needs_midpoints() || sample.midpoints().is_some())
    }

    /// The metrics that `sample` has what they need for, in the order of [`Metric::ALL`].
    pub fn applicable(sample: &Sample) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|metric| metric.applies_to(sample))
            .collect()
    }

    /// Loss of one row for a metric that is a mean of such losses; `None` for the others, and where the sample lacks what
    /// the metric needs.
    pub(crate) fn row_loss(self, sample: &Sample, row: usize) -> Option<f64> {
        let (truth, predicted) = (sample.truth()[row], sample.predicted()[row]);
        match self.definition().arithmetic {
            Arithmetic::Decisions(loss) => Some(loss(truth, predicted)),
            Arithmetic::Midpoints(loss) => {
                let midpoints = sample.midpoints()?;
                Some(loss(midpoints[truth], midpoints[predicted]))
            }
            Arithmetic::Probabilities(loss) => {
                let p = sample.row_probabilities(row)?;
                Some(loss(truth, p, p.iter().sum()))
            }
            Arithmetic::Counts(_) | Arithmetic::Gaps(_) => None,
        }
    }
}

/// The negative log likelihood of one row that gives the truth this probability, clipped at 2.2e-16.
pub fn surprise(probability: f64) -> f64 {
    nll::surprise(probability)
}
