//! What follows from the epochs of a run: the best one and when to stop.

use cohort_eval::{EpochMetrics, VALID_LOSS};

/// Named values of an epoch, in the order in which they are recorded; `None` where a value is undefined.
pub type Metrics = cohort_eval::NamedValues;

/// The measure that selects an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Criterion {
    /// Name of the value.
    pub metric: &'static str,
    /// Whether less is better.
    pub lower_is_better: bool,
}

impl Criterion {
    /// The lowest validation loss.
    pub const LOSS: Self = Self {
        metric: VALID_LOSS,
        lower_is_better: true,
    };

    /// The epoch's value, turned so that larger is better; an undefined one is worse than any other.
    pub fn merit(self, metrics: &EpochMetrics) -> f64 {
        match (metrics.get(self.metric), self.lower_is_better) {
            (None, _) => f64::NEG_INFINITY,
            (Some(value), true) => -value,
            (Some(value), false) => value,
        }
    }
}

/// The epoch of `history` that predictions use: best by `criterion`, ties broken by the lower
/// validation loss and then the earlier epoch. None before the first epoch.
pub fn best_epoch(history: &[EpochMetrics], criterion: Criterion) -> Option<&EpochMetrics> {
    let mut best = history.first()?;
    for metrics in history {
        if beats(metrics, best, criterion) {
            best = metrics;
        }
    }
    Some(best)
}

/// Whether training is over: all `epochs` done, or `patience` epochs since the best one and since `patience_begins`.
pub(crate) fn is_over(
    history: &[EpochMetrics],
    criterion: Criterion,
    (epochs, patience): (usize, usize),
    patience_begins: usize,
) -> bool {
    let best = best_epoch(history, criterion).map_or(0, |m| m.epoch);
    let since = best.max(patience_begins);
    history.len() >= epochs || history.len() >= since + patience
}

/// Better by the criterion; if equal, by the lower validation loss.
fn beats(one: &EpochMetrics, other: &EpochMetrics, criterion: Criterion) -> bool {
    let (a, b) = (criterion.merit(one), criterion.merit(other));
    a > b || (a == b && one.valid_loss() < other.valid_loss())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort_eval::TRAIN_LOSS;

    const BALANCED: Criterion = Criterion {
        metric: "valid_balanced_accuracy",
        lower_is_better: false,
    };
    const KAPPA: Criterion = Criterion {
        metric: "valid_quadratic_kappa",
        lower_is_better: false,
    };
    const MAE: Criterion = Criterion {
        metric: "valid_macro_mae",
        lower_is_better: true,
    };

    /// A scripted run: (balanced accuracy, loss) by epoch.
    fn script(values: &[(f64, f64)]) -> Vec<EpochMetrics> {
        let line = |(i, &(metric, loss)): (usize, &(f64, f64))| EpochMetrics {
            epoch: i + 1,
            learning_rate: 1e-3,
            values: [
                (TRAIN_LOSS, Some(1.0)),
                (VALID_LOSS, Some(loss)),
                (BALANCED.metric, Some(metric)),
                (KAPPA.metric, (metric > 0.0).then_some(1.0 - metric)),
                (MAE.metric, Some(metric)),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        };
        values.iter().enumerate().map(line).collect()
    }

    #[test]
    fn the_best_epoch_follows_the_metric_then_the_loss_then_the_order() {
        let history = script(&[(0.3, 1.0), (0.5, 0.9), (0.5, 0.8), (0.5, 0.8), (0.4, 0.1)]);
        let cases = [(BALANCED, 3), (KAPPA, 1), (MAE, 1), (Criterion::LOSS, 5)];
        for (criterion, epoch) in cases {
            let best = best_epoch(&history, criterion).unwrap();
            assert_eq!(best.epoch, epoch, "{criterion:?}");
        }
        assert!(best_epoch(&[], Criterion::LOSS).is_none());
        // An undefined kappa is worse than any other.
        let history = script(&[(0.0, 0.1), (0.9, 1.0)]);
        assert_eq!(best_epoch(&history, KAPPA).unwrap().epoch, 2);
    }

    #[test]
    fn patience_counts_from_the_best_epoch() {
        let history = script(&[(0.3, 1.0), (0.5, 0.9), (0.4, 0.9), (0.4, 0.9), (0.4, 0.9)]);
        let over = |length: usize, patience: usize, epochs: usize, begins: usize| {
            is_over(&history[..length], BALANCED, (epochs, patience), begins)
        };
        assert!(!over(0, 1, 5, 0));
        assert!(!over(4, 3, 9, 0));
        assert!(over(5, 3, 9, 0), "epoch 2 is best, 3 more are allowed");
        assert!(over(3, 1, 9, 0));
        assert!(over(2, 9, 2, 0), "all epochs done");
        assert!(!over(4, 1, 10, 4), "patience begins after 4");
        assert!(over(5, 1, 10, 4));
    }
}
