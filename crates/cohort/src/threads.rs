//! The threads that work is spread over.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use rayon::{ThreadBuilder, ThreadPoolBuildError, ThreadPoolBuilder};

/// Most threads that may be asked for.
pub(crate) const MOST: u16 = 1024;

/// Starts the pool of `wanted` threads (one a core without), or of as many as the system gives; where it gives none, work is
/// done on the calling thread.
///
/// # Errors
/// A pool that exists already.
pub(crate) fn start(wanted: Option<u16>) -> Result<(), ThreadPoolBuildError> {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let wanted = wanted.map_or_else(cores, usize::from);
    // The pool cannot be asked for a second time with fewer, so its threads are had before it is made.
    let mut waiting: Vec<Sender<ThreadBuilder>> = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let (sender, receiver) = channel::<ThreadBuilder>();
        let work = move || {
            if let Ok(thread) = receiver.recv() {
                thread.run();
            }
        };
        match thread::Builder::new().spawn(work) {
            Ok(_) => waiting.push(sender),
            Err(_) => break,
        }
    }
    if waiting.is_empty() {
        return ThreadPoolBuilder::new()
            .num_threads(1)
            .use_current_thread()
            .build_global();
    }
    ThreadPoolBuilder::new()
        .num_threads(waiting.len())
        .spawn_handler(|thread| {
            let gone = || std::io::Error::other("a thread of the pool ended");
            let waiting = waiting.get(thread.index()).ok_or_else(gone)?;
            waiting.send(thread).map_err(|_| gone())
        })
        .build_global()
}
