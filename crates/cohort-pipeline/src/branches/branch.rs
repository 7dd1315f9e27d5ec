//! What one modality does for every job: the seam between the jobs and pictures, sounds and words.

use std::path::Path;

use cohort_data::{Clip, Dataset};
use cohort_tables::{Provenance, content_hash};
use cohort_train::{ModelConfig, Source};
use cohort_video::Frame;
use cohort_weights::Weights;
use serde_json::{Value, json};

use super::clip_media::ClipMedia;
use super::decoded::DecodedMedia;
use super::table::{Features, Skipped};
use super::video::Looked;
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::watch::Watch;

/// A modality, opened with a run's settings: what its model is trained on, and what that model sees in new media. The two share
/// every step from the medium to the sample. Encoders are loaded when they are first needed, and stay.
pub(crate) trait Branch: Send + Sync {
    /// Which it is.
    fn modality(&self) -> Modality;

    /// Name of the feature table's file.
    fn table_file(&self) -> &'static str;

    /// Finds and checks what training needs besides the clips, so that it does not fail after hours.
    ///
    /// # Errors
    /// Weights that are not to be had or not to be used.
    fn check_start(&self, watch: &dyn Watch) -> Result<(), PipelineError>;

    /// The vectors of every clip, cached at `path`; none where the network learns from the media themselves.
    ///
    /// # Errors
    /// The first clip whose media cannot be used, unless such clips are to be left out; [`PipelineError::Stopped`].
    fn table(
        &self,
        dataset: &Dataset,
        path: &Path,
        watch: &dyn Watch,
    ) -> Result<Option<Features>, PipelineError>;

    /// The samples of the three splits; `features` is the folder of the feature tables, which are brought up to date.
    ///
    /// # Errors
    /// As [`Self::table`].
    fn samples<'a>(
        &'a self,
        dataset: &'a Dataset,
        features: &Path,
        purpose: Purpose,
        watch: &dyn Watch,
    ) -> Result<Samples<'a>, PipelineError>;

    /// The network on samples of a shape.
    fn network(&self, sample: &[usize], classes: usize) -> ModelConfig;

    /// What training begins from, where that is not from scratch; a new head is drawn from `seed`.
    ///
    /// # Errors
    /// Weights that are not to be had or do not fit.
    fn start(
        &self,
        network: &ModelConfig,
        seed: u64,
        watch: &dyn Watch,
    ) -> Result<Option<Weights>, PipelineError>;

    /// Decodes what some clips have of the modality; what is odd about files that are read even so goes to `warnings`.
    ///
    /// # Errors
    /// The first medium that cannot be read, named by its clip.
    fn decode(
        &self,
        clips: &[ClipMedia],
        warnings: &mut Vec<String>,
    ) -> Result<DecodedMedia, PipelineError>;

    /// Decoded media as samples without labels, in their order.
    ///
    /// # Errors
    /// A medium that its features cannot be computed of.
    fn see<'a>(&'a self, media: &'a DecodedMedia) -> Result<Box<dyn Source + 'a>, PipelineError>;

    /// What is seen of a video's frames, of which there is one at least; none where the modality looks at no pictures.
    ///
    /// # Errors
    /// A frame that cannot be resized.
    fn look(&self, _frames: &[Frame]) -> Result<Option<Looked>, PipelineError> {
        Ok(None)
    }

    /// What is odd about each of some decoded media, by words that stand in an answer; empty where nothing is.
    fn flags(&self, _media: &DecodedMedia) -> Vec<Vec<&'static str>> {
        Vec::new()
    }

    /// Whether the media of all clips are to be seen together rather than some at a time.
    fn sees_all_at_once(&self) -> bool {
        false
    }

    /// What decides, besides the medium, what [`Self::see`] gives: producer, and weights and settings by hash. None where
    /// single media are not encoded.
    ///
    /// # Errors
    /// Settings that cannot be written.
    fn sees(&self) -> Result<Option<Provenance>, PipelineError> {
        Ok(None)
    }

    /// Says what is to be told of the media that were seen since the last time.
    fn say_seen(&self, _watch: &dyn Watch) {}
}

/// What samples are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To train: those of the training split change at random where the settings say so.
    Training,
    /// To be looked at by a trained model: all as they are.
    Seeing,
}

/// What a model is trained on.
pub(crate) struct Samples<'a> {
    /// Training, validation, test.
    pub(crate) parts: [Part<'a>; 3],
    /// Clips whose media could not be used.
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) facts: Facts,
}

/// Samples of one split, with their clips.
pub(crate) struct Part<'a> {
    pub(crate) source: Box<dyn Source + 'a>,
    pub(crate) clips: Vec<&'a Clip>,
    pub(crate) labels: Vec<usize>,
    /// Hash of what each sample was made from.
    pub(crate) hashes: Vec<String>,
}

/// What, besides the clips, decides what a model learns.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Transcripts cut at the model's limit.
    pub(crate) cut: Option<usize>,
    /// Hash of the weights that training begins from, or that the features were made with.
    pub(crate) weights: Option<String>,
    /// Hash of how the features were made.
    pub(crate) features: Option<String>,
    /// What of the pictures is seen, if not all.
    pub(crate) view: Option<Value>,
}

impl Part<'_> {
    /// Hash over clips, what each was made from, and their classes, in order.
    pub(crate) fn hash(&self) -> String {
        let mut text = String::new();
        for ((clip, hash), label) in self.clips.iter().zip(&self.hashes).zip(&self.labels) {
            text += &format!("{} {hash} {label}\n", clip.id);
        }
        content_hash(text.as_bytes())
    }
}

impl Samples<'_> {
    /// Hashes of everything that the model learns from, as they stand in `inputs.json`.
    pub(crate) fn inputs(&self) -> Value {
        let [train, valid, test] = &self.parts;
        let mut hashes =
            json!({ "train": train.hash(), "valid": valid.hash(), "test": test.hash() });
        let Facts {
            cut,
            weights,
            features,
            view,
        } = &self.facts;
        if let Some(cut) = cut {
            hashes["transcripts_cut"] = (*cut).into();
        }
        if let Some(weights) = weights {
            hashes["weights"] = weights.as_str().into();
        }
        if let Some(features) = features {
            hashes["features"] = features.as_str().into();
        }
        if let Some(view) = view {
            hashes["crop"] = view.clone();
        }
        hashes
    }
}
