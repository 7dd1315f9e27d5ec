//! Changes of an index: additions, deletions, compaction. Each writes new files and then replaces the manifest.

use cohort_tables::{FolderLock, TableError, content_hash, remove_unfinished, write_atomic};

use super::manifest::{Manifest, Part, Stored};
use super::segment::{self, Written};
use super::{Index, IndexError};
use crate::SearchError;

impl Index {
    /// Adds the vectors `values` (rows as long as the index's) under `ids`.
    ///
    /// # Errors
    /// [`IndexError`] when a value is not finite, an id is there already or given twice, another process writes the index,
    /// or a file cannot be written; the index is then as before.
    pub fn add(&mut self, ids: &[&str], values: &[f32]) -> Result<(), IndexError> {
        let dim = self.dim();
        if values.len() != ids.len() * dim {
            let found = values.len();
            return Err(SearchError::Shape { dim, found }.into());
        }
        if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
            let (row, found) = (bad / dim + 1, values[bad]);
            return Err(SearchError::NotFinite { row, found }.into());
        }
        let _lock = self.take()?;
        let mut known = self.rows_by_id();
        for (i, id) in ids.iter().enumerate() {
            if let Some(before) = known.insert(id, self.rows() + i) {
                let expected = "every id once (a row that is replaced must be deleted first)";
                let found = match before < self.rows() {
                    true => format!("{id:?}, which the index holds"),
                    false => format!("{id:?} in rows {} and {}", before - self.rows() + 1, i + 1),
                };
                return Err(IndexError::file(&self.folder, expected, found));
            }
        }
        if ids.is_empty() {
            return Ok(());
        }
        let mut next = self.manifest.clone();
        next.changes += 1;
        let file = format!("{:06}.vectors", next.changes);
        let vector = |row: usize| &values[row * dim..(row + 1) * dim];
        let written = segment::write(&self.folder.join(&file), self.distance(), dim, ids, vector)?;
        next.segments.push(Part {
            vectors: Stored::new(file, written),
            rows: ids.len(),
            left: None,
            graph: None,
        });
        self.replace(next)
    }

    /// Deletes rows.
    ///
    /// # Errors
    /// [`IndexError`] when another process writes the index, or a file cannot be written; the index is then as before.
    pub fn delete(&mut self, rows: &[usize]) -> Result<(), IndexError> {
        let _lock = self.take()?;
        let mut live = self.live.clone();
        rows.iter().for_each(|&row| live.remove(row));
        let mut next = self.manifest.clone();
        next.changes += 1;
        for (s, part) in next.segments.iter_mut().enumerate() {
            let own = live.part(self.starts[s], part.rows);
            if own == self.live.part(self.starts[s], part.rows) {
                continue;
            }
            let file = format!("{:06}-{s}.left", next.changes);
            write_atomic(&self.folder.join(&file), &own)?;
            let written = Written {
                bytes: own.len() as u64,
                checksum: content_hash(&own),
            };
            part.left = Some(Stored::new(file, written));
        }
        self.replace(next)
    }

    /// Rewrites the rows that are left into one file of vectors, in their order, and removes the files before it. Every exact
    /// answer stays what it was; the rows are numbered anew, and graphs are to be built again ([`Index::build_graphs`]). Gives
    /// whether there was anything to do.
    ///
    /// # Errors
    /// [`IndexError`] when another process writes the index, or a file cannot be written; the index is then as before.
    pub fn compact(&mut self) -> Result<bool, IndexError> {
        let _lock = self.take()?;
        let rows: Vec<usize> = self.live.rows().collect();
        let parts = usize::from(!rows.is_empty());
        if rows.len() == self.rows() && self.segments.len() == parts {
            // a compaction that was killed may have left the files before it
            self.remove_strays()?;
            return Ok(false);
        }
        let mut next = self.manifest.clone();
        next.changes += 1;
        next.recall = None;
        next.segments.clear();
        if !rows.is_empty() {
            let file = format!("{:06}.vectors", next.changes);
            let ids: Vec<&str> = rows.iter().map(|&row| self.id(row)).collect();
            let vector = |row: usize| self.vector(rows[row]);
            let path = self.folder.join(&file);
            let written = segment::write(&path, self.distance(), self.dim(), &ids, vector)?;
            next.segments.push(Part {
                vectors: Stored::new(file, written),
                rows: rows.len(),
                left: None,
                graph: None,
            });
        }
        self.replace(next)?;
        Ok(true)
    }

    /// Keeps the folder for this process; what another has changed since the index was opened is seen.
    pub(super) fn take(&mut self) -> Result<FolderLock, IndexError> {
        let lock = FolderLock::take(&self.folder)?;
        if Manifest::read(&self.folder)? != self.manifest {
            *self = Self::open(&self.folder)?;
        }
        Ok(lock)
    }

    /// Makes a manifest the index's, and removes the files that belong to it no more.
    pub(super) fn replace(&mut self, next: Manifest) -> Result<(), IndexError> {
        next.write(&self.folder)?;
        *self = Self::open(&self.folder)?;
        self.remove_strays()
    }

    /// Removes the index's files that belong to it no more, and what killed processes left half written.
    fn remove_strays(&self) -> Result<(), IndexError> {
        remove_unfinished(&self.folder, 0)?;
        let listed = std::fs::read_dir(&self.folder);
        let listed = listed.map_err(|source| IndexError::read(&self.folder, source))?;
        for entry in listed.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name.starts_with(|c: char| c.is_ascii_digit())
                && [".vectors", ".left", ".graph"]
                    .iter()
                    .any(|end| name.ends_with(end));
            if ours && !self.manifest.has(&name) {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(|source| TableError::Write { path, source })?;
            }
        }
        Ok(())
    }
}
