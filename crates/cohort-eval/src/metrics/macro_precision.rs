//! Macro-averaged precision.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::{Test, mean};

pub(super) const DEFINITION: Definition = Definition {
    name: "macro_precision",
    title: "Macro precision",
    short: "Macro precision",
    term: "Macro precision",
    meaning: "For each class the share of the clips given its name that belong to it (0 for one whose name is never given); averaged over the classes.",
    meaning_of_ages: None,
    formula: "mean over the classes in truth or prediction of (right rows given the class / rows given the class), 0 for a class that is never given",
    source: "sklearn.metrics.precision_score(average=\"macro\", zero_division=0), over the classes in truth or prediction",
    best: Best::Highest,
    ordered: false,
    weighs_classes: true,
    range: |_| (0.0, 1.0),
    scale: Scale::Logit,
    // A guess of class k is right as often as k occurs: the precisions are the prevalences.
    chance: |p| Some(p.one_of_classes()),
    arithmetic: Arithmetic::Counts(|counts, gradient| {
        let classes = counts.truths.len();
        let given = |k: usize| counts.predictions[k] > 0.0;
        let mut precision = vec![0.0; classes];
        for (&(truth, predicted), &count) in counts.cells.iter().zip(counts.count) {
            if truth == predicted && given(predicted) {
                precision[predicted] = count / counts.predictions[predicted];
            }
        }
        let occurs = |&k: &usize| given(k) || counts.truths[k] > 0.0;
        let present = (0..classes).filter(occurs).count() as f64;
        for (&(truth, predicted), gradient) in counts.cells.iter().zip(gradient) {
            *gradient = if given(predicted) {
                (f64::from(truth == predicted) - precision[predicted])
                    / (counts.predictions[predicted] * present)
            } else {
                0.0
            };
        }
        precision.iter().sum::<f64>() / present
    }),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: (2.0 / 3.0 + 2.0 / 4.0 + 0.0) / 3.0,
    by_definition: |rows| {
        let precision = |class| {
            let found = rows.share(|r| r.predicted == class, |r| r.truth == class);
            let is_true = rows.rows.iter().any(|r| r.truth == class);
            found.or(is_true.then_some(0.0))
        };
        mean((0..rows.classes).filter_map(precision))
    },
};
