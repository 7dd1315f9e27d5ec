//! A run's configuration: every value that decides its outcome, as data.

mod changed;
mod evaluation;
mod features;
mod listed;
mod models;
mod reading;
mod text;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use cohort_data::{DataError, Dataset};
use cohort_nn::{Backbone, ThreePathsConfig};
use cohort_tables::did_you_mean_of;
use cohort_train::{AlignSettings, DeviceChoice, EmbeddingSettings, TrainSettings};
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;
use crate::modality::Modality;

pub use evaluation::{AuditConfig, FusionConfig};
pub use features::{AudioFeatureConfig, FaceFeatureConfig, FeatureConfig};
pub use models::{Augmentation, ImageMode, ImageSettings, JointSettings, ModelSettings};
pub use reading::ReadingConfig;
pub use text::{TextEncoder, TextFeatureConfig};

/// Configuration of a whole run; `config.toml` of a run folder is one with every value resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Title of the report; empty (default): the name of the data set's schema.
    pub title: String,
    /// Folder of the data set; a relative path starts at the folder of the configuration file.
    pub data: PathBuf,
    /// How it is read, where its layout does not say it.
    #[serde(skip_serializing_if = "ReadingConfig::is_default")]
    pub reading: ReadingConfig,
    /// Seed of everything random. Default 1.
    pub seed: u64,
    /// Where networks are computed: `cpu` (default), `vulkan` or `cuda`.
    pub device: DeviceChoice,
    /// Modalities to train, in order. Default image, audio, text; those without media are left out.
    pub modalities: Vec<Modality>,
    /// Leave out, count and list clips whose media cannot be used, instead of ending with an error. Default no.
    pub skip_bad: bool,
    /// Whether faces, voices and words were paired by hand, not recorded together: the report then says so. Default no.
    pub composed: bool,
    /// Whether the page shows pictures of the most telling mistakes; none (default): where no subject has several items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gallery: Option<bool>,
    /// How features are computed.
    pub features: FeatureConfig,
    /// The face model.
    pub image: ImageSettings,
    /// The voice model.
    pub audio: ModelSettings,
    /// The word model.
    pub text: ModelSettings,
    /// The model that learns from all of them together.
    pub joint: JointSettings,
    /// An embedding by metric learning (`cohort train embedding`); a run has none.
    #[serde(skip_serializing_if = "is_usual_embedding")]
    pub embedding: EmbeddingSettings,
    /// Heads on pairs of pictures and captions (`cohort train pairs`); a run has none.
    #[serde(skip_serializing_if = "are_usual_pairs")]
    pub pairs: AlignSettings,
    /// How the models' predictions are combined.
    pub fusion: FusionConfig,
    /// How the result is audited.
    pub audit: AuditConfig,
}

impl Default for RunConfig {
    fn default() -> Self {
        let model = |dropout: f64, train: TrainSettings| ModelSettings {
            dropout,
            train,
            ..ModelSettings::default()
        };
        // Age groups are ordered and their counts differ by a factor of a hundred: neighbours teach each other, and
        // the weights of rare classes set in only when the network can see. Measured on the embedded corpus, both
        // together raise the face model's balanced accuracy by half.
        let base = TrainSettings {
            ordinal_width: 0.7,
            deferred_weights: 0.7,
            ..TrainSettings::default()
        };
        Self {
            title: String::new(),
            data: PathBuf::new(),
            reading: ReadingConfig::default(),
            seed: 1,
            device: DeviceChoice::default(),
            modalities: Modality::ALL.to_vec(),
            skip_bad: false,
            composed: false,
            gallery: None,
            features: FeatureConfig::default(),
            image: ImageSettings {
                train: TrainSettings {
                    epochs: 24,
                    patience: 6,
                    learning_rate: 4e-3,
                    ..base.clone()
                },
                ..ImageSettings::default()
            },
            audio: model(
                0.4,
                TrainSettings {
                    epochs: 120,
                    patience: 40,
                    learning_rate: 5e-3,
                    ..base.clone()
                },
            ),
            text: model(
                0.3,
                TrainSettings {
                    epochs: 60,
                    patience: 20,
                    learning_rate: 5e-3,
                    batch_size: 64,
                    deferred_weights: 0.0,
                    ..base
                },
            ),
            joint: JointSettings::default(),
            embedding: EmbeddingSettings::default(),
            pairs: AlignSettings::default(),
            fusion: FusionConfig::default(),
            audit: AuditConfig::default(),
        }
    }
}

/// An embedding of which nothing is said is not written, so that the configuration of a run is what it was without.
fn is_usual_embedding(settings: &EmbeddingSettings) -> bool {
    *settings == EmbeddingSettings::default()
}

/// As [`is_usual_embedding`].
fn are_usual_pairs(settings: &AlignSettings) -> bool {
    *settings == AlignSettings::default()
}

/// An error when a setting is out of its range.
fn check(
    name: &'static str,
    holds: bool,
    expected: &'static str,
    found: &dyn Display,
) -> Result<(), PipelineError> {
    if holds {
        return Ok(());
    }
    Err(PipelineError::Setting {
        name,
        expected,
        found: found.to_string(),
    })
}

/// The first of many widths.
fn brief(widths: &[usize]) -> String {
    let first: Vec<String> = widths.iter().take(20).map(usize::to_string).collect();
    let more = if widths.len() > 20 { ", ..." } else { "" };
    format!("[{}{more}]", first.join(", "))
}

/// Replaces the values that `given` has, and no others.
fn set(table: &mut toml::Table, given: toml::Table) {
    for (key, value) in given {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(given)) => set(inner, given),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}

impl RunConfig {
    /// Reads a configuration file; what it does not set is as in [`RunConfig::default`], in a table that it sets a part of
    /// too. A relative `data` or `image.weights` becomes relative to the file's folder.
    ///
    /// # Errors
    /// [`PipelineError::Config`] naming the file and the place in it.
    pub fn read(path: &Path) -> Result<Self, PipelineError> {
        let text = std::fs::read_to_string(path).map_err(|source| PipelineError::Media {
            path: path.to_path_buf(),
            source,
        })?;
        let bad = |message: String| PipelineError::Config {
            path: path.to_path_buf(),
            message,
        };
        let unusable = |error: &dyn Display| {
            let message = error.to_string();
            bad(message.trim_end().to_string() + &did_you_mean_of(&message))
        };
        // by itself first, which names the line of a mistake
        toml::from_str::<Self>(&text).map_err(|error| unusable(&error))?;
        let given = toml::from_str(&text).map_err(|error| unusable(&error))?;
        let mut whole = toml::Table::try_from(Self::default()).map_err(|error| unusable(&error))?;
        set(&mut whole, given);
        let mut config: Self = whole.try_into().map_err(|error| unusable(&error))?;
        if config.data.as_os_str().is_empty() {
            return Err(bad("expected data = \"FOLDER\", found none".to_string()));
        }
        if config.data.is_relative()
            && let Some(folder) = path.parent()
        {
            config.data = folder.join(&config.data);
        }
        if let Some(folder) = path.parent() {
            let lists = config.reading.lists_mut().into_iter().flatten();
            for list in lists.filter(|list| list.is_relative()) {
                *list = folder.join(&*list);
            }
        }
        let named = |weights: &Path| weights.to_str().is_some_and(|name| name.starts_with("hf:"));
        if let (Some(weights), Some(folder)) = (&mut config.features.text.weights, path.parent())
            && !named(weights)
            && weights.is_relative()
        {
            *weights = folder.join(&*weights);
        }
        config.tune_text(config.features.text.tuned_layers);
        let weights = Path::new(&config.image.weights);
        if !config.image.weights.is_empty()
            && !named(weights)
            && weights.is_relative()
            && let Some(folder) = path.parent()
        {
            config.image.weights = folder.join(weights).display().to_string();
        }
        Ok(config)
    }

    /// Opens the data set.
    ///
    /// # Errors
    /// As [`Dataset::open_with`].
    pub fn open_dataset(&self) -> Result<Dataset, DataError> {
        Dataset::open_with(&self.data, &self.reading.options())
    }

    /// Trains the last `layers` layers of the BERT with its head. Where the words' loop is the default one, it becomes
    /// one for that: 8 epochs, and a rate of 1e-3 (1e-4 for those layers).
    pub fn tune_text(&mut self, layers: usize) {
        self.features.text.tuned_layers = layers;
        let usual = Self::default().text.train;
        if layers > 0 && self.text.train == usual {
            self.text.train = TrainSettings {
                epochs: 8,
                patience: 3,
                batch_size: 32,
                learning_rate: 1e-3,
                ..usual
            };
        }
    }

    /// The configuration with the run's seed and device in every model's settings, checked.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn resolve(mut self) -> Result<Self, PipelineError> {
        let (seed, device) = (self.seed, self.device);
        for train in self.every_train_settings() {
            train.seed = seed;
            train.device = device;
            train.validate()?;
            *train = train.clone().resolved();
        }
        self.embedding_settings().validate()?;
        self.pairs_settings().validate()?;
        self.features.text.validate()?;
        self.check_networks()?;
        for (name, resamples) in [
            ("fusion.resamples", self.fusion.resamples),
            ("audit.resamples", self.audit.resamples),
        ] {
            check(
                name,
                (100..=1_000_000).contains(&resamples),
                "100 to 1000000",
                &resamples,
            )?;
        }
        if !(16..=512).contains(&self.features.image_size) {
            return Err(PipelineError::Setting {
                name: "features.image_size",
                expected: "16 to 512 pixels",
                found: self.features.image_size.to_string(),
            });
        }
        check(
            "image.crop",
            self.image.crop > 0.0 && self.image.crop <= 1.0,
            "a share above 0 and up to 1",
            &self.image.crop,
        )?;
        if self.image.mode == ImageMode::Frozen && self.image.weights.is_empty() {
            return Err(PipelineError::Setting {
                name: "image.weights",
                expected: "a file or hf:org/name:file for a frozen network",
                found: "none".to_string(),
            });
        }
        if self.image.fine_tunes() {
            let tuning = &mut self.image.train.fine_tuning;
            *tuning = Some(tuning.unwrap_or_default());
        }
        if self.features.text.tuned_layers > 0 {
            let tuning = &mut self.text.train.fine_tuning;
            *tuning = Some(tuning.unwrap_or_default());
        }
        if self.modalities.is_empty() {
            return Err(PipelineError::Setting {
                name: "modalities",
                expected: "at least one of image, audio, text",
                found: "none".to_string(),
            });
        }
        Ok(self)
    }

    /// Checks the shapes of the networks, before anything takes memory for them.
    fn check_networks(&self) -> Result<(), PipelineError> {
        let text = match self.features.text.encoder {
            TextEncoder::Ngrams => self.features.text.buckets,
            // the width of a sentence vector is known when it is read
            TextEncoder::Bert | TextEncoder::FastText => 1,
        };
        for (name, inputs, widths) in [
            ("image.hidden", 1, &self.image.hidden),
            ("audio.hidden", 1, &self.audio.hidden),
            ("text.hidden", text, &self.text.hidden),
        ] {
            let fits =
                widths.len() <= 16 && widths.iter().all(|width| (1..=16_384).contains(width));
            check(
                name,
                fits,
                "at most 16 layers of 1 to 16384 units",
                &brief(widths),
            )?;
            let layers = std::iter::once(&inputs).chain(widths).zip(widths);
            // each factor is bounded by now
            let weights: usize = layers.map(|(from, to)| from * to).sum();
            check(
                name,
                weights <= 100_000_000,
                "layers of at most 100000000 weights together",
                &weights,
            )?;
        }
        let least = ThreePathsConfig::LEAST_SIZE;
        check(
            "features.image_size",
            self.image.backbone != Backbone::ThreePaths || self.features.image_size >= least,
            "at least 132 for three-paths, which was made for 256",
            &self.features.image_size,
        )?;
        let joint = &self.joint;
        check(
            "joint.token",
            (1..=2_048).contains(&joint.token),
            "1 to 2048",
            &joint.token,
        )?;
        check(
            "joint.hidden",
            (1..=8_192).contains(&joint.hidden),
            "1 to 8192",
            &joint.hidden,
        )?;
        for (name, share) in [
            ("image.dropout", self.image.dropout),
            ("audio.dropout", self.audio.dropout),
            ("text.dropout", self.text.dropout),
            ("joint.dropout", joint.dropout),
            ("joint.modality_dropout", joint.modality_dropout),
        ] {
            check(
                name,
                (0.0..1.0).contains(&share),
                "at least 0 and below 1",
                &share,
            )?;
        }
        Ok(())
    }

    /// The settings of an embedding, with the run's seed and device.
    pub fn embedding_settings(&self) -> EmbeddingSettings {
        let mut settings = self.embedding.clone();
        settings.train.seed = self.seed;
        settings.train.device = self.device;
        if self.image.fine_tunes() {
            settings.fine_tuning = Some(settings.fine_tuning.unwrap_or_default());
        }
        settings
    }

    /// The settings of heads on pairs, with the run's seed and device.
    pub fn pairs_settings(&self) -> AlignSettings {
        let mut settings = self.pairs.clone();
        settings.train.seed = self.seed;
        settings.train.device = self.device;
        settings
    }

    /// Dropout of a modality's model.
    pub fn dropout(&self, modality: Modality) -> f64 {
        match modality {
            Modality::Image => self.image.dropout,
            Modality::Audio => self.audio.dropout,
            Modality::Text => self.text.dropout,
        }
    }

    /// Widths of the hidden layers of a modality's model.
    pub fn hidden(&self, modality: Modality) -> &[usize] {
        match modality {
            Modality::Image => &self.image.hidden,
            Modality::Audio => &self.audio.hidden,
            Modality::Text => &self.text.hidden,
        }
    }

    /// The training loop of a modality's model.
    pub fn train_settings(&self, modality: Modality) -> &TrainSettings {
        match modality {
            Modality::Image => &self.image.train,
            Modality::Audio => &self.audio.train,
            Modality::Text => &self.text.train,
        }
    }

    /// [`Self::train_settings`], to be changed.
    pub fn train_settings_mut(&mut self, modality: Modality) -> &mut TrainSettings {
        match modality {
            Modality::Image => &mut self.image.train,
            Modality::Audio => &mut self.audio.train,
            Modality::Text => &mut self.text.train,
        }
    }

    /// Widths of the hidden layers of a modality's model, to be changed.
    pub fn hidden_mut(&mut self, modality: Modality) -> &mut Vec<usize> {
        match modality {
            Modality::Image => &mut self.image.hidden,
            Modality::Audio => &mut self.audio.hidden,
            Modality::Text => &mut self.text.hidden,
        }
    }

    /// The training loops of the image, the audio, the text and the joint model.
    pub fn every_train_settings(&mut self) -> [&mut TrainSettings; 4] {
        [
            &mut self.image.train,
            &mut self.audio.train,
            &mut self.text.train,
            &mut self.joint.train,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_checked_before_anything_is_done() {
        let told = |text: &str| {
            let config: RunConfig = toml::from_str(text).unwrap();
            config.resolve().unwrap_err().to_string()
        };
        for (text, message) in [
            (
                "[audit]\nresamples = 5",
                "audit.resamples: expected 100 to 1000000, found 5",
            ),
            ("[audit]\nresamples = 2000000", "audit.resamples"),
            (
                "[fusion]\nresamples = 99",
                "fusion.resamples: expected 100 to 1000000, found 99",
            ),
            (
                "[audio]\nhidden = [0]",
                "audio.hidden: expected at most 16 layers of 1 to 16384 units, found [0]",
            ),
            ("[text]\nhidden = [8, 0]", "text.hidden"),
            (
                "[image]\nbackbone = \"three-paths\"",
                "features.image_size: expected at least 132 for three-paths, which was made for 256, found 64",
            ),
            ("[image]\nhidden = [0]", "image.hidden"),
            ("[audio]\nhidden = [1000000, 1000000]", "audio.hidden"),
            (
                "[audio]\nhidden = [16384, 16384]",
                "at most 100000000 weights together, found 268451840",
            ),
            (
                "[text]\nhidden = [16384]\n[features.text]\nbuckets = 1048576",
                "at most 100000000 weights",
            ),
            (
                "[text]\ndropout = 7",
                "text.dropout: expected at least 0 and below 1, found 7",
            ),
            ("[audio]\ndropout = nan", "audio.dropout"),
            ("[image]\ndropout = -0.1", "image.dropout"),
            (
                "[joint]\ntoken = 0",
                "joint.token: expected 1 to 2048, found 0",
            ),
            ("[joint]\ntoken = 100000000", "joint.token"),
            (
                "[joint]\nhidden = 0",
                "joint.hidden: expected 1 to 8192, found 0",
            ),
            ("[joint]\nmodality_dropout = 5", "joint.modality_dropout"),
            ("[joint]\ndropout = 1", "joint.dropout"),
            ("[joint.train]\nepochs = 0", "epochs must be at least 1"),
            (
                "[text.train]\nepochs = 2000000",
                "epochs must be at least 1 and at most 1000000, found 2000000",
            ),
            (
                "[image.train]\nbatch_size = 2000000",
                "batch_size must be at least 2 and at most 1000000",
            ),
        ] {
            let found = told(text);
            assert!(found.contains(message), "{text}: {found}");
        }
        let wide = "[audio]\nhidden = [4096, 4096]\n[text]\nhidden = []\n[audit]\nresamples = 100";
        toml::from_str::<RunConfig>(wide)
            .unwrap()
            .resolve()
            .unwrap();
    }

    #[test]
    fn what_a_file_does_not_set_is_as_without_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        let text = "data = \"/data\"\n[image]\ncrop = 0.5\n[image.train.fine_tuning]\nrate = 0.2\n\
                    [audio.train]\nepochs = 3\n[joint]\n";
        std::fs::write(&file, text).unwrap();
        let mut expected = RunConfig {
            data: "/data".into(),
            ..RunConfig::default()
        };
        expected.image.crop = 0.5;
        expected.image.train.fine_tuning = Some(cohort_train::FineTuning {
            rate: 0.2,
            ..cohort_train::FineTuning::default()
        });
        expected.audio.train.epochs = 3;
        assert_eq!(RunConfig::read(&file).unwrap(), expected);
    }
}
