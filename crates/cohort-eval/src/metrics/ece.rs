//! Expected calibration error.

use super::definition::{Arithmetic, Best, Definition};
use crate::Sample;
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

/// Bins of equal width.
pub(crate) const BINS: usize = 15;

pub(super) const DEFINITION: Definition = Definition {
    name: "ece",
    title: "Expected calibration error",
    short: "ECE",
    term: "Expected calibration error",
    meaning: "How far stated confidence lies from the share that is right. 0.05: when the model says 80%, it is right for about 75% or 85%.",
    meaning_of_ages: None,
    formula: "sum over 15 bins of confidence (0, 1/15], (1/15, 2/15], ... of |right rows - sum of confidences| / rows",
    source: "Guo et al. 2017, 15 bins of equal width of the predicted class's probability",
    best: Best::Lowest,
    ordered: false,
    weighs_classes: false,
    range: |_| (0.0, 1.0),
    scale: Scale::Logit,
    chance: |_| None,
    arithmetic: Arithmetic::Gaps(|gaps, rows| gaps.iter().map(|gap| gap.abs()).sum::<f64>() / rows),
};

/// Confidence in the predicted class of a row (its normalised probability) and its bin; `None` without probabilities.
///
/// Bins are (0, 1/15], (1/15, 2/15], ... as in Guo et al.; 0 joins the first.
pub(crate) fn confidence(sample: &Sample, row: usize) -> Option<(f64, usize)> {
    let p = sample.row_probabilities(row)?;
    let sum: f64 = p.iter().sum();
    let confidence = p[sample.predicted()[row]] / sum;
    let bin = ((confidence * BINS as f64).ceil() as usize)
        .saturating_sub(1)
        .min(BINS - 1);
    Some((confidence, bin))
}

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: 1.0 / 14.0,
    by_definition: |rows| {
        let of_bin = |bin: usize| {
            let (low, high) = (bin as f64 / 15.0, (bin + 1) as f64 / 15.0);
            let inside = |p: f64| (p > low || bin == 0) && p <= high;
            let own = rows.rows.iter();
            let gap: f64 = own
                .filter(|r| inside(r.probabilities[r.predicted]))
                .map(|r| f64::from(r.truth == r.predicted) - r.probabilities[r.predicted])
                .sum();
            gap.abs() / rows.rows.len() as f64
        };
        (0..15).map(of_bin).sum()
    },
};
