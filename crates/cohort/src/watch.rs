//! Stages report to the terminal.

use std::sync::atomic::AtomicBool;

use cohort_pipeline::Watch;
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
        let new = self.bar(what, total);
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
