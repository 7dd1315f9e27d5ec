//! Words: a network on vectors of transcripts, or the last layers of a BERT.

mod damage;
mod sentence_vectors;
mod transcripts;
mod tuned;
mod word_vectors;

use std::path::Path;

use cohort_data::{Clip, Dataset, MediaKind, MediaSource};
use cohort_tables::{Provenance, content_hash};
use cohort_text::{NgramSettings, clean_transcript};
use cohort_train::{MemorySource, MlpConfig, ModelConfig, Source};
use cohort_weights::Weights;
use rayon::prelude::*;

use super::branch::{Branch, Purpose, Samples};
use super::clip_media::ClipMedia;
use super::decoded::{Content, DecodedMedia};
use super::table::{Features, Recipe, make_table};
use super::vectors::vector_samples;
use crate::config::{ModelSettings, RunConfig, TextEncoder};
use crate::dataset::all_clips;
use crate::error::PipelineError;
use crate::hashes::settings_hash;
use crate::modality::Modality;
use crate::watch::Watch;
use crate::weights::text_weights;

pub(crate) use damage::DAMAGES;
use sentence_vectors::Sentences;
use tuned::TunedBert;
use word_vectors::WordMeans;

/// Width of the vectors that the head learns, one a bucket of n-grams.
const NGRAM_WIDTH: usize = 32;

/// The words of a run.
pub(crate) struct TextBranch {
    model: ModelSettings,
    skip_bad: bool,
    encoder: Encoder,
}

/// What turns a transcript into what the network takes.
enum Encoder {
    Ngrams(NgramSettings),
    Words(WordMeans),
    Sentences(Box<Sentences>),
    Tuned(Box<TunedBert>),
}

impl TextBranch {
    /// Opens the encoder's files.
    ///
    /// # Errors
    /// Settings out of their range; weights that are not to be had or not to be used.
    pub(crate) fn open(config: &RunConfig, watch: &dyn Watch) -> Result<Self, PipelineError> {
        let features = &config.features.text;
        features.validate()?;
        let encoder = match (features.encoder, text_weights(features, watch)?) {
            (TextEncoder::Bert, Some(weights)) if features.tuned_layers > 0 => {
                Encoder::Tuned(Box::new(TunedBert::open(&weights, features)?))
            }
            (TextEncoder::Bert, Some(weights)) => {
                let sentences = Sentences::open(&weights, features, config.device)?;
                Encoder::Sentences(Box::new(sentences))
            }
            (TextEncoder::FastText, Some(weights)) => Encoder::Words(WordMeans::open(&weights)?),
            _ => Encoder::Ngrams(features.ngrams()),
        };
        Ok(Self {
            model: config.text.clone(),
            skip_bad: config.skip_bad,
            encoder,
        })
    }

    /// Vectors of transcripts.
    fn vectors(&self, texts: &[String]) -> Result<(usize, Vec<Vec<f32>>), PipelineError> {
        Ok(match &self.encoder {
            Encoder::Ngrams(settings) => {
                let embed = |text: &String| settings.embed(&clean_transcript(text));
                (settings.buckets, texts.par_iter().map(embed).collect())
            }
            Encoder::Words(words) => (words.width(), words.embed(texts)?),
            Encoder::Sentences(sentences) => (sentences.width(), sentences.embed(texts)?),
            Encoder::Tuned(_) => unreachable!("token vectors are no table"),
        })
    }
}

impl Branch for TextBranch {
    fn modality(&self) -> Modality {
        Modality::Text
    }

    fn table_file(&self) -> &'static str {
        "text.parquet"
    }

    fn check_start(&self, _watch: &dyn Watch) -> Result<(), PipelineError> {
        Ok(())
    }

    fn table(
        &self,
        dataset: &Dataset,
        path: &Path,
        watch: &dyn Watch,
    ) -> Result<Option<Features>, PipelineError> {
        let clips: Vec<&Clip> = all_clips(dataset)
            .filter(|clip| clip.words().is_some())
            .collect();
        let settings = match &self.encoder {
            Encoder::Ngrams(settings) => settings,
            Encoder::Words(words) => {
                return words.table(&clips, path, self.skip_bad, watch).map(Some);
            }
            Encoder::Sentences(sentences) => {
                return sentences
                    .table(&clips, path, self.skip_bad, watch)
                    .map(Some);
            }
            Encoder::Tuned(_) => return Ok(None),
        };
        let recipe = Recipe {
            modality: Modality::Text,
            path,
            dim: settings.buckets,
            provenance: ngrams_provenance(settings)?,
            skip_bad: self.skip_bad,
        };
        let clips: Vec<(&str, &Clip)> = (clips.into_iter())
            .map(|clip| (clip.id.as_str(), clip))
            .collect();
        let hash = |clip: &&Clip| Ok(content_hash(clip.read_transcript()?.as_bytes()));
        let compute = |clip: &&&Clip| -> Result<Vec<f32>, PipelineError> {
            Ok(settings.embed(&clean_transcript(&clip.read_transcript()?)))
        };
        let compute = |clips: &[&&Clip]| clips.par_iter().map(compute).collect();
        make_table(&recipe, &clips, hash, compute, watch).map(Some)
    }

    fn samples<'a>(
        &'a self,
        dataset: &'a Dataset,
        features: &Path,
        _purpose: Purpose,
        watch: &dyn Watch,
    ) -> Result<Samples<'a>, PipelineError> {
        match &self.encoder {
            Encoder::Tuned(bert) => bert.samples(dataset, self.skip_bad, watch),
            _ => vector_samples(self, dataset, features, None, watch),
        }
    }

    fn network(&self, sample: &[usize], classes: usize) -> ModelConfig {
        match &self.encoder {
            Encoder::Tuned(bert) => bert.network(&self.model, classes),
            Encoder::Ngrams(_) => {
                let own = MlpConfig::fast_text(sample[0], NGRAM_WIDTH, classes);
                self.model.perceptron(own)
            }
            _ => self.model.perceptron(MlpConfig::text(sample[0], classes)),
        }
    }

    fn start(
        &self,
        network: &ModelConfig,
        seed: u64,
        _watch: &dyn Watch,
    ) -> Result<Option<Weights>, PipelineError> {
        match &self.encoder {
            Encoder::Tuned(bert) => bert.start(network, seed).map(Some),
            _ => Ok(None),
        }
    }

    fn decode(
        &self,
        clips: &[ClipMedia],
        _warnings: &mut Vec<String>,
    ) -> Result<DecodedMedia, PipelineError> {
        let read = |words: &MediaSource| Ok(words.read_words()?);
        DecodedMedia::decode(
            clips,
            |media| media.get(MediaKind::Text),
            read,
            Content::Texts,
        )
    }

    fn see<'a>(&'a self, media: &'a DecodedMedia) -> Result<Box<dyn Source + 'a>, PipelineError> {
        let Content::Texts(texts) = &media.content else {
            panic!("the text branch decodes texts");
        };
        if let Encoder::Tuned(bert) = &self.encoder {
            return Ok(Box::new(bert.texts(&media.clips, texts)));
        }
        let (width, rows) = self.vectors(texts)?;
        let labels = vec![0; rows.len()];
        let clips = media.clips.clone();
        Ok(Box::new(MemorySource::new(
            vec![width],
            clips,
            labels,
            rows.concat(),
        )?))
    }

    fn sees(&self) -> Result<Option<Provenance>, PipelineError> {
        Ok(match &self.encoder {
            Encoder::Ngrams(settings) => Some(ngrams_provenance(settings)?),
            Encoder::Words(words) => Some(words.provenance()?),
            Encoder::Sentences(sentences) => Some(sentences.provenance()?),
            Encoder::Tuned(_) => None,
        })
    }

    /// Texts are small, and word vectors are looked up in a file that is read from end to end.
    fn sees_all_at_once(&self) -> bool {
        matches!(self.encoder, Encoder::Words(_))
    }
}

fn ngrams_provenance(settings: &NgramSettings) -> Result<Provenance, PipelineError> {
    Ok(Provenance {
        producer: concat!("cohort-text ", env!("CARGO_PKG_VERSION"), " n-grams").to_string(),
        settings: settings_hash(settings)?,
        ..Provenance::default()
    })
}
