//! How long work runs: without the interpreter's lock, on threads of its own, and with nothing but exceptions coming out.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::ThreadPoolBuilder;

use super::errors::Refused;

/// How often a waiting call looks whether Ctrl-C was pressed.
const LOOK: Duration = Duration::from_millis(50);

thread_local! {
    /// Where the last panic of this thread happened, and its message.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// How work ended other than well.
enum Failed {
    Refused(Refused),
    /// A panic, in words.
    Defect(String),
}

impl Failed {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Failed::Refused(refused) => refused.raise(py),
            Failed::Defect(what) => {
                let class = py
                    .import("cohort._errors")
                    .and_then(|module| module.getattr("InternalError"));
                let message = format!("a defect of cohort itself, please report it: {what}");
                match class.and_then(|class| class.call1((message.clone(),))) {
                    Ok(exception) => PyErr::from_value(exception),
                    Err(_) => PyRuntimeError::new_err(message),
                }
            }
        }
    }
}

/// Keeps what a panic says for the exception that it becomes, rather than printing it.
pub(crate) fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(ToString::to_string);
        let what = format!("{message} ({})", place.unwrap_or_default());
        LAST.with(|last| *last.borrow_mut() = Some(what));
    }));
}

fn caught<T>(work: impl FnOnce() -> Result<T, Refused>) -> Result<T, Failed> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(Failed::Refused),
        Err(payload) => Err(Failed::Defect(said(payload.as_ref()))),
    }
}

fn said(payload: &(dyn Any + Send)) -> String {
    let kept = LAST.with(|last| last.borrow_mut().take());
    let text = || {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or(payload.downcast_ref::<&str>().copied());
        text.unwrap_or("no message").to_owned()
    };
    kept.unwrap_or_else(text)
}

/// Does work on the calling thread without the interpreter's lock; a Ctrl-C meanwhile is raised when it is done.
pub(crate) fn here<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Refused> + Send,
) -> PyResult<T> {
    let done = py.detach(|| caught(work));
    py.check_signals()?;
    done.map_err(|failed| failed.raise(py))
}

/// What goes between long work and the caller who waits for it.
#[derive(Default)]
pub(crate) struct Watch {
    stop: AtomicBool,
    /// What was told last and not yet passed on: the stage, what is done of it, and what there is to do.
    at: Mutex<Option<(String, usize, usize)>>,
}

impl Watch {
    /// Tells where the work is; answers whether to go on.
    pub(crate) fn tell(&self, stage: &str, done: usize, total: usize) -> bool {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((stage.to_owned(), done, total));
        !self.stop.load(Ordering::Relaxed)
    }

    /// Passes on what was told last.
    fn pass_on(&self, progress: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let told = self
            .at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let (Some(progress), Some(told)) = (progress, told) {
            progress.call1(told)?;
        }
        Ok(())
    }
}

/// Does long work on `threads` threads of its own. Ctrl-C is raised at once, and so is what `progress` raises: work that
/// tells where it is stops then; other work ends by itself, unseen, and owns all that it reads.
///
/// The threads are started for this call, so that a process that was forked has them too.
pub(crate) fn apart<T: Send + 'static>(
    py: Python<'_>,
    threads: usize,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&Watch) -> Result<T, Refused> + Send + 'static,
) -> PyResult<T> {
    let watch = Arc::new(Watch::default());
    let (sender, mut receiver) = channel();
    let theirs = Arc::clone(&watch);
    let run = move || {
        let pool = ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
        let done = match pool {
            Ok(pool) => pool.install(|| caught(|| work(&theirs))),
            Err(error) => Err(Failed::Refused(Refused::new(
                "threads",
                "as many as the system gives",
                error,
            ))),
        };
        // nobody waits any more after a Ctrl-C
        let _ = sender.send(done);
    };
    if let Err(error) = std::thread::Builder::new().spawn(run) {
        return Err(Refused::new("threads", "one that the system gives", error).raise(py));
    }
    let progress = progress.as_ref().map(|callable| callable.bind(py));
    let mut waited = || loop {
        // by a unique borrow, since a receiver cannot be shared
        let waiting = &mut receiver;
        match py.detach(move || waiting.recv_timeout(LOOK)) {
            Ok(done) => {
                watch.pass_on(progress)?;
                return done.map_err(|failed| failed.raise(py));
            }
            Err(RecvTimeoutError::Timeout) => {
                py.check_signals()?;
                watch.pass_on(progress)?;
            }
            Err(RecvTimeoutError::Disconnected) => {
                let what = "a thread ended without an answer".into();
                return Err(Failed::Defect(what).raise(py));
            }
        }
    };
    let done = waited();
    watch.stop.store(true, Ordering::Relaxed);
    done
}

/// Panics on both kinds of threads as a defect would; the tests hold that an exception comes out.
#[pyfunction]
#[pyo3(name = "_defect")]
pub(crate) fn defect(py: Python<'_>, on_threads: bool) -> PyResult<()> {
    fn broken() -> Result<(), Refused> {
        panic!("made by a test")
    }
    match on_threads {
        true => apart(py, 2, None, |_| broken()),
        false => here(py, broken),
    }
}
