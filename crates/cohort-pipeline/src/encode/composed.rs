//! An encoder of pictures and one of words, brought into one space: by heads that were trained on pairs, or by the names of classes.

use std::path::Path;

use cohort_search::{LabelScores, label_bridge};
use cohort_tables::{Provenance, content_hash};
use cohort_train::{Aligned, DeviceChoice, MemorySource};

use super::Encoder;
use crate::error::PipelineError;
use crate::run_folder::{PairsRecord, read_pairs_record};
use crate::watch::Watch;

/// Two encoders, and what is made of what they say.
pub(super) struct Composed {
    /// Of pictures, of words.
    parts: [Encoder; 2],
    form: Form,
    provenance: Provenance,
    width: usize,
}

enum Form {
    /// Heads on both.
    Heads(Box<Aligned>),
    /// Scores of classes become the mean of the vectors of their names.
    Bridge { names: Vec<f32>, top: usize },
}

/// What makes an encoder's vectors, in one word.
fn of(encoder: &Encoder) -> String {
    let Provenance {
        weights, settings, ..
    } = &encoder.provenance;
    format!("{weights} {settings}")
}

impl Composed {
    /// The heads of a run folder of `cohort train pairs` on the encoders whose vectors they were trained on.
    ///
    /// # Errors
    /// A folder without heads; an encoder that sees no pictures or reads no words, or is another than the heads were trained with.
    pub(super) fn heads(
        run: &Path,
        pictures: Encoder,
        words: Encoder,
        device: DeviceChoice,
    ) -> Result<Self, PipelineError> {
        check(&pictures, &words)?;
        let aligned = Aligned::load(run, device)?;
        let record = read_pairs_record(run)?;
        let PairsRecord {
            pictures: of_pictures,
            captions,
            ..
        } = &record;
        for (what, encoder, trained) in [
            ("pictures", &pictures, of_pictures),
            ("captions", &words, captions),
        ] {
            let same = encoder.provenance.weights == trained.weights
                && encoder.provenance.settings == trained.settings
                && encoder.width == trained.dim;
            if !same {
                return Err(PipelineError::Unusable {
                    path: run.to_path_buf(),
                    expected: format!(
                        "the encoder of {what} whose vectors the heads were trained on ({}, {} values)",
                        trained.producer, trained.dim
                    ),
                    found: format!(
                        "{} with {} values, or other weights or settings of it",
                        encoder.provenance.producer, encoder.width
                    ),
                });
            }
        }
        let provenance = Provenance {
            producer: concat!("cohort-pipeline ", env!("CARGO_PKG_VERSION"), " pairs").to_string(),
            weights: aligned.hash().to_string(),
            settings: content_hash(format!("{}\n{}", of(&pictures), of(&words)).as_bytes()),
            ..Provenance::default()
        };
        Ok(Self {
            width: aligned.width(),
            parts: [pictures, words],
            form: Form::Heads(Box::new(aligned)),
            provenance,
        })
    }

    /// Class scores of pictures as the names of the classes, a name a line of the file `names`, as an encoder of words reads them.
    ///
    /// # Errors
    /// A file with another number of names than there are scores; an encoder that reads no words.
    pub(super) fn bridge(
        scores: Encoder,
        names: &Path,
        words: Encoder,
        top: usize,
        watch: &dyn Watch,
    ) -> Result<Self, PipelineError> {
        check(&scores, &words)?;
        let text = std::fs::read_to_string(names).map_err(|source| PipelineError::Media {
            path: names.to_path_buf(),
            source,
        })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<&str> = lines.collect();
        if lines.len() != scores.width {
            return Err(PipelineError::Unusable {
                path: names.to_path_buf(),
                expected: format!("the names of {} classes, one a line", scores.width),
                found: lines.len().to_string(),
            });
        }
        let names = words.words(&lines, watch)?;
        let decides = format!("{}\n{}\n{top}\n{text}", of(&scores), of(&words));
        let provenance = Provenance {
            producer: concat!(
                "cohort-pipeline ",
                env!("CARGO_PKG_VERSION"),
                " label bridge"
            )
            .to_string(),
            weights: scores.provenance.weights.clone(),
            settings: content_hash(decides.as_bytes()),
            ..Provenance::default()
        };
        Ok(Self {
            width: words.width,
            parts: [scores, words],
            form: Form::Bridge { names, top },
            provenance,
        })
    }

    /// The encoder of pictures and that of words.
    pub(super) fn parts(&self) -> &[Encoder; 2] {
        &self.parts
    }

    pub(super) fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn distance(&self) -> &'static str {
        match &self.form {
            Form::Heads(aligned) => aligned.settings().distance(),
            Form::Bridge { .. } => "cosine",
        }
    }

    /// From what the encoder of pictures says.
    pub(super) fn pictures(
        &self,
        rows: Vec<Vec<f32>>,
        watch: &dyn Watch,
    ) -> Result<Vec<Vec<f32>>, PipelineError> {
        match &self.form {
            Form::Heads(aligned) => {
                let values = aligned.pictures(&source(&rows)?, watch.stop());
                Ok(self.cut(&values.map_err(PipelineError::of_training)?))
            }
            Form::Bridge { names, top } => {
                let scores = rows.concat();
                let one = LabelScores {
                    scores: &scores,
                    names,
                    top: *top,
                };
                let values = label_bridge(&[one], self.width);
                Ok(self.cut(&values.map_err(PipelineError::of_search)?))
            }
        }
    }

    /// From what the encoder of words says.
    pub(super) fn words(&self, rows: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>, PipelineError> {
        match &self.form {
            Form::Heads(aligned) => {
                let never = std::sync::atomic::AtomicBool::new(false);
                let values = aligned.captions(&source(&rows)?, &never);
                Ok(self.cut(&values.map_err(PipelineError::of_training)?))
            }
            Form::Bridge { .. } => Ok(rows),
        }
    }

    fn cut(&self, values: &[f32]) -> Vec<Vec<f32>> {
        let rows = values.chunks_exact(self.width.max(1));
        rows.map(<[f32]>::to_vec).collect()
    }
}

fn check(pictures: &Encoder, words: &Encoder) -> Result<(), PipelineError> {
    if !pictures.sees_pictures() {
        return Err(PipelineError::Pictures {
            encoder: pictures.about.clone(),
        });
    }
    match words.reads_words() {
        true => Ok(()),
        false => Err(PipelineError::Words {
            encoder: words.about.clone(),
        }),
    }
}

fn source(rows: &[Vec<f32>]) -> Result<MemorySource, PipelineError> {
    let width = rows.first().map_or(0, Vec::len);
    let names = (0..rows.len()).map(|i| i.to_string()).collect();
    let labels = vec![0; rows.len()];
    Ok(MemorySource::new(
        vec![width],
        names,
        labels,
        rows.concat(),
    )?)
}
