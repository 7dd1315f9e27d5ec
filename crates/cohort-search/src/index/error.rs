//! What can be wrong with an index.

use std::path::Path;

use cohort_tables::TableError;

use crate::SearchError;

/// An index that cannot be read, written or asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file: not there, not writable, damaged, or in use.
    #[error(transparent)]
    File(#[from] TableError),
    /// Vectors or settings that do not suit the index; or the caller asked to stop.
    #[error(transparent)]
    Search(#[from] SearchError),
}

impl IndexError {
    pub(crate) fn file(path: &Path, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::File(TableError::File {
            path: path.to_path_buf(),
            expected: expected.into(),
            found: found.into(),
        })
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::File(TableError::Read {
            path: path.to_path_buf(),
            source,
        })
    }

    /// Whether a file of the index is not there: another process may have replaced it.
    pub(crate) fn is_missing(&self) -> bool {
        let missing = |e: &std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
        matches!(self, Self::File(TableError::Read { source, .. }) if missing(source))
    }
}
