//! Accuracy.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "accuracy",
    title: "Accuracy",
    short: "Accuracy",
    term: "Accuracy",
    meaning: "Share of clips that are right. With classes of unequal size, always saying the largest already scores well, so it is never read alone.",
    meaning_of_ages: None,
    formula: "rows whose prediction is the truth / rows",
    source: "sklearn.metrics.accuracy_score",
    best: Best::Highest,
    ordered: false,
    weighs_classes: false,
    range: |_| (0.0, 1.0),
    scale: Scale::Logit,
    chance: |p| Some(p.present.iter().map(|(_, share)| share * share).sum()),
    arithmetic: Arithmetic::Decisions(|truth, predicted| f64::from(truth == predicted)),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: 4.0 / 7.0,
    by_definition: |rows| rows.mean(|r| f64::from(r.truth == r.predicted)),
};
