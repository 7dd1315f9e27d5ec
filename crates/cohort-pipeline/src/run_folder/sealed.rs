//! Documents that a later command computes with: the last entry of each is a checksum of all bytes before it, so that a
//! changed one is told, as a checkpoint is.

use std::path::Path;

use cohort_tables::{seal, unseal, write_atomic};
use serde::Serialize;
use serde_json::Value;

use crate::error::PipelineError;

/// Writes a document, an object with at least one entry, as JSON with its checksum.
pub(crate) fn write_sealed<T: Serialize>(path: &Path, document: &T) -> Result<(), PipelineError> {
    let text = serde_json::to_string_pretty(document)?;
    Ok(write_atomic(path, seal(&text).as_bytes())?)
}

/// Reads what [`write_sealed`] wrote; `None` when the file is not there.
///
/// # Errors
/// [`PipelineError::Damaged`] when any byte is another one, or there is no checksum.
pub(crate) fn read_sealed(path: &Path) -> Result<Option<Value>, PipelineError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(PipelineError::Media {
                path: path.to_path_buf(),
                source,
            });
        }
    };
    let damaged = || PipelineError::Damaged {
        path: path.to_path_buf(),
    };
    let text = unseal(&bytes).ok_or_else(damaged)?;
    let document = serde_json::from_str(text).map_err(|error| PipelineError::Config {
        path: path.to_path_buf(),
        message: error.to_string(),
    })?;
    Ok(Some(document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_byte_of_a_sealed_document_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.json");
        assert_eq!(read_sealed(&path).unwrap(), None);
        let document = serde_json::json!({ "schema": "s/1", "weight": 0.1, "clip": "\u{e9}" });
        write_sealed(&path, &document).unwrap();
        let read = read_sealed(&path).unwrap().unwrap();
        assert_eq!(read["weight"], document["weight"]);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::write(&path, &bytes).unwrap();
            let told = read_sealed(&path).unwrap_err().to_string();
            assert!(told.contains("its checksum does not fit"), "{at}: {told}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(read_sealed(&path).is_err(), "cut at {at}");
        }
        std::fs::write(&path, document.to_string()).unwrap();
        assert!(read_sealed(&path).is_err(), "no checksum");
    }
}
