//! What the stages share: names of files, splits by their part, folders, JSON documents.

use std::path::Path;

use cohort_data::{Dataset, Split};
use cohort_fusion::{FusionSettings, Subjects};
use cohort_tables::{LabelTable, content_hash, remove_unfinished, write_atomic};
use serde::Serialize;
use serde_json::Value;

use crate::{PipelineError, RunConfig};

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

/// Hash of the settings that say what models see and how they are computed: what predictions for new clips rest on besides
/// the weights.
pub(crate) fn model_settings(config: &RunConfig) -> Result<String, PipelineError> {
    let RunConfig {
        features,
        image,
        audio,
        text,
        joint,
        ..
    } = config;
    let text = serde_json::to_string(&(features, image, audio, text, joint))?;
    Ok(content_hash(text.as_bytes()))
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

/// Name of the document that says by hashes what a model was trained on.
const INPUTS: &str = "inputs.json";

/// A resumed run must see the media, tables and models that it began with: `found` names them by their hashes. A model that
/// is trained already without saying on what is refused, and one that is not to be resumed is left as it is.
pub(crate) fn check_inputs(out: &Path, resume: bool, found: &Value) -> Result<(), PipelineError> {
    let path = out.join(INPUTS);
    let has = |name: &str| out.join("checkpoints").join(name).exists();
    if !resume && has("last.safetensors") {
        // training refuses the folder
        return Ok(());
    }
    match read_json(&path)? {
        Some(expected) if resume => {
            if expected != *found {
                let changed = changed(&expected, found);
                return Err(PipelineError::Unusable {
                    path,
                    expected: "the media, labels and weights that this run began with".to_string(),
                    found: format!("others{changed}; start a new run in another folder"),
                });
            }
            Ok(remove_unfinished(out, 0)?)
        }
        None if has("last.safetensors") || has("best.safetensors") => {
            Err(PipelineError::Unusable {
                path,
                expected: "the hashes of what the model beside it was trained on, without which nobody can tell whether that changed"
                    .to_string(),
                found: "no such file; start a new run in another folder".to_string(),
            })
        }
        _ => write_json(&path, found),
    }
}

/// Which of the hashes differ, in brackets; nothing where they have no names.
fn changed(expected: &Value, found: &Value) -> String {
    let (Some(expected), Some(found)) = (expected.as_object(), found.as_object()) else {
        return String::new();
    };
    let names: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| expected.get(*name) != found.get(*name));
    let differ: Vec<&str> = differ.map(String::as_str).collect();
    format!(" ({} changed)", differ.join(", "))
}

/// Hash of who is in a data set: the clips of every split with their classes, in order. The same data set in another place
/// has the same.
pub(crate) fn hash_of_labels(dataset: &Dataset, target: usize) -> String {
    let mut text = String::new();
    for split in &dataset.splits {
        text += &format!("{}\n", split.name);
        for clip in &split.clips {
            text += &format!("{:?} {:?}\n", clip.name, clip.levels.get(target));
        }
    }
    content_hash(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_model_is_gone_on_with_only_on_what_it_began_with() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let (mine, other) = (
            json!({ "train": "a", "test": "b" }),
            json!({ "train": "a", "test": "c" }),
        );
        check_inputs(out, true, &mine).unwrap();
        check_inputs(out, true, &mine).unwrap();
        let told = check_inputs(out, true, &other).unwrap_err().to_string();
        assert!(
            told.contains("found others (test changed); start"),
            "{told}"
        );
        // begun, and called without resuming: what it began with stays written
        std::fs::create_dir(out.join("checkpoints")).unwrap();
        std::fs::write(out.join("checkpoints/last.safetensors"), b"x").unwrap();
        check_inputs(out, false, &other).unwrap();
        check_inputs(out, true, &mine).unwrap();
        std::fs::write(out.join(INPUTS), b"").unwrap();
        let told = check_inputs(out, true, &mine).unwrap_err().to_string();
        assert!(told.contains("inputs.json: "), "{told}");
        std::fs::remove_file(out.join(INPUTS)).unwrap();
        let told = check_inputs(out, true, &mine).unwrap_err().to_string();
        assert!(told.contains("found no such file"), "{told}");
        assert!(!out.join(INPUTS).exists());
    }
}
