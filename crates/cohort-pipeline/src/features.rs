//! Features of every clip, cached: sound and words in, embedding tables out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cohort_audio::{AcousticFeatures, Decoded};
use cohort_data::{Clip, Dataset};
use cohort_nn::DeviceChoice;
use cohort_tables::{EmbeddingTable, Journal, JournalRow, Provenance, content_hash};
use cohort_text::clean_transcript;
use rayon::prelude::*;

use crate::downloads::text_weights;
use crate::sentence_vectors::bert_table;
use crate::word_vectors::fasttext_table;
use crate::{AudioFeatureConfig, PipelineError, TextEncoder, TextFeatureConfig, Watch};

/// Clips computed between two looks at the stop flag and two writes to the journal.
pub(crate) const CHUNK: usize = 32;

/// A clip left out because its media could not be used (`--skip-bad`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// Clip id.
    pub clip: String,
    /// `audio`, `text` or `image`.
    pub modality: String,
    /// What was wrong.
    pub reason: String,
}

/// A feature table and what had to be left out of it.
#[derive(Debug)]
pub struct Features {
    /// One row a clip that has the modality, in the data set's order.
    pub table: EmbeddingTable,
    /// Clips whose media could not be used.
    pub skipped: Vec<Skipped>,
    /// Transcripts whose end was left out, being longer than the model takes; none for features without such a limit.
    pub cut: Option<usize>,
    /// Transcripts of which no word has a vector, whose rows are zeros; none for features that know every word.
    pub wordless: Option<usize>,
}

/// What one modality's features are made of.
pub(crate) struct Recipe<'a> {
    pub(crate) modality: &'static str,
    pub(crate) path: &'a Path,
    pub(crate) provenance: Provenance,
    pub(crate) dim: usize,
    pub(crate) skip_bad: bool,
}

/// Acoustic features of every clip that has a sound, written to `path` (Parquet).
///
/// Rows whose sound and settings are unchanged are taken from the file that is there; what a killed run had
/// finished is taken from its journal.
///
/// # Errors
/// The first clip whose sound cannot be read, unless `skip_bad`; [`PipelineError::Stopped`]; table errors.
pub fn acoustic_table(
    dataset: &Dataset,
    config: &AudioFeatureConfig,
    path: &Path,
    skip_bad: bool,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let settings = config.settings();
    let columns: Vec<String> = AcousticFeatures::names(config.preset)
        .iter()
        .map(ToString::to_string)
        .collect();
    let recipe = Recipe {
        modality: "audio",
        path,
        dim: columns.len(),
        provenance: Provenance {
            producer: concat!("cohort-audio ", env!("CARGO_PKG_VERSION")).to_string(),
            settings: settings_hash(&settings)?,
            columns,
            ..Provenance::default()
        },
        skip_bad,
    };
    let clips: Vec<(&Clip, &Path)> = all_clips(dataset)
        .filter_map(|clip| Some((clip, clip.audio.as_deref()?)))
        .collect();
    let hash = |&(_, file): &(&Clip, &Path)| file_hash(file);
    let compute = |&(_, file): &(&Clip, &Path)| -> Result<Vec<f32>, PipelineError> {
        let Decoded { sound, warnings } = cohort_audio::decode_warned(file)?;
        warnings.iter().for_each(|line| watch.say(line));
        Ok(cohort_audio::acoustic_features(&sound, &settings)?.vector())
    };
    let compute = one_by_one(compute);
    make_table(&recipe, &clips, |&(clip, _)| clip, hash, compute, watch)
}

/// Text vectors of every clip that has a transcript, written to `path` (Parquet): hashed n-grams, means of
/// word vectors or, computed on `device`, sentence vectors.
///
/// # Errors
/// As [`acoustic_table`]; weights that cannot be used.
pub fn text_table(
    dataset: &Dataset,
    config: &TextFeatureConfig,
    device: DeviceChoice,
    path: &Path,
    skip_bad: bool,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    config.validate()?;
    let clips: Vec<&Clip> = all_clips(dataset)
        .filter(|clip| clip.transcript.is_some())
        .collect();
    match (config.encoder, &text_weights(config, watch)?) {
        (TextEncoder::Bert, Some(weights)) => {
            return bert_table(&clips, weights, config, device, path, skip_bad, watch);
        }
        (TextEncoder::FastText, Some(weights)) => {
            return fasttext_table(&clips, weights, path, skip_bad, watch);
        }
        _ => {}
    }
    let settings = config.ngrams();
    let recipe = Recipe {
        modality: "text",
        path,
        dim: settings.buckets,
        provenance: Provenance {
            producer: concat!("cohort-text ", env!("CARGO_PKG_VERSION"), " n-grams").to_string(),
            settings: settings_hash(&settings)?,
            ..Provenance::default()
        },
        skip_bad,
    };
    let hash = |clip: &&Clip| Ok(content_hash(clip.read_transcript()?.as_bytes()));
    let compute = |clip: &&Clip| Ok(settings.embed(&clean_transcript(&clip.read_transcript()?)));
    let compute = one_by_one(compute);
    make_table(&recipe, &clips, |clip| clip, hash, compute, watch)
}

/// Computes the rows of a chunk side by side, each by itself.
fn one_by_one<T: Sync>(
    compute: impl Fn(&T) -> Result<Vec<f32>, PipelineError> + Sync,
) -> impl Fn(&[&T]) -> Vec<Result<Vec<f32>, PipelineError>> + Sync {
    move |items| items.par_iter().map(|item| compute(item)).collect()
}

/// Hash of a file's bytes.
pub(crate) fn file_hash(file: &Path) -> Result<String, PipelineError> {
    cohort_tables::file_hash(file).map_err(|source| PipelineError::Media {
        path: file.to_path_buf(),
        source,
    })
}

/// One hash over the contents of several files.
pub(crate) fn hash_of_files(files: &[&Path]) -> Result<String, PipelineError> {
    let mut all = String::new();
    for path in files {
        all += &file_hash(path)?;
    }
    Ok(content_hash(all.as_bytes()))
}

/// Hash of a file of weights; one over all files where it is the index of several.
pub(crate) fn weights_hash(path: &Path) -> Result<String, PipelineError> {
    let files = cohort_weights::weight_files(path)?;
    match files.as_slice() {
        [one] => file_hash(one),
        all => hash_of_files(&all.iter().map(PathBuf::as_path).collect::<Vec<_>>()),
    }
}

pub(crate) fn all_clips(dataset: &Dataset) -> impl Iterator<Item = &Clip> {
    dataset.splits.iter().flat_map(|split| &split.clips)
}

pub(crate) fn settings_hash<T: serde::Serialize>(settings: &T) -> Result<String, PipelineError> {
    Ok(content_hash(&serde_json::to_vec(settings)?))
}

/// Makes a table chunk by chunk: rows whose source is unchanged are kept, the others of a chunk are
/// computed together by `compute`, which returns as many rows as it is given items.
pub(crate) fn make_table<T: Sync>(
    recipe: &Recipe,
    items: &[T],
    clip_of: impl Fn(&T) -> &Clip + Sync,
    hash: impl Fn(&T) -> Result<String, PipelineError> + Sync,
    compute: impl Fn(&[&T]) -> Vec<Result<Vec<f32>, PipelineError>>,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let (mut journal, known) = recipe.cached(watch)?;
    let mut table = EmbeddingTable {
        dim: recipe.dim,
        ..EmbeddingTable::default()
    };
    let mut skipped = Vec::new();
    watch.begin(&format!("{} features", recipe.modality), items.len());
    for (number, chunk) in items.chunks(CHUNK).enumerate() {
        if watch.stopped() {
            watch.end();
            return Err(PipelineError::Stopped);
        }
        let hashes: Vec<Result<String, PipelineError>> = chunk.par_iter().map(&hash).collect();
        let kept = |item: &T, source: &String| {
            let (same, vector) = known.get(&clip_of(item).id)?;
            (same == source && vector.len() == recipe.dim).then(|| vector.clone())
        };
        let fresh: Vec<&T> = chunk
            .iter()
            .zip(&hashes)
            .filter(|(item, hash)| hash.as_ref().is_ok_and(|h| kept(item, h).is_none()))
            .map(|(item, _)| item)
            .collect();
        let mut computed = compute(&fresh).into_iter();
        let rows: Vec<Result<(JournalRow, bool), PipelineError>> = chunk
            .iter()
            .zip(hashes)
            .map(|(item, hash)| {
                let (clip, source) = (clip_of(item).id.clone(), hash?);
                let (vector, new) = match kept(item, &source) {
                    Some(vector) => (vector, false),
                    None => (computed.next().unwrap_or_else(|| Ok(Vec::new()))?, true),
                };
                recipe.check_finite(&clip, &vector)?;
                let row = JournalRow {
                    clip,
                    source,
                    vector,
                };
                Ok((row, new))
            })
            .collect();
        let new: Vec<JournalRow> = rows
            .iter()
            .flatten()
            .filter(|(_, new)| *new)
            .map(|(row, _)| row.clone())
            .collect();
        journal.append(&new)?;
        for (item, row) in chunk.iter().zip(rows) {
            match row {
                Ok((row, _)) => {
                    table.clips.push(row.clip);
                    table.sources.push(row.source);
                    table.values.extend(row.vector);
                }
                Err(error) if recipe.skip_bad && error.is_bad_clip() => skipped.push(Skipped {
                    clip: clip_of(item).id.clone(),
                    modality: recipe.modality.to_string(),
                    reason: error.to_string(),
                }),
                Err(error) => {
                    watch.end();
                    return Err(error.of_clip(&clip_of(item).id));
                }
            }
        }
        watch.at(number * CHUNK + chunk.len());
    }
    watch.end();
    recipe.finish(table, journal, skipped)
}

impl Recipe<'_> {
    /// The journal, and by clip the source hash and vector of every row that was made in the same way before.
    pub(crate) fn cached(
        &self,
        watch: &dyn Watch,
    ) -> Result<(Journal, HashMap<String, (String, Vec<f32>)>), PipelineError> {
        let p = &self.provenance;
        let key = format!("{}\n{}\n{}", p.producer, p.weights, p.settings);
        let journal_path = self.path.with_extension("partial");
        let (journal, finished) = Journal::open(&journal_path, &key)?;
        let mut known = HashMap::new();
        if let Some(old) = reusable(self, watch) {
            for (i, clip) in old.clips.iter().enumerate() {
                let vector = old.row(i).unwrap_or_default().to_vec();
                known.insert(clip.clone(), (old.sources[i].clone(), vector));
            }
        }
        known.extend(
            finished
                .into_iter()
                .map(|row| (row.clip, (row.source, row.vector))),
        );
        Ok((journal, known))
    }

    /// Refuses a vector with a value that is no number.
    pub(crate) fn check_finite(&self, clip: &str, vector: &[f32]) -> Result<(), PipelineError> {
        let Some(column) = vector.iter().position(|value| !value.is_finite()) else {
            return Ok(());
        };
        let name = self.provenance.columns.get(column).cloned();
        Err(PipelineError::NotFinite {
            clip: clip.to_string(),
            modality: self.modality,
            column: name.unwrap_or_else(|| column.to_string()),
        })
    }

    /// Writes the whole table and lets the journal go.
    pub(crate) fn finish(
        &self,
        mut table: EmbeddingTable,
        journal: Journal,
        skipped: Vec<Skipped>,
    ) -> Result<Features, PipelineError> {
        let rows = table.clips.iter().zip(&table.sources);
        let sources = rows.fold(String::new(), |all, (clip, hash)| {
            all + clip + " " + hash + "\n"
        });
        table.provenance = Provenance {
            source: content_hash(sources.as_bytes()),
            ..self.provenance.clone()
        };
        table.write(self.path)?;
        journal.remove()?;
        Ok(Features {
            table,
            skipped,
            cut: None,
            wordless: None,
        })
    }
}

/// The table that is there already, when its rows were made in the same way.
fn reusable(recipe: &Recipe, watch: &dyn Watch) -> Option<EmbeddingTable> {
    let old = own_table(recipe.path, watch)?;
    let same = Provenance {
        source: String::new(),
        ..old.provenance.clone()
    } == recipe.provenance;
    (same && old.dim == recipe.dim).then_some(old)
}

/// The table that an earlier call wrote to `path`, if there is one and it is as it was written; one that is damaged is told,
/// and will be made anew.
pub(crate) fn own_table(path: &Path, watch: &dyn Watch) -> Option<EmbeddingTable> {
    if !path.is_file() {
        return None;
    }
    match EmbeddingTable::read_own(path) {
        Ok(table) => Some(table),
        Err(error) => {
            watch.say(&format!("warning: {error}; the table is made anew"));
            None
        }
    }
}
