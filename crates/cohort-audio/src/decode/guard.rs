//! Where a decoder that is not ours gives up by a panic.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside [`guarded`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Puts a hook before the one that is there, once, which keeps quiet about panics that [`guarded`] catches.
static QUIET: Once = Once::new();

/// What `decode` returns, or None where it panicked. Needs panics that unwind, as they do in all profiles here.
pub(super) fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    // What `decode` had in hand is dropped with the panic; nothing of it is looked at again.
    let result = panic::catch_unwind(AssertUnwindSafe(decode)).ok();
    GUARDED.set(outer);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_none() {
        assert_eq!(guarded(|| 7), Some(7));
        let empty: Vec<u8> = Vec::new();
        assert_eq!(guarded(|| empty[std::hint::black_box(0)]), None);
        assert!(!GUARDED.get());
    }
}
