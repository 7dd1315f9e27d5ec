//! The models of a run, one a modality and the joint one.

use cohort_nn::Backbone;
use cohort_train::{JointKind, MlpConfig, ModelConfig, Selection, TrainSettings};
use serde::{Deserialize, Serialize};

use super::features::FaceFeatureConfig;

/// The face model: a compact CNN trained from scratch, or a head on what a trained network sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageSettings {
    /// The network: `compact` (default), `inception-resnet-v1`, `resnet18`, `resnet34`, `resnet50`, `mobilefacenet`,
    /// `three-paths` or `efficientnet-lite0`.
    pub backbone: Backbone,
    /// Weights of the network to begin from: a file, or `hf:org/name:file`. Empty (default): none.
    pub weights: String,
    /// Whether the network learns (`pixels`, default) or a head on its cached embeddings (`frozen`).
    pub mode: ImageMode,
    /// Share of the picture's width and height, about its middle, that the network sees; in (0, 1]. Default 1.
    pub crop: f64,
    /// Folder of a face detector: MTCNN as `pnet.pt`, `rnet.pt` and `onet.pt`, such as facenet-pytorch's package has them. The
    /// network then sees the largest face of every picture (MobileFaceNet upright, by its landmarks), and `crop` counts where
    /// there is none. Empty (default): pictures are of faces already.
    pub detector: String,
    /// Widths of the hidden layers of the head on a frozen network. Default none: one linear layer.
    pub hidden: Vec<usize>,
    /// Random changes of the training pictures.
    pub augmentation: Augmentation,
    /// Dropout before the output, in [0, 1). Default 0.3.
    pub dropout: f64,
    /// The loop.
    pub train: TrainSettings,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self {
            backbone: Backbone::Compact,
            weights: String::new(),
            mode: ImageMode::default(),
            crop: 1.0,
            detector: String::new(),
            hidden: Vec::new(),
            augmentation: Augmentation::default(),
            dropout: 0.3,
            train: TrainSettings::default(),
        }
    }
}

impl ImageSettings {
    /// Whether the network learns from given weights on.
    pub fn fine_tunes(&self) -> bool {
        self.mode == ImageMode::Pixels && !self.weights.is_empty()
    }

    /// The frozen network and how it looks at the faces.
    pub fn frozen(&self) -> FaceFeatureConfig {
        FaceFeatureConfig {
            backbone: self.backbone,
            weights: self.weights.clone(),
            crop: self.crop,
            detector: self.detector.clone(),
            scores: false,
        }
    }
}

/// What of the face model learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageMode {
    /// The network, on pictures.
    #[default]
    Pixels,
    /// A head, on the embeddings of a network that stays as it is; they are computed once.
    Frozen,
}

/// Random changes of the training pictures; each is drawn anew in every epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Augmentation {
    /// None.
    None,
    /// Mirrored, turned by up to 10 degrees, shifted by up to 6 %, scaled by up to 10 %, brightness by up to 20 %.
    #[default]
    Light,
    /// As `light`, and brightness, contrast, saturation and hue as under other light and for other skins.
    Colour,
    /// TrivialAugmentWide and mirrored, as in the reference.
    Trivial,
    /// A part of the picture enlarged to all of it (40 % of its area or more), mirrored, brightness, contrast and saturation
    /// by up to 30 %: for scenes and things, not for faces that were cut out.
    #[serde(rename = "resized-crop")]
    ResizedCrop,
}

/// A model of one feature table: the voice's or the words'.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Widths of the hidden layers; empty (default): 16, 32, 16 for audio, an embedding of 32 on n-grams, 512 on sentence
    /// vectors.
    pub hidden: Vec<usize>,
    /// Dropout before the output (text) or after each hidden layer (audio), in [0, 1).
    pub dropout: f64,
    /// The loop.
    pub train: TrainSettings,
}

impl ModelSettings {
    /// A perceptron with these hidden layers, or its own where none are given.
    pub(crate) fn perceptron(&self, own: MlpConfig) -> ModelConfig {
        ModelConfig::Mlp(MlpConfig {
            hidden: match self.hidden.as_slice() {
                [] => own.hidden.clone(),
                given => given.to_vec(),
            },
            dropout: self.dropout,
            ..own
        })
    }
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

/// The joint model: one network over what the single models see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JointSettings {
    /// Whether a run trains it. Default yes.
    pub enabled: bool,
    /// How the modalities come together: `concat`, `gated` or `attention` (default).
    pub fusion: JointKind,
    /// Width of a modality's token. Default 32.
    pub token: usize,
    /// Width of the hidden layer. Default 64.
    pub hidden: usize,
    /// Dropout, in [0, 1). Default 0.3.
    pub dropout: f64,
    /// Share of a modality's samples that are trained as if it were missing, in [0, 1). Default 0.3.
    pub modality_dropout: f64,
    /// The loop.
    pub train: TrainSettings,
}

impl Default for JointSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            fusion: JointKind::default(),
            token: 32,
            hidden: 64,
            dropout: 0.3,
            modality_dropout: 0.3,
            train: TrainSettings {
                epochs: 30,
                patience: 10,
                batch_size: 64,
                learning_rate: 2e-3,
                weight_decay: Some(5e-2),
                selection: Selection::Loss,
                ordinal_width: 0.7,
                ..TrainSettings::default()
            },
        }
    }
}
