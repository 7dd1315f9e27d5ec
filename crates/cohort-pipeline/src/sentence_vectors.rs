//! Sentence vectors of transcripts by a frozen BERT, cached as every feature table is.

use std::path::{Path, PathBuf};

use cohort_data::Clip;
use cohort_nn::{BertFolder, DeviceChoice, SentenceEncoder, bucket};
use cohort_tables::{EmbeddingTable, JournalRow, Provenance};
use cohort_text::{Tokeniser, Tokens, clean_transcript};
use rayon::prelude::*;

use crate::features::{Features, Recipe, Skipped, hash_of_files, settings_hash};
use crate::transcript_reading::{Item, read_tokens};
use crate::{PipelineError, TextFeatureConfig, Watch};

/// Most tokens of a batch: enough for products at full speed, few enough for the cache.
const BATCH_TOKENS: usize = 1024;
/// Batches computed between two looks at the stop flag and two writes to the journal.
const GROUP: usize = 8;

/// Hash of the files that decide what a text becomes.
pub(crate) fn model_hash(
    folder: &BertFolder,
    tokeniser: &Tokeniser,
) -> Result<String, PipelineError> {
    let mut files = cohort_weights::weight_files(&folder.weights)?;
    files.push(folder.path.join("config.json"));
    files.push(tokeniser.file.clone());
    files.extend_from_slice(&tokeniser.settings);
    hash_of_files(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

/// Sentence vectors of `clips` by the model in the folder `weights`, written to `path`.
///
/// Which transcripts share a batch depends on all of them and never on what is cached, so that a resumed run ends with
/// the bytes of one that was not stopped.
pub(crate) fn bert_table(
    clips: &[&Clip],
    weights: &Path,
    config: &TextFeatureConfig,
    device: DeviceChoice,
    path: &Path,
    skip_bad: bool,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let folder = BertFolder::open(weights, &config.changes())?;
    let tokeniser = Tokeniser::open(&folder.path, folder.max_tokens)?;
    let recipe = Recipe {
        modality: "text",
        path,
        dim: folder.config.hidden_size,
        provenance: Provenance {
            producer: concat!("cohort-nn ", env!("CARGO_PKG_VERSION"), " BERT").to_string(),
            weights: model_hash(&folder, &tokeniser)?,
            settings: settings_hash(&(
                folder.pooling,
                folder.normalise,
                folder.max_tokens,
                device,
            ))?,
            ..Provenance::default()
        },
        skip_bad,
    };
    let (items, skipped, cut) = read_tokens(clips, &tokeniser, skip_bad, watch)?;
    let made = embed(&recipe, &items, &folder, device, skipped, watch)?;
    Ok(Features {
        cut: Some(cut),
        ..made
    })
}

/// Sentence vectors of a few transcripts, one after the other.
pub(crate) fn vectors_of<'a>(
    texts: impl Iterator<Item = &'a str>,
    weights: &Path,
    config: &TextFeatureConfig,
    device: DeviceChoice,
) -> Result<Vec<Vec<f32>>, PipelineError> {
    let folder = BertFolder::open(weights, &config.changes())?;
    let tokeniser = Tokeniser::open(&folder.path, folder.max_tokens)?;
    let encoder = SentenceEncoder::load(&folder, device)?;
    let mut rows = Vec::new();
    for text in texts {
        let tokens = tokeniser.encode(&clean_transcript(text));
        rows.extend(encoder.embed(&[tokens.ids.as_slice()])?);
    }
    Ok(rows)
}

fn embed(
    recipe: &Recipe,
    items: &[Item<Tokens>],
    folder: &BertFolder,
    device: DeviceChoice,
    skipped: Vec<Skipped>,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let (mut journal, known) = recipe.cached(watch)?;
    let mut rows: Vec<Option<Vec<f32>>> = items
        .iter()
        .map(|item| {
            let (source, vector) = known.get(&item.clip.id)?;
            (*source == item.source && vector.len() == recipe.dim).then(|| vector.clone())
        })
        .collect();
    let lengths: Vec<usize> = items.iter().map(|item| item.words.ids.len()).collect();
    let mut batches = bucket(&lengths, BATCH_TOKENS);
    batches.retain(|batch| batch.iter().any(|&i| rows[i].is_none()));
    if !batches.is_empty() {
        let encoder = SentenceEncoder::load(folder, device)?;
        let embed = |batch: &Vec<usize>| {
            let texts: Vec<&[u32]> = batch
                .iter()
                .map(|&i| items[i].words.ids.as_slice())
                .collect();
            encoder.embed(&texts)
        };
        let mut done = rows.iter().flatten().count();
        watch.begin("text features", items.len());
        for group in batches.chunks(GROUP) {
            watch.at(done);
            if watch.stopped() {
                watch.end();
                return Err(PipelineError::Stopped);
            }
            let made: Result<Vec<_>, _> = if encoder.is_single_threaded() {
                group.par_iter().map(embed).collect()
            } else {
                group.iter().map(embed).collect()
            };
            let mut new = Vec::new();
            for (batch, vectors) in group.iter().zip(made?) {
                for (&i, vector) in batch.iter().zip(vectors) {
                    if rows[i].is_some() {
                        continue;
                    }
                    recipe.check_finite(&items[i].clip.id, &vector)?;
                    new.push(JournalRow {
                        clip: items[i].clip.id.clone(),
                        source: items[i].source.clone(),
                        vector: vector.clone(),
                    });
                    rows[i] = Some(vector);
                    done += 1;
                }
            }
            journal.append(&new)?;
        }
        watch.end();
    }
    let mut table = EmbeddingTable {
        dim: recipe.dim,
        ..EmbeddingTable::default()
    };
    for (item, vector) in items.iter().zip(rows) {
        table.clips.push(item.clip.id.clone());
        table.sources.push(item.source.clone());
        table.values.extend(vector.unwrap_or_default());
    }
    recipe.finish(table, journal, skipped)
}
