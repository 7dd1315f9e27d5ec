//! The options of `cohort train pairs`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use cohort_data::{PairsOptions as Reading, read_pairs};
use cohort_pipeline::{PairLoss, PairsPlan, RunConfig, train_pairs};
use cohort_tables::{EmbeddingTable, ReadOptions};

use super::embedding::EmbeddingOptions;
use super::given::Given;
use crate::shell::{Outcome, Shell};

/// What of heads on pairs is said on the command line; each overrides the configuration file's `[pairs]`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of train pairs")]
pub(super) struct PairsOptions {
    /// Embedding table of the pictures, whoever made it, keyed by file or by COCO's image id
    #[arg(long, value_name = "TABLE")]
    pictures: Option<PathBuf>,
    /// Embedding table of the captions, keyed by their ids, else PICTURE#0, PICTURE#1 and so on
    #[arg(long, value_name = "TABLE")]
    captions: Option<PathBuf>,
    /// What is minimised: info-nce, sigmoid, hardest-negative or shifted-triplet, with its own defaults [default: info-nce]
    #[arg(long, value_name = "LOSS", value_parser = parse_loss)]
    pair_loss: Option<PairLoss>,
    /// Most captions of a picture in a batch [default: 5]
    #[arg(long, value_name = "N")]
    captions_per_picture: Option<usize>,
}

fn parse_loss(name: &str) -> Result<PairLoss, String> {
    PairLoss::by_name(name)
        .map_err(|_| format!("expected {}, found {name}", PairLoss::NAMES.join(", ")))
}

impl PairsOptions {
    /// For another kind of training.
    ///
    /// # Errors
    /// An option that was given.
    pub(super) fn refuse(&self) -> anyhow::Result<()> {
        let given = [
            ("--pictures", self.pictures.is_some()),
            ("--captions", self.captions.is_some()),
            ("--pair-loss", self.pair_loss.is_some()),
            (
                "--captions-per-picture",
                self.captions_per_picture.is_some(),
            ),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                bail!("{option}: expected with train pairs alone, found another kind")
            }
            None => Ok(()),
        }
    }

    /// Trains the heads.
    pub(super) fn train(
        &self,
        mut config: RunConfig,
        embedding: &EmbeddingOptions,
        given: Given,
        shell: &Shell,
    ) -> anyhow::Result<Outcome> {
        let (pictures, captions) = (
            table("--pictures", self.pictures.as_deref(), shell)?,
            table("--captions", self.captions.as_deref(), shell)?,
        );
        let settings = &mut config.pairs;
        settings.dimension = embedding.dimension().unwrap_or(settings.dimension);
        settings.loss = self.pair_loss.unwrap_or(settings.loss);
        settings.captions = self.captions_per_picture.unwrap_or(settings.captions);
        settings.batch_size = given.batch_size.unwrap_or(settings.batch_size);
        settings.hidden = given.hidden.unwrap_or(settings.hidden.clone());
        let train = &mut settings.train;
        train.learning_rate = given.learning_rate.unwrap_or(train.learning_rate);
        train.patience = given.patience.unwrap_or(train.patience);
        let config = config.resolve()?;
        let options = Reading {
            without_files: true,
            ..Reading::default()
        };
        let pairs = read_pairs(&config.data, &options)?;
        shell.say_notes(&pairs.told());
        let pairs = pairs.in_three_parts(&config.data, config.seed)?;
        let joined = pairs.join((pictures.0, &pictures.1), (captions.0, &captions.1))?;
        let mut notes: Vec<String> = pairs.made_note().into_iter().collect();
        notes.extend(joined.notes.iter().cloned());
        shell.say_notes(&notes);
        let plan = PairsPlan {
            config: &config,
            pairs: &pairs,
            joined: &joined,
            pictures: &pictures.1,
            captions: &captions.1,
        };
        let trained = train_pairs(&plan, &given.out, given.resume, shell)?;
        shell.print(&trained.to_text())?;
        Ok(Outcome::Done)
    }
}

/// Reads a table of vectors that an option names.
fn table<'a>(
    option: &str,
    path: Option<&'a Path>,
    shell: &Shell,
) -> anyhow::Result<(&'a Path, EmbeddingTable)> {
    let path =
        path.with_context(|| format!("{option}: expected an embedding table, found none"))?;
    let read = EmbeddingTable::read_with(path, &ReadOptions::default())?;
    shell.say_notes(&read.notes);
    let table = read.table;
    let bad = table.values.iter().position(|value| !value.is_finite());
    match bad {
        None if !table.is_empty() && table.dim > 0 => Ok((path, table)),
        Some(at) => bail!(
            "{}: expected vectors of finite numbers, found {} in row {}",
            path.display(),
            table.values[at],
            at / table.dim.max(1) + 1
        ),
        None => bail!(
            "{}: expected vectors, found {} rows of length {}",
            path.display(),
            table.len(),
            table.dim
        ),
    }
}
