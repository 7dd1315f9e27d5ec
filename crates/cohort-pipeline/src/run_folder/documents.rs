//! Names of a run folder's files, folders, JSON documents.

use std::path::Path;

use cohort_tables::{remove_unfinished, write_atomic};
use serde::Serialize;
use serde_json::Value;

use crate::error::PipelineError;

/// Predictions of the test split.
pub(crate) const PREDICTIONS: &str = "predictions.csv";
/// Predictions of the validation split.
pub(crate) const PREDICTIONS_VALID: &str = "predictions-valid.csv";
/// Prediction sets of the late fusion.
pub(crate) const SETS: &str = "fused/sets.json";
/// Name of an audit's document: of the fusion in the run folder, of a model in its own.
pub(crate) const AUDIT: &str = "audit.json";

/// Name of the joint model's folder in a run folder, and of its document.
pub(crate) const JOINT: &str = "joint";

/// Makes a folder and those above it, and removes what a killed process left half written in it.
pub(crate) fn make_folder(path: &Path) -> Result<(), PipelineError> {
    std::fs::create_dir_all(path).map_err(|source| PipelineError::Write {
        path: path.to_path_buf(),
        source,
    })?;
    Ok(remove_unfinished(path, 0)?)
}

/// Writes a document as JSON, indented, with a line end.
pub(crate) fn write_json<T: Serialize>(path: &Path, document: &T) -> Result<(), PipelineError> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    Ok(write_atomic(path, &bytes)?)
}

/// Reads a JSON document; `None` when the file is not there.
pub(crate) fn read_json(path: &Path) -> Result<Option<Value>, PipelineError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).map_err(|error| {
            PipelineError::Config {
                path: path.to_path_buf(),
                message: error.to_string(),
            }
        })?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PipelineError::Media {
            path: path.to_path_buf(),
            source,
        }),
    }
}

/// The document of a file as what it stands for.
pub(crate) fn document_of<T: serde::de::DeserializeOwned>(
    document: Value,
    path: &Path,
) -> Result<T, PipelineError> {
    serde_json::from_value(document).map_err(|error| PipelineError::Config {
        path: path.to_path_buf(),
        message: error.to_string(),
    })
}
