//! An embedding of one modality, by metric learning: samples from a data set, a run folder with tables of vectors of every split.

use std::path::Path;

use cohort_data::Dataset;
use cohort_tables::{EmbeddingTable, FolderLock, Provenance, content_hash};
use cohort_train::{
    Embedder, EmbeddingJob, EmbeddingSettings, EpochMetrics, MlpConfig, ModelConfig, RunFolder,
    train_embedding as train,
};

use super::progress::EpochBar;
use crate::branches::{self, Branch, Part, Purpose, Samples, Skipped, table_samples};
use crate::config::RunConfig;
use crate::dataset::classes;
use crate::encode::write_branch;
use crate::error::PipelineError;
use crate::hashes::settings_hash;
use crate::modality::Modality;
use crate::run_folder::{check_inputs, make_folder};
use crate::watch::Watch;

/// Names of the tables, by split: training, validation, test.
const TABLES: [&str; 3] = [
    "vectors-train.parquet",
    "vectors-valid.parquet",
    "vectors-test.parquet",
];
/// Folder of the same tables as they were before training.
const BEFORE: &str = "before";

/// What an embedding is trained on.
pub struct EmbeddingPlan<'a> {
    /// The run's configuration; `[embedding]` is the loop's, the modality's own table says what network sees what.
    pub config: &'a RunConfig,
    /// The data set.
    pub dataset: &'a Dataset,
    /// What is looked at.
    pub modality: Modality,
    /// Vectors that stand for the media: a head is trained on them. None: the modality's own samples.
    pub vectors: Option<&'a EmbeddingTable>,
    /// Folder of the feature tables.
    pub features: &'a Path,
    /// Whether tables of the network as it begins are written too, into `before/`.
    pub before: bool,
}

/// A trained embedding, whose tables stand in its run folder.
#[derive(Debug)]
pub struct TrainedEmbedding {
    /// What it looks at.
    pub modality: Modality,
    /// Rows of the tables of the training, the validation and the test split.
    pub rows: [usize; 3],
    /// Length of a vector.
    pub width: usize,
    /// What vectors are to be compared by: `cosine` or `euclidean`.
    pub distance: &'static str,
    /// Clips left out because their media could not be used.
    pub skipped: Vec<Skipped>,
    /// The epochs up to the best one.
    pub history: Vec<EpochMetrics>,
}

impl TrainedEmbedding {
    /// A line for a terminal, and one on how to go on.
    pub fn to_text(&self) -> String {
        let best = self.history.last();
        let score = best.map_or_else(String::new, |epoch| {
            format!(
                ": best epoch {}, validation P@1 {:.3}, MAP@R {:.3}",
                epoch.epoch,
                epoch.value("valid_precision_at_1"),
                epoch.value("valid_map_at_r")
            )
        });
        let [train, valid, test] = self.rows;
        format!(
            "{} embedding{score}; vectors of {} values for {train} training, {valid} validation and {test} test samples\n\
             to compare by: {}",
            self.modality, self.width, self.distance
        )
    }
}

/// Trains an embedding in the run folder `out`, and writes `vectors-train.parquet`, `vectors-valid.parquet` and
/// `vectors-test.parquet` there: what the network of the best epoch makes of every clip, without random changes. The test split is
/// looked at once, at the end.
///
/// # Errors
/// As for the features, the media and the training: see [`PipelineError`].
pub fn train_embedding(
    plan: &EmbeddingPlan,
    out: &Path,
    resume: bool,
    watch: &dyn Watch,
) -> Result<TrainedEmbedding, PipelineError> {
    let _lock = FolderLock::take(out)?;
    let config = plan.config;
    let settings = config.embedding_settings();
    let branch = match plan.vectors {
        Some(_) => None,
        None => Some(branches::open(plan.modality, config, watch)?),
    };
    let branch = branch.as_deref();
    let samples = samples(plan, branch, Purpose::Training, watch)?;
    let [train_part, valid, _] = &samples.parts;
    let network = network(plan, branch, train_part, &settings);
    let start = match branch {
        Some(branch) => branch.start(&network, settings.train.seed, watch)?,
        None => None,
    };
    let run = RunFolder::open(out)?;
    check_inputs(out, resume, &samples.inputs())?;
    if let Some(branch) = branch {
        write_branch(branch, config, out)?;
    }
    let job = EmbeddingJob {
        network: &network,
        classes: classes(plan.dataset).len(),
        train: &*train_part.source,
        valid: &*valid.source,
        settings: &settings,
        start: start.as_ref(),
        run: &run,
        resume,
    };
    let mut progress = EpochBar::new("embedding", settings.train.epochs, watch);
    let trained = train(&job, &mut progress, watch.stop());
    watch.end();
    let trained = trained.map_err(PipelineError::of_training)?;
    let begun = match plan.before {
        true => Some(Embedder::begun(&job, watch.stop()).map_err(PipelineError::of_training)?),
        false => None,
    };
    let skipped = samples.skipped.clone();
    drop(samples);
    let seen = samples_to_see(plan, branch, watch)?;
    if let Some(begun) = begun {
        let folder = out.join(BEFORE);
        make_folder(&folder)?;
        write_tables(&begun, &seen, &folder, watch)?;
    }
    let width = write_tables(&trained, &seen, out, watch)?;
    let rows = [0, 1, 2].map(|split| seen.parts[split].clips.len());
    Ok(TrainedEmbedding {
        modality: plan.modality,
        rows,
        width,
        distance: settings.distance(),
        skipped,
        history: trained.history().to_vec(),
    })
}

fn samples<'a>(
    plan: &EmbeddingPlan<'a>,
    branch: Option<&'a dyn Branch>,
    purpose: Purpose,
    watch: &dyn Watch,
) -> Result<Samples<'a>, PipelineError> {
    match (plan.vectors, branch) {
        (Some(table), _) => table_samples(table, plan.dataset, plan.modality, watch),
        (None, Some(branch)) => branch.samples(plan.dataset, plan.features, purpose, watch),
        (None, None) => unreachable!("a branch is opened where there are no vectors"),
    }
}

/// All samples as they are, none of a split without any.
fn samples_to_see<'a>(
    plan: &EmbeddingPlan<'a>,
    branch: Option<&'a dyn Branch>,
    watch: &dyn Watch,
) -> Result<Samples<'a>, PipelineError> {
    let seen = samples(plan, branch, Purpose::Seeing, watch)?;
    if seen.parts.iter().any(|part| part.clips.is_empty()) {
        return Err(PipelineError::Unusable {
            path: plan.dataset.root.clone(),
            expected: format!("{} of clips in every split", plan.modality),
            found: "a split without any".to_string(),
        });
    }
    Ok(seen)
}

/// The network whose outputs are the embedding.
fn network(
    plan: &EmbeddingPlan,
    branch: Option<&dyn Branch>,
    train: &Part,
    settings: &EmbeddingSettings,
) -> ModelConfig {
    // an output layer that is not looked at
    let outputs = settings.dimension.max(2);
    match branch {
        Some(branch) => branch.network(train.source.shape(), outputs),
        None => {
            let width = train.source.shape().iter().product();
            let hidden = plan.config.hidden(plan.modality).to_vec();
            ModelConfig::Mlp(MlpConfig {
                dropout: plan.config.dropout(plan.modality),
                ..MlpConfig::new(width, hidden, outputs)
            })
        }
    }
}

/// Writes the table of every split; gives the length of a vector.
fn write_tables(
    embedder: &Embedder,
    samples: &Samples,
    folder: &Path,
    watch: &dyn Watch,
) -> Result<usize, PipelineError> {
    let mut length = 0;
    for (part, name) in samples.parts.iter().zip(TABLES) {
        let clips: Vec<String> = part.clips.iter().map(|clip| clip.id.clone()).collect();
        let text = clips.iter().zip(&part.hashes);
        let text = text.fold(String::new(), |all, (clip, hash)| {
            all + clip + " " + hash + "\n"
        });
        let facts = &samples.facts;
        let provenance = Provenance {
            producer: concat!("cohort-pipeline ", env!("CARGO_PKG_VERSION"), " embedding")
                .to_string(),
            weights: embedder.hash().to_string(),
            settings: settings_hash(&(&facts.view, &facts.weights, &facts.features))?,
            source: content_hash(text.as_bytes()),
            ..Provenance::default()
        };
        let path = folder.join(name);
        let old = EmbeddingTable::own_if_any(&path).unwrap_or_else(|error| {
            watch.say(&format!("warning: {error}; the table is made anew"));
            None
        });
        if let Some(old) = old
            && old.provenance == provenance
            && old.clips == clips
        {
            length = old.dim;
            continue;
        }
        let (values, dim) = embedder
            .embed(&*part.source, watch.stop())
            .map_err(PipelineError::of_training)?;
        let table = EmbeddingTable {
            clips,
            sources: part.hashes.clone(),
            dim,
            values,
            provenance,
        };
        if let Some(at) = table.values.iter().position(|value| !value.is_finite()) {
            return Err(PipelineError::NotFinite {
                clip: table.clips[at / dim.max(1)].clone(),
                modality: "embedding",
                column: (at % dim.max(1)).to_string(),
            });
        }
        table.write(&path)?;
        length = dim;
    }
    Ok(length)
}
