//! What can be wrong.

use std::path::{Path, PathBuf};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// The programs that decode are not there.
    #[error(
        "expected the programs ffmpeg and ffprobe to read videos with (on the PATH, or in the folder that COHORT_FFMPEG names), found none: {reason}"
    )]
    NoProgram {
        /// Why not.
        reason: String,
    },
    /// A file that is no video, or not one that can be read.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Media {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A program that could not be run to its end.
    #[error("{}: ffmpeg broke off: {source}", path.display())]
    Pipe {
        /// The file that was read.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
}

impl VideoError {
    pub(crate) fn media(
        path: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Media {
            path: path.to_path_buf(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub(crate) fn pipe(path: &Path, source: std::io::Error) -> Self {
        Self::Pipe {
            path: path.to_path_buf(),
            source,
        }
    }
}
