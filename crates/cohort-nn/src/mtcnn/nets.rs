//! The three networks, with facenet-pytorch's names.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{Linear, LinearConfig, PRelu, PReluConfig};
use burn::tensor::{Device, Tensor, activation::softmax};

use crate::fast;

fn conv(inputs: usize, outputs: usize, kernel: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([inputs, outputs], [kernel, kernel]).init(device)
}

fn linear(inputs: usize, outputs: usize, device: &Device) -> Linear {
    LinearConfig::new(inputs, outputs).init(device)
}

fn prelu(channels: usize, device: &Device) -> PRelu {
    PReluConfig::new()
        .with_num_parameters(channels)
        .init(device)
}

/// Largest value of `kernel` x `kernel` places, every second place; windows may reach over the end.
fn pool(input: Tensor<4>, kernel: usize) -> Tensor<4> {
    let config = MaxPool2dConfig::new([kernel, kernel]).with_strides([2, 2]);
    config.with_ceil_mode(true).init().forward(input)
}

/// Flattens column by column with the channels innermost, as the weights expect.
fn flatten(input: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = input.dims();
    let turned = input.permute([0, 3, 2, 1]);
    turned.reshape([batch, channels * height * width])
}

/// Proposes faces of 12 x 12 pixels at every second place.
#[derive(Module, Debug)]
pub(super) struct PNet {
    conv1: Conv2d,
    prelu1: PRelu,
    conv2: Conv2d,
    prelu2: PRelu,
    conv3: Conv2d,
    prelu3: PRelu,
    conv4_1: Conv2d,
    conv4_2: Conv2d,
}

impl PNet {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            conv1: conv(3, 10, 3, device),
            prelu1: prelu(10, device),
            conv2: conv(10, 16, 3, device),
            prelu2: prelu(16, device),
            conv3: conv(16, 32, 3, device),
            prelu3: prelu(32, device),
            conv4_1: conv(32, 2, 1, device),
            conv4_2: conv(32, 4, 1, device),
        }
    }

    /// `[1, 3, h, w]` to shifts of the sides `[1, 4, h', w']` and the probabilities of no face and of a
    /// face, `[1, 2, h', w']`.
    pub(super) fn forward(&self, input: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let x = pool(
            fast::prelu(&self.prelu1, fast::conv2d(&self.conv1, input)),
            2,
        );
        let x = fast::prelu(&self.prelu2, fast::conv2d(&self.conv2, x));
        let x = fast::prelu(&self.prelu3, fast::conv2d(&self.conv3, x));
        let scores = softmax(self.conv4_1.forward(x.clone()), 1);
        (self.conv4_2.forward(x), scores)
    }
}

/// Looks at candidates of 24 x 24 pixels.
#[derive(Module, Debug)]
pub(super) struct RNet {
    conv1: Conv2d,
    prelu1: PRelu,
    conv2: Conv2d,
    prelu2: PRelu,
    conv3: Conv2d,
    prelu3: PRelu,
    dense4: Linear,
    prelu4: PRelu,
    dense5_1: Linear,
    dense5_2: Linear,
}

impl RNet {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            conv1: conv(3, 28, 3, device),
            prelu1: prelu(28, device),
            conv2: conv(28, 48, 3, device),
            prelu2: prelu(48, device),
            conv3: conv(48, 64, 2, device),
            prelu3: prelu(64, device),
            dense4: linear(576, 128, device),
            prelu4: prelu(128, device),
            dense5_1: linear(128, 2, device),
            dense5_2: linear(128, 4, device),
        }
    }

    /// `[n, 3, 24, 24]` to shifts `[n, 4]` and probabilities `[n, 2]`.
    pub(super) fn forward(&self, input: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let x = pool(
            fast::prelu(&self.prelu1, fast::conv2d(&self.conv1, input)),
            3,
        );
        let x = pool(fast::prelu(&self.prelu2, fast::conv2d(&self.conv2, x)), 3);
        let x = flatten(fast::prelu(&self.prelu3, fast::conv2d(&self.conv3, x)));
        let x = self.prelu4.forward(self.dense4.forward(x));
        let scores = softmax(self.dense5_1.forward(x.clone()), 1);
        (self.dense5_2.forward(x), scores)
    }
}

/// Looks at candidates of 48 x 48 pixels, and finds five landmarks.
#[derive(Module, Debug)]
pub(super) struct ONet {
    conv1: Conv2d,
    prelu1: PRelu,
    conv2: Conv2d,
    prelu2: PRelu,
    conv3: Conv2d,
    prelu3: PRelu,
    conv4: Conv2d,
    prelu4: PRelu,
    dense5: Linear,
    prelu5: PRelu,
    dense6_1: Linear,
    dense6_2: Linear,
    dense6_3: Linear,
}

impl ONet {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            conv1: conv(3, 32, 3, device),
            prelu1: prelu(32, device),
            conv2: conv(32, 64, 3, device),
            prelu2: prelu(64, device),
            conv3: conv(64, 64, 3, device),
            prelu3: prelu(64, device),
            conv4: conv(64, 128, 2, device),
            prelu4: prelu(128, device),
            dense5: linear(1152, 256, device),
            prelu5: prelu(256, device),
            dense6_1: linear(256, 2, device),
            dense6_2: linear(256, 4, device),
            dense6_3: linear(256, 10, device),
        }
    }

    /// `[n, 3, 48, 48]` to shifts `[n, 4]`, landmarks (five x, five y) `[n, 10]` and probabilities
    /// `[n, 2]`.
    pub(super) fn forward(&self, input: Tensor<4>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let x = pool(
            fast::prelu(&self.prelu1, fast::conv2d(&self.conv1, input)),
            3,
        );
        let x = pool(fast::prelu(&self.prelu2, fast::conv2d(&self.conv2, x)), 3);
        let x = pool(fast::prelu(&self.prelu3, fast::conv2d(&self.conv3, x)), 2);
        let x = flatten(fast::prelu(&self.prelu4, fast::conv2d(&self.conv4, x)));
        let x = self.prelu5.forward(self.dense5.forward(x));
        let scores = softmax(self.dense6_1.forward(x.clone()), 1);
        let points = self.dense6_3.forward(x.clone());
        (self.dense6_2.forward(x), points, scores)
    }
}
