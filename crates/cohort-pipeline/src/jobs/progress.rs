//! Training shown on a watch.

use cohort_train::{EpochMetrics, Observer, RunFacts};

use crate::watch::Watch;

/// Shows the batches of all epochs as one bar, and passes the epochs on.
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
        self.watch.epoch(self.model, metrics, best);
    }
}
