//! The options of `cohort train embedding`.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use cohort_pipeline::{EmbeddingSelection, MetricLoss, Miner, Modality, RunConfig};
use cohort_tables::{EmbeddingTable, ReadOptions};

use crate::shell::Shell;

/// What of an embedding is said on the command line; each overrides the configuration file's `[embedding]`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of train embedding")]
pub(crate) struct EmbeddingOptions {
    /// What is looked at: image, audio or text [default: image]
    #[arg(long, value_name = "MODALITY")]
    pub(crate) modality: Option<Modality>,
    /// Embedding table of the clips, whoever made it: a head is trained on its vectors instead of a network on media
    #[arg(long, value_name = "TABLE")]
    vectors: Option<PathBuf>,
    /// Length of the embedding; 0: what the network sees itself [default: 128; pairs: 256]
    #[arg(long, value_name = "D")]
    dimension: Option<usize>,
    /// What is minimised: contrastive, triplet, multi-similarity, nt-xent, sup-con, proxy-anchor or arc-face, with its own defaults
    /// [default: triplet]
    #[arg(long, value_name = "LOSS", value_parser = parse_loss)]
    loss: Option<MetricLoss>,
    /// Which pairs or triplets of a batch count: easy-positive, semi-hard, batch-hard, pair-margin or triplet-margin [default: all]
    #[arg(long, value_name = "MINER", value_parser = parse_miner)]
    miner: Option<Miner>,
    /// Embeddings of earlier batches that a batch is compared with [default: 0]
    #[arg(long, value_name = "N")]
    memory: Option<usize>,
    /// Samples of each class in a batch [default: 4, or as many as fill the batch]
    #[arg(long, value_name = "M")]
    per_class: Option<usize>,
    /// The validation measure by which the epoch is chosen: precision-at-1, map-at-r or loss [default: map-at-r]
    #[arg(long, value_name = "MEASURE", value_parser = parse_selection)]
    selection: Option<EmbeddingSelection>,
    /// Train the layer that makes the embedding alone; the others keep their weights and statistics
    #[arg(long)]
    head_only: bool,
    /// Also write the vectors of the network as training begins, into OUT/before
    #[arg(long)]
    pub(crate) before: bool,
}

fn parse_loss(name: &str) -> Result<MetricLoss, String> {
    MetricLoss::by_name(name)
        .map_err(|_| format!("expected {}, found {name}", MetricLoss::NAMES.join(", ")))
}

fn parse_miner(name: &str) -> Result<Miner, String> {
    Miner::by_name(name).map_err(|_| format!("expected {}, found {name}", Miner::NAMES.join(", ")))
}

fn parse_selection(name: &str) -> Result<EmbeddingSelection, String> {
    match name {
        "precision-at-1" => Ok(EmbeddingSelection::PrecisionAt1),
        "map-at-r" => Ok(EmbeddingSelection::MapAtR),
        "loss" => Ok(EmbeddingSelection::Loss),
        _ => Err(format!(
            "expected precision-at-1, map-at-r or loss, found {name}"
        )),
    }
}

impl EmbeddingOptions {
    /// The length of the vectors, where it is said.
    pub(super) fn dimension(&self) -> Option<usize> {
        self.dimension
    }

    /// The first option that was given.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let dimension = self.dimension.map(|_| "--dimension");
        dimension.or_else(|| self.first_given_alone())
    }

    /// The first option that was given and is of no other kind of training.
    pub(super) fn first_given_alone(&self) -> Option<&'static str> {
        [
            ("--modality", self.modality.is_some()),
            ("--vectors", self.vectors.is_some()),
            ("--loss", self.loss.is_some()),
            ("--miner", self.miner.is_some()),
            ("--memory", self.memory.is_some()),
            ("--per-class", self.per_class.is_some()),
            ("--selection", self.selection.is_some()),
            ("--head-only", self.head_only),
            ("--before", self.before),
        ]
        .into_iter()
        .find_map(|(name, given)| given.then_some(name))
    }

    /// Puts these options into the configuration.
    pub(crate) fn apply(&self, config: &mut RunConfig) {
        let settings = &mut config.embedding;
        settings.dimension = self.dimension.unwrap_or(settings.dimension);
        settings.loss = self.loss.unwrap_or(settings.loss);
        settings.miner = self.miner.or(settings.miner);
        settings.memory = self.memory.unwrap_or(settings.memory);
        settings.per_class = self.per_class.or(settings.per_class);
        settings.selection = self.selection.unwrap_or(settings.selection);
        if self.head_only {
            settings.trainable = cohort_pipeline::Trainable::Head;
        }
    }

    /// Reads the vectors that stand for the media.
    pub(crate) fn table(&self, shell: &Shell) -> anyhow::Result<Option<EmbeddingTable>> {
        let Some(path) = &self.vectors else {
            return Ok(None);
        };
        let read = EmbeddingTable::read_with(path, &ReadOptions::default())?;
        shell.say_notes(&read.notes);
        let table = read.table;
        let mut clips: Vec<&String> = table.clips.iter().collect();
        clips.sort_unstable();
        let again = clips.windows(2).find(|pair| pair[0] == pair[1]);
        ensure!(
            again.is_none(),
            "{}: expected every clip once, found {:?} again",
            path.display(),
            again.map_or("", |pair| pair[0])
        );
        let bad = table.values.iter().position(|value| !value.is_finite());
        ensure!(
            bad.is_none() && !table.is_empty() && table.dim > 0,
            "{}: expected vectors of finite numbers, found {}",
            path.display(),
            match bad {
                Some(at) => format!("{} in row {}", table.values[at], at / table.dim.max(1) + 1),
                None => format!("{} rows of length {}", table.len(), table.dim),
            }
        );
        Ok(Some(table))
    }
}
