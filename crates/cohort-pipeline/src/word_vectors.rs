//! Sentence vectors of transcripts from fastText's word vectors, cached as every feature table is.

use std::path::Path;

use cohort_data::Clip;
use cohort_tables::{EmbeddingTable, JournalRow, Provenance};
use cohort_text::{FastText, WordVectors, clean_transcript};

use crate::features::{Features, Recipe, Skipped, file_hash, settings_hash};
use crate::transcript_reading::{Item, read_items};
use crate::{PipelineError, Watch};

/// Means of the word vectors of `clips`' transcripts by the file `weights`, written to `path`.
///
/// The file is read for all new transcripts at once, since reading it is nearly all of the work.
pub(crate) fn fasttext_table(
    clips: &[&Clip],
    weights: &Path,
    path: &Path,
    skip_bad: bool,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let file = FastText::open(weights)?;
    let recipe = Recipe {
        modality: "text",
        path,
        dim: file.dim(),
        provenance: Provenance {
            producer: concat!("cohort-text ", env!("CARGO_PKG_VERSION"), " fastText").to_string(),
            weights: file_hash(weights)?,
            settings: settings_hash(&"mean of unit word vectors")?,
            ..Provenance::default()
        },
        skip_bad,
    };
    let (items, skipped) = read_items(clips, skip_bad, |text| text)?;
    let made = embed(&recipe, &items, &file, skipped, watch)?;
    let rows = made.table.values.chunks(recipe.dim.max(1));
    let wordless = rows.filter(|row| row.iter().all(|v| *v == 0.0)).count();
    if wordless > 0 {
        watch.say(&format!(
            "text: of {wordless} of {} transcripts no word has a vector; their rows are zeros",
            items.len()
        ));
    }
    Ok(Features {
        wordless: Some(wordless),
        ..made
    })
}

/// Means of the word vectors of a few transcripts.
pub(crate) fn means_of<'a>(
    texts: impl Iterator<Item = &'a str>,
    weights: &Path,
) -> Result<Vec<Vec<f32>>, PipelineError> {
    let texts: Vec<String> = texts.map(clean_transcript).collect();
    let vectors = FastText::open(weights)?.read(texts.iter().map(String::as_str), &|_, _| true)?;
    Ok(texts.iter().map(|text| vectors.sentence(text).0).collect())
}

fn embed(
    recipe: &Recipe,
    items: &[Item<String>],
    file: &FastText,
    skipped: Vec<Skipped>,
    watch: &dyn Watch,
) -> Result<Features, PipelineError> {
    let (mut journal, known) = recipe.cached(watch)?;
    let kept = |item: &Item<String>| {
        let (source, vector) = known.get(&item.clip.id)?;
        (*source == item.source && vector.len() == recipe.dim).then(|| vector.clone())
    };
    let new: Vec<&Item<String>> = items.iter().filter(|item| kept(item).is_none()).collect();
    let mut rows = Vec::new();
    if !new.is_empty() {
        let vectors = word_vectors(file, &new, watch)?;
        for item in new {
            let (vector, _) = vectors.sentence(&item.words);
            recipe.check_finite(&item.clip.id, &vector)?;
            rows.push(JournalRow {
                clip: item.clip.id.clone(),
                source: item.source.clone(),
                vector,
            });
        }
        journal.append(&rows)?;
    }
    let mut table = EmbeddingTable {
        dim: recipe.dim,
        ..EmbeddingTable::default()
    };
    let mut rows = rows.into_iter();
    for item in items {
        let vector = kept(item).or_else(|| Some(rows.next()?.vector));
        table.clips.push(item.clip.id.clone());
        table.sources.push(item.source.clone());
        table.values.extend(vector.unwrap_or_default());
    }
    recipe.finish(table, journal, skipped)
}

/// Vectors of the words of `items`; stops between two parts of the file.
fn word_vectors(
    file: &FastText,
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
    let read = file.read(items.iter().map(|item| item.words.as_str()), &go_on);
    watch.end();
    Ok(read?)
}
