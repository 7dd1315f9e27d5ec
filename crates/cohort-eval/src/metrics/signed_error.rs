//! Signed error in classes.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "signed_error",
    title: "Signed error (classes)",
    short: "Signed error",
    term: "Signed error",
    meaning: "Mean of predicted minus true class. Above 0: guessed too high; below 0: too low.",
    meaning_of_ages: Some(
        "Mean of predicted minus true class. Above 0: people are taken for older than they look to others; below 0: for younger.",
    ),
    formula: "mean over rows of p - t",
    source: "mean error (bias) of class indices",
    best: Best::Zero,
    ordered: true,
    weighs_classes: false,
    range: |shape| (-shape.steps(), shape.steps()),
    scale: Scale::Identity,
    chance: |_| Some(0.0),
    arithmetic: Arithmetic::Decisions(|truth, predicted| predicted as f64 - truth as f64),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    // One row 1 too high, one 1 too low, one 2 too low.
    example: -2.0 / 7.0,
    by_definition: |rows| rows.mean(|r| r.predicted as f64) - rows.mean(|r| r.truth as f64),
};
