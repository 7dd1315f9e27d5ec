//! Rows of vectors on their way into an embedding table.

use std::path::Path;

use crate::TableError;
use crate::embeddings::EmbeddingTable;

/// Most numbers of a table: 4 GiB of 32-bit floats.
pub(crate) const MAX_VALUES: usize = 1 << 30;

/// Takes rows in, checking each.
pub(crate) struct Rows<'a> {
    path: &'a Path,
    pub(crate) table: EmbeddingTable,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(path: &'a Path) -> Self {
        Self {
            path,
            table: EmbeddingTable::default(),
        }
    }

    /// Adds a row; `row` is its number or line in the file.
    pub(crate) fn push(
        &mut self,
        row: u64,
        clip: &str,
        values: impl Iterator<Item = f64>,
    ) -> Result<(), TableError> {
        let bad = |expected: &str, found: String| TableError::row(self.path, row, expected, found);
        if clip.is_empty() {
            return Err(bad("a clip and a vector", "a missing value".into()));
        }
        let before = self.table.values.len();
        for value in values {
            // to the nearest of the 32-bit floats, which vectors are here
            let single = value as f32;
            if !single.is_finite() {
                return Err(bad("finite numbers", value.to_string()));
            }
            self.table.values.push(single);
        }
        let width = self.table.values.len() - before;
        if self.table.clips.is_empty() {
            self.table.dim = width;
        }
        if width != self.table.dim {
            let expected = format!("{} numbers as in the first row", self.table.dim);
            return Err(bad(&expected, width.to_string()));
        }
        if self.table.values.len() > MAX_VALUES {
            let expected = format!("at most {MAX_VALUES} numbers");
            return Err(TableError::file(self.path, expected, "more"));
        }
        self.table.clips.push(clip.to_string());
        self.table.sources.push(String::new());
        Ok(())
    }
}
