//! How features are computed.

use cohort_audio::{AcousticSettings, Preset};
use cohort_nn::Backbone;
use serde::{Deserialize, Serialize};

use super::text::TextFeatureConfig;

/// How features are computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// Side of the square face picture, in pixels; 16 to 512. Default 64.
    pub image_size: usize,
    /// Acoustic features.
    pub audio: AudioFeatureConfig,
    /// Word features.
    pub text: TextFeatureConfig,
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

impl Default for FeatureConfig {
    fn default() -> Self {
        Self {
            image_size: 64,
            audio: AudioFeatureConfig::default(),
            text: TextFeatureConfig::default(),
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

/// Which network looks at the faces, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaceFeatureConfig {
    /// The network.
    pub backbone: Backbone,
    /// Its weights: a file, or `hf:org/name:file`.
    pub weights: String,
    /// Share of the picture's width and height, about its middle, that the network sees; in (0, 1].
    /// Default 1.
    pub crop: f64,
    /// Folder of a face detector, MTCNN as `pnet.pt`, `rnet.pt` and `onet.pt`; the network then sees the largest face of
    /// every picture, and `crop` counts where there is none. Empty (default): none.
    pub detector: String,
    /// Whether the probabilities of the classes that the network was trained on are wanted, in their order, instead of what it
    /// sees before its output layer. Default no.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scores: bool,
}

impl Default for FaceFeatureConfig {
    fn default() -> Self {
        Self {
            backbone: Backbone::MobileFaceNet,
            weights: String::new(),
            crop: 1.0,
            detector: String::new(),
            scores: false,
        }
    }
}
