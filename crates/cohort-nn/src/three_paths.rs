//! A very small convolutional network for scenes: a stem and three paths that see at different scales.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::checks::{at_least, share};
use crate::conv_norm::{ConvNorm, Spec};
use crate::dropout::dropout;
use crate::output::Output;
use crate::{NnError, fast};

/// Channels of the stem and of a path's first convolution.
const NARROW: usize = 8;
/// Channels that a path ends with.
const WIDE: usize = 16;

/// Settings of a [`ThreePaths`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreePathsConfig {
    /// Height and width S of a picture in pixels, at least [`Self::LEAST_SIZE`]. Default 256.
    #[serde(default = "default_size")]
    pub size: usize,
    /// Number of classes K.
    pub classes: usize,
    /// Dropout before the output layer, in [0, 1). Default 0.
    #[serde(default)]
    pub dropout: f64,
}

fn default_size() -> usize {
    256
}

impl ThreePathsConfig {
    /// The smallest picture that leaves every path a pixel.
    pub const LEAST_SIZE: usize = 132;

    /// Defaults for K classes.
    pub fn new(classes: usize) -> Self {
        Self {
            size: default_size(),
            classes,
            dropout: 0.0,
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        at_least("size", self.size, Self::LEAST_SIZE)?;
        at_least("classes", self.classes, 2)?;
        share("dropout", self.dropout)
    }

    /// Builds the network with initial weights from `seed`, drawn as PyTorch draws them.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<ThreePaths, NnError> {
        self.validate()?;
        let conv =
            |inputs, outputs, kernel| Spec::new(inputs, outputs).kernel(kernel, kernel).biased();
        let path = || Path {
            first: conv(NARROW, NARROW, 5).init(device),
            second: conv(NARROW, WIDE, 3).init(device),
        };
        let network = ThreePaths {
            stem: conv(3, NARROW, 9).stride(3).init(device),
            fine: path(),
            middle: path(),
            coarse: path(),
            output: LinearConfig::new(3 * WIDE, self.classes).init(device),
            size: self.size,
            dropout: self.dropout,
        };
        Ok(crate::init::seeded_as_torch(network, seed))
    }
}

/// Two unpadded convolutions with norm and ReLU.
#[derive(Module, Debug)]
struct Path {
    /// 5 x 5, 8 to 8 channels.
    first: ConvNorm,
    /// 3 x 3, 8 to 16 channels.
    second: ConvNorm,
}

impl Path {
    /// With a maximum over windows of `side` between the two, none for 1.
    fn forward(&self, input: Tensor<4>, side: usize) -> Tensor<4> {
        let x = fast::max_pool(self.first.forward_relu(input), side);
        self.second.forward_relu(x)
    }

    fn folded(self) -> Self {
        Self {
            first: self.first.folded(),
            second: self.second.folded(),
        }
    }
}

/// The three-path network; made by [`ThreePathsConfig::init`].
///
/// The stem is a 9 x 9 convolution of stride 3 to 8 channels and a maximum over 2 x 2. Its planes go through three paths of a
/// 5 x 5 and a 3 x 3 convolution each, as they are (`fine`), halved before and between the convolutions (`middle`), and at a
/// third (`coarse`); the means of the 3 x 16 planes are the embedding. No convolution is padded; each is followed by batch norm
/// and ReLU. With 8 classes it has 10,832 parameters. On 256 x 256 pixels the planes have the sides 83 and 41, then 37 and 35;
/// 20, 16, 8 and 6; 13, 9 and 7.
#[derive(Module, Debug)]
pub struct ThreePaths {
    stem: ConvNorm,
    fine: Path,
    middle: Path,
    coarse: Path,
    output: Linear,
    size: usize,
    dropout: f64,
}

impl ThreePaths {
    /// Pictures `[batch, 3 * S * S]`, channel by channel and row by row, to logits `[batch, K]` and the embedding
    /// `[batch, 48]`.
    ///
    /// `dropout_seed` switches dropout on (training); none leaves it out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let [batch, _] = input.dims();
        let x = input.reshape([batch, 3, self.size, self.size]);
        let x = fast::max_pool(self.stem.forward_relu(x), 2);
        let ends = [
            self.fine.forward(x.clone(), 1),
            self.middle.forward(fast::max_pool(x.clone(), 2), 2),
            self.coarse.forward(fast::max_pool(x, 3), 1),
        ];
        let means = ends.map(|end| {
            let [batch, channels, height, width] = end.dims();
            let mean = end.reshape([batch, channels, height * width]).mean_dim(2);
            mean.reshape([batch, channels])
        });
        let embedding = Tensor::cat(means.to_vec(), 1);
        let dropped = dropout(embedding.clone(), self.dropout, dropout_seed, 0);
        Output {
            logits: self.output.forward(dropped),
            embedding,
        }
    }

    /// The same network for evaluation, with the norms folded into the convolutions.
    pub fn folded(self) -> Self {
        Self {
            stem: self.stem.folded(),
            fine: self.fine.folded(),
            middle: self.middle.folded(),
            coarse: self.coarse.folded(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sides of the planes between the layers of a network at 256 x 256, in its order.
    #[test]
    fn planes_have_the_published_sides() {
        let device = Device::flex();
        let network = ThreePathsConfig::new(8).init(1, &device).unwrap();
        let side = |x: &Tensor<4>| {
            let [_, _, height, width] = x.dims();
            assert_eq!(height, width);
            width
        };
        let x = network
            .stem
            .forward_relu(Tensor::zeros([1, 3, 256, 256], &device));
        let pooled = fast::max_pool(x.clone(), 2);
        let mut sides = vec![side(&x), side(&pooled)];
        let paths = [
            (&network.fine, 1, 1),
            (&network.middle, 2, 2),
            (&network.coarse, 3, 1),
        ];
        for (path, before, between) in paths {
            let x = fast::max_pool(pooled.clone(), before);
            let first = path.first.forward_relu(x.clone());
            let halved = fast::max_pool(first.clone(), between);
            let second = path.second.forward_relu(halved.clone());
            sides.extend([&x, &first, &halved, &second].map(side));
        }
        sides.dedup();
        assert_eq!(sides, [83, 41, 37, 35, 20, 16, 8, 6, 13, 9, 7]);
    }

    #[test]
    fn the_least_size_leaves_a_pixel_and_a_smaller_one_is_told() {
        let of = |size| ThreePathsConfig {
            size,
            ..ThreePathsConfig::new(3)
        };
        let least = ThreePathsConfig::LEAST_SIZE;
        let device = Device::flex();
        let input = |size: usize| Tensor::ones([2, 3 * size * size], &device);
        for size in [least, least + 1, 200, 301] {
            let found = of(size)
                .init(0, &device)
                .unwrap()
                .forward(input(size), None);
            assert_eq!(
                (found.logits.dims(), found.embedding.dims()),
                ([2, 3], [2, 48])
            );
        }
        let error = of(least - 1).init(0, &device).unwrap_err().to_string();
        assert!(
            error.contains("size must be at least 132, found 131"),
            "{error}"
        );
    }
}
