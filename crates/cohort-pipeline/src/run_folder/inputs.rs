//! `inputs.json` of a run folder: by hashes, what a model is trained on.

use std::path::Path;

use cohort_tables::remove_unfinished;
use serde_json::Value;

use super::documents::{read_json, write_json};
use crate::error::PipelineError;

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
