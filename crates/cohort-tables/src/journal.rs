//! A journal of finished rows, so that a long computation that was killed goes on where it stopped.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::TableError;

/// One finished row of an embedding table.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRow {
    /// Clip id.
    pub clip: String,
    /// Hash of the media that the row was made from.
    pub source: String,
    /// The vector.
    pub vector: Vec<f32>,
}

/// An append-only file of finished rows, in the order in which they were finished.
///
/// Each record carries its length and a checksum: what a killed process left half written at the end is dropped
/// when the journal is opened again. The journal belongs to one `key` (a hash of everything the rows depend on but
/// their source); a journal of another key is discarded.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

const MAGIC: &[u8; 8] = b"COHORTJ1";

impl Journal {
    /// Opens or makes the journal at `path`; gives the rows that it holds already.
    ///
    /// # Errors
    /// [`TableError::Read`] and [`TableError::Write`].
    pub fn open(path: &Path, key: &str) -> Result<(Self, Vec<JournalRow>), TableError> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(mut file) => {
                file.read_to_end(&mut bytes)
                    .map_err(|source| TableError::read(path, source))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(TableError::read(path, source)),
        }
        let header = header(key);
        let mut rows = Vec::new();
        let mut valid = header.len();
        let fresh = !bytes.starts_with(&header);
        if !fresh {
            while let Some((row, length)) = parse_record(&bytes[valid..]) {
                rows.push(row);
                valid += length;
            }
        }
        let write = |source| TableError::write(path, source);
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(fresh)
            .open(path)
            .map_err(write)?;
        if fresh {
            file.write_all(&header).map_err(write)?;
        } else {
            file.set_len(valid as u64).map_err(write)?;
            std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).map_err(write)?;
        }
        Ok((
            Self {
                path: path.to_path_buf(),
                file,
            },
            rows,
        ))
    }

    /// Adds finished rows.
    ///
    /// # Errors
    /// [`TableError::Write`], for example on a full disk; the rows before stay readable.
    pub fn append(&mut self, rows: &[JournalRow]) -> Result<(), TableError> {
        let mut bytes = Vec::new();
        for row in rows {
            write_record(row, &mut bytes);
        }
        self.file
            .write_all(&bytes)
            .map_err(|source| TableError::write(&self.path, source))
    }

    /// Removes the journal, once its rows are in a table.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn remove(self) -> Result<(), TableError> {
        std::fs::remove_file(&self.path).map_err(|source| TableError::write(&self.path, source))
    }
}

fn header(key: &str) -> Vec<u8> {
    [MAGIC.as_slice(), blake3::hash(key.as_bytes()).as_bytes()].concat()
}

fn write_record(row: &JournalRow, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    for text in [&row.clip, &row.source] {
        body.extend_from_slice(&(text.len() as u32).to_le_bytes());
        body.extend_from_slice(text.as_bytes());
    }
    row.vector
        .iter()
        .for_each(|value| body.extend_from_slice(&value.to_le_bytes()));
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(&blake3::hash(&body).as_bytes()[..8]);
    out.extend_from_slice(&body);
}

/// The first record of `bytes` and its length; `None` when it is not whole.
fn parse_record(bytes: &[u8]) -> Option<(JournalRow, usize)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let checksum = bytes.get(4..12)?;
    let body = bytes.get(12..12 + length)?;
    if &blake3::hash(body).as_bytes()[..8] != checksum {
        return None;
    }
    let mut rest = body;
    let mut text = || {
        let (length, tail) = rest.split_at_checked(4)?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let (text, tail) = tail.split_at_checked(length)?;
        rest = tail;
        String::from_utf8(text.to_vec()).ok()
    };
    let (clip, source) = (text()?, text()?);
    let vector = rest
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    Some((
        JournalRow {
            clip,
            source,
            vector,
        },
        12 + length,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(i: usize) -> JournalRow {
        JournalRow {
            clip: format!("-c{i}"),
            source: format!("h{i}"),
            vector: vec![i as f32, -0.5],
        }
    }

    #[test]
    fn a_journal_cut_anywhere_gives_back_its_whole_rows_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let (mut journal, rows) = Journal::open(&path, "k").unwrap();
        assert!(rows.is_empty());
        journal.append(&[row(0), row(1)]).unwrap();
        let two = std::fs::metadata(&path).unwrap().len();
        journal.append(&[row(2)]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut journal, rows) = Journal::open(&path, "k").unwrap();
            assert!(rows.len() <= 2 && rows == (0..rows.len()).map(row).collect::<Vec<_>>());
            assert_eq!(rows.len() == 2, cut as u64 >= two, "cut at {cut}");
            journal.append(&[row(9)]).unwrap();
            let (_, again) = Journal::open(&path, "k").unwrap();
            assert_eq!(again.len(), rows.len() + 1);
            assert_eq!(again.last(), Some(&row(9)));
        }
    }

    #[test]
    fn a_damaged_row_ends_what_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let (mut journal, _) = Journal::open(&path, "k").unwrap();
        journal.append(&[row(0)]).unwrap();
        let one = std::fs::metadata(&path).unwrap().len() as usize;
        journal.append(&[row(1)]).unwrap();
        let two = std::fs::metadata(&path).unwrap().len() as usize;
        journal.append(&[row(2)]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for at in one..two {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, bytes).unwrap();
            let (_, rows) = Journal::open(&path, "k").unwrap();
            assert_eq!(rows, [row(0)], "byte {at}");
        }
    }

    #[test]
    fn rows_of_other_settings_are_not_reused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        Journal::open(&path, "a")
            .unwrap()
            .0
            .append(&[row(0)])
            .unwrap();
        assert!(Journal::open(&path, "b").unwrap().1.is_empty());
        assert!(Journal::open(&path, "a").unwrap().1.is_empty());
    }
}
