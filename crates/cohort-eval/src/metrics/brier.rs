//! Brier score.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "brier",
    title: "Brier score",
    short: "Brier",
    term: "Brier score",
    meaning: "Squared distance between the predicted probabilities and what happened. 0 is perfect, 2 the worst.",
    meaning_of_ages: None,
    formula: "mean over rows of the sum over classes of (probability - 1 for the truth, 0 for others)^2",
    source: "Brier 1950, summed over classes; sklearn.metrics.brier_score_loss(scale_by_half=False)",
    best: Best::Lowest,
    ordered: false,
    weighs_classes: false,
    range: |_| (0.0, 2.0),
    scale: Scale::Log,
    chance: |p| {
        let squares: f64 = p.present.iter().map(|(_, share)| share * share).sum();
        Some(1.0 - squares)
    },
    arithmetic: Arithmetic::Probabilities(|truth, p, sum| {
        let classes = p.iter().enumerate();
        classes
            .map(|(class, p)| (p / sum - f64::from(class == truth)).powi(2))
            .sum()
    }),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: (4.0 * 0.375 + 3.0 * 0.875) / 7.0,
    by_definition: |rows| {
        // |p|^2 - 2 p_truth + 1.
        rows.mean(|r| {
            let squares: f64 = r.probabilities.iter().map(|p| p * p).sum();
            squares - 2.0 * r.probabilities[r.truth] + 1.0
        })
    },
};
