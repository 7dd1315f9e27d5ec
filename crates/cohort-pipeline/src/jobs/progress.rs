//! Training shown on a watch.

use cohort_train::{EpochMetrics, Observer, RunFacts};

use crate::watch::Watch;

/// Shows the batches of all epochs as one bar, and each epoch that is the best so far as a line.
pub(super) struct EpochBar<'a> {
    model: &'a str,
    watch: &'a dyn Watch,
    epochs: usize,
    batches: usize,
}

impl<'a> EpochBar<'a> {
    pub(super) fn new(model: &'a str, epochs: usize, watch: &'a dyn Watch) -> Self {
        Self {
            model,
            watch,
            epochs,
            batches: 0,
        }
    }
}

impl Observer<RunFacts> for EpochBar<'_> {
    fn start(&mut self, facts: &RunFacts) {
        for class in &facts.classes_without_samples {
            self.watch.say(&format!(
                "{}: class number {} has no training sample; it cannot be learnt",
                self.model,
                class + 1
            ));
        }
        for column in &facts.constant_columns {
            self.watch.say(&format!(
                "{}: feature {column} is the same for every training sample; it carries nothing",
                self.model
            ));
        }
    }

    fn batch(&mut self, epoch: usize, done: usize, all: usize) {
        if self.batches != all {
            self.batches = all;
            self.watch
                .begin(&format!("{} batches", self.model), self.epochs * all);
        }
        self.watch.at((epoch - 1) * all + done);
    }

    fn epoch(&mut self, metrics: &EpochMetrics, best: bool) {
        if best {
            self.watch.say(&format!(
                "{} epoch {}: validation balanced accuracy {:.3}, accuracy {:.3}, loss {:.3}",
                self.model,
                metrics.epoch,
                metrics.value("valid_balanced_accuracy"),
                metrics.value("valid_accuracy"),
                metrics.valid_loss()
            ));
        }
    }
}
