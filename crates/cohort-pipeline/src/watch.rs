//! Who watches long work, and may stop it.

use std::sync::atomic::{AtomicBool, Ordering};

/// What a stage tells while it works. Implementations decide whether and how to show it.
pub trait Watch: Sync {
    /// A line of talk: what begins, what was found, what was skipped.
    fn say(&self, line: &str);
    /// Work of `total` steps begins.
    fn begin(&self, what: &str, total: usize);
    /// A download of so many bytes begins. Default: as work of so many steps.
    fn begin_bytes(&self, what: &str, total: u64) {
        self.begin(what, usize::try_from(total).unwrap_or(usize::MAX));
    }
    /// `done` of the steps or bytes are done.
    fn at(&self, done: usize);
    /// The work ended.
    fn end(&self);
    /// Flag that becomes true when the work shall stop where it can be resumed.
    fn stop(&self) -> &AtomicBool;
    /// Whether the work shall stop.
    fn stopped(&self) -> bool {
        self.stop().load(Ordering::SeqCst)
    }
}

/// Passes on what was odd about media files that were read even so.
pub(crate) fn say_warnings(warnings: &[String], watch: &dyn Watch) {
    for warning in warnings {
        watch.say(&format!("warning: {warning}"));
    }
}

/// A watcher that says nothing and never stops the work, for tests and libraries.
#[derive(Debug, Default)]
pub struct Silent(AtomicBool);

impl Watch for Silent {
    fn say(&self, _line: &str) {}
    fn begin(&self, _what: &str, _total: usize) {}
    fn at(&self, _done: usize) {}
    fn end(&self) {}
    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}
