//! The page of a run, from the documents in its folder.

use std::path::{Path, PathBuf};

use cohort_data::STATS_SCHEMA;
use cohort_eval::{AUDIT_SCHEMA, EpochMetrics, HEADLINE_SCHEMA, TRAINING_SCHEMA, TrainingRecord};
use cohort_fusion::{ABLATION_SCHEMA, DEGRADATION_SCHEMA, FUSION_SCHEMA};
use cohort_report::{ModelDocument, Planted, RunDocuments, RunRecord, run_page};
use cohort_tables::write_atomic;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::{mistakes, planted};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{AUDIT, JOINT, document_of, read_json};

/// Writes `report.html` of the run folder `run` from the documents that its stages left there; a section whose
/// document is missing is left out. Gives the page's path.
///
/// # Errors
/// A document that cannot be read or is of another form, a folder without any, a page that cannot be written.
pub fn write_report(run: &Path) -> Result<PathBuf, PipelineError> {
    let record: Option<RunRecord> = document(&run.join("provenance.json"), RunRecord::SCHEMA)?;
    let stats = document(&run.join("stats.json"), STATS_SCHEMA)?;
    if stats.is_none() && record.is_none() {
        return Err(PipelineError::Unusable {
            path: run.to_path_buf(),
            expected: "a run folder with stats.json, ablation.json, audit.json and so on"
                .to_string(),
            found: "none of them".to_string(),
        });
    }
    let mut models = Vec::new();
    for name in Modality::ALL.map(Modality::name).into_iter().chain([JOINT]) {
        let folder = run.join(name);
        if let Some(epochs) = epochs(&folder.join("metrics.jsonl"))? {
            let training: Option<TrainingRecord<IgnoredAny>> =
                document(&folder.join("run.json"), TRAINING_SCHEMA)?;
            let training = training.as_ref();
            models.push(ModelDocument {
                name: name.to_string(),
                epochs,
                best_epoch: training.and_then(|training| training.best_epoch),
                selected_by: training.and_then(|training| training.selected_by.clone()),
                changes: training.map_or_else(Vec::new, |training| training.changes.clone()),
                audit: document(&folder.join(AUDIT), AUDIT_SCHEMA)?,
            });
        }
    }
    let title = record.iter().flat_map(|r| [&r.title, &r.data_set]);
    let title = title.into_iter().find(|title| !title.is_empty());
    let documents = RunDocuments {
        title: title.map_or("Cohort run", String::as_str).to_string(),
        headline: document(&run.join("headline.json"), HEADLINE_SCHEMA)?,
        stats,
        check: document(&run.join("check.json"), "cohort.check/1")?,
        models,
        fusion: document(&run.join("fused/fusion.json"), FUSION_SCHEMA)?,
        ablation: document(&run.join("ablation.json"), ABLATION_SCHEMA)?,
        degradation: document(&run.join("degradation.json"), DEGRADATION_SCHEMA)?,
        audit: document(&run.join(AUDIT), AUDIT_SCHEMA)?,
        mistakes: mistakes::read(run)?,
        planted: document(&run.join(planted::DOCUMENT), Planted::SCHEMA)?,
        record,
    };
    let path = run.join("report.html");
    write_atomic(&path, run_page(&documents)?.as_bytes())?;
    Ok(path)
}

/// The lines of a model's `metrics.jsonl`; `None` where there is none.
fn epochs(path: &Path) -> Result<Option<Vec<EpochMetrics>>, PipelineError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(PipelineError::Media {
                path: path.to_path_buf(),
                source,
            });
        }
    };
    let lines = text.lines().zip(1..).map(|(line, number)| {
        serde_json::from_str(line).map_err(|error| PipelineError::Config {
            path: path.to_path_buf(),
            message: format!("line {number}: {error}"),
        })
    });
    lines.collect::<Result<_, _>>().map(Some)
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
