//! The picture networks by name, and what each expects to see.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    CompactCnnConfig, EfficientNetLiteConfig, InceptionResnetV1Config, MobileFaceNetConfig,
    ModelConfig, NnError, ResnetConfig, ThreePathsConfig,
};

/// A picture network by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backbone {
    /// The compact CNN, trained from scratch.
    #[default]
    Compact,
    /// Inception-ResNet-V1 for faces, 512 values a face.
    InceptionResnetV1,
    /// ResNet-18, 512 values a picture.
    Resnet18,
    /// ResNet-34, 512 values a picture.
    Resnet34,
    /// ResNet-50, 2,048 values a picture.
    Resnet50,
    /// MobileFaceNet, 128 values a face.
    #[serde(rename = "mobilefacenet")]
    MobileFaceNet,
    /// The three-path network for scenes, trained from scratch; 48 values a picture.
    ThreePaths,
    /// EfficientNet-Lite0, 1,280 values a picture.
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0,
}

/// How a network's weights were trained to see pictures: values are (v / 255 - mean) / std of red,
/// green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PictureInput {
    /// Height and width in pixels.
    pub size: usize,
    /// Subtracted from each channel on [0, 1].
    pub mean: [f32; 3],
    /// What each channel is then divided by.
    pub std: [f32; 3],
}

/// ImageNet's means and deviations, as torchvision's.
const IMAGENET: [[f32; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
/// [0, 1], as the values are.
const PLAIN: [[f32; 3]; 2] = [[0.0; 3], [1.0; 3]];
/// (v - 127) / 128 on bytes.
const LITE: [[f32; 3]; 2] = [[127.0 / 255.0; 3], [128.0 / 255.0; 3]];
/// (v - 127.5) / 128 on bytes.
const FACENET: [[f32; 3]; 2] = [[0.5; 3], [128.0 / 255.0; 3]];

impl Backbone {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Compact,
        Self::InceptionResnetV1,
        Self::Resnet18,
        Self::Resnet34,
        Self::Resnet50,
        Self::MobileFaceNet,
        Self::ThreePaths,
        Self::EfficientNetLite0,
    ];

    /// As in a configuration file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::InceptionResnetV1 => "inception-resnet-v1",
            Self::Resnet18 => "resnet18",
            Self::Resnet34 => "resnet34",
            Self::Resnet50 => "resnet50",
            Self::MobileFaceNet => "mobilefacenet",
            Self::ThreePaths => "three-paths",
            Self::EfficientNetLite0 => "efficientnet-lite0",
        }
    }

    /// The pictures that published weights of this network were trained on. The compact CNN has no
    /// such weights; it takes 64 pixels and ImageNet's numbers. Nor has the three-path network, which takes
    /// 256 pixels on [0, 1].
    pub fn input(self) -> PictureInput {
        let (size, [mean, std]) = match self {
            Self::Compact => (64, IMAGENET),
            Self::InceptionResnetV1 => (160, FACENET),
            Self::Resnet18 | Self::Resnet34 | Self::Resnet50 => (224, IMAGENET),
            Self::MobileFaceNet => (MobileFaceNetConfig::SIZE, FACENET),
            Self::ThreePaths => (256, PLAIN),
            Self::EfficientNetLite0 => (224, LITE),
        };
        PictureInput { size, mean, std }
    }

    /// The network for K classes on pictures of `size` pixels, with dropout before the output (before
    /// the bottleneck in Inception-ResNet-V1). MobileFaceNet has one size and ignores another.
    pub fn config(self, size: usize, classes: usize, dropout: f64) -> ModelConfig {
        let resnet = |depth| {
            ModelConfig::Resnet(ResnetConfig {
                size,
                dropout,
                ..ResnetConfig::new(depth, classes)
            })
        };
        match self {
            Self::Compact => ModelConfig::CompactCnn(CompactCnnConfig {
                size,
                dropout,
                ..CompactCnnConfig::new(classes)
            }),
            Self::InceptionResnetV1 => ModelConfig::InceptionResnetV1(InceptionResnetV1Config {
                size,
                dropout,
                classes,
            }),
            Self::Resnet18 => resnet(18),
            Self::Resnet34 => resnet(34),
            Self::Resnet50 => resnet(50),
            Self::MobileFaceNet => {
                ModelConfig::MobileFaceNet(MobileFaceNetConfig { classes, dropout })
            }
            Self::ThreePaths => ModelConfig::ThreePaths(ThreePathsConfig {
                size,
                classes,
                dropout,
            }),
            Self::EfficientNetLite0 => ModelConfig::EfficientNetLite(EfficientNetLiteConfig {
                size,
                classes,
                dropout,
            }),
        }
    }
}

impl fmt::Display for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backbone {
    type Err = NnError;

    fn from_str(name: &str) -> Result<Self, NnError> {
        let named = Self::ALL.into_iter().find(|b| b.name() == name);
        named.ok_or_else(|| NnError::Config {
            field: "backbone",
            expected: Self::ALL.map(Self::name).join(", "),
            found: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_text_and_in_files() {
        for backbone in Backbone::ALL {
            assert_eq!(backbone.name().parse::<Backbone>().unwrap(), backbone);
            let json = serde_json::to_string(&backbone).unwrap();
            assert_eq!(json, format!("\"{backbone}\""));
        }
        let error = "vgg".parse::<Backbone>().unwrap_err().to_string();
        assert!(error.contains("compact, inception-resnet-v1"), "{error}");
    }

    #[test]
    fn every_network_takes_the_pictures_it_names() {
        for backbone in Backbone::ALL {
            let size = backbone.input().size;
            let config = backbone.config(size, 5, 0.1);
            assert!(config.validate().is_ok());
            assert_eq!(config.input_shape(), [3, size, size]);
            assert_eq!(config.classes(), 5);
        }
    }
}
