//! How a download is watched.

use std::ops::ControlFlow;

/// How far the download of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received<'a> {
    /// The file, as in `hf:org/name:file`.
    pub location: &'a str,
    /// Bytes that are here, those of an earlier call that was broken off included.
    pub bytes: u64,
    /// Bytes of the whole file, once the hub has told.
    pub of: Option<u64>,
}

/// Called some ten times a second while a file is downloaded; [`ControlFlow::Break`] breaks the download off.
pub type OnReceived<'a> = dyn FnMut(&Received) -> ControlFlow<()> + 'a;
