//! Stages report to the terminal.

use std::sync::atomic::AtomicBool;

use cohort_pipeline::{EpochMetrics, Watch};
use indicatif::ProgressBar;

use crate::shell::{STOP, Shell};

impl Shell {
    fn with_bar(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        // a poisoned lock only means that a bar may look odd
        act(&mut self
            .bar
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Watch for Shell {
    fn say(&self, line: &str) {
        self.with_bar(|bar| match bar {
            Some(bar) => bar.suspend(|| Shell::say(self, line)),
            None => Shell::say(self, line),
        });
    }

    fn begin(&self, what: &str, total: usize) {
        let new = self.stage_bar(what, total);
        self.with_bar(|bar| *bar = Some(new));
    }

    fn begin_bytes(&self, what: &str, total: u64) {
        let new = self.bytes_bar(what, total);
        self.with_bar(|bar| *bar = Some(new));
    }

    fn at(&self, done: usize) {
        self.with_bar(|bar| {
            if let Some(bar) = bar {
                bar.set_position(done as u64);
            }
        });
    }

    fn stage(&self, number: usize, of: usize, what: &str) {
        self.begin_stage(format!("[{number}/{of}] {what}"));
    }

    fn stage_done(&self, what: &str) {
        self.end_stage(what);
    }

    fn epoch(&self, model: &str, metrics: &EpochMetrics, best: bool) {
        if best && self.is_verbose() {
            let values = metrics
                .values
                .iter()
                .filter(|(name, _)| name.starts_with("valid_"));
            let values: Vec<String> = values
                .filter_map(|(name, value)| Some((name, (*value)?)))
                .map(|(name, value)| {
                    format!("{} {value:.3}", name["valid_".len()..].replace('_', " "))
                })
                .collect();
            let epoch = metrics.epoch;
            Watch::say(
                self,
                &format!("{model} epoch {epoch}: {} on validation", values.join(", ")),
            );
        }
    }

    fn end(&self) {
        self.with_bar(|bar| {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
        });
    }

    fn may_end(&self, yes: bool) {
        self.set_may_end(yes);
    }

    fn stop(&self) -> &AtomicBool {
        &STOP
    }
}
