//! A compact convolutional network for face crops, trained from scratch.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::block::ConvBlock;
use crate::checks::{at_least, share};
use crate::dropout::dropout;
use crate::output::Output;

/// Settings of a [`CompactCnn`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompactCnnConfig {
    /// Height and width S of a picture in pixels. Default 64.
    #[serde(default = "default_size")]
    pub size: usize,
    /// Colour channels of a picture. Default 3.
    #[serde(default = "default_channels")]
    pub channels: usize,
    /// Number of classes K.
    pub classes: usize,
    /// Channels and stride (1 or 2) of each block. Default: six blocks.
    #[serde(default = "default_blocks")]
    pub blocks: Vec<[usize; 2]>,
    /// Dropout before the output layer, in [0, 1). Default 0.3.
    #[serde(default = "default_dropout")]
    pub dropout: f64,
}

fn default_size() -> usize {
    64
}

fn default_channels() -> usize {
    3
}

fn default_blocks() -> Vec<[usize; 2]> {
    vec![[16, 2], [32, 2], [48, 1], [64, 2], [96, 2], [128, 1]]
}

fn default_dropout() -> f64 {
    0.3
}

impl CompactCnnConfig {
    /// Defaults for K classes.
    pub fn new(classes: usize) -> Self {
        Self {
            size: default_size(),
            channels: default_channels(),
            classes,
            blocks: default_blocks(),
            dropout: default_dropout(),
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        at_least("size", self.size, 1)?;
        at_least("channels", self.channels, 1)?;
        at_least("classes", self.classes, 2)?;
        at_least("blocks", self.blocks.len(), 1)?;
        for &[channels, stride] in &self.blocks {
            at_least("blocks", channels, 1)?;
            if !(1..=2).contains(&stride) {
                return Err(NnError::Config {
                    field: "blocks",
                    expected: "[channels, stride] with stride 1 or 2".to_owned(),
                    found: format!("stride {stride}"),
                });
            }
        }
        share("dropout", self.dropout)
    }

    /// Builds the network with initial weights from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<CompactCnn, NnError> {
        self.validate()?;
        let mut inputs = self.channels;
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for &[outputs, stride] in &self.blocks {
            blocks.push(ConvBlock::new(inputs, outputs, stride, device));
            inputs = outputs;
        }
        let halved = |side: usize, &[_, stride]: &[usize; 2]| side.div_ceil(stride);
        let side = self.blocks.iter().fold(self.size, halved);
        let cnn = CompactCnn {
            blocks,
            places: Param::from_tensor(Tensor::ones([inputs, side * side], device)),
            output: LinearConfig::new(inputs, self.classes).init(device),
            size: self.size,
            channels: self.channels,
            dropout: self.dropout,
        };
        Ok(crate::init::seeded(cnn, seed))
    }
}

/// Blocks of 3 x 3 convolution, batch norm and ReLU, global depthwise pooling, dropout and a linear
/// layer; made by [`CompactCnnConfig::init`].
///
/// The pooling is a weighted mean over places, with weights of its own for each channel
/// (MobileFaceNets, Chen et al. 2018): in face crops it matters where something is. The weights
/// begin as ones, which is average pooling.
#[derive(Module, Debug)]
pub struct CompactCnn {
    blocks: Vec<ConvBlock>,
    places: Param<Tensor<2>>,
    output: Linear,
    size: usize,
    channels: usize,
    dropout: f64,
}

impl CompactCnn {
    /// Pictures `[batch, channels * S * S]`, channel by channel and row by row, to logits
    /// `[batch, K]` and the pooled embedding `[batch, last block's channels]`.
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let [batch, _] = input.dims();
        let mut x = input.reshape([batch, self.channels, self.size, self.size]);
        for block in &self.blocks {
            x = block.forward(x);
        }
        let [batch, channels, height, width] = x.dims();
        let places = self.places.val().unsqueeze::<3>();
        let pooled = (x.reshape([batch, channels, height * width]) * places).mean_dim(2);
        let embedding = pooled.reshape([batch, channels]);
        let dropped = dropout(embedding.clone(), self.dropout, dropout_seed, 0);
        Output {
            logits: self.output.forward(dropped),
            embedding,
        }
    }

    /// The same network for evaluation, with the norms folded into the convolutions.
    pub fn folded(self) -> Self {
        Self {
            blocks: self.blocks.into_iter().map(ConvBlock::folded).collect(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModuleWeights;
    use cohort_weights::Weights;

    #[test]
    fn parameter_count_equals_the_formula_and_lies_in_the_intended_range() {
        let config = CompactCnnConfig::new(7);
        let mut expected = 0;
        let mut inputs = 3;
        for &[outputs, _] in &config.blocks {
            expected += inputs * outputs * 9 + 4 * outputs;
            inputs = outputs;
        }
        // 128 channels at 4 x 4 places
        expected += inputs * 16 + inputs * 7 + 7;
        let cnn = config.init(0, &Device::flex()).unwrap();
        let count = Weights::collect(&cnn).len();
        assert_eq!(count, expected);
        assert!((100_000..300_000).contains(&count), "{count}");
    }

    #[test]
    fn shapes_follow_for_any_size_and_evaluation_is_sample_wise() {
        let device = Device::flex();
        for size in [1, 5, 32, 64] {
            let config = CompactCnnConfig {
                size,
                ..CompactCnnConfig::new(4)
            };
            let cnn = config.init(3, &device).unwrap();
            let n = 3 * size * size;
            let ramp = |offset: usize| -> Vec<f32> {
                (0..n)
                    .map(|i| ((i * 7 + offset) % 13) as f32 / 13.0)
                    .collect()
            };
            let both = [ramp(0), ramp(5)].concat();
            let both = Tensor::from_data(burn::tensor::TensorData::new(both, [2, n]), &device);
            let one = Tensor::from_data(burn::tensor::TensorData::new(ramp(5), [1, n]), &device);
            let both = cnn.forward(both, None);
            assert_eq!(both.embedding.dims(), [2, 128]);
            let both: Vec<f32> = both.logits.into_data().try_to_vec().unwrap();
            let one: Vec<f32> = cnn
                .forward(one, None)
                .logits
                .into_data()
                .try_to_vec()
                .unwrap();
            assert_eq!(both.len(), 8);
            for (a, b) in both[4..].iter().zip(&one) {
                assert!((a - b).abs() < 1e-5, "size {size}: {both:?} {one:?}");
            }
        }
    }

    #[test]
    fn settings_are_checked() {
        let new = || CompactCnnConfig::new(7);
        for (config, field) in [
            (CompactCnnConfig { size: 0, ..new() }, "size"),
            (
                CompactCnnConfig {
                    blocks: vec![],
                    ..new()
                },
                "blocks",
            ),
            (
                CompactCnnConfig {
                    blocks: vec![[8, 3]],
                    ..new()
                },
                "blocks",
            ),
            (
                CompactCnnConfig {
                    dropout: f64::NAN,
                    ..new()
                },
                "dropout",
            ),
        ] {
            let error = config.init(0, &Device::flex()).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
