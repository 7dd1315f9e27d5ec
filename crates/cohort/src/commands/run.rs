//! `cohort run`: the whole job on your data.

use std::path::PathBuf;

use clap::Args;
use cohort_pipeline::{Backbone, Modality, RunConfig, TextEncoder, TextFeatureConfig};

use super::named::{DEVICES, named};
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Folder of a data set, or a configuration file (.toml)
    data: PathBuf,
    /// Run folder; made when it is not there
    #[arg(long, value_name = "DIR", default_value = "cohort-run")]
    out: PathBuf,
    /// Go on with the run that is in the run folder
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    changes: Changes,
}

/// Settings that may be given on the command line; each overrides the configuration file.
#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Seed of everything random [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Where networks are computed [default: cpu]
    #[arg(long, value_name = "DEVICE", value_parser = named::<cohort_pipeline::DeviceChoice>(DEVICES))]
    pub(crate) device: Option<cohort_pipeline::DeviceChoice>,
    /// Modalities to use, separated by commas [default: image,audio,text]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = named::<Modality>(Modality::ALL.map(Modality::name)))]
    pub(crate) modalities: Option<Vec<Modality>>,
    /// Most epochs of every model
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// The network on pictures [default: compact]
    #[arg(long, value_name = "NETWORK", value_parser = named::<Backbone>(Backbone::ALL.map(Backbone::name)))]
    backbone: Option<Backbone>,
    /// Side of the pictures that a network from scratch sees, in pixels
    #[arg(long, value_name = "PIXELS")]
    image_size: Option<usize>,
    /// Folder of a face detector (MTCNN: pnet.pt, rnet.pt, onet.pt); the face model then sees the largest face of every
    /// picture
    #[arg(long, value_name = "DIR")]
    detector: Option<String>,
    /// Leave out, count and list clips whose media cannot be used
    #[arg(long)]
    pub(crate) skip_bad: bool,
    /// Faces, voices and words were paired by hand, not recorded together: say so in the report
    #[arg(long)]
    pub(crate) composed: bool,
    #[command(flatten)]
    pub(crate) reading: super::reading::Reading,
    #[command(flatten)]
    pub(crate) text: TextOptions,
    /// Last layers of the BERT that are trained with its head [default: 0, it stays as it is]
    #[arg(long, value_name = "LAYERS")]
    tune_text: Option<usize>,
}

/// How transcripts become vectors.
#[derive(Debug, Args)]
pub(crate) struct TextOptions {
    /// What turns a transcript into a vector [default: ngrams; with --text-weights bert for a folder or hf:org/name,
    /// fasttext for a file or hf:org/name:file]
    #[arg(long, value_name = "ENCODER", value_parser = named::<TextEncoder>(["ngrams", "bert", "fasttext"]))]
    text_encoder: Option<TextEncoder>,
    /// Folder of a BERT or sentence-transformers model or hf:org/name, or file of fastText's word vectors (.vec, .bin) or
    /// hf:org/name:file
    #[arg(long, value_name = "PATH")]
    text_weights: Option<PathBuf>,
}

impl TextOptions {
    /// Puts these options into the configuration.
    pub(crate) fn apply(self, config: &mut TextFeatureConfig) {
        if let Some(weights) = self.text_weights {
            let name = weights.to_str().and_then(|name| name.strip_prefix("hf:"));
            let file = name.map_or(weights.is_file(), |name| name.contains(':'));
            config.encoder = match file {
                true => TextEncoder::FastText,
                false => TextEncoder::Bert,
            };
            config.weights = Some(weights);
        }
        if let Some(encoder) = self.text_encoder {
            config.encoder = encoder;
        }
    }
}

impl Changes {
    /// The first option that was given and says nothing to a training on tables of vectors alone.
    pub(super) fn first_of_media(&self) -> Option<&'static str> {
        [
            ("--modalities", self.modalities.is_some()),
            ("--backbone", self.backbone.is_some()),
            ("--image-size", self.image_size.is_some()),
            ("--detector", self.detector.is_some()),
            ("--skip-bad", self.skip_bad),
            ("--composed", self.composed),
            ("--text-encoder", self.text.text_encoder.is_some()),
            ("--text-weights", self.text.text_weights.is_some()),
            ("--tune-text", self.tune_text.is_some()),
        ]
        .into_iter()
        .find_map(|(option, given)| given.then_some(option))
        .or_else(|| self.reading.first_given())
    }

    /// The configuration with these changes.
    pub(crate) fn apply(self, mut config: RunConfig) -> RunConfig {
        config.seed = self.seed.unwrap_or(config.seed);
        config.device = self.device.unwrap_or(config.device);
        config.modalities = self.modalities.unwrap_or(config.modalities);
        config.skip_bad |= self.skip_bad;
        config.composed |= self.composed;
        self.text.apply(&mut config.features.text);
        self.reading.apply(&mut config.reading);
        config.image.backbone = self.backbone.unwrap_or(config.image.backbone);
        config.features.image_size = self.image_size.unwrap_or(config.features.image_size);
        config.image.detector = self.detector.unwrap_or(config.image.detector);
        if let Some(layers) = self.tune_text {
            config.tune_text(layers);
        }
        if let Some(epochs) = self.epochs {
            for train in config.every_train_settings() {
                train.epochs = epochs;
                train.warmup_epochs = train.warmup_epochs.min(epochs);
            }
            for train in [&mut config.embedding.train, &mut config.pairs.train] {
                train.epochs = epochs;
                train.warmup_epochs = train.warmup_epochs.min(epochs);
            }
        }
        config
    }
}

impl Run {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let is_file = self
            .data
            .extension()
            .is_some_and(|extension| extension == "toml");
        let config = if is_file {
            RunConfig::read(&self.data)?
        } else {
            RunConfig {
                data: self.data,
                ..RunConfig::default()
            }
        };
        let config = self.changes.apply(config).resolve()?;
        let summary = cohort_pipeline::run(&config, &self.out, self.resume, shell)?;
        shell.print(&summary.to_text())?;
        Ok(Outcome::Done)
    }
}
