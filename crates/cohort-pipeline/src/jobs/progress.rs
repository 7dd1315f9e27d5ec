//! Training shown on a watch.

use cohort_train::{AlignFacts, EmbeddingFacts, EpochMetrics, Observer, RunFacts};

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

    fn at(&mut self, epoch: usize, done: usize, all: usize) {
        if self.batches != all {
            self.batches = all;
            self.watch
                .begin(&format!("{} batches", self.model), self.epochs * all);
        }
        self.watch.at((epoch - 1) * all + done);
    }
}

impl Observer<EmbeddingFacts> for EpochBar<'_> {
    fn start(&mut self, facts: &EmbeddingFacts) {
        for class in &facts.short_classes {
            let (count, per_class) = (facts.train_counts[*class], facts.per_class);
            let lone = match count {
                1 => ", which is never found by another of its class",
                _ => "",
            };
            self.watch.say(&format!(
                "{}: class number {} has {count} training samples for the {per_class} of a batch; it comes with all it has{lone}",
                self.model,
                class + 1
            ));
        }
        self.watch.say(&format!(
            "{}: {} samples of each class in a batch; by chance validation P@1 is {:.3}, MAP@R {:.3}",
            self.model, facts.per_class, facts.chance_precision_at_1, facts.chance_map_at_r
        ));
    }

    fn batch(&mut self, epoch: usize, done: usize, all: usize) {
        self.at(epoch, done, all);
    }

    fn epoch(&mut self, metrics: &EpochMetrics, best: bool) {
        self.watch.epoch(self.model, metrics, best);
    }
}

impl Observer<AlignFacts> for EpochBar<'_> {
    fn start(&mut self, facts: &AlignFacts) {
        for (part, [pictures, without, captions]) in
            [("training", facts.train), ("validation", facts.valid)]
        {
            let without = match without {
                0 => String::new(),
                without => format!(", {without} of them without captions"),
            };
            self.watch.say(&format!(
                "{}: {pictures} {part} pictures{without}, {captions} captions",
                self.model
            ));
        }
        self.watch.say(&format!(
            "{}: by chance validation R@1 is {:.3}",
            self.model, facts.chance_recall_at_1
        ));
    }

    fn batch(&mut self, epoch: usize, done: usize, all: usize) {
        self.at(epoch, done, all);
    }

    fn epoch(&mut self, metrics: &EpochMetrics, best: bool) {
        self.watch.epoch(self.model, metrics, best);
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
        self.at(epoch, done, all);
    }

    fn epoch(&mut self, metrics: &EpochMetrics, best: bool) {
        self.watch.epoch(self.model, metrics, best);
    }
}
