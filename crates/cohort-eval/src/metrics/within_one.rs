//! Share within one class of the truth.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "within_one",
    title: "Within one class",
    short: "Within one",
    term: "Within one class",
    meaning: "Share of clips that are right or missed by a neighbouring class only.",
    meaning_of_ages: None,
    formula: "rows with |t - p| at most 1 / rows",
    source: "off-by-one accuracy, as in the literature on age estimation (Levi and Hassner 2015)",
    best: Best::Highest,
    ordered: true,
    weighs_classes: false,
    range: |_| (0.0, 1.0),
    scale: Scale::Logit,
    chance: |p| Some(p.mean(|truth, guess| f64::from(truth.abs_diff(guess) <= 1))),
    arithmetic: Arithmetic::Decisions(|truth, predicted| f64::from(truth.abs_diff(predicted) <= 1)),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: 6.0 / 7.0,
    by_definition: |rows| {
        rows.mean(|r| f64::from(r.truth + 1 >= r.predicted && r.predicted + 1 >= r.truth))
    },
};
