//! Balanced accuracy, which is macro-averaged recall.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::{Test, mean};

pub(super) const DEFINITION: Definition = Definition {
    name: "balanced_accuracy",
    title: "Balanced accuracy",
    short: "Balanced acc.",
    term: "Balanced accuracy",
    meaning: "The share that is right within each true class (its recall), averaged over the classes, so that rare ones count as much as common ones. Guessing gives 1 over the number of classes.",
    meaning_of_ages: None,
    formula: "mean over the classes that occur in the truth of (right rows of the class / rows of the class)",
    source: "sklearn.metrics.balanced_accuracy_score",
    best: Best::Highest,
    ordered: false,
    weighs_classes: true,
    range: |_| (0.0, 1.0),
    scale: Scale::Logit,
    chance: |p| Some(p.one_of_classes()),
    arithmetic: Arithmetic::Counts(|counts, gradient| {
        counts.mean_by_truth(|truth, predicted| f64::from(truth == predicted), gradient)
    }),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: (2.0 / 3.0 + 1.0 + 0.0) / 3.0,
    by_definition: |rows| {
        let recall = |class| rows.share(|r| r.truth == class, |r| r.predicted == class);
        mean((0..rows.classes).filter_map(recall))
    },
};
