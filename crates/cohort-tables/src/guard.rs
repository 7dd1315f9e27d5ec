//! Where a reader that is not ours gives up by a panic, or never ends.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::TableError;

/// Longest time without a word from the reader.
const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    /// Whether the panics of this thread are caught and told as a damaged file.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

static QUIET: Once = Once::new();

/// What the reader's thread sends.
enum Sent<T> {
    Part(T),
    End(Result<(), TableError>),
    Panic,
}

/// Runs `read` on a thread of its own, where it hands over parts of the file, and `take` on this one.
///
/// `kind` names the format in the error for a panic or a loop, e.g. `Parquet`. A reader that loops is left behind: the
/// process ends without it. Needs panics that unwind, as they do in all profiles here.
pub(crate) fn guarded<T: Send + 'static>(
    path: &Path,
    kind: &str,
    read: impl FnOnce(&mut dyn FnMut(T) -> bool) -> Result<(), TableError> + Send + 'static,
    mut take: impl FnMut(T) -> Result<(), TableError>,
) -> Result<(), TableError> {
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    let damaged = |found: &str| {
        let expected = format!("a whole {kind} file");
        TableError::file(path, expected, format!("a damaged one ({found})"))
    };
    let (send, receive) = sync_channel(2);
    let worker = move || {
        GUARDED.set(true);
        let mut part = |part| send.send(Sent::Part(part)).is_ok();
        // what `read` had in hand is dropped with the panic; nothing of it is looked at again
        let end = panic::catch_unwind(AssertUnwindSafe(|| read(&mut part)));
        // nobody waits for it where the table was refused before its end
        let _ = send.send(end.map_or(Sent::Panic, Sent::End));
    };
    std::thread::Builder::new()
        .name("table-reader".into())
        .spawn(worker)
        .map_err(|source| TableError::read(path, source))?;
    loop {
        match receive.recv_timeout(PATIENCE) {
            Ok(Sent::Part(part)) => take(part)?,
            Ok(Sent::End(end)) => return end,
            Ok(Sent::Panic) | Err(RecvTimeoutError::Disconnected) => {
                return Err(damaged("its parts contradict each other"));
            }
            Err(RecvTimeoutError::Timeout) => {
                let seconds = PATIENCE.as_secs();
                return Err(damaged(&format!("no row within {seconds} seconds")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_damaged_file_and_the_parts_before_it_are_handed_over() {
        let mut taken = Vec::new();
        let empty: Vec<u8> = Vec::new();
        let read = move |part: &mut dyn FnMut(u8) -> bool| {
            part(7);
            part(empty[std::hint::black_box(0)]);
            Ok(())
        };
        let error = guarded(Path::new("x"), "Parquet", read, |part| {
            taken.push(part);
            Ok(())
        });
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("x: expected a whole Parquet file, found a damaged one"));
        assert_eq!(taken, [7]);
    }
}
