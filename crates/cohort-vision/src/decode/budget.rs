//! How much memory all decoders at work may hold together.

use std::sync::{Condvar, Mutex, PoisonError};

/// Most bytes that decoding may take at one time, over all threads: 1 GiB. A picture that takes more by itself is decoded
/// alone.
pub const DECODE_BUDGET: u64 = 1 << 30;

static HELD: Mutex<u64> = Mutex::new(0);
static FREED: Condvar = Condvar::new();
/// Held by whoever waits next, so that many small pictures do not keep a large one waiting for ever.
static TURN: Mutex<()> = Mutex::new(());

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Share(u64);

impl Share {
    /// Waits until so many bytes are free. Must not be called by a thread that holds a share.
    pub(super) fn take(bytes: u64) -> Self {
        let bytes = bytes.min(DECODE_BUDGET);
        // No code runs under these locks that could panic.
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        while *held + bytes > DECODE_BUDGET {
            held = FREED.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        *held += bytes;
        Self(bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *HELD.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        FREED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn the_shares_at_work_never_exceed_the_budget_and_all_get_theirs() {
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8u64 {
                let (now, most) = (&now, &most);
                scope.spawn(move || {
                    for round in 0..50u64 {
                        let bytes = DECODE_BUDGET / (1 + (thread + round) % 5) + (thread % 2);
                        let share = Share::take(bytes);
                        let held = now.fetch_add(share.0, Ordering::SeqCst) + share.0;
                        most.fetch_max(held, Ordering::SeqCst);
                        now.fetch_sub(share.0, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= DECODE_BUDGET);
        assert!(most.load(Ordering::SeqCst) > DECODE_BUDGET / 2);
    }
}
