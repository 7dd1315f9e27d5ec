//! Convolution, batch norm, pooling and PReLU made fast on the CPU.
//!
//! The functions here do what the layers of Burn do and take those layers, so that a network is
//! declared, initialised and loaded as usual and only its forward pass says `fast::conv2d(&conv, x)`
//! for `conv.forward(x)`. On the CPU back end with `f32` tensors they run the kernels of `cohort-kernels`,
//! forward and backward; on any other device, and for the few shapes that the kernels do not serve
//! (convolutions in groups of several channels), they call the layer. `docs/speed.md` of this crate has the figures.
//!
//! Results do not depend on the number of threads: every sum is taken in one fixed order.

mod ops;

use burn::backend::{Dispatch, DispatchTensorKind};
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{BatchNorm, PRelu, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{DType, Tensor};
use cohort_kernels::layers::geometry::Geometry;
use cohort_kernels::layers::pool::Windows;

use ops::FastOps;

/// Whether a tensor lives where the kernels work.
pub(crate) fn served<const D: usize>(tensor: &Tensor<D>) -> bool {
    if tensor.dtype() != DType::F32 || tensor.shape().num_elements() == 0 {
        return false;
    }
    match tensor.clone().into_dispatch().kind {
        DispatchTensorKind::Flex(_) => true,
        DispatchTensorKind::Autodiff(inner) => matches!(*inner, DispatchTensorKind::Flex(_)),
        #[allow(unreachable_patterns)] // other back ends are cargo features
        _ => false,
    }
}

/// Whether a tensor lives where the kernels work and no gradient is wanted.
pub(crate) fn inference<const D: usize>(tensor: &Tensor<D>) -> bool {
    served(tensor) && !tensor.device().is_autodiff()
}

/// The shape of a convolution, or none where the kernels do not serve it.
fn geometry(layer: &Conv2d, input: &Tensor<4>) -> Option<Geometry> {
    let [batch, inputs, height, width] = input.dims();
    let [outputs, channels, kernel_height, kernel_width] = layer.weight.dims();
    let padding = match layer.padding {
        PaddingConfig2d::Valid => [[0, 0], [0, 0]],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [[top, bottom], [left, right]],
        PaddingConfig2d::Same => return None,
    };
    let kernel = [kernel_height, kernel_width];
    let size = |axis: usize, input: usize| {
        let padded = input + padding[axis][0] + padding[axis][1];
        let reach = layer.dilation[axis] * (kernel[axis] - 1) + 1;
        Some(padded.checked_sub(reach)? / layer.stride[axis] + 1)
    };
    let ungrouped = layer.groups == 1 && channels == inputs;
    // the input gradient pads by what is left of the kernel
    let within = (0..2).all(|axis| padding[axis][0] < kernel[axis] && layer.dilation[axis] == 1);
    let depthwise = !ungrouped && within && channels == 1 && [inputs, outputs] == [layer.groups; 2];
    let fits = (ungrouped || depthwise) && served(input);
    let output = [outputs, size(0, height)?, size(1, width)?];
    fits.then_some(Geometry {
        batch,
        input: [inputs, height, width],
        output,
        kernel,
        stride: layer.stride,
        before: [padding[0][0], padding[1][0]],
        dilation: layer.dilation,
        depthwise,
    })
}

/// `layer.forward(input)` for `[batch, channels, height, width]`.
pub fn prelu(layer: &PRelu, input: Tensor<4>) -> Tensor<4> {
    let alpha = layer.alpha.val();
    let [slopes] = alpha.dims();
    if !served(&input) || !(slopes == 1 || slopes == input.dims()[1]) {
        return layer.forward(input);
    }
    let out = Dispatch::fast_prelu(input.into_dispatch(), alpha.into_dispatch());
    Tensor::from_dispatch(out)
}

/// Largest values of windows of `side` by `side` that lie side by side; the input itself for 1.
pub fn max_pool(input: Tensor<4>, side: usize) -> Tensor<4> {
    if side == 1 {
        return input;
    }
    let [batch, channels, height, width] = input.dims();
    if !served(&input) || !(2..=3).contains(&side) || height.min(width) < side {
        return MaxPool2dConfig::new([side; 2])
            .with_strides([side; 2])
            .init()
            .forward(input);
    }
    let windows = Windows {
        planes: batch * channels,
        size: [height, width],
        side,
    };
    let out = Tensor::<3>::from_dispatch(Dispatch::fast_max_pool(input.into_dispatch(), windows));
    let [rows, columns] = windows.output();
    out.reshape([batch, channels, rows, columns])
}

/// `layer.forward(input)`: `[batch, in, height, width]` to `[batch, out, height', width']`.
pub fn conv2d(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    convolve(layer, input, false)
}

/// ReLU of [`conv2d`], in one pass over memory where no gradient is wanted and the layer has a bias
/// (a batch norm folded into it, say).
pub fn conv2d_relu(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    convolve(layer, input, true)
}

fn convolve(layer: &Conv2d, input: Tensor<4>, positive: bool) -> Tensor<4> {
    let after = |out: Tensor<4>| if positive { relu(out) } else { out };
    let Some(geometry) = geometry(layer, &input) else {
        return after(layer.forward(input));
    };
    let gradients = input.device().is_autodiff() || layer.weight.val().device().is_autodiff();
    let [x, weight] = [input, layer.weight.val()].map(Tensor::into_dispatch);
    let Some(bias) = &layer.bias else {
        return after(Tensor::from_dispatch(Dispatch::fast_conv2d(
            x, weight, geometry,
        )));
    };
    let bias = bias.val().into_dispatch();
    let fused = positive && !gradients;
    let out = Dispatch::fast_conv2d_bias(x, weight, bias, geometry, fused);
    let out = Tensor::from_dispatch(out);
    if fused { out } else { after(out) }
}

/// `layer.forward(input)` for `[batch, channels, height, width]`: on a device with gradients the
/// batch's statistics, which also move the running ones, without gradients the running ones.
pub fn batch_norm(layer: &BatchNorm, input: Tensor<4>) -> Tensor<4> {
    normalise(layer, input, false)
}

/// ReLU of [`batch_norm`]. In training one pass over memory, and nothing but the norm's input is
/// kept for the gradient.
pub fn batch_norm_relu(layer: &BatchNorm, input: Tensor<4>) -> Tensor<4> {
    normalise(layer, input, true)
}

fn normalise(layer: &BatchNorm, input: Tensor<4>, positive: bool) -> Tensor<4> {
    let training = input.device().is_autodiff() && layer.training.is_enabled();
    let [channels] = layer.gamma.dims();
    let fits = served(&input) && input.dims()[1] == channels;
    if fits && !training && input.device().is_autodiff() {
        return by_running_statistics(layer, input, positive);
    }
    if !training || !fits {
        let out = layer.forward(input);
        return if positive { relu(out) } else { out };
    }
    let (out, mean, variance) = Dispatch::fast_batch_norm(
        input.into_dispatch(),
        layer.gamma.val().into_dispatch(),
        layer.beta.val().into_dispatch(),
        layer.epsilon,
        positive,
    );
    let running = [&layer.running_mean, &layer.running_var];
    for (running, new) in running.into_iter().zip([mean, variance]) {
        let new = Tensor::<1>::from_dispatch(new).detach();
        let old = running.value_sync().to_device(&new.device());
        let next = old
            .mul_scalar(1.0 - layer.momentum)
            .add(new.mul_scalar(layer.momentum));
        running.update(next.detach());
    }
    Tensor::from_dispatch(out)
}

/// A norm that is kept as it is in training: a factor and a summand a channel, which is a depthwise convolution of one place.
fn by_running_statistics(layer: &BatchNorm, input: Tensor<4>, positive: bool) -> Tensor<4> {
    let [batch, channels, height, width] = input.dims();
    let (scale, shift) = scale_and_shift(layer);
    let plane = [channels, height, width];
    let geometry = Geometry {
        batch,
        input: plane,
        output: plane,
        kernel: [1, 1],
        stride: [1, 1],
        before: [0, 0],
        dilation: [1, 1],
        depthwise: true,
    };
    let [x, weight] = [input, scale.reshape([channels, 1, 1, 1])].map(Tensor::into_dispatch);
    let out = Dispatch::fast_conv2d_bias(x, weight, shift.into_dispatch(), geometry, false);
    let out = Tensor::from_dispatch(out);
    if positive { relu(out) } else { out }
}

/// What a norm with running statistics does to a channel: `x * scale + shift`, both `[channels]`.
pub(crate) fn scale_and_shift(layer: &BatchNorm) -> (Tensor<1>, Tensor<1>) {
    let gamma = layer.gamma.val();
    let [mean, variance] = [&layer.running_mean, &layer.running_var]
        .map(|running| running.value().to_device(&gamma.device()));
    let scale = gamma / (variance + layer.epsilon).sqrt();
    let shift = layer.beta.val() - mean * scale.clone();
    (scale, shift)
}
