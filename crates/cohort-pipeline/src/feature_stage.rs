//! The feature tables of a data set, brought up to date.

use std::path::{Path, PathBuf};

use cohort_data::{Clip, Dataset};
use cohort_tables::{FolderLock, shown};
use serde_json::{Value, json};

use crate::faces::{FaceNetwork, face_table};
use crate::features::{Features, acoustic_table, text_table};
use crate::{DeviceChoice, FeatureConfig, PipelineError, Transcribed, Watch};

/// The tables that [`feature_tables`] made.
#[derive(Debug)]
pub struct FeatureTables {
    tables: Vec<(&'static str, PathBuf, Features)>,
    transcribed: Option<Transcribed>,
}

/// Computes acoustic and text features of every clip that has sound or words, and with a network the
/// embeddings of every face, into `folder`; networks run on `device`.
///
/// # Errors
/// As [`acoustic_table`]; a data set without any sound and transcript (and face, with a network).
pub fn feature_tables(
    dataset: &Dataset,
    config: &FeatureConfig,
    device: DeviceChoice,
    network: Option<&FaceNetwork>,
    folder: &Path,
    skip_bad: bool,
    watch: &dyn Watch,
) -> Result<FeatureTables, PipelineError> {
    let clips = || dataset.splits.iter().flat_map(|split| &split.clips);
    let any = |has: fn(&Clip) -> bool| clips().any(has);
    let faces = network.filter(|_| any(|clip| clip.picture().is_some()));
    let heard = any(|clip| clip.sound().is_some());
    let read = any(|clip| clip.words().is_some());
    let _lock = match faces.is_some() || heard || read {
        true => Some(FolderLock::take(folder)?),
        false => None,
    };
    let mut tables = Vec::new();
    if let Some(network) = faces {
        let path = folder.join("faces.parquet");
        let made = face_table(dataset, network, &path, skip_bad, watch)?;
        tables.push(("image", path, made));
    }
    if heard {
        let path = folder.join("acoustic.parquet");
        let made = acoustic_table(dataset, &config.audio, &path, skip_bad, watch)?;
        tables.push(("audio", path, made));
    }
    if read {
        let path = folder.join("text.parquet");
        let made = text_table(dataset, &config.text, device, &path, skip_bad, watch)?;
        tables.push(("text", path, made));
    }
    if tables.is_empty() {
        return Err(PipelineError::Unusable {
            path: dataset.root.clone(),
            expected: match network {
                Some(_) => "clips with pictures, sounds or transcripts",
                None => "clips with sounds or transcripts",
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
