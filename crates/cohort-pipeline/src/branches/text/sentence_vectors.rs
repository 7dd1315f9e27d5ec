//! Sentence vectors by a frozen BERT.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cohort_data::Clip;
use cohort_nn::{BertFolder, DeviceChoice, SentenceEncoder, bucket};
use cohort_tables::Provenance;
use cohort_text::{Tokeniser, clean_transcript};
use rayon::prelude::*;

use super::super::table::{Features, Recipe};
use super::transcripts::read_tokens;
use crate::config::TextFeatureConfig;
use crate::error::PipelineError;
use crate::hashes::{hash_of_files, settings_hash};
use crate::modality::Modality;
use crate::watch::Watch;

/// Most tokens of a batch: enough for products at full speed, few enough for the cache.
const BATCH_TOKENS: usize = 1024;
/// Batches computed between two looks at the stop flag and two writes to the journal.
const GROUP: usize = 8;

/// Hash of the files that decide what a text becomes.
pub(super) fn model_hash(
    folder: &BertFolder,
    tokeniser: &Tokeniser,
) -> Result<String, PipelineError> {
    let mut files = cohort_weights::weight_files(&folder.weights)?;
    files.push(folder.path.join("config.json"));
    files.push(tokeniser.file.clone());
    files.extend_from_slice(&tokeniser.settings);
    hash_of_files(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

/// A BERT that stays as it is; its weights are read when the first text needs them.
pub(super) struct Sentences {
    folder: BertFolder,
    tokeniser: Tokeniser,
    device: DeviceChoice,
    encoder: OnceLock<SentenceEncoder>,
}

impl Sentences {
    /// Opens the model in the folder `weights`.
    pub(super) fn open(
        weights: &Path,
        config: &TextFeatureConfig,
        device: DeviceChoice,
    ) -> Result<Self, PipelineError> {
        let folder = BertFolder::open(weights, &config.changes())?;
        Ok(Self {
            tokeniser: Tokeniser::open(&folder.path, folder.max_tokens)?,
            folder,
            device,
            encoder: OnceLock::new(),
        })
    }

    pub(super) fn width(&self) -> usize {
        self.folder.config.hidden_size
    }

    fn encoder(&self) -> Result<&SentenceEncoder, PipelineError> {
        match self.encoder.get() {
            Some(encoder) => Ok(encoder),
            None => {
                let encoder = SentenceEncoder::load(&self.folder, self.device)?;
                Ok(self.encoder.get_or_init(|| encoder))
            }
        }
    }

    /// What makes the vectors.
    pub(super) fn provenance(&self) -> Result<Provenance, PipelineError> {
        let folder = &self.folder;
        let how = (
            folder.pooling,
            folder.normalise,
            folder.max_tokens,
            self.device,
        );
        Ok(Provenance {
            producer: concat!("cohort-nn ", env!("CARGO_PKG_VERSION"), " BERT").to_string(),
            weights: model_hash(folder, &self.tokeniser)?,
            settings: settings_hash(&how)?,
            ..Provenance::default()
        })
    }

    /// The vectors of a few transcripts, each computed by itself, so that it does not depend on the others.
    pub(super) fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PipelineError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let encoder = self.encoder()?;
        let embed = |text: &String| -> Result<Vec<f32>, PipelineError> {
            let tokens = self.tokeniser.encode(&clean_transcript(text));
            let mut rows = encoder.embed(&[tokens.ids.as_slice()])?;
            Ok(rows.pop().expect("a vector a text"))
        };
        match encoder.is_single_threaded() {
            true => texts.par_iter().map(embed).collect(),
            false => texts.iter().map(embed).collect(),
        }
    }

    /// The vectors of `clips`' transcripts, cached at `path`.
    ///
    /// Which transcripts share a batch depends on all of them and never on what is cached, so that a resumed run ends with
    /// the bytes of one that was not stopped.
    pub(super) fn table(
        &self,
        clips: &[&Clip],
        path: &Path,
        skip_bad: bool,
        watch: &dyn Watch,
    ) -> Result<Features, PipelineError> {
        let recipe = Recipe {
            modality: Modality::Text,
            path,
            dim: self.width(),
            provenance: self.provenance()?,
            skip_bad,
        };
        let (items, skipped, cut) = read_tokens(clips, &self.tokeniser, skip_bad, watch)?;
        let mut maker = recipe.begin(watch)?;
        let mut missing: Vec<bool> = items
            .iter()
            .map(|item| maker.row(&item.clip.id, &item.source).is_none())
            .collect();
        let lengths: Vec<usize> = items.iter().map(|item| item.words.ids.len()).collect();
        let mut batches = bucket(&lengths, BATCH_TOKENS);
        batches.retain(|batch| batch.iter().any(|&i| missing[i]));
        if !batches.is_empty() {
            let encoder = self.encoder()?;
            let embed = |batch: &Vec<usize>| {
                let texts = batch.iter().map(|&i| items[i].words.ids.as_slice());
                encoder.embed(&texts.collect::<Vec<&[u32]>>())
            };
            watch.begin("text features", items.len());
            for group in batches.chunks(GROUP) {
                watch.at(missing.iter().filter(|missing| !**missing).count());
                if watch.stopped() {
                    watch.end();
                    return Err(PipelineError::Stopped);
                }
                let made: Result<Vec<_>, _> = match encoder.is_single_threaded() {
                    true => group.par_iter().map(embed).collect(),
                    false => group.iter().map(embed).collect(),
                };
                let mut new = Vec::new();
                for (batch, vectors) in group.iter().zip(made?) {
                    for (&i, vector) in batch.iter().zip(vectors) {
                        if std::mem::take(&mut missing[i]) {
                            new.push(recipe.row(&items[i].clip.id, &items[i].source, vector)?);
                        }
                    }
                }
                maker.keep(new)?;
            }
            watch.end();
        }
        let done = items.iter();
        let table = maker.finish(done.map(|item| (item.clip.id.clone(), item.source.clone())))?;
        Ok(Features {
            cut: Some(cut),
            ..Features::new(table, skipped)
        })
    }
}
