//! An embedding's run folder: what its network looks at media through, and the network itself.

use std::path::{Path, PathBuf};

use cohort_tables::{Provenance, relative};
use cohort_train::Embedder;
use serde::{Deserialize, Serialize};

use crate::branches::{self, Branch};
use crate::config::{FeatureConfig, ImageMode, ImageSettings, RunConfig};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{document_of, read_sealed, write_sealed};
use crate::watch::Watch;

/// Name of the document.
const FILE: &str = "branch.json";
/// Version of the document.
const SCHEMA: &str = "cohort.branch/1";

/// What stands between a medium and the network of an embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct BranchRecord {
    schema: String,
    modality: Modality,
    features: FeatureConfig,
    image: ImageSettings,
    /// Hashes of the weights before the network (empty: none) and of how media are seen.
    weights: String,
    settings: String,
}

/// Writes into an embedding's run folder what new media are to be seen through; nothing for a branch whose media are not encoded
/// one by one.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn write_branch(
    branch: &dyn Branch,
    config: &RunConfig,
    out: &Path,
) -> Result<(), PipelineError> {
    let Some(Provenance {
        weights, settings, ..
    }) = branch.sees()?
    else {
        return Ok(());
    };
    let mut image = config.image.clone();
    for path in [&mut image.weights, &mut image.detector] {
        // names of a hub stay as they are
        if !path.is_empty() {
            *path = relative(out, Path::new(path)).display().to_string();
        }
    }
    let record = BranchRecord {
        schema: SCHEMA.to_string(),
        modality: branch.modality(),
        features: config.features.clone(),
        image,
        weights,
        settings,
    };
    write_sealed(&out.join(FILE), &record)
}

/// Opens what an embedding looks through, and its network.
///
/// # Errors
/// A folder that is not the run folder of an embedding of pictures; weights or settings before the network that are not those of
/// the training.
pub(super) fn open(
    run: &Path,
    config: RunConfig,
    watch: &dyn Watch,
) -> Result<(Box<dyn Branch>, Embedder), PipelineError> {
    let run = folder_of(run);
    let path = run.join(FILE);
    let Some(document) = read_sealed(&path)? else {
        return Err(PipelineError::Unusable {
            expected: "the run folder of an embedding of pictures (`cohort train embedding`)"
                .into(),
            found: match run.join("checkpoints").is_dir() {
                true => format!(
                    "no {FILE} in it: a run of another kind, or one of before there was this file, which its training with --resume \
                     writes"
                ),
                false => "another folder".into(),
            },
            path: run,
        });
    };
    let record: BranchRecord = document_of(document, &path)?;
    let mut image = record.image;
    let inside = |path: &str| run.join(path).display().to_string();
    if !image.weights.is_empty() && !image.weights.starts_with("hf:") {
        image.weights = inside(&image.weights);
    }
    if !image.detector.is_empty() {
        image.detector = inside(&image.detector);
    }
    if image.mode == ImageMode::Pixels {
        // what training began from is in the checkpoint
        image.weights.clear();
    }
    let config = RunConfig {
        features: record.features,
        image,
        ..config
    };
    let branch = branches::open(record.modality, &config, watch)?;
    let sees = branch.sees()?.unwrap_or_default();
    if (&sees.weights, &sees.settings) != (&record.weights, &record.settings) {
        return Err(PipelineError::Unusable {
            path,
            expected: "pictures seen as in training".into(),
            found: "another network, crop or face detector before the embedding".into(),
        });
    }
    let embedder = Embedder::load(&run, config.device)?;
    Ok((branch, embedder))
}

/// The run folder, also of a checkpoint in it.
fn folder_of(run: &Path) -> PathBuf {
    let checkpoints = run.parent().filter(|_| run.is_file());
    match checkpoints.and_then(Path::parent) {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_path_buf(),
        None => run.to_path_buf(),
    }
}
