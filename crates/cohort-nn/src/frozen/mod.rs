//! Layers of Burn as steps of a [`Plan`]; none where its kernels do not serve them, or the weights lie on another device.

use burn::module::Param;
use burn::nn::conv::Conv2d;
use burn::nn::{Linear, PRelu, PaddingConfig2d};
use burn::tensor::{Tensor, TensorData};
use cohort_kernels::frozen::{Depthwise, Layer, Plan, Shape};

use crate::fast::served;

/// A layer's shape; none with dilation.
fn shape(conv: &Conv2d) -> Option<Shape> {
    let [padding, after] = match conv.padding {
        PaddingConfig2d::Valid => [[0, 0], [0, 0]],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [[top, left], [bottom, right]],
        PaddingConfig2d::Same => return None,
    };
    let [_, _, height, width] = conv.weight.dims();
    (conv.dilation == [1, 1]).then_some(Shape {
        kernel: [height, width],
        stride: conv.stride,
        padding,
        after,
    })
}

/// A convolution, its result multiplied by `scale`; none with groups.
pub(crate) fn convolution(conv: &Conv2d, scale: f32) -> Option<Layer> {
    let shape = shape(conv)?;
    if conv.groups != 1 {
        return None;
    }
    let [outputs, inputs, ..] = conv.weight.dims();
    let weight = values(&conv.weight)?;
    let bias = optional(conv.bias.as_ref())?;
    let channels = [inputs, outputs];
    Some(Layer::new(channels, shape, &weight, bias.as_deref(), scale))
}

/// A convolution with the rectifier after it.
pub(crate) fn sloped(layer: Layer, prelu: &PRelu) -> Option<Layer> {
    let slopes = slopes(prelu, layer.outputs())?;
    Some(layer.sloped(slopes))
}

/// A linear layer as a convolution of one place.
pub(crate) fn linear(linear: &Linear) -> Option<Layer> {
    linear_over(linear, [1, 1])
}

/// A linear layer over all places of a picture of `size`, see [`Layer::linear_over`].
pub(crate) fn linear_over(linear: &Linear, size: [usize; 2]) -> Option<Layer> {
    let weight = values(&linear.weight)?;
    let bias = optional(linear.bias.as_ref())?;
    Layer::linear_over(linear.weight.dims(), size, &weight, bias.as_deref())
}

/// What follows a depthwise convolution.
#[derive(Clone, Copy)]
pub(crate) enum After<'a> {
    Nothing,
    PRelu(&'a PRelu),
    /// A ReLU that is cut at 6.
    Relu6,
}

/// A convolution that gives a channel for each channel, with what follows it.
pub(crate) fn depthwise(conv: &Conv2d, then: After<'_>) -> Option<Depthwise> {
    let [channels, one, ..] = conv.weight.dims();
    let shape = shape(conv)?;
    if one != 1 || conv.groups != channels {
        return None;
    }
    let (slopes, most) = match then {
        After::Nothing => (vec![1.0; channels], f32::INFINITY),
        After::PRelu(prelu) => (slopes(prelu, channels)?, f32::INFINITY),
        After::Relu6 => (vec![0.0; channels], 6.0),
    };
    let weight = values(&conv.weight)?;
    let bias = optional(conv.bias.as_ref())?;
    let layer = Depthwise::new(shape, &weight, bias.as_deref(), slopes);
    Some(layer.capped(most))
}

/// [`Plan::run`] on tensors: pictures, one a row, to rows of `width` values.
pub(crate) fn rows(plan: &Plan, input: Tensor<2>, width: usize) -> Tensor<2> {
    let [batch, _] = input.dims();
    let device = input.device();
    let data = input.into_data();
    let rows = plan.run(data.as_slice().unwrap_or(&[]));
    Tensor::from_data(TensorData::new(rows, [batch, width]), &device)
}

/// Values of a parameter that lies where the kernels work.
fn values<const D: usize>(parameter: &Param<Tensor<D>>) -> Option<Vec<f32>> {
    let tensor = parameter.val();
    if !served(&tensor) {
        return None;
    }
    tensor.into_data().try_to_vec().ok()
}

/// As [`values`], of a parameter that a layer may lack.
fn optional(parameter: Option<&Param<Tensor<1>>>) -> Option<Option<Vec<f32>>> {
    match parameter {
        Some(parameter) => values(parameter).map(Some),
        None => Some(None),
    }
}

/// The slopes of a rectifier for so many channels; it may have one for all of them.
fn slopes(prelu: &PRelu, channels: usize) -> Option<Vec<f32>> {
    let slopes = values(&prelu.alpha)?;
    match slopes.as_slice() {
        [one] => Some(vec![*one; channels]),
        all => (all.len() == channels).then(|| all.to_vec()),
    }
}

#[cfg(test)]
mod tests;
