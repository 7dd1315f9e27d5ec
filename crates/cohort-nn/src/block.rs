//! Convolution, batch norm and ReLU as one block.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::conv_norm::fold_conv;
use crate::fast;

/// 3 x 3 convolution without bias (the norm has one), batch norm, ReLU.
#[derive(Module, Debug)]
pub(crate) struct ConvBlock {
    conv: Conv2d,
    /// None once it is folded.
    norm: Option<BatchNorm>,
}

impl ConvBlock {
    /// `stride` 1 keeps height and width, 2 halves them (rounding up).
    pub(crate) fn new(inputs: usize, outputs: usize, stride: usize, device: &Device) -> Self {
        let conv = Conv2dConfig::new([inputs, outputs], [3, 3])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .init(device);
        let norm = Some(BatchNormConfig::new(outputs).init(device));
        Self { conv, norm }
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, height / stride, width / stride]`.
    pub(crate) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        match &self.norm {
            Some(norm) => fast::batch_norm_relu(norm, fast::conv2d(&self.conv, input)),
            None => fast::conv2d_relu(&self.conv, input),
        }
    }

    /// The same map in evaluation, without a norm.
    pub(crate) fn folded(self) -> Self {
        match self.norm {
            Some(norm) => Self {
                conv: fold_conv(self.conv, &norm),
                norm: None,
            },
            None => self,
        }
    }
}
