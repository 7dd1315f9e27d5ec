//! `cohort features`: acoustic and text features of every clip and embeddings of faces, cached.

use std::path::PathBuf;

use clap::Args;
use cohort_audio::Preset;
use cohort_data::Dataset;
use cohort_pipeline::{Backbone, DeviceChoice, ImageMode, RunConfig, TranscribeConfig};

use super::named::{DEVICES, named};
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort features`.
#[derive(Debug, Args)]
pub(crate) struct Features {
    /// Folder of a data set
    root: PathBuf,
    #[command(flatten)]
    reading: super::reading::Reading,
    /// Folder of the tables acoustic.parquet, text.parquet and faces.parquet
    #[arg(long, value_name = "DIR", default_value = "features")]
    out: PathBuf,
    /// Acoustic features
    #[arg(long, value_name = "PRESET", default_value = "speech", value_parser = named::<Preset>(Preset::ALL.map(Preset::name)))]
    preset: Preset,
    #[command(flatten)]
    text: super::run::TextOptions,
    /// Write down, from its sound, what is said in every clip without a transcript, by this Whisper: a folder in the Hugging
    /// Face layout, or hf:org/name; texts go to transcripts.csv (needs a build with --features whisper)
    #[arg(long, value_name = "WEIGHTS")]
    transcribe: Option<String>,
    /// Language of those transcripts: a code such as en or de, or auto for the likeliest of each clip [default: en]
    #[arg(long, value_name = "CODE", requires = "transcribe")]
    language: Option<String>,
    /// Where networks are computed
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = named::<DeviceChoice>(DEVICES))]
    device: DeviceChoice,
    /// Embed the pictures too, into faces.parquet, by this network
    #[arg(long, value_name = "NETWORK", requires = "weights", value_parser = named::<Backbone>(Backbone::ALL.map(Backbone::name)))]
    faces: Option<Backbone>,
    /// Weights of that network: a PyTorch or safetensors file, or hf:org/name:file
    #[arg(long, value_name = "FILE", requires = "faces")]
    weights: Option<String>,
    /// Share of the picture, about its middle, that the network sees
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    crop: f64,
    /// Folder of a face detector (MTCNN: pnet.pt, rnet.pt, onet.pt); the network then sees the largest face of every picture
    #[arg(long, value_name = "DIR", requires = "faces")]
    detector: Option<String>,
    /// Leave out, count and list clips whose media cannot be used
    #[arg(long)]
    skip_bad: bool,
    /// Print one JSON document (cohort.features/1)
    #[arg(long)]
    json: bool,
}

impl Features {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let mut dataset = Dataset::open_with(&self.root, &self.reading.options())?;
        shell.say_notes(&dataset.notes);
        let mut config = RunConfig {
            data: self.root.clone(),
            device: self.device,
            skip_bad: self.skip_bad,
            ..RunConfig::default()
        };
        config.features.audio.preset = self.preset;
        self.text.apply(&mut config.features.text);
        if let Some(backbone) = self.faces {
            config.image.backbone = backbone;
            config.image.mode = ImageMode::Frozen;
            config.image.weights = self.weights.unwrap_or_default();
            config.image.crop = self.crop;
            config.image.detector = self.detector.unwrap_or_default();
        }
        let config = config.resolve()?;
        let transcribed = match self.transcribe {
            Some(weights) => {
                let language = self.language.unwrap_or_else(|| "en".to_string());
                Some(cohort_pipeline::transcribe_missing(
                    &mut dataset,
                    &TranscribeConfig { weights, language },
                    self.device,
                    &self.out,
                    self.skip_bad,
                    shell,
                )?)
            }
            None => None,
        };
        let tables = cohort_pipeline::feature_tables(&dataset, &config, &self.out, shell)?
            .with_transcripts(transcribed);
        if self.json {
            let mut document = tables.document();
            if !dataset.notes.is_empty() {
                document["notes"] = dataset.notes_for_documents().into();
            }
            shell.print_json(&document)?;
        } else {
            shell.print(&tables.to_text())?;
        }
        Ok(Outcome::Done)
    }
}
