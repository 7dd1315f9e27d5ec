//! A file of vectors, written once and mapped into memory.
//!
//! Its parts begin at multiples of 64 bytes: a header (magic, rows, length of a vector, bytes of ids), the centre, the
//! squared lengths, the vectors, the end of each id, the ids, and the hashes of each mebibyte before them. Numbers are
//! little-endian, floats of 32 bits. The manifest holds the hash of the hashes.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use cohort_tables::{content_hash, write_atomic_with};
use memmap2::Mmap;
use rayon::prelude::*;

use super::error::IndexError;
use crate::Distance;

const MAGIC: &[u8; 16] = b"cohort-vectors\x00\x01";
const ALIGN: usize = 64;
/// Bytes that have a hash of their own.
const BLOCK: usize = 1 << 20;
/// Characters of a hash.
const HASH: usize = 32;

/// Squared lengths outside this range say nothing in 32 bits.
const SQUARES: std::ops::RangeInclusive<f64> = 1e-30..=1e30;

/// Places of the parts.
#[derive(Debug, Clone, Copy)]
struct Layout {
    centre: usize,
    squares: usize,
    vectors: usize,
    id_ends: usize,
    ids: usize,
    hashes: usize,
    end: usize,
}

impl Layout {
    /// `None` where the sizes overflow.
    fn new(rows: usize, dim: usize, id_bytes: usize) -> Option<Self> {
        let after =
            |at: usize, bytes: usize| at.checked_add(bytes)?.checked_next_multiple_of(ALIGN);
        let centre = ALIGN;
        let squares = after(centre, dim.checked_mul(4)?)?;
        let vectors = after(squares, rows.checked_mul(4)?)?;
        let id_ends = after(vectors, rows.checked_mul(dim)?.checked_mul(4)?)?;
        let ids = after(id_ends, rows.checked_mul(8)?)?;
        let hashes = after(ids, id_bytes)?;
        let end = hashes.checked_add(hashes.div_ceil(BLOCK).checked_mul(HASH)?)?;
        Some(Self {
            centre,
            squares,
            vectors,
            id_ends,
            ids,
            hashes,
            end,
        })
    }
}

/// What the manifest knows of a file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) checksum: String,
}

/// Hashes what goes through it.
struct Hashing<W> {
    to: W,
    block: Vec<u8>,
    hashes: String,
    at: usize,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len();
        while !bytes.is_empty() {
            let take = bytes.len().min(BLOCK - self.block.len());
            self.block.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.block.len() == BLOCK {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.hashes += &content_hash(&self.block);
            self.to.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(())
    }

    /// Zeros up to a place.
    fn pad(&mut self, to: usize) -> io::Result<()> {
        self.put(&vec![0; to - self.at])
    }

    fn floats(&mut self, values: &[f32]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(values.len() * 4);
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        self.put(&bytes)
    }
}

/// Writes the vectors that `vector` gives of each row (of `dim` values, all finite) under `ids`. They are asked for three times
/// over and never held together.
///
/// # Errors
/// [`IndexError::File`] when the file cannot be written; the old one, if any, is untouched.
pub(super) fn write<'v>(
    path: &Path,
    distance: Distance,
    dim: usize,
    ids: &[&str],
    vector: impl Fn(usize) -> &'v [f32] + Sync,
) -> Result<Written, IndexError> {
    let rows = ids.len();
    let id_bytes = ids.iter().map(|id| id.len()).sum();
    let layout = Layout::new(rows, dim, id_bytes)
        .ok_or_else(|| IndexError::file(path, "a table that memory holds", "a larger one"))?;
    let centre = centre_of(distance, dim, (0..rows).map(&vector));
    let squares: Vec<f32> = (0..rows)
        .into_par_iter()
        .map(|row| square_of(vector(row), &centre))
        .collect();
    let mut checksum = String::new();
    write_atomic_with(path, |file| {
        let mut out = Hashing {
            to: file,
            block: Vec::with_capacity(BLOCK),
            hashes: String::new(),
            at: 0,
        };
        out.put(MAGIC)?;
        for number in [rows, dim, id_bytes] {
            out.put(&(number as u64).to_le_bytes())?;
        }
        out.pad(layout.centre)?;
        out.floats(&centre)?;
        out.pad(layout.squares)?;
        out.floats(&squares)?;
        out.pad(layout.vectors)?;
        (0..rows).try_for_each(|row| out.floats(vector(row)))?;
        out.pad(layout.id_ends)?;
        let mut end = 0_u64;
        for id in ids {
            end += id.len() as u64;
            out.put(&end.to_le_bytes())?;
        }
        out.pad(layout.ids)?;
        ids.iter().try_for_each(|id| out.put(id.as_bytes()))?;
        out.pad(layout.hashes)?;
        out.flush()?;
        checksum = content_hash(out.hashes.as_bytes());
        out.to.write_all(out.hashes.as_bytes())
    })?;
    Ok(Written {
        bytes: layout.end as u64,
        checksum,
    })
}

/// What is taken off every vector before products are made, which neither changes a difference nor leaves much to round;
/// zeros for distances that are no differences.
fn centre_of<'v>(
    distance: Distance,
    dim: usize,
    vectors: impl ExactSizeIterator<Item = &'v [f32]>,
) -> Vec<f32> {
    if distance != Distance::Euclidean {
        return vec![0.0; dim];
    }
    let rows = vectors.len().max(1) as f64;
    let mut sums = vec![0.0_f64; dim];
    for row in vectors {
        for (sum, v) in sums.iter_mut().zip(row) {
            *sum += f64::from(*v) / rows;
        }
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Squared length of a vector less the centre; NaN where 32 bits cannot hold it.
pub(super) fn square_of(row: &[f32], centre: &[f32]) -> f32 {
    let terms = row.iter().zip(centre).map(|(v, c)| f64::from(v - c));
    let square: f64 = terms.map(|d| d * d).sum();
    match square == 0.0 || SQUARES.contains(&square) {
        true => square as f32,
        false => f32::NAN,
    }
}

/// A mapped file.
#[derive(Debug)]
pub(super) struct Segment {
    map: Mmap,
    layout: Layout,
    rows: usize,
    dim: usize,
}

impl Segment {
    /// Maps a file and holds every byte of it against its checksum.
    ///
    /// # Errors
    /// [`IndexError::File`] when the file cannot be read or is not what was written.
    pub(super) fn open(path: &Path, written: &Written) -> Result<Self, IndexError> {
        let map = map(path, written.bytes)?;
        let damaged = |what: &str| IndexError::file(path, "the content that was written", what);
        let number = |at: usize| {
            let bytes = map.get(at..at + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        if !map.starts_with(MAGIC) {
            return Err(damaged("no file of vectors: it is damaged"));
        }
        let sizes = (number(16), number(24), number(32));
        let (Some(rows), Some(dim), Some(id_bytes)) = sizes else {
            return Err(damaged("another header: the file is damaged"));
        };
        let layout = Layout::new(rows, dim, id_bytes).filter(|layout| layout.end == map.len());
        let layout = layout.ok_or_else(|| damaged("another header: the file is damaged"))?;
        let (body, hashes) = map.split_at(layout.hashes);
        let whole = content_hash(hashes) == written.checksum
            && body
                .par_chunks(BLOCK)
                .zip(hashes.par_chunks(HASH))
                .all(|(block, hash)| content_hash(block).as_bytes() == hash);
        if !whole {
            return Err(damaged("another: the file is damaged"));
        }
        let segment = Self {
            map,
            layout,
            rows,
            dim,
        };
        if (0..rows).any(|row| segment.id(row).is_none()) {
            return Err(damaged("ids that are no text: the file is damaged"));
        }
        Ok(segment)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    fn floats(&self, at: usize, len: usize) -> &[f32] {
        let bytes = &self.map[at..at + len * 4];
        // SAFETY: any four bytes are a float.
        let (before, floats, after) = unsafe { bytes.align_to::<f32>() };
        assert!(
            before.is_empty() && after.is_empty(),
            "parts begin at multiples of 64 bytes"
        );
        floats
    }

    /// What was taken off every vector before its squared length was made.
    pub(super) fn centre(&self) -> &[f32] {
        self.floats(self.layout.centre, self.dim)
    }

    /// Squared length of each vector less the centre; NaN where 32 bits cannot hold it.
    pub(super) fn squares(&self) -> &[f32] {
        self.floats(self.layout.squares, self.rows)
    }

    /// All vectors, row-major.
    pub(super) fn vectors(&self) -> &[f32] {
        self.floats(self.layout.vectors, self.rows * self.dim)
    }

    pub(super) fn vector(&self, row: usize) -> &[f32] {
        &self.vectors()[row * self.dim..(row + 1) * self.dim]
    }

    /// Id of a row; `None` only while the file is checked.
    pub(super) fn id(&self, row: usize) -> Option<&str> {
        let end = |row: usize| {
            let at = self.layout.id_ends + row * 8;
            let bytes: [u8; 8] = self.map.get(at..at + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let start = match row {
            0 => 0,
            _ => end(row - 1)?,
        };
        let ids = self.map.get(self.layout.ids..self.layout.hashes)?;
        std::str::from_utf8(ids.get(start..end(row)?)?).ok()
    }
}

/// Maps a file of so many bytes.
pub(super) fn map(path: &Path, bytes: u64) -> Result<Mmap, IndexError> {
    if cfg!(target_endian = "big") {
        return Err(IndexError::file(
            path,
            "a little-endian machine",
            "a big-endian one",
        ));
    }
    let read = |source| IndexError::read(path, source);
    let file = File::open(path).map_err(read)?;
    let found = file.metadata().map_err(read)?.len();
    if found != bytes {
        let found = format!("{found}: the file is damaged");
        return Err(IndexError::file(path, format!("{bytes} bytes"), found));
    }
    // SAFETY: files of an index are written under another name and renamed, never changed in place. Who cuts one off from
    // outside while it is mapped ends the process, as the pages are gone.
    unsafe { Mmap::map(&file) }.map_err(read)
}
