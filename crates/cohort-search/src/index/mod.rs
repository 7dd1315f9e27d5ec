//! An index: vectors on disk, mapped into memory, that are asked for the nearest of others.
//!
//! A folder with files of vectors, each written once, and a manifest that says which of them belong to it and which of
//! their rows are left. An addition writes a file of vectors, a deletion a file of rows; then the manifest is replaced,
//! so that a process killed at any time leaves the old index whole. Compaction writes the rows that are left into one new file.

mod best;
mod encoder;
mod error;
mod graph;
mod manifest;
mod mask;
mod nearly;
mod ranking;
mod recall;
mod scan;
mod segment;
mod space;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cohort_tables::{FolderLock, content_hash};

use crate::{Distance, Progress, SearchError};
pub use encoder::{EncoderRecord, PictureRoot};
pub use error::IndexError;
use graph::Graph;
use manifest::{Manifest, Stored};
pub use mask::Mask;
pub use ranking::{Ranked, Ranking};
pub use recall::Recall;
use segment::Segment;
use space::Space;

/// How often an index that is being replaced is opened anew.
const TRIES: usize = 5;

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Row of the index.
    pub row: usize,
    /// Distance to it.
    pub distance: f64,
}

/// An open index. Rows are numbered in the order of their addition; deleted ones keep their number.
#[derive(Debug)]
pub struct Index {
    folder: PathBuf,
    manifest: Manifest,
    segments: Vec<Segment>,
    graphs: Vec<Option<Graph>>,
    spaces: Vec<OnceLock<Space>>,
    /// The row that each segment begins with, and the number of all.
    starts: Vec<usize>,
    live: Mask,
}

impl Index {
    /// Makes an empty index in `folder`, which holds none yet.
    ///
    /// # Errors
    /// [`IndexError`] when the folder cannot be written or holds files, or for vectors of length 0.
    pub fn create(
        folder: &Path,
        distance: Distance,
        dim: usize,
        producer: &str,
    ) -> Result<Self, IndexError> {
        if dim == 0 {
            return Err(SearchError::input("vectors", "at least one value", "none").into());
        }
        if let Ok(mut files) = std::fs::read_dir(folder)
            && files.next().is_some()
        {
            let expected = "no folder, or an empty one";
            return Err(IndexError::file(folder, expected, "a folder with files"));
        }
        let _lock = FolderLock::take(folder)?;
        Manifest::new(distance, dim, producer).write(folder)?;
        Self::open(folder)
    }

    /// Opens an index and holds every byte of it against its checksum.
    ///
    /// # Errors
    /// [`IndexError::File`] when it cannot be read or is damaged; the file is named.
    pub fn open(folder: &Path) -> Result<Self, IndexError> {
        for _ in 0..TRIES {
            let manifest = Manifest::read(folder)?;
            match Self::of(folder, manifest) {
                // another process has replaced a file since the manifest was read
                Err(error) if error.is_missing() => {}
                other => return other,
            }
        }
        Self::of(folder, Manifest::read(folder)?)
    }

    fn of(folder: &Path, manifest: Manifest) -> Result<Self, IndexError> {
        let mut segments = Vec::with_capacity(manifest.segments.len());
        let mut graphs = Vec::with_capacity(manifest.segments.len());
        let mut starts = vec![0];
        for part in &manifest.segments {
            let path = folder.join(&part.vectors.file);
            let segment = Segment::open(&path, &part.vectors.written())?;
            if (segment.rows(), segment.dim()) != (part.rows, manifest.dim) {
                let expected = format!("{} vectors of {}", part.rows, manifest.dim);
                let found = format!("{} of {}", segment.rows(), segment.dim());
                return Err(IndexError::file(&path, expected, found));
            }
            starts.push(starts.last().copied().unwrap_or(0) + segment.rows());
            let read =
                |stored: &Stored| nearly::read(&folder.join(&stored.file), stored, part.rows);
            graphs.push(part.graph.as_ref().map(read).transpose()?);
            segments.push(segment);
        }
        let rows = starts.last().copied().unwrap_or(0);
        if u32::try_from(rows).is_err() {
            let expected = format!("at most {} rows", u32::MAX);
            return Err(IndexError::file(folder, expected, rows.to_string()));
        }
        let mut live = Mask::all(rows);
        for (part, &start) in manifest.segments.iter().zip(&starts) {
            let Some(stored) = &part.left else { continue };
            let path = folder.join(&stored.file);
            let bytes = std::fs::read(&path).map_err(|source| IndexError::read(&path, source))?;
            if content_hash(&bytes) != stored.checksum || bytes.len() != part.rows.div_ceil(8) {
                let expected = "the content that was written";
                return Err(IndexError::file(
                    &path,
                    expected,
                    "another: the file is damaged",
                ));
            }
            for row in 0..part.rows {
                if bytes[row / 8] >> (row % 8) & 1 == 0 {
                    live.remove(start + row);
                }
            }
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            manifest,
            segments,
            spaces: graphs.iter().map(|_| OnceLock::new()).collect(),
            graphs,
            starts,
            live,
        })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What "near" means to it.
    pub fn distance(&self) -> Distance {
        self.manifest.distance
    }

    /// Length of a vector.
    pub fn dim(&self) -> usize {
        self.manifest.dim
    }

    /// What made the vectors.
    pub fn producer(&self) -> &str {
        &self.manifest.producer
    }

    /// Rows, deleted ones among them.
    pub fn rows(&self) -> usize {
        self.live.len()
    }

    /// The rows that are not deleted.
    pub fn live(&self) -> &Mask {
        &self.live
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        let of = |stored: Option<&Stored>| stored.map_or(0, |stored| stored.bytes);
        let parts = self.manifest.segments.iter();
        parts
            .map(|p| p.vectors.bytes + of(p.left.as_ref()) + of(p.graph.as_ref()))
            .sum()
    }

    /// Id of a row.
    ///
    /// # Panics
    /// When there is no such row: a mistake of the caller.
    pub fn id(&self, row: usize) -> &str {
        let (segment, row) = self.place(row);
        segment
            .id(row)
            .expect("ids were checked when the file was opened")
    }

    /// Vector of a row.
    ///
    /// # Panics
    /// When there is no such row: a mistake of the caller.
    pub fn vector(&self, row: usize) -> &[f32] {
        let (segment, row) = self.place(row);
        segment.vector(row)
    }

    /// The rows that are not deleted, by id.
    pub fn rows_by_id(&self) -> HashMap<&str, usize> {
        self.live.rows().map(|row| (self.id(row), row)).collect()
    }

    fn place(&self, row: usize) -> (&Segment, usize) {
        assert!(row < self.rows(), "row {row} of {}", self.rows());
        let segment = self.starts.partition_point(|&start| start <= row) - 1;
        (&self.segments[segment], row - self.starts[segment])
    }

    fn segments(&self) -> &[Segment] {
        &self.segments
    }

    fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// What a query and a row are ordered by, in 64 bits.
    fn key(&self, query: &[f32], row: usize) -> f64 {
        self.distance().key(query, self.vector(row))
    }

    /// The `k` nearest of each of `queries` (rows as long as the index's, finite) among the rows of `mask` (as many as the
    /// index's; deleted rows are passed over), nearest first; of equals the lower row first. Fewer where there are fewer rows.
    /// The answer is that of brute force in 64 bits.
    ///
    /// # Errors
    /// [`IndexError::Search`] for queries of another length or not finite, or `k` 0; or when the caller asks to stop.
    pub fn search(
        &self,
        queries: &[f32],
        k: usize,
        mask: Option<&Mask>,
        progress: &Progress,
    ) -> Result<Vec<Vec<Hit>>, IndexError> {
        self.check(queries, k)?;
        let mut rows = self.live.clone();
        if let Some(mask) = mask {
            rows.retain(|row| mask.has(row));
        }
        Ok(self.hits(scan::search(self, queries, k, &rows, progress)?))
    }

    /// Keys and rows as distances and rows.
    fn hits(&self, found: Vec<Vec<(f64, u32)>>) -> Vec<Vec<Hit>> {
        let hit = |(key, row): (f64, u32)| Hit {
            row: row as usize,
            distance: self.distance().of_key(key),
        };
        let all = found.into_iter();
        all.map(|own| own.into_iter().map(hit).collect()).collect()
    }

    fn check(&self, queries: &[f32], k: usize) -> Result<(), IndexError> {
        let dim = self.dim();
        if queries.len() % dim != 0 {
            let found = queries.len();
            return Err(SearchError::Shape { dim, found }.into());
        }
        if let Some(bad) = queries.iter().position(|v| !v.is_finite()) {
            let (row, found) = (bad / dim + 1, queries[bad]);
            return Err(SearchError::NotFinite { row, found }.into());
        }
        if k == 0 {
            return Err(SearchError::setting("k", "at least 1", k).into());
        }
        Ok(())
    }
}
