//! Transcripts of clips as a model of words takes them.

use cohort_data::Clip;
use cohort_tables::content_hash;
use cohort_text::{Tokeniser, Tokens, clean_transcript};
use rayon::prelude::*;

use super::super::table::Skipped;
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::watch::Watch;

/// A clip with its transcript.
pub(crate) struct Item<'a, T> {
    pub(crate) clip: &'a Clip,
    /// Hash of the transcript.
    pub(crate) source: String,
    /// What a model takes.
    pub(crate) words: T,
}

/// The transcripts of `clips`, cleaned and prepared, and those that cannot be read (with `skip_bad`; else the first is an
/// error).
pub(crate) fn read_items<'a, T: Send>(
    clips: &[&'a Clip],
    skip_bad: bool,
    prepare: impl Fn(String) -> T + Sync,
) -> Result<(Vec<Item<'a, T>>, Vec<Skipped>), PipelineError> {
    let read: Vec<Result<Item<T>, PipelineError>> = clips
        .par_iter()
        .map(|&clip| {
            let text = clip.read_transcript()?;
            Ok(Item {
                clip,
                source: content_hash(text.as_bytes()),
                words: prepare(clean_transcript(&text)),
            })
        })
        .collect();
    let (mut items, mut skipped) = (Vec::new(), Vec::new());
    for (clip, item) in clips.iter().zip(read) {
        match item {
            Ok(item) => items.push(item),
            Err(error) if skip_bad && error.is_bad_clip() => {
                skipped.push(Skipped::new(&clip.id, Modality::Text, &error));
            }
            Err(error) => return Err(error.of_clip(&clip.id)),
        }
    }
    Ok((items, skipped))
}

/// [`read_items`] as tokens, and how many transcripts are cut at the tokeniser's limit, which is said.
pub(crate) fn read_tokens<'a>(
    clips: &[&'a Clip],
    tokeniser: &Tokeniser,
    skip_bad: bool,
    watch: &dyn Watch,
) -> Result<(Vec<Item<'a, Tokens>>, Vec<Skipped>, usize), PipelineError> {
    let (items, skipped) = read_items(clips, skip_bad, |text| tokeniser.encode(&text))?;
    let cut = items.iter().filter(|item| item.words.cut > 0).count();
    if cut > 0 {
        watch.say(&format!(
            "text: {cut} of {} transcripts are longer than {} tokens; their ends are left out",
            items.len(),
            tokeniser.max_tokens()
        ));
    }
    Ok((items, skipped, cut))
}
