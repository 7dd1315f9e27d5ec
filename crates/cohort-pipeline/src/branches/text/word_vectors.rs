//! Means of word vectors (fastText, word2vec, GloVe).

use std::path::{Path, PathBuf};

use cohort_data::Clip;
use cohort_tables::Provenance;
use cohort_text::{FastText, WordVectors, clean_transcript};

use super::super::table::{Features, Recipe};
use super::transcripts::{Item, read_items};
use crate::error::PipelineError;
use crate::hashes::{file_hash, settings_hash};
use crate::modality::Modality;
use crate::watch::Watch;

/// A file of word vectors. It is read for all texts at hand at once, since reading it is nearly all of the work.
pub(super) struct WordMeans {
    weights: PathBuf,
    file: FastText,
}

impl WordMeans {
    pub(super) fn open(weights: &Path) -> Result<Self, PipelineError> {
        Ok(Self {
            weights: weights.to_path_buf(),
            file: FastText::open(weights)?,
        })
    }

    pub(super) fn width(&self) -> usize {
        self.file.dim()
    }

    /// What makes the vectors.
    pub(super) fn provenance(&self) -> Result<Provenance, PipelineError> {
        Ok(Provenance {
            producer: concat!("cohort-text ", env!("CARGO_PKG_VERSION"), " fastText").to_string(),
            weights: file_hash(&self.weights)?,
            settings: settings_hash(&"mean of unit word vectors")?,
            ..Provenance::default()
        })
    }

    /// The vectors of a few transcripts.
    pub(super) fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PipelineError> {
        let texts: Vec<String> = texts.iter().map(|text| clean_transcript(text)).collect();
        let words = texts.iter().map(String::as_str);
        let vectors = self.file.read(words, &|_, _| true)?;
        Ok(texts.iter().map(|text| vectors.sentence(text).0).collect())
    }

    /// The vectors of `clips`' transcripts, cached at `path`.
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
        let (items, skipped) = read_items(clips, skip_bad, |text| text)?;
        let mut maker = recipe.begin(watch)?;
        let new = items.iter();
        let new: Vec<&Item<String>> = new
            .filter(|item| maker.row(&item.clip.id, &item.source).is_none())
            .collect();
        if !new.is_empty() {
            let vectors = self.word_vectors(&new, watch)?;
            let rows = new.iter().map(|item| {
                let (vector, _) = vectors.sentence(&item.words);
                recipe.row(&item.clip.id, &item.source, vector)
            });
            let rows: Result<Vec<_>, PipelineError> = rows.collect();
            maker.keep(rows?)?;
        }
        let done = items.iter();
        let table = maker.finish(done.map(|item| (item.clip.id.clone(), item.source.clone())))?;
        let rows = table.values.chunks(recipe.dim.max(1));
        let wordless = rows.filter(|row| row.iter().all(|v| *v == 0.0)).count();
        if wordless > 0 {
            watch.say(&format!(
                "text: of {wordless} of {} transcripts no word has a vector; their rows are zeros",
                items.len()
            ));
        }
        Ok(Features {
            wordless: Some(wordless),
            ..Features::new(table, skipped)
        })
    }

    /// Vectors of the words of `items`; stops between two parts of the file.
    fn word_vectors(
        &self,
        items: &[&Item<String>],
        watch: &dyn Watch,
    ) -> Result<WordVectors, PipelineError> {
        let begun = std::cell::Cell::new(false);
        let go_on = |done: usize, total: usize| {
            if !begun.replace(true) {
                watch.begin("word vectors", total);
            }
            watch.at(done);
            !watch.stopped()
        };
        let words = items.iter().map(|item| item.words.as_str());
        let read = self.file.read(words, &go_on);
        watch.end();
        Ok(read?)
    }
}
