//! The page of a run, from the documents in its folder.

use std::path::{Path, PathBuf};

use cohort_eval::AUDIT_SCHEMA;
use cohort_fusion::{ABLATION_SCHEMA, DEGRADATION_SCHEMA, FUSION_SCHEMA};
use cohort_report::{ModelDocument, RunDocuments, run_page};
use cohort_tables::write_atomic;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::mistakes;
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{AUDIT, JOINT, document_of, read_json};

/// Writes `report.html` of the run folder `run` from the documents that its stages left there; a section whose
/// document is missing is left out. Gives the page's path.
///
/// # Errors
/// A document that cannot be read, a folder without any, a page that cannot be written.
pub fn write_report(run: &Path) -> Result<PathBuf, PipelineError> {
    let read = |name: &str| read_json(&run.join(name));
    let provenance = read("provenance.json")?;
    let stats = read("stats.json")?;
    if stats.is_none() && provenance.is_none() {
        return Err(PipelineError::Unusable {
            path: run.to_path_buf(),
            expected: "a run folder with stats.json, ablation.json, audit.json and so on"
                .to_string(),
            found: "none of them".to_string(),
        });
    }
    let provenance = provenance.unwrap_or_default();
    let mut models = Vec::new();
    for name in Modality::ALL.map(Modality::name).into_iter().chain([JOINT]) {
        let path = run.join(name).join("metrics.jsonl");
        if let Ok(lines) = std::fs::read_to_string(&path) {
            let metrics: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
            models.push(ModelDocument {
                name: name.to_string(),
                metrics: metrics?,
                best_epoch: read_json(&run.join(name).join("run.json"))?
                    .and_then(|facts| facts.get("best_epoch")?.as_u64()),
                audit: document(&run.join(name).join(AUDIT), AUDIT_SCHEMA)?,
            });
        }
    }
    let title = ["title", "data set"]
        .iter()
        .filter_map(|key| provenance.get(key)?.as_str())
        .find(|title| !title.is_empty())
        .unwrap_or("Cohort run");
    let documents = RunDocuments {
        title: title.to_string(),
        headline: read("headline.json")?,
        stats,
        check: read("check.json")?,
        models,
        fusion: document(&run.join("fused/fusion.json"), FUSION_SCHEMA)?,
        ablation: document(&run.join("ablation.json"), ABLATION_SCHEMA)?,
        degradation: document(&run.join("degradation.json"), DEGRADATION_SCHEMA)?,
        audit: document(&run.join(AUDIT), AUDIT_SCHEMA)?,
        mistakes: mistakes::read(run)?,
        composed: provenance.get("composed") == Some(&Value::Bool(true)),
        provenance,
    };
    let path = run.join("report.html");
    write_atomic(&path, run_page(&documents)?.as_bytes())?;
    Ok(path)
}

/// A document of the form `schema` that a stage wrote; `None` where there is none.
fn document<T: DeserializeOwned>(path: &Path, schema: &str) -> Result<Option<T>, PipelineError> {
    let Some(value) = read_json(path)? else {
        return Ok(None);
    };
    // another version first: what it lacks says less
    let found = value.get("schema").and_then(Value::as_str);
    if found != Some(schema) {
        return Err(PipelineError::Config {
            path: path.to_path_buf(),
            message: format!(
                "expected schema {schema:?}, found {}",
                found.map_or_else(|| "none".to_string(), |found| format!("{found:?}"))
            ),
        });
    }
    document_of(value, path).map(Some)
}
