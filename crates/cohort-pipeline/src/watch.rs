//! Who watches long work, and may stop it.

use std::sync::atomic::{AtomicBool, Ordering};

use cohort_train::EpochMetrics;

use crate::error::PipelineError;

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
    /// Stage `number` of `of` begins. Default: nothing is made of it.
    fn stage(&self, _number: usize, _of: usize, _what: &str) {}
    /// The stage is over; `what` says in a few words what it gave. Default: nothing is made of it.
    fn stage_done(&self, _what: &str) {}
    /// An epoch of a model's training is over; `best` where no earlier one was better. Default: nothing is made of it.
    fn epoch(&self, _model: &str, _metrics: &EpochMetrics, _best: bool) {}
    /// The work ended.
    fn end(&self);
    /// Flag that becomes true when the work shall stop where it can be resumed.
    fn stop(&self) -> &AtomicBool;
    /// Whether nothing would be lost if the process ended at once. While that is so, a watcher may end it when it is told
    /// to stop, for this work does not look at [`Watch::stop`]. Default: nothing is made of it.
    fn may_end(&self, _yes: bool) {}
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

/// Passes on what was read otherwise than it was written.
pub(crate) fn say_notes(notes: &[String], watch: &dyn Watch) {
    for note in notes {
        watch.say(&format!("note: {note}"));
    }
}

/// Does work that changes no file and does not look at [`Watch::stop`].
///
/// # Errors
/// [`PipelineError::Stopped`] when the work shall stop before or after it; the work's own.
pub(crate) fn apart<T, E>(
    watch: &dyn Watch,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, PipelineError>
where
    PipelineError: From<E>,
{
    if watch.stopped() {
        return Err(PipelineError::Stopped);
    }
    watch.may_end(true);
    let done = work();
    watch.may_end(false);
    if watch.stopped() {
        return Err(PipelineError::Stopped);
    }
    Ok(done?)
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
