//! What can be wrong with a table.

use std::path::{Path, PathBuf};

/// A table that could not be read or written. Each message names the file, the row where there is one,
/// what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file could not be written; nothing was left under its final name.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Another process is at work in the folder.
    #[error("{}: in use by {holder}; wait for it, or take another folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// `process N`, or `another process` where its number is not known.
        holder: String,
    },
    /// One row is not as it must be.
    #[error("{}: row {row}: expected {expected}, found {found}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// 1-based line in a CSV file (the header is line 1); 1-based row in a Parquet file.
        row: u64,
        /// What the row should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// The file as a whole is not as it must be: columns, format, emptiness.
    #[error("{}: expected {expected}, found {found}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
}

impl TableError {
    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn row(
        path: &Path,
        row: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Row {
            path: path.to_path_buf(),
            row,
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub(crate) fn file(path: &Path, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::File {
            path: path.to_path_buf(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}
