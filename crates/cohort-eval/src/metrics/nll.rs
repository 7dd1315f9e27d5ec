//! Negative log likelihood.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "nll",
    title: "Negative log likelihood",
    short: "NLL",
    term: "Negative log likelihood",
    meaning: "How surprised the model was by the truth. Small is good; a confident miss costs much.",
    meaning_of_ages: None,
    formula: "mean over rows of -ln(probability of the truth), the probability clipped at 2.2e-16",
    source: "sklearn.metrics.log_loss: natural logarithm, probabilities clipped at 2.2e-16",
    best: Best::Lowest,
    ordered: false,
    weighs_classes: false,
    range: |_| (0.0, -f64::EPSILON.ln()),
    scale: Scale::Log,
    chance: |p| Some(p.present.iter().map(|(_, share)| -share * share.ln()).sum()),
    arithmetic: Arithmetic::Probabilities(|truth, p, sum| surprise(p[truth] / sum)),
};

/// The loss of one row: minus the logarithm of the probability that was given to the truth.
pub(super) fn surprise(probability: f64) -> f64 {
    -probability.clamp(f64::EPSILON, 1.0).ln()
}

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: 10.0 * std::f64::consts::LN_2 / 7.0,
    by_definition: |rows| -rows.mean(|r| r.probabilities[r.truth].max(f64::EPSILON).ln()),
};
