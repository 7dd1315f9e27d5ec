//! What the stages share: names of files, splits by their part, folders, JSON documents.

use std::path::Path;

use cohort_data::{Dataset, Split};
use cohort_fusion::{FusionSettings, Subjects};
use cohort_tables::{LabelTable, remove_unfinished, write_atomic};
use serde::Serialize;
use serde_json::Value;

use crate::PipelineError;

/// Predictions of the test split.
pub(crate) const PREDICTIONS: &str = "predictions.csv";
/// Predictions of the validation split.
pub(crate) const PREDICTIONS_VALID: &str = "predictions-valid.csv";
/// Name of an audit's document: of the fusion in the run folder, of a model in its own.
pub(crate) const AUDIT: &str = "audit.json";

/// The three splits by their part: training, validation, test, in the schema's order.
pub(crate) fn splits(dataset: &Dataset) -> Result<[&Split; 3], PipelineError> {
    let names = &dataset.schema.splits;
    let found: Vec<&Split> = names
        .iter()
        .filter_map(|name| dataset.split(name))
        .collect();
    match found.as_slice() {
        [train, valid, test] => Ok([train, valid, test]),
        other => Err(PipelineError::Unusable {
            path: dataset.root.clone(),
            expected: format!("label tables of three splits ({})", names.join(", ")),
            found: format!(
                "{} ({})",
                other.len(),
                other
                    .iter()
                    .map(|split| split.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }),
    }
}

/// Every label row of all splits.
pub(crate) fn all_labels(dataset: &Dataset) -> Result<LabelTable, PipelineError> {
    let mut labels = LabelTable::default();
    for split in &dataset.splits {
        labels.append(&split.labels, &dataset.root)?;
    }
    Ok(labels)
}

/// How a data set's models are fused: subjects from its label tables, order from its schema.
///
/// # Errors
/// Label tables that contradict each other.
pub fn fusion_settings(dataset: &Dataset, seed: u64) -> Result<FusionSettings, PipelineError> {
    let schema = &dataset.schema;
    let labels = all_labels(dataset)?;
    Ok(FusionSettings {
        seed,
        subjects: Subjects::from_labels(&labels, &schema.subject_column)?,
        ordered: schema
            .target_attribute()
            .is_some_and(|target| target.ordered),
        ..FusionSettings::default()
    })
}

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

/// A resumed run must see the media, tables and models that it began with: `found` names them by their hashes.
pub(crate) fn check_inputs(out: &Path, resume: bool, found: &Value) -> Result<(), PipelineError> {
    let path = out.join("inputs.json");
    match std::fs::read(&path) {
        Ok(bytes) if resume => {
            let expected: Value = serde_json::from_slice(&bytes)?;
            if expected != *found {
                return Err(PipelineError::Unusable {
                    path,
                    expected: "the media, labels and weights that this run began with".to_string(),
                    found: "others; start a new run in another folder".to_string(),
                });
            }
            remove_unfinished(out, 0)?;
        }
        _ => write_atomic(&path, &serde_json::to_vec_pretty(found)?)?,
    }
    Ok(())
}
