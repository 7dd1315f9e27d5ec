//! Mean absolute error in classes.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "mae_groups",
    title: "Mean absolute error (classes)",
    short: "MAE (classes)",
    term: "Mean absolute error (classes)",
    meaning: "How many classes a prediction is off, on average. 0 is perfect.",
    meaning_of_ages: None,
    formula: "mean over rows of |t - p|, t and p the places of the classes",
    source: "sklearn.metrics.mean_absolute_error of class indices",
    best: Best::Lowest,
    ordered: true,
    weighs_classes: false,
    range: |shape| (0.0, shape.steps()),
    scale: Scale::Log,
    chance: |p| Some(p.mean(|truth, guess| truth.abs_diff(guess) as f64)),
    arithmetic: Arithmetic::Decisions(|truth, predicted| truth.abs_diff(predicted) as f64),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: 4.0 / 7.0,
    by_definition: |rows| rows.mean(|r| (r.truth as f64 - r.predicted as f64).abs()),
};
