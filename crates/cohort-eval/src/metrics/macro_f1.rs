//! Macro-averaged F1.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::{Test, mean};

pub(super) const DEFINITION: Definition = Definition {
    name: "macro_f1",
    title: "Macro F1",
    short: "Macro F1",
    term: "Macro F1",
    meaning: "For each class the harmonic mean of how many of its clips are right and how many of the clips given its name belong to it; averaged over the classes.",
    meaning_of_ages: None,
    formula: "mean over the classes in truth or prediction of 2 TP / (2 TP + FP + FN)",
    source: "sklearn.metrics.f1_score(average=\"macro\", zero_division=0), over the classes in truth or prediction",
    best: Best::Highest,
    ordered: false,
    weighs_classes: true,
    range: |_| (0.0, 1.0),
    scale: Scale::Logit,
    // F1 of class k is 2 p^2 / 2 p.
    chance: |p| Some(p.one_of_classes()),
    arithmetic: Arithmetic::Counts(|counts, gradient| {
        let size = |k: usize| counts.truths[k] + counts.predictions[k];
        let mut f1 = vec![0.0; counts.truths.len()];
        for (&(truth, predicted), &count) in counts.cells.iter().zip(counts.count) {
            if truth == predicted && size(truth) > 0.0 {
                f1[truth] = 2.0 * count / size(truth);
            }
        }
        let present = (0..f1.len()).filter(|&k| size(k) > 0.0).count() as f64;
        let share = |k: usize| if size(k) > 0.0 { f1[k] / size(k) } else { 0.0 };
        for (&(truth, predicted), gradient) in counts.cells.iter().zip(gradient) {
            let hit = if truth == predicted && size(truth) > 0.0 {
                2.0 / size(truth)
            } else {
                0.0
            };
            *gradient = (hit - share(truth) - share(predicted)) / present;
        }
        f1.iter().sum::<f64>() / present
    }),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: (2.0 / 3.0 + 2.0 / 3.0 + 0.0) / 3.0,
    by_definition: |rows| {
        let f1 = |class| {
            let recall = rows.share(|r| r.truth == class, |r| r.predicted == class);
            let precision = rows.share(|r| r.predicted == class, |r| r.truth == class);
            match (precision, recall) {
                (None, None) => None,
                (Some(p), Some(r)) if p + r > 0.0 => Some(2.0 * p * r / (p + r)),
                _ => Some(0.0),
            }
        };
        mean((0..rows.classes).filter_map(f1))
    },
};
