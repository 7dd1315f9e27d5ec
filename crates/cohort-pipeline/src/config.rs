//! A run's configuration: every value that decides its outcome, as data.

use std::path::{Path, PathBuf};

use cohort_audio::{AcousticSettings, Preset};
use cohort_text::NgramSettings;
use cohort_train::{CompactCnnConfig, DeviceChoice, MlpConfig, ModelConfig, TrainSettings};
use serde::{Deserialize, Serialize};

use crate::{Modality, PipelineError};

/// Configuration of a whole run; `config.toml` of a run folder is one with every value resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Folder of the data set; a relative path starts at the folder of the configuration file.
    pub data: PathBuf,
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
    /// How features are computed.
    pub features: FeatureConfig,
    /// The face model.
    pub image: ModelSettings,
    /// The voice model.
    pub audio: ModelSettings,
    /// The word model.
    pub text: ModelSettings,
    /// How the models' predictions are combined.
    pub fusion: FusionConfig,
    /// How the result is audited.
    pub audit: AuditConfig,
}

/// How features are computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// Side of the square face picture, in pixels; 16 to 512. Default 64.
    pub image_size: usize,
    /// Acoustic features.
    pub audio: AudioFeatureConfig,
    /// Hashed n-grams.
    pub text: NgramSettings,
}

/// Acoustic features of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AudioFeatureConfig {
    /// `speech` (default), `first-impressions` (the reference's parameters) or `speech-extended`.
    pub preset: Preset,
}

impl AudioFeatureConfig {
    /// The preset's settings.
    pub fn settings(&self) -> AcousticSettings {
        AcousticSettings::preset(self.preset)
    }
}

/// A model of one modality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Widths of the hidden layers; empty (default): 16, 32, 16 for audio and an embedding of 32 for text. The image
    /// model is a compact CNN without hidden layers.
    pub hidden: Vec<usize>,
    /// Dropout before the output (image, text) or after each hidden layer (audio), in [0, 1).
    pub dropout: f64,
    /// The loop.
    pub train: TrainSettings,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            hidden: Vec::new(),
            dropout: 0.3,
            train: TrainSettings::default(),
        }
    }
}

/// How the models' predictions are combined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FusionConfig {
    /// Resamples of the intervals in the ablation. Default 2,000.
    pub resamples: usize,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self { resamples: 2_000 }
    }
}

/// How the result is audited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Attribute columns; empty: all of the schema.
    pub groups: Vec<String>,
    /// Resamples of the intervals. Default 10,000.
    pub resamples: usize,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            resamples: 10_000,
        }
    }
}

impl Default for FeatureConfig {
    fn default() -> Self {
        Self {
            image_size: 64,
            audio: AudioFeatureConfig::default(),
            text: NgramSettings::default(),
        }
    }
}

impl Default for AudioFeatureConfig {
    fn default() -> Self {
        Self {
            preset: Preset::Speech,
        }
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        let model = |dropout: f64, train: TrainSettings| ModelSettings {
            dropout,
            train,
            ..ModelSettings::default()
        };
        let base = TrainSettings::default();
        Self {
            data: PathBuf::new(),
            seed: 1,
            device: DeviceChoice::default(),
            modalities: Modality::ALL.to_vec(),
            skip_bad: false,
            composed: false,
            features: FeatureConfig::default(),
            image: model(
                0.3,
                TrainSettings {
                    epochs: 40,
                    patience: 12,
                    ..base.clone()
                },
            ),
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
                    ..base
                },
            ),
            fusion: FusionConfig::default(),
            audit: AuditConfig::default(),
        }
    }
}

impl RunConfig {
    /// Reads a configuration file; a relative `data` becomes relative to the file's folder.
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
        let mut config: Self =
            toml::from_str(&text).map_err(|error| bad(error.to_string().trim_end().to_string()))?;
        if config.data.as_os_str().is_empty() {
            return Err(bad("expected data = \"FOLDER\", found none".to_string()));
        }
        if config.data.is_relative()
            && let Some(folder) = path.parent()
        {
            config.data = folder.join(&config.data);
        }
        Ok(config)
    }

    /// The configuration with the run's seed and device in every model's settings, checked.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn resolve(mut self) -> Result<Self, PipelineError> {
        for model in [&mut self.image, &mut self.audio, &mut self.text] {
            model.train.seed = self.seed;
            model.train.device = self.device;
            model.train.validate()?;
        }
        self.features.text.validate()?;
        if !self.image.hidden.is_empty() {
            return Err(PipelineError::Setting {
                name: "image.hidden",
                expected: "none: the compact CNN has no hidden layers",
                found: format!("{:?}", self.image.hidden),
            });
        }
        if !(16..=512).contains(&self.features.image_size) {
            return Err(PipelineError::Setting {
                name: "features.image_size",
                expected: "16 to 512 pixels",
                found: self.features.image_size.to_string(),
            });
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

    /// Settings of a modality's model.
    pub fn model(&self, modality: Modality) -> &ModelSettings {
        match modality {
            Modality::Image => &self.image,
            Modality::Audio => &self.audio,
            Modality::Text => &self.text,
        }
    }

    /// The network of a modality on samples of length `inputs` (audio, text) or `[3, S, S]` (image).
    pub fn network(&self, modality: Modality, inputs: usize, classes: usize) -> ModelConfig {
        let settings = self.model(modality);
        let hidden = |own: Vec<usize>| {
            if settings.hidden.is_empty() {
                own
            } else {
                settings.hidden.clone()
            }
        };
        match modality {
            Modality::Image => ModelConfig::CompactCnn(CompactCnnConfig {
                size: self.features.image_size,
                dropout: settings.dropout,
                ..CompactCnnConfig::new(classes)
            }),
            Modality::Audio => {
                let own = MlpConfig::audio(inputs, classes);
                ModelConfig::Mlp(MlpConfig {
                    hidden: hidden(own.hidden.clone()),
                    dropout: settings.dropout,
                    ..own
                })
            }
            Modality::Text => {
                let own = MlpConfig::fast_text(inputs, 32, classes);
                ModelConfig::Mlp(MlpConfig {
                    hidden: hidden(own.hidden.clone()),
                    dropout: settings.dropout,
                    ..own
                })
            }
        }
    }
}
