//! What made the vectors of an index of pictures: a document beside its files.

use std::path::{Path, PathBuf};

use cohort_tables::{TableError, seal, unseal, write_atomic};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::IndexError;

/// Name of the document.
const NAME: &str = "encoder.json";
const SCHEMA: &str = "cohort.encoder/1";

/// How the pictures of an index became vectors, and where they lie (`cohort.encoder/1`, `encoder.json` in the index's folder). An
/// index of tables has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncoderRecord {
    schema: String,
    /// Kind and settings of the encoder, for whoever opens it; paths begin at the index's folder.
    pub settings: Value,
    /// Hash of everything that decides a vector besides the picture.
    pub hash: String,
    /// Folders of the pictures, in the order of their addition.
    pub roots: Vec<PictureRoot>,
}

/// A folder of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureRoot {
    /// The folder; a relative path begins at the index's folder.
    pub folder: PathBuf,
    /// Whether it is a data set's, whose clips the pictures are named by.
    pub dataset: bool,
}

impl EncoderRecord {
    /// A record without pictures.
    pub fn new(settings: Value, hash: &str) -> Self {
        Self {
            schema: SCHEMA.into(),
            settings,
            hash: hash.into(),
            roots: Vec::new(),
        }
    }

    /// Where it lies in an index's folder.
    pub fn path(index: &Path) -> PathBuf {
        index.join(NAME)
    }

    /// Reads that of an index; none where the index has none.
    ///
    /// # Errors
    /// [`IndexError::File`] when it cannot be read, or any byte is another one.
    pub fn read(index: &Path) -> Result<Option<Self>, IndexError> {
        let path = Self::path(index);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(IndexError::read(&path, source)),
        };
        let wrong =
            |found: String| IndexError::file(&path, format!("a whole document {SCHEMA}"), found);
        let text = unseal(&bytes).ok_or_else(|| wrong("another: it is damaged".into()))?;
        let read: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        match read.schema == SCHEMA {
            true => Ok(Some(read)),
            false => Err(wrong(read.schema)),
        }
    }

    /// Writes it into an index's folder.
    ///
    /// # Errors
    /// [`IndexError::File`] when it cannot be written; the old one is untouched.
    pub fn write(&self, index: &Path) -> Result<(), IndexError> {
        let path = Self::path(index);
        let text = serde_json::to_string_pretty(self).map_err(|error| TableError::Write {
            path: path.clone(),
            source: error.into(),
        })?;
        Ok(write_atomic(&path, seal(&text).as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_was_written_and_any_changed_byte_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(EncoderRecord::read(folder.path()).unwrap(), None);
        let mut record = EncoderRecord::new(serde_json::json!({ "kind": "network" }), "ab");
        record.roots.push(PictureRoot {
            folder: "../pictures".into(),
            dataset: true,
        });
        record.write(folder.path()).unwrap();
        let path = EncoderRecord::path(folder.path());
        assert_eq!(EncoderRecord::read(folder.path()).unwrap(), Some(record));
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::write(&path, bytes).unwrap();
            let told = EncoderRecord::read(folder.path()).unwrap_err().to_string();
            assert!(
                told.contains("encoder.json") && told.contains("damaged"),
                "{at}: {told}"
            );
        }
        let other = "{\n  \"schema\": \"cohort.encoder/9\", \"settings\": {}, \"hash\": \"\", \"roots\": []\n}";
        std::fs::write(&path, seal(other)).unwrap();
        let told = EncoderRecord::read(folder.path()).unwrap_err().to_string();
        assert!(told.ends_with("found cohort.encoder/9"), "{told}");
    }
}
