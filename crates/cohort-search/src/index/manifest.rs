//! What an index consists of: the one file that is replaced when something changes.

use std::path::Path;

use cohort_tables::{TableError, seal, unseal, write_atomic};
use serde::{Deserialize, Serialize};

use super::error::IndexError;
use super::recall::Recall;
use super::segment::Written;
use crate::Distance;

/// Name of the file.
pub(super) const NAME: &str = "index.json";
const SCHEMA: &str = "cohort.index/1";

/// The files of an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    schema: String,
    pub(super) distance: Distance,
    /// Length of a vector.
    pub(super) dim: usize,
    /// What made the vectors, of the first table.
    pub(super) producer: String,
    /// Changes so far; files are named by the change that wrote them.
    pub(super) changes: u64,
    /// What the graphs were seen to find, and how wide a search that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recall: Option<Recall>,
    /// In the order of their rows.
    pub(super) segments: Vec<Part>,
}

/// A file of vectors and what belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) vectors: Stored,
    pub(super) rows: usize,
    /// Which rows are left, where some were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<Stored>,
    /// The graph of an approximate search, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) graph: Option<Stored>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) checksum: String,
}

impl Stored {
    pub(super) fn new(file: String, written: Written) -> Self {
        let Written { bytes, checksum } = written;
        Self {
            file,
            bytes,
            checksum,
        }
    }

    pub(super) fn written(&self) -> Written {
        Written {
            bytes: self.bytes,
            checksum: self.checksum.clone(),
        }
    }
}

impl Manifest {
    pub(super) fn new(distance: Distance, dim: usize, producer: &str) -> Self {
        Self {
            schema: SCHEMA.into(),
            distance,
            dim,
            producer: producer.into(),
            changes: 0,
            recall: None,
            segments: Vec::new(),
        }
    }

    /// # Errors
    /// [`IndexError::File`] when there is none, or any byte is another one.
    pub(super) fn read(folder: &Path) -> Result<Self, IndexError> {
        let path = folder.join(NAME);
        if folder.is_file() || (folder.is_dir() && !path.exists()) {
            let expected = "an index (a folder that `cohort search index` made)";
            let found = if folder.is_file() {
                "a file"
            } else {
                "another folder"
            };
            return Err(IndexError::file(folder, expected, found));
        }
        let bytes = std::fs::read(&path).map_err(|source| IndexError::read(&path, source))?;
        let wrong =
            |found: String| IndexError::file(&path, format!("a whole document {SCHEMA}"), found);
        let damaged = || wrong("another: it is damaged".into());
        let text = unseal(&bytes).ok_or_else(damaged)?;
        let read: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if read.schema != SCHEMA {
            return Err(wrong(read.schema));
        }
        let inside = |stored: &Stored| Path::new(&stored.file).components().count() == 1;
        let files = |part: &Part| {
            [
                Some(part.vectors.clone()),
                part.left.clone(),
                part.graph.clone(),
            ]
        };
        match read
            .segments
            .iter()
            .flat_map(files)
            .flatten()
            .all(|s| inside(&s))
        {
            true => Ok(read),
            false => Err(wrong("files in other folders".into())),
        }
    }

    /// # Errors
    /// [`IndexError::File`] when the file cannot be written; the old one is untouched.
    pub(super) fn write(&self, folder: &Path) -> Result<(), IndexError> {
        let path = folder.join(NAME);
        let text = serde_json::to_string_pretty(self).map_err(|error| TableError::Write {
            path: path.clone(),
            source: error.into(),
        })?;
        Ok(write_atomic(&path, seal(&text).as_bytes())?)
    }

    /// Whether a file of the folder is one of the index's.
    pub(super) fn has(&self, name: &str) -> bool {
        let is = |stored: &Stored| stored.file == name;
        let parts = self.segments.iter();
        let mut files = parts.flat_map(|p| [Some(&p.vectors), p.left.as_ref(), p.graph.as_ref()]);
        files.any(|stored| stored.is_some_and(is))
    }
}
