//! Where transcripts that were made are kept.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cohort_tables::write_atomic;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::made::{MadeTranscript, Transcribed};
use crate::error::PipelineError;
use crate::run_folder::{read_sealed, write_sealed};

/// What an unfinished call wrote and a finished one keeps: `transcripts.partial`, a line a clip, then `transcripts.json`
/// (the record) and `transcripts.csv` (texts by clip, as a data set's own transcript table has them).
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    partial: File,
    maker: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    maker: String,
}

#[derive(Deserialize)]
struct Record {
    maker: String,
    transcripts: Vec<MadeTranscript>,
}

impl Store {
    /// Opens the store in a folder; gives by clip what the same maker (model and settings) made before.
    pub(crate) fn open(
        folder: &Path,
        maker: &str,
    ) -> Result<(Self, HashMap<String, MadeTranscript>), PipelineError> {
        let mut known = HashMap::new();
        // a record that cannot be read is made anew
        let record = read_sealed(&folder.join("transcripts.json")).ok().flatten();
        let record = record.and_then(|value| serde_json::from_value::<Record>(value).ok());
        if let Some(record) = record.filter(|record| record.maker == maker) {
            let all = record.transcripts.into_iter();
            known.extend(all.map(|one| (one.clip.clone(), one)));
        }
        let path = folder.join("transcripts.partial");
        let (rows, valid) = read_partial(&path, maker)?;
        known.extend(rows.into_iter().map(|one| (one.clip.clone(), one)));
        let write = |source| PipelineError::Write {
            path: path.clone(),
            source,
        };
        let mut partial = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(write)?;
        // what a killed process left half written goes
        partial.set_len(valid).map_err(write)?;
        partial.seek(SeekFrom::End(0)).map_err(write)?;
        let mut store = Self {
            folder: folder.to_path_buf(),
            partial,
            maker: maker.to_string(),
        };
        if valid == 0 {
            let maker = maker.to_string();
            store.append(&Header { maker })?;
        }
        Ok((store, known))
    }

    /// Adds a line: a finished transcript.
    pub(crate) fn append<T: Serialize>(&mut self, line: &T) -> Result<(), PipelineError> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.partial
            .write_all(&bytes)
            .map_err(|source| PipelineError::Write {
                path: self.folder.join("transcripts.partial"),
                source,
            })
    }

    /// Writes record and table and lets the lines go.
    pub(crate) fn finish(self, all: &Transcribed, name: &str) -> Result<(), PipelineError> {
        let mut document = json!({ "schema": "cohort.transcripts/1", "maker": self.maker });
        for (key, value) in [
            ("model", json!(all.model)),
            ("weights", json!(all.weights)),
            ("language", json!(all.language)),
            ("clips", json!(all.made.len())),
            ("silent", json!(all.silent())),
            ("skipped", json!(all.skipped)),
            ("transcripts", json!(all.made)),
        ] {
            document[key] = value;
        }
        let mut table = format!("{},Transcript\n", quoted(name));
        for one in &all.made {
            table += &format!("{},{}\n", quoted(&one.clip), quoted(&one.text));
        }
        write_atomic(&all.file, table.as_bytes())?;
        write_sealed(&self.folder.join("transcripts.json"), &document)?;
        let path = self.folder.join("transcripts.partial");
        std::fs::remove_file(&path).map_err(|source| PipelineError::Write { path, source })
    }
}

/// The whole lines of an unfinished call of the same maker, and the bytes that they take.
fn read_partial(path: &Path, maker: &str) -> Result<(Vec<MadeTranscript>, u64), PipelineError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((vec![], 0)),
        Err(source) => {
            let path = path.to_path_buf();
            return Err(PipelineError::Media { path, source });
        }
    };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let header = lines.next().filter(|line| line.ends_with(b"\n"));
    let header = header.and_then(|line| Some((line, serde_json::from_slice::<Header>(line).ok()?)));
    let Some((first, _)) = header.filter(|(_, header)| header.maker == maker) else {
        return Ok((Vec::new(), 0));
    };
    let (mut rows, mut valid) = (Vec::new(), first.len());
    for line in lines {
        match serde_json::from_slice(line) {
            Ok(row) if line.ends_with(b"\n") => rows.push(row),
            _ => break,
        }
        valid += line.len();
    }
    Ok((rows, valid as u64))
}

/// A field of a CSV table.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(clip: &str, text: &str) -> MadeTranscript {
        MadeTranscript {
            clip: clip.to_string(),
            text: text.to_string(),
            language: "en".to_string(),
            windows: 1,
            silent: usize::from(text.is_empty()),
            source: "s".to_string(),
        }
    }

    #[test]
    fn whole_lines_of_the_same_maker_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let partial = folder.path().join("transcripts.partial");
        let (mut store, known) = Store::open(folder.path(), "m1").unwrap();
        assert!(known.is_empty());
        let rows = [made("a", "He said \"no\",\nand left"), made("b", "")];
        store.append(&rows[0]).unwrap();
        store.append(&rows[1]).unwrap();
        drop(store);
        // a killed process's half line
        let mut bytes = std::fs::read(&partial).unwrap();
        bytes.extend_from_slice(b"{\"clip\": \"c\", ");
        std::fs::write(&partial, &bytes).unwrap();
        let (store, known) = Store::open(folder.path(), "m1").unwrap();
        assert_eq!(known.len(), 2);
        assert_eq!(known["a"], rows[0]);
        let all = Transcribed {
            model: "model".to_string(),
            weights: "hash".to_string(),
            language: "en".to_string(),
            made: rows.to_vec(),
            kept: 2,
            skipped: Vec::new(),
            file: folder.path().join("transcripts.csv"),
        };
        store.finish(&all, "VideoName").unwrap();
        assert!(!partial.exists());
        let table = std::fs::read_to_string(&all.file).unwrap();
        let expected =
            "\"VideoName\",Transcript\n\"a\",\"He said \"\"no\"\",\nand left\"\n\"b\",\"\"\n";
        assert_eq!(table, expected);
        let (store, known) = Store::open(folder.path(), "m1").unwrap();
        assert_eq!(known["b"], rows[1]);
        drop(store);
        let (_, known) = Store::open(folder.path(), "m2").unwrap();
        assert!(known.is_empty());
    }
}
