//! Convolution and batch norm as one block, and the norm folded into the convolution.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use cohort_kernels::frozen::{Depthwise, Layer};

use crate::fast;
use crate::frozen::{self, After};

/// Settings of a [`ConvNorm`]; a square kernel of one place unless something else is said.
#[derive(Clone, Copy)]
pub(crate) struct Spec {
    /// Input and output channels.
    channels: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    /// Zeros before and after the input, down and along.
    padding: [[usize; 2]; 2],
    groups: usize,
    bias: bool,
    epsilon: f64,
}

impl Spec {
    pub(crate) const fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            channels: [inputs, outputs],
            kernel: [1, 1],
            stride: 1,
            padding: [[0, 0], [0, 0]],
            groups: 1,
            bias: false,
            epsilon: 1e-5,
        }
    }

    /// Kernel height and width.
    pub(crate) const fn kernel(self, height: usize, width: usize) -> Self {
        Self {
            kernel: [height, width],
            ..self
        }
    }

    pub(crate) const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Rows of zeros above and below, columns of zeros left and right.
    pub(crate) const fn padding(self, rows: usize, columns: usize) -> Self {
        Self {
            padding: [[rows, rows], [columns, columns]],
            ..self
        }
    }

    /// Zeros such that an input of so many rows and columns gives one result for every `stride` of them, the odd one after
    /// the input: TensorFlow's `SAME`.
    pub(crate) const fn padded_as_tensorflow(self, side: usize) -> Self {
        let reach = (side.div_ceil(self.stride) - 1) * self.stride;
        let all = [
            (reach + self.kernel[0]).saturating_sub(side),
            (reach + self.kernel[1]).saturating_sub(side),
        ];
        Self {
            padding: [
                [all[0] / 2, all[0] - all[0] / 2],
                [all[1] / 2, all[1] - all[1] / 2],
            ],
            ..self
        }
    }

    /// Each channel by itself.
    pub(crate) const fn depthwise(self) -> Self {
        Self {
            groups: self.channels[0],
            ..self
        }
    }

    /// A bias that the norm takes away again, as networks have it that do not think of it.
    pub(crate) const fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    /// What the norm adds to the variance. Default 1e-5.
    pub(crate) const fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Rows that [`Self::padded_as_tensorflow`] leaves of so many.
    pub(crate) const fn strides_over(self, side: usize) -> usize {
        side.div_ceil(self.stride)
    }

    pub(crate) fn init(self, device: &Device) -> ConvNorm {
        let [[top, bottom], [left, right]] = self.padding;
        ConvNorm {
            conv: Conv2dConfig::new(self.channels, self.kernel)
                .with_stride([self.stride, self.stride])
                .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right))
                .with_groups(self.groups)
                .with_bias(self.bias)
                .init(device),
            bn: Some(
                BatchNormConfig::new(self.channels[1])
                    .with_epsilon(self.epsilon)
                    .init(device),
            ),
        }
    }
}

/// Convolution, most often without bias, then batch norm; made by [`Spec::init`].
#[derive(Module, Debug)]
pub(crate) struct ConvNorm {
    conv: Conv2d,
    /// None once it is folded.
    bn: Option<BatchNorm>,
}

impl ConvNorm {
    /// `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
    pub(crate) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let out = fast::conv2d(&self.conv, input);
        match &self.bn {
            Some(bn) => fast::batch_norm(bn, out),
            None => out,
        }
    }

    /// ReLU of [`Self::forward`].
    pub(crate) fn forward_relu(&self, input: Tensor<4>) -> Tensor<4> {
        match &self.bn {
            Some(bn) => fast::batch_norm_relu(bn, fast::conv2d(&self.conv, input)),
            None => fast::conv2d_relu(&self.conv, input),
        }
    }

    /// For a plan, once it is folded and where it is served.
    pub(crate) fn frozen(&self) -> Option<Layer> {
        match self.bn {
            Some(_) => None,
            None => frozen::convolution(&self.conv, 1.0),
        }
    }

    /// As [`Self::frozen`], of a depthwise convolution and what follows it.
    pub(crate) fn frozen_depthwise(&self, then: After<'_>) -> Option<Depthwise> {
        match self.bn {
            Some(_) => None,
            None => frozen::depthwise(&self.conv, then),
        }
    }

    /// Output channels.
    pub(crate) fn outputs(&self) -> usize {
        self.conv.weight.lazy_shape()[0]
    }

    /// The same map in evaluation, without a norm.
    pub(crate) fn folded(self) -> Self {
        match self.bn {
            Some(bn) => Self {
                conv: fold_conv(self.conv, &bn),
                bn: None,
            },
            None => self,
        }
    }
}

/// A convolution that gives what `conv` and then `bn` give in evaluation.
///
/// The norm is y = (x - mean) * s + beta with s = gamma / sqrt(variance + epsilon), one s an output
/// channel, so the weights are scaled by s and the bias becomes (bias - mean) * s + beta.
pub(crate) fn fold_conv(conv: Conv2d, bn: &BatchNorm) -> Conv2d {
    let (scale, shift) = fast::scale_and_shift(bn);
    let channels = scale.dims()[0];
    let weight = conv.weight.val() * scale.clone().reshape([channels, 1, 1, 1]);
    let bias = match &conv.bias {
        Some(bias) => bias.val() * scale + shift,
        None => shift,
    };
    Conv2d {
        weight: Param::from_tensor(weight),
        bias: Some(Param::from_tensor(bias)),
        ..conv
    }
}

/// As [`fold_conv`], for a linear layer (`[inputs, outputs]`).
pub(crate) fn fold_linear(linear: Linear, bn: &BatchNorm) -> Linear {
    let (scale, shift) = fast::scale_and_shift(bn);
    let weight = linear.weight.val() * scale.clone().unsqueeze();
    let bias = match &linear.bias {
        Some(bias) => bias.val() * scale + shift,
        None => shift,
    };
    Linear {
        weight: Param::from_tensor(weight),
        bias: Some(Param::from_tensor(bias)),
    }
}
