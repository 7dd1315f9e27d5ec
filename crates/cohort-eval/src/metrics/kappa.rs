//! Cohen's kappa, without weights and with any weights of disagreement.

use super::definition::{Arithmetic, Best, Counts, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::Test;

pub(super) const DEFINITION: Definition = Definition {
    name: "kappa",
    title: "Kappa",
    short: "Kappa",
    term: "Kappa",
    meaning: "Agreement beyond what chance alone would give. 0: no better than chance. 1: perfect.",
    meaning_of_ages: None,
    formula: "(accuracy - agreement by chance) / (1 - agreement by chance); by chance: sum over classes of share in the truth times share among the predictions",
    source: "Cohen 1960; sklearn.metrics.cohen_kappa_score",
    best: Best::Highest,
    ordered: false,
    weighs_classes: false,
    range: |_| (-1.0, 1.0),
    scale: Scale::Fisher,
    chance: |_| Some(0.0),
    arithmetic: Arithmetic::Counts(|counts, gradient| {
        let rows = counts.truths.iter().sum::<f64>();
        let columns = counts.predictions.iter().sum::<f64>();
        let pairs = counts.truths.iter().zip(counts.predictions);
        let alike = pairs.map(|(r, c)| r * c).sum::<f64>();
        of_weights(
            counts,
            |truth, predicted| f64::from(truth != predicted),
            rows * columns - alike,
            |truth, predicted| {
                (columns - counts.predictions[truth]) + (rows - counts.truths[predicted])
            },
            gradient,
        )
    }),
};

/// `1 - n O / E`: observed disagreement `O = sum w n_tp` against that of independent margins, `E = sum w r_t c_p`, given
/// with `change`, its change when a row is added to a cell. NaN where all is of one single class.
pub(super) fn of_weights(
    counts: &Counts,
    weight: fn(usize, usize) -> f64,
    expected: f64,
    change: impl Fn(usize, usize) -> f64,
    gradient: &mut [f64],
) -> f64 {
    let cells = counts.cells.iter().zip(counts.count);
    let observed: f64 = cells
        .map(|(&(truth, predicted), &count)| weight(truth, predicted) * count)
        .sum();
    // Of one single class, apart from rounding: kappa is 0/0.
    if expected <= 1e-12 * counts.n * counts.n {
        return f64::NAN;
    }
    let ratio = observed / expected;
    for (&(truth, predicted), gradient) in counts.cells.iter().zip(gradient) {
        *gradient = -ratio - counts.n * weight(truth, predicted) / expected
            + counts.n * ratio * change(truth, predicted) / expected;
    }
    1.0 - counts.n * ratio
}

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: (4.0 / 7.0 - 17.0 / 49.0) / (1.0 - 17.0 / 49.0),
    by_definition: |rows| rows.agreement(|truth, predicted| f64::from(truth != predicted)),
};
