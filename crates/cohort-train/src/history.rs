//! What is recorded of each epoch, and what follows from it: the best epoch and when to stop.

use serde::{Deserialize, Serialize};

use crate::{Selection, TrainSettings};

/// One line of `metrics.jsonl`. Every average is over samples, not over batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Cross-entropy, weighted as in that epoch, on the training samples as they were seen: augmented, with dropout,
    /// by the weights of the moment.
    pub train_loss: f64,
    /// Accuracy on the same.
    pub train_accuracy: f64,
    /// Weighted cross-entropy on the validation samples after the epoch.
    pub valid_loss: f64,
    /// Accuracy on the validation samples.
    pub valid_accuracy: f64,
    /// Mean recall over the classes present in the validation samples.
    pub valid_balanced_accuracy: f64,
    /// Cohen's kappa with quadratic weights; null when it is undefined.
    pub valid_quadratic_kappa: Option<f64>,
    /// Mean over present classes of the mean absolute error in class indices.
    pub valid_macro_mae: f64,
}

impl EpochMetrics {
    /// The selection metric, turned so that larger is better.
    pub fn merit(&self, selection: Selection) -> f64 {
        match selection {
            Selection::BalancedAccuracy => self.valid_balanced_accuracy,
            Selection::QuadraticKappa => self.valid_quadratic_kappa.unwrap_or(f64::NEG_INFINITY),
            Selection::MacroMae => -self.valid_macro_mae,
            Selection::Loss => -self.valid_loss,
        }
    }

    /// Better by the selection metric; if equal, by the lower validation loss.
    fn beats(&self, other: &Self, selection: Selection) -> bool {
        let (a, b) = (self.merit(selection), other.merit(selection));
        a > b || (a == b && self.valid_loss < other.valid_loss)
    }
}

/// The epoch of `history` that predictions use: best by `selection`, ties broken by the lower
/// validation loss and then the earlier epoch. None before the first epoch.
pub fn best_epoch(history: &[EpochMetrics], selection: Selection) -> Option<&EpochMetrics> {
    let mut best = history.first()?;
    for metrics in history {
        if metrics.beats(best, selection) {
            best = metrics;
        }
    }
    Some(best)
}

/// Whether training is over: all epochs done, or `patience` epochs since the best one and since the class weights
/// set in.
pub(crate) fn is_over(history: &[EpochMetrics], settings: &TrainSettings) -> bool {
    let best = best_epoch(history, settings.selection).map_or(0, |m| m.epoch);
    let since = best.max(settings.unweighted_epochs());
    history.len() >= settings.epochs || history.len() >= since + settings.patience
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scripted run: (balanced accuracy, loss) by epoch.
    fn script(values: &[(f64, f64)]) -> Vec<EpochMetrics> {
        let line = |(i, &(metric, loss)): (usize, &(f64, f64))| EpochMetrics {
            epoch: i + 1,
            learning_rate: 1e-3,
            train_loss: 1.0,
            train_accuracy: 0.5,
            valid_loss: loss,
            valid_accuracy: 0.5,
            valid_balanced_accuracy: metric,
            valid_quadratic_kappa: (metric > 0.0).then_some(1.0 - metric),
            valid_macro_mae: metric,
        };
        values.iter().enumerate().map(line).collect()
    }

    #[test]
    fn the_best_epoch_follows_the_metric_then_the_loss_then_the_order() {
        let history = script(&[(0.3, 1.0), (0.5, 0.9), (0.5, 0.8), (0.5, 0.8), (0.4, 0.1)]);
        let cases = [
            (Selection::BalancedAccuracy, 3),
            (Selection::QuadraticKappa, 1),
            (Selection::MacroMae, 1),
            (Selection::Loss, 5),
        ];
        for (selection, epoch) in cases {
            assert_eq!(
                best_epoch(&history, selection).unwrap().epoch,
                epoch,
                "{selection:?}"
            );
        }
        assert!(best_epoch(&[], Selection::Loss).is_none());
        // An undefined kappa is worse than any other.
        let history = script(&[(0.0, 0.1), (0.9, 1.0)]);
        assert_eq!(
            best_epoch(&history, Selection::QuadraticKappa)
                .unwrap()
                .epoch,
            2
        );
    }

    #[test]
    fn patience_counts_from_the_best_epoch() {
        let history = script(&[(0.3, 1.0), (0.5, 0.9), (0.4, 0.9), (0.4, 0.9), (0.4, 0.9)]);
        let over = |length: usize, patience: usize, epochs: usize| {
            let settings = TrainSettings {
                patience,
                epochs,
                ..TrainSettings::default()
            };
            is_over(&history[..length], &settings)
        };
        assert!(!over(0, 1, 5));
        assert!(!over(4, 3, 9));
        assert!(over(5, 3, 9), "epoch 2 is best, 3 more are allowed");
        assert!(over(3, 1, 9));
        assert!(over(2, 9, 2), "all epochs done");
        let deferred = TrainSettings {
            patience: 1,
            epochs: 10,
            deferred_weights: 0.4,
            ..TrainSettings::default()
        };
        assert!(!is_over(&history[..4], &deferred), "weights set in after 4");
        assert!(is_over(&history, &deferred));
    }
}
