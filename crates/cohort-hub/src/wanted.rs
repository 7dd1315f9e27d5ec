//! What a download is asked for, and what its thread and its caller know of each other.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::Miss;

/// A file of a hub.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) repository: String,
    pub(crate) revision: String,
    pub(crate) file: String,
}

/// What the two threads know of each other.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Bytes that are here.
    pub(crate) bytes: AtomicU64,
    /// Bytes of the whole file, when the hub told.
    pub(crate) of: OnceLock<u64>,
    /// Set when the download shall end.
    pub(crate) stop: AtomicBool,
}

impl State {
    /// # Errors
    /// When the download shall end.
    pub(crate) fn check(&self) -> Result<(), Miss> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Miss::Stopped),
            false => Ok(()),
        }
    }
}
