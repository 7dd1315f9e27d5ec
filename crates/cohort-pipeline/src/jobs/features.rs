//! The feature tables of a data set, brought up to date.

use std::path::{Path, PathBuf};

use cohort_data::Dataset;
use cohort_tables::{FolderLock, shown};
use serde_json::{Value, json};

use crate::branches::{self, Branch, Features};
use crate::config::{ImageMode, RunConfig};
use crate::dataset::all_clips;
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::transcribe::Transcribed;
use crate::watch::Watch;

/// The tables that [`feature_tables`] made.
#[derive(Debug)]
pub struct FeatureTables {
    tables: Vec<(&'static str, PathBuf, Features)>,
    transcribed: Option<Transcribed>,
}

/// Computes the feature table of every modality of `config` that some clip has and that has a table (pictures do when their
/// network is frozen) into `folder`.
///
/// # Errors
/// The first clip whose media cannot be used, unless such clips are left out; [`PipelineError::Stopped`]; a data set
/// without any clip to make features of.
pub fn feature_tables(
    dataset: &Dataset,
    config: &RunConfig,
    folder: &Path,
    watch: &dyn Watch,
) -> Result<FeatureTables, PipelineError> {
    let some_has = |modality: &&Modality| all_clips(dataset).any(|clip| modality.is_in(clip));
    let mut open: Vec<Box<dyn Branch>> = Vec::new();
    for &modality in config.modalities.iter().filter(some_has) {
        open.push(branches::open(modality, config, watch)?);
    }
    let _lock = match open.is_empty() {
        true => None,
        false => Some(FolderLock::take(folder)?),
    };
    let mut tables = Vec::new();
    for branch in &open {
        let path = folder.join(branch.table_file());
        if let Some(made) = branch.table(dataset, &path, watch)? {
            tables.push((branch.modality().name(), path, made));
        }
    }
    if tables.is_empty() {
        return Err(PipelineError::Unusable {
            path: dataset.root.clone(),
            expected: match config.image.mode {
                ImageMode::Frozen => "clips with pictures, sounds or transcripts",
                ImageMode::Pixels => "clips with sounds or transcripts",
            }
            .to_string(),
            found: "none".to_string(),
        });
    }
    Ok(FeatureTables {
        tables,
        transcribed: None,
    })
}

impl FeatureTables {
    /// With what was transcribed before the tables were made.
    pub fn with_transcripts(self, transcribed: Option<Transcribed>) -> Self {
        Self {
            transcribed,
            ..self
        }
    }

    /// The document `cohort.features/1`: a table a modality with its path, rows, width and the clips left out, and how
    /// many transcripts were cut at the model's limit or hold no word that has a vector; with transcripts that were made, the
    /// model and their count.
    pub fn document(&self) -> Value {
        let tables: Vec<Value> = self
            .tables
            .iter()
            .map(|(modality, path, made)| {
                json!({
                    "modality": modality,
                    "file": path.display().to_string(),
                    "clips": made.table.len(),
                    "dim": made.table.dim,
                    "columns": made.table.provenance.columns,
                    "skipped": made.skipped,
                    "cut": made.cut,
                    "wordless": made.wordless,
                })
            })
            .collect();
        let mut document = json!({ "schema": "cohort.features/1", "tables": tables });
        if let Some(transcribed) = &self.transcribed {
            document["transcribed"] = transcribed.document();
        }
        document
    }

    /// A line a table (and one of transcripts that were made), and one a clip left out.
    pub fn to_text(&self) -> String {
        let transcribed = self.transcribed.as_ref();
        let mut text = transcribed.map_or_else(String::new, Transcribed::to_text);
        for (modality, path, made) in &self.tables {
            text += &format!(
                "{modality}: {} clips x {} values in {}, {} left out\n",
                made.table.len(),
                made.table.dim,
                path.display(),
                made.skipped.len()
            );
            for bad in &made.skipped {
                text += &format!("  left out {}: {}\n", shown(&bad.clip), shown(&bad.reason));
            }
        }
        text
    }
}
