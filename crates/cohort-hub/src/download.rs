//! A download at work in a thread of its own, so that its caller can watch and break it off even while the network is
//! silent.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::error::Miss;
use crate::wanted::{State, Wanted};
use crate::{Hub, OnReceived, Received, request, store};

/// Time between two looks at a download.
const TICK: Duration = Duration::from_millis(100);
/// How long a download that is broken off may take to put its file away.
const FAREWELL: Duration = Duration::from_secs(1);

/// Fetches a file into the cache, where it appears under its name only when it is whole.
pub(crate) fn download(hub: &Hub, wanted: Wanted, progress: &mut OnReceived) -> Result<(), Miss> {
    let location = format!("hf:{}:{}", wanted.repository, wanted.file);
    let state = Arc::new(State::default());
    let (sender, receiver) = mpsc::channel();
    let (hub, theirs) = (hub.clone(), Arc::clone(&state));
    let work = move || {
        let _ = sender.send(fetch(&hub, &wanted, &theirs));
    };
    std::thread::Builder::new()
        .spawn(work)
        .map_err(|e| Miss::Failed(format!("cannot start a thread: {e}")))?;
    loop {
        let done = receiver.recv_timeout(TICK);
        let heard = progress(&Received {
            location: &location,
            bytes: state.bytes.load(Ordering::Relaxed),
            of: state.of.get().copied(),
        });
        match (done, heard) {
            (Ok(done), _) => return done,
            (Err(RecvTimeoutError::Timeout), ControlFlow::Continue(())) => {}
            (Err(RecvTimeoutError::Timeout), ControlFlow::Break(())) => {
                state.stop.store(true, Ordering::Relaxed);
                // one that waits for a silent network is left to itself: it ends at its next byte
                return match receiver.recv_timeout(FAREWELL) {
                    Ok(Ok(())) => Ok(()),
                    _ => Err(Miss::Stopped),
                };
            }
            (Err(RecvTimeoutError::Disconnected), _) => {
                return Err(Miss::Failed(
                    "the download ended without a result".to_owned(),
                ));
            }
        }
    }
}

fn fetch(hub: &Hub, wanted: &Wanted, state: &State) -> Result<(), Miss> {
    let answer = request::ask(hub, wanted).map_err(|refused| {
        if let Some(commit) = &refused.absent_at {
            store::mark_absent(hub, wanted, commit);
        }
        refused.miss
    })?;
    state.check()?;
    store::keep(hub, wanted, answer, state)
}
