//! Decisions of a network, counted, and what is measured of them.

use cohort_eval::{ConfusionMatrix, Metric};

/// What is measured on the validation samples beside the loss, under the name of `metrics.jsonl`.
pub(crate) const VALID_METRICS: [(&str, Metric); 4] = [
    ("valid_accuracy", Metric::Accuracy),
    ("valid_balanced_accuracy", Metric::BalancedAccuracy),
    ("valid_quadratic_kappa", Metric::QuadraticKappa),
    ("valid_macro_mae", Metric::MacroMae),
];

/// Counts samples: row-major logits `[n, K]` against class indices below K. The first of several largest logits is the
/// prediction.
pub(crate) fn count(
    confusion: &mut ConfusionMatrix,
    classes: usize,
    logits: &[f32],
    labels: &[usize],
) {
    for (row, &label) in logits.chunks_exact(classes).zip(labels) {
        let mut predicted = 0;
        for (class, value) in row.iter().enumerate() {
            if *value > row[predicted] {
                predicted = class;
            }
        }
        confusion.add(label, predicted, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_largest_logits_is_the_prediction() {
        let mut confusion = ConfusionMatrix::new(3);
        let logits = [0.5, 0.5, 0.1, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0];
        count(&mut confusion, 3, &logits, &[0, 1, 1]);
        assert_eq!((confusion.right(), confusion.rows()), (2.0, 3.0));
        assert_eq!(confusion.value(Metric::MacroMae), Some(0.25));
    }
}
