//! What can be wrong with a file of weights.

use std::fmt;
use std::path::{Path, PathBuf};

/// Bytes that are no readable file of weights, or not what its index or its reader expects.
#[derive(Debug, thiserror::Error)]
#[error("reading weights from {}: {reason}", path.display())]
pub struct WeightsError {
    /// The file, or `memory` when the bytes came from the caller.
    pub path: PathBuf,
    /// What the reader found.
    pub reason: String,
}

impl WeightsError {
    /// An error of the file at `path`.
    pub fn new(path: &Path, reason: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}
