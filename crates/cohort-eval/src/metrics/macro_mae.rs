//! Macro-averaged mean absolute error in classes.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::{Test, mean};

pub(super) const DEFINITION: Definition = Definition {
    name: "macro_mae",
    title: "Macro mean absolute error (classes)",
    short: "Macro MAE",
    term: "Macro mean absolute error",
    meaning: "The mean absolute error within each true class, averaged over the classes.",
    meaning_of_ages: None,
    formula: "mean over the classes in the truth of the mean of |t - p| within the class",
    source: "Baccianella, Esuli and Sebastiani 2009; imblearn.metrics.macro_averaged_mean_absolute_error",
    best: Best::Lowest,
    ordered: true,
    weighs_classes: true,
    range: |shape| (0.0, shape.steps()),
    scale: Scale::Log,
    chance: |p| {
        let of_truth = |&(truth, _): &(usize, f64)| {
            let guesses = p.present.iter();
            guesses
                .map(|&(guess, q)| q * truth.abs_diff(guess) as f64)
                .sum::<f64>()
        };
        let sum: f64 = p.present.iter().map(of_truth).sum();
        Some(sum / p.present.len().max(1) as f64)
    },
    arithmetic: Arithmetic::Counts(|counts, gradient| {
        counts.mean_by_truth(
            |truth, predicted| truth.abs_diff(predicted) as f64,
            gradient,
        )
    }),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: (1.0 / 3.0 + 0.0 / 2.0 + 3.0 / 2.0) / 3.0,
    by_definition: |rows| {
        let of_class = |class| {
            let own = rows.rows.iter().filter(|r| r.truth == class);
            let errors: Vec<f64> = own
                .map(|r| (r.truth as f64 - r.predicted as f64).abs())
                .collect();
            (!errors.is_empty()).then(|| mean(errors.into_iter()))
        };
        mean((0..rows.classes).filter_map(of_class))
    },
};
