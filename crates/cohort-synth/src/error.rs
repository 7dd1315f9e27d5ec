//! What can go wrong while the corpus is written.

use std::io;
use std::path::PathBuf;

/// Why the corpus could not be made. Each message names the operation and the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// A setting lies outside its range.
    #[error("synthesise: {name} is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The values that are allowed.
        expected: String,
        /// The value that was given.
        found: String,
    },
    /// The target holds something else than this very corpus; nothing was changed.
    #[error("synthesise: {} is in the way: {found}; expected no such folder, an empty one, or the whole corpus of the same settings", path.display())]
    Occupied {
        /// The target folder.
        path: PathBuf,
        /// What lies there.
        found: String,
    },
    /// The hidden folder in which the corpus is gathered is somebody else's; nothing was changed.
    #[error("synthesise: {} is in the way: expected no such folder, or what a killed synthesis left there, found {found}; move it away, or choose another name for the corpus", path.display())]
    Foreign {
        /// The hidden folder.
        path: PathBuf,
        /// What lies there.
        found: String,
    },
    /// Another process is writing the same corpus.
    #[error("synthesise: {} is being written by another process", path.display())]
    Busy {
        /// The target folder.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("synthesise: cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was attempted: `create`, `write`, `rename`, ...
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file could not be encoded.
    #[error("synthesise: cannot encode {}: {reason}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The encoder's reason.
        reason: String,
    },
}

impl SynthError {
    /// Wraps a file-system error with what was attempted on which path.
    pub(crate) fn io(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| SynthError::Io {
            operation,
            path,
            source,
        }
    }
}
