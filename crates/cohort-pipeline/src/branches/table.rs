//! Feature tables: the vectors of every clip that has a modality, cached.

use std::path::Path;

use cohort_tables::{EmbeddingTable, JournalRow, Provenance, TableMaker};
use rayon::prelude::*;

use crate::error::PipelineError;
use crate::modality::Modality;
use crate::watch::Watch;

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

impl Skipped {
    pub(crate) fn new(clip: &str, modality: Modality, reason: &PipelineError) -> Self {
        Self {
            clip: clip.to_string(),
            modality: modality.to_string(),
            reason: reason.to_string(),
        }
    }
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

impl Features {
    pub(crate) fn new(table: EmbeddingTable, skipped: Vec<Skipped>) -> Self {
        Self {
            table,
            skipped,
            cut: None,
            wordless: None,
        }
    }
}

/// What one modality's features are made of.
pub(crate) struct Recipe<'a> {
    pub(crate) modality: Modality,
    pub(crate) path: &'a Path,
    pub(crate) provenance: Provenance,
    pub(crate) dim: usize,
    pub(crate) skip_bad: bool,
}

impl Recipe<'_> {
    /// Begins the table or goes on with it; says when the one that is there is damaged.
    pub(crate) fn begin(&self, watch: &dyn Watch) -> Result<TableMaker, PipelineError> {
        let (maker, damaged) = TableMaker::open(self.path, self.provenance.clone(), self.dim)?;
        if let Some(line) = damaged {
            watch.say(&line);
        }
        Ok(maker)
    }

    /// The row of a clip, refused when a value is no number.
    pub(crate) fn row(
        &self,
        clip: &str,
        source: &str,
        vector: Vec<f32>,
    ) -> Result<JournalRow, PipelineError> {
        if let Some(column) = vector.iter().position(|value| !value.is_finite()) {
            let name = self.provenance.columns.get(column).cloned();
            return Err(PipelineError::NotFinite {
                clip: clip.to_string(),
                modality: self.modality.name(),
                column: name.unwrap_or_else(|| column.to_string()),
            });
        }
        Ok(JournalRow {
            clip: clip.to_string(),
            source: source.to_string(),
            vector,
        })
    }
}

/// Makes a table of items by their clips, chunk by chunk: rows whose source is unchanged are kept, the others of a chunk are
/// computed together by `compute`, which returns as many rows as it is given items.
///
/// # Errors
/// The first clip whose media cannot be used, unless `skip_bad`; [`PipelineError::Stopped`]; table errors.
pub(crate) fn make_table<T: Sync>(
    recipe: &Recipe,
    items: &[(&str, T)],
    hash: impl Fn(&T) -> Result<String, PipelineError> + Sync,
    compute: impl Fn(&[&T]) -> Vec<Result<Vec<f32>, PipelineError>>,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let mut maker = recipe.begin(watch)?;
    let (mut done, mut skipped) = (Vec::new(), Vec::new());
    watch.begin(&format!("{} features", recipe.modality), items.len());
    for (number, chunk) in items.chunks(CHUNK).enumerate() {
        if watch.stopped() {
            watch.end();
            return Err(PipelineError::Stopped);
        }
        let hashes: Vec<Result<String, PipelineError>> =
            chunk.par_iter().map(|(_, item)| hash(item)).collect();
        let is_new = |(clip, _): &(&str, T), hash: &Result<String, PipelineError>| {
            hash.as_ref()
                .is_ok_and(|hash| maker.row(clip, hash).is_none())
        };
        let fresh: Vec<&T> = (chunk.iter().zip(&hashes))
            .filter(|(item, hash)| is_new(item, hash))
            .map(|((_, item), _)| item)
            .collect();
        let mut computed = compute(&fresh).into_iter();
        let (mut rows, mut new) = (Vec::new(), Vec::new());
        for (item, hash) in chunk.iter().zip(hashes) {
            let anew = is_new(item, &hash);
            let clip = item.0;
            let row = hash.and_then(|source| {
                if anew {
                    let vector = computed.next().expect("as many rows as items")?;
                    new.push(recipe.row(clip, &source, vector)?);
                }
                Ok(source)
            });
            rows.push((clip, row));
        }
        maker.keep(new)?;
        for (clip, row) in rows {
            match row {
                Ok(source) => done.push((clip.to_string(), source)),
                Err(error) if recipe.skip_bad && error.is_bad_clip() => {
                    skipped.push(Skipped::new(clip, recipe.modality, &error));
                }
                Err(error) => {
                    watch.end();
                    return Err(error.of_clip(clip));
                }
            }
        }
        watch.at(number * CHUNK + chunk.len());
    }
    watch.end();
    Ok(Features::new(maker.finish(done)?, skipped))
}
