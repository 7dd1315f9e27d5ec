//! Mean absolute error of the class midpoints.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "mae_years",
    title: "Mean absolute error (scale)",
    short: "MAE (scale)",
    term: "Mean absolute error (scale)",
    meaning: "How far off a prediction is on the scale of the classes, on average, each class standing for its midpoint.",
    meaning_of_ages: None,
    formula: "mean over rows of |m(t) - m(p)|, m the midpoint of a class",
    source: "sklearn.metrics.mean_absolute_error of class midpoints",
    best: Best::Lowest,
    ordered: true,
    weighs_classes: false,
    range: |shape| (0.0, shape.span),
    scale: Scale::Log,
    chance: |p| {
        let midpoints = p.midpoints?;
        Some(p.mean(|truth, guess| (midpoints[truth] - midpoints[guess]).abs()))
    },
    arithmetic: Arithmetic::Midpoints(|truth, predicted| (predicted - truth).abs()),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: (10.0 + 20.0 + 30.0) / 7.0,
    by_definition: |rows| {
        rows.mean(|r| (rows.midpoints[r.truth] - rows.midpoints[r.predicted]).abs())
    },
};
