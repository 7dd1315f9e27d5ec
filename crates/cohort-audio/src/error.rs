//! What can go wrong between a sound file and its numbers.

use std::path::{Path, PathBuf};

/// An error of this crate: which operation, on which file, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The file could not be opened or read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file was read but is not the sound it claims to be.
    #[error("cannot decode {}: expected {expected}, found {found}", file.display())]
    Decode {
        /// The file.
        file: PathBuf,
        /// What a sound file would have held there.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// Samples handed to an operation do not satisfy its contract.
    #[error("{operation}: expected {expected}, found {found}")]
    Signal {
        /// The operation.
        operation: &'static str,
        /// What it needs.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// A setting is outside its range.
    #[error("{operation}: setting {name}: expected {expected}, found {found}")]
    Setting {
        /// The operation.
        operation: &'static str,
        /// The setting.
        name: &'static str,
        /// Its range.
        expected: String,
        /// The value given.
        found: String,
    },
}

impl AudioError {
    pub(crate) fn decode(
        file: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Decode {
            file: file.to_owned(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub(crate) fn setting(
        operation: &'static str,
        name: &'static str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Setting {
            operation,
            name,
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    pub(crate) fn signal(
        operation: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Signal {
            operation,
            expected: expected.into(),
            found: found.into(),
        }
    }
}
