//! Words through an encoder.

use std::path::Path;

use cohort_tables::{EmbeddingTable, content_hash};

use super::{Encoder, Eye};
use crate::branches::{Content, DecodedMedia, Recipe};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::watch::Watch;

/// Texts that are computed between two looks at the stop flag and two writes to the journal.
const TOGETHER: usize = 256;

impl Encoder {
    /// Whether it reads words; else it sees pictures alone.
    pub fn reads_words(&self) -> bool {
        match &self.eye {
            Eye::Clip(clip) => clip.reads_words(),
            Eye::Composed(_) => true,
            Eye::Branch { branch, .. } => branch.modality() == Modality::Text,
        }
    }

    /// The vectors of texts, row by row in their order; nothing is written.
    ///
    /// # Errors
    /// [`PipelineError::Words`] from an encoder that sees pictures alone; a vector that is no number.
    pub fn words(&self, texts: &[&str], watch: &dyn Watch) -> Result<Vec<f32>, PipelineError> {
        let rows = self.read(texts)?;
        self.say_seen(watch);
        for (text, row) in texts.iter().zip(&rows) {
            if let Some(column) = row.iter().position(|value| !value.is_finite()) {
                return Err(PipelineError::NotFinite {
                    clip: (*text).to_string(),
                    modality: "text",
                    column: column.to_string(),
                });
            }
        }
        Ok(rows.concat())
    }

    /// The vectors of texts, each with its id, as a table that is kept in the file `path` and, until that is whole, in a journal
    /// beside it: a killed call goes on with the texts that it had not read.
    ///
    /// # Errors
    /// As [`Self::words`]; [`PipelineError::Stopped`]; files that cannot be written.
    pub fn words_table(
        &self,
        texts: &[(&str, &str)],
        path: &Path,
        watch: &dyn Watch,
    ) -> Result<EmbeddingTable, PipelineError> {
        // before anything is written
        self.read(&[])?;
        let recipe = Recipe {
            modality: Modality::Text,
            path,
            provenance: self.provenance.clone(),
            dim: self.width,
            skip_bad: false,
        };
        let mut maker = recipe.begin(watch)?;
        let hashes: Vec<String> = texts
            .iter()
            .map(|(_, text)| content_hash(text.as_bytes()))
            .collect();
        let missing: Vec<usize> = (0..texts.len())
            .filter(|&i| maker.row(texts[i].0, &hashes[i]).is_none())
            .collect();
        let together = match self.reads_all_at_once() {
            true => missing.len().max(1),
            false => TOGETHER,
        };
        watch.begin("texts", missing.len());
        for (number, part) in missing.chunks(together).enumerate() {
            if watch.stopped() {
                watch.end();
                return Err(PipelineError::Stopped);
            }
            let some: Vec<&str> = part.iter().map(|&i| texts[i].1).collect();
            let rows = self.read(&some)?.into_iter().zip(part);
            let rows: Result<Vec<_>, PipelineError> = rows
                .map(|(row, &i)| recipe.row(texts[i].0, &hashes[i], row))
                .collect();
            maker.keep(rows?)?;
            watch.at(number * together + part.len());
        }
        watch.end();
        self.say_seen(watch);
        let done = texts.iter().zip(hashes);
        Ok(maker.finish(done.map(|((id, _), hash)| ((*id).to_string(), hash)))?)
    }

    /// Whether all texts are to be read together rather than some at a time.
    fn reads_all_at_once(&self) -> bool {
        match &self.eye {
            Eye::Clip(_) => false,
            Eye::Composed(composed) => composed.parts()[1].reads_all_at_once(),
            Eye::Branch { branch, .. } => branch.sees_all_at_once(),
        }
    }

    fn read(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, PipelineError> {
        let none = || PipelineError::Words {
            encoder: self.about.clone(),
        };
        let branch = match &self.eye {
            Eye::Clip(clip) => return clip.words(texts)?.ok_or_else(none),
            Eye::Composed(composed) => {
                let [_, words] = composed.parts();
                return composed.words(words.read(texts)?);
            }
            Eye::Branch { branch, .. } if branch.modality() == Modality::Text => branch,
            Eye::Branch { .. } => return Err(none()),
        };
        let media = DecodedMedia {
            clips: (0..texts.len()).map(|i| i.to_string()).collect(),
            content: Content::Texts(texts.iter().map(|text| (*text).to_string()).collect()),
        };
        let source = branch.see(&media)?;
        let row = |i: usize| {
            let mut row = vec![0.0; self.width];
            source.fill(i, None, &mut row).map(|()| row)
        };
        let rows: Result<Vec<_>, _> = (0..source.len()).map(row).collect();
        Ok(rows?)
    }
}
