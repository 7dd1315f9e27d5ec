//! Cohen's kappa with quadratic weights.

use super::definition::{Arithmetic, Best, Definition};
use super::kappa::of_weights;
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "quadratic_kappa",
    title: "Quadratic kappa",
    short: "Quadratic kappa",
    term: "Quadratic kappa",
    meaning: "Agreement beyond what chance alone would give, where a miss by two classes costs four times as much as a miss by one. 0: no better than chance. 1: perfect.",
    meaning_of_ages: None,
    formula: "1 - sum of (t - p)^2 over rows / the same expected where truth and prediction are independent with their own shares",
    source: "Cohen 1968; sklearn.metrics.cohen_kappa_score(weights=\"quadratic\")",
    best: Best::Highest,
    ordered: true,
    weighs_classes: false,
    range: |_| (-1.0, 1.0),
    scale: Scale::Fisher,
    chance: |_| Some(0.0),
    arithmetic: Arithmetic::Counts(|counts, gradient| {
        let moments = |margin: &[f64]| {
            let classes = margin.iter().enumerate();
            classes.fold((0.0, 0.0, 0.0), |m, (k, &count)| {
                let k = k as f64;
                (m.0 + count, m.1 + k * count, m.2 + k * k * count)
            })
        };
        let (r0, r1, r2) = moments(counts.truths);
        let (c0, c1, c2) = moments(counts.predictions);
        of_weights(
            counts,
            |truth, predicted| (truth as f64 - predicted as f64).powi(2),
            c0 * r2 - 2.0 * r1 * c1 + r0 * c2,
            |truth, predicted| {
                let (t, p) = (truth as f64, predicted as f64);
                (c0 * t * t - 2.0 * t * c1 + c2) + (r2 - 2.0 * r1 * p + r0 * p * p)
            },
            gradient,
        )
    }),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: 1.0 - 6.0 / (50.0 / 7.0),
    by_definition: |rows| {
        rows.agreement(|truth, predicted| (truth as f64 - predicted as f64).powi(2))
    },
};
