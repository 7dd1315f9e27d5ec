//! What can be wrong with a data set when it is opened for use.

use std::path::{Path, PathBuf};

use cohort_tables::TableError;

/// A data set, schema, label table or transcript that could not be read. Each message names the file,
/// the row where there is one, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or folder could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A folder could not be made.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A picture could not be decoded or encoded.
    #[error(transparent)]
    Picture(#[from] cohort_vision::VisionError),
    /// The folder holds no label table and nothing of another layout, so it is no data set: the call is wrong, not the data.
    #[error(
        "{}: expected a label table ({looked_for}), a table of paths (labels.csv), folders of classes (train/CLASS/ or CLASS/) or COCO annotations (annotations/*.json), found {found}",
        root.display()
    )]
    NoLabelTable {
        /// The folder that was given as the data set.
        root: PathBuf,
        /// Names of the files that were looked for.
        looked_for: String,
        /// What the folder holds.
        found: String,
    },
    /// One row of a table is not as it must be.
    #[error("{}: row {row}: expected {expected}, found {found}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// 1-based line of the file (the header is line 1).
        row: u64,
        /// What the row should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A file as a whole is not as it must be.
    #[error("{}: expected {expected}, found {found}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A clip has neither a transcript file nor a row in the transcript table.
    #[error(
        "clip {clip}: expected a transcript (.pkl, .txt or a row of the transcript table), found none"
    )]
    NoTranscript {
        /// The clip's id.
        clip: String,
    },
    /// A table could not be read for another reason.
    #[error(transparent)]
    Table(TableError),
}

impl From<TableError> for DataError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Read { path, source } => Self::Read { path, source },
            TableError::Row {
                path,
                row,
                expected,
                found,
            } => Self::Row {
                path,
                row,
                expected,
                found,
            },
            TableError::File {
                path,
                expected,
                found,
            } => Self::File {
                path,
                expected,
                found,
            },
            other => Self::Table(other),
        }
    }
}

impl DataError {
    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read {
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

/// `a, b, c and 4 more`: at most `limit` items, so that a message stays readable.
pub(crate) fn shorten<S: AsRef<str>>(items: &[S], limit: usize) -> String {
    let shown: Vec<&str> = items.iter().take(limit).map(AsRef::as_ref).collect();
    match items.len().saturating_sub(limit) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Most characters of a value that an error message shows.
const SHOWN: usize = 60;

/// A value as an error message shows it: quoted, and cut when it is very long.
pub(crate) fn quoted(value: &str) -> String {
    if value.chars().count() <= SHOWN {
        return format!("{value:?}");
    }
    let start: String = value.chars().take(SHOWN).collect();
    format!("{start:?}... ({} bytes)", value.len())
}
