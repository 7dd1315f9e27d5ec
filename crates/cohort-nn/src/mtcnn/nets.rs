//! The three networks, with facenet-pytorch's names.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{Linear, LinearConfig, PRelu, PReluConfig};
use burn::tensor::{Device, Tensor};
use cohort_kernels::frozen::{Layer, Plan, Slot, Windows};

use crate::fast;
use crate::frozen;

/// Crops that a plan takes at a time.
const CROPS: usize = 16;

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

/// The windows of [`pool`].
const fn windows(side: usize) -> Windows {
    Windows {
        side,
        padding: 0,
        over: true,
    }
}

/// A convolution and the rectifier after it.
fn plan_layer(plan: &mut Plan, conv: &Conv2d, prelu: &PRelu, from: Slot) -> Option<Slot> {
    let to = plan.convolve(
        frozen::sloped(frozen::convolution(conv, 1.0)?, prelu)?,
        from,
        false,
    )?;
    plan.release(from);
    Some(to)
}

/// [`pool`] in a plan.
fn plan_pool(plan: &mut Plan, from: Slot, side: usize) -> Option<Slot> {
    let to = plan.halve_by_maximum(from, None, windows(side))?;
    plan.release(from);
    Some(to)
}

/// A plan for crops of `side` pixels that begins with two layers, each with a pool of 3 after it.
fn plan_crops(side: usize, layers: [(&Conv2d, &PRelu); 2]) -> Option<(Plan, Slot)> {
    let (mut plan, mut x) = Plan::new(3, [side, side]);
    plan.stage(CROPS);
    for (conv, prelu) in layers {
        x = plan_layer(&mut plan, conv, prelu, x)?;
        x = plan_pool(&mut plan, x, 3)?;
    }
    Some((plan, x))
}

/// Layers that read the same, their outputs side by side.
fn plan_outputs<const N: usize>(
    mut plan: Plan,
    layers: [Option<Layer>; N],
    from: Slot,
) -> Option<Plan> {
    let layers: Option<Vec<Layer>> = layers.into_iter().collect();
    let layers = layers?;
    let widths = layers.iter().map(|layer| layer.outputs());
    let to = plan.beside(from, widths.sum());
    let mut first = 0;
    for layer in layers {
        let width = layer.outputs();
        plan.convolve_into(layer, from, to.part(first, width), None, false)?;
        first += width;
    }
    Some(plan.finish(to))
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

    /// The network on the CPU for pictures of `size` (height, width): at every second place shifts and what the probabilities
    /// are made from, six values; none elsewhere, or where the picture is too small.
    pub(super) fn plan(&self, size: [usize; 2]) -> Option<Plan> {
        let (mut plan, input) = Plan::new(3, size);
        let x = plan_layer(&mut plan, &self.conv1, &self.prelu1, input)?;
        let x = plan_pool(&mut plan, x, 2)?;
        let x = plan_layer(&mut plan, &self.conv2, &self.prelu2, x)?;
        let x = plan_layer(&mut plan, &self.conv3, &self.prelu3, x)?;
        let outputs = [&self.conv4_2, &self.conv4_1].map(|conv| frozen::convolution(conv, 1.0));
        plan_outputs(plan, outputs, x)
    }

    /// As [`Self::plan`], of `[1, 3, h, w]`: `[1, 6, h', w']`.
    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let x = pool(
            fast::prelu(&self.prelu1, fast::conv2d(&self.conv1, input)),
            2,
        );
        let x = fast::prelu(&self.prelu2, fast::conv2d(&self.conv2, x));
        let x = fast::prelu(&self.prelu3, fast::conv2d(&self.conv3, x));
        let scores = self.conv4_1.forward(x.clone());
        Tensor::cat(vec![self.conv4_2.forward(x), scores], 1)
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

    /// The network on the CPU: shifts and what the probabilities are made from, six values a picture; none elsewhere.
    pub(super) fn plan(&self) -> Option<Plan> {
        let first = [(&self.conv1, &self.prelu1), (&self.conv2, &self.prelu2)];
        let (mut plan, x) = plan_crops(24, first)?;
        let x = plan_layer(&mut plan, &self.conv3, &self.prelu3, x)?;
        let dense = frozen::sloped(frozen::linear_over(&self.dense4, [3, 3])?, &self.prelu4)?;
        let x = plan.convolve(dense, x, false)?;
        let outputs = [&self.dense5_2, &self.dense5_1].map(frozen::linear);
        plan_outputs(plan, outputs, x)
    }

    /// As [`Self::plan`], of `[n, 3, 24, 24]`: `[n, 6]`.
    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<2> {
        let x = pool(
            fast::prelu(&self.prelu1, fast::conv2d(&self.conv1, input)),
            3,
        );
        let x = pool(fast::prelu(&self.prelu2, fast::conv2d(&self.conv2, x)), 3);
        let x = flatten(fast::prelu(&self.prelu3, fast::conv2d(&self.conv3, x)));
        let x = self.prelu4.forward(self.dense4.forward(x));
        let scores = self.dense5_1.forward(x.clone());
        Tensor::cat(vec![self.dense5_2.forward(x), scores], 1)
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

    /// The network on the CPU: shifts, landmarks and what the probabilities are made from, sixteen values a picture; none
    /// elsewhere.
    pub(super) fn plan(&self) -> Option<Plan> {
        let first = [(&self.conv1, &self.prelu1), (&self.conv2, &self.prelu2)];
        let (mut plan, x) = plan_crops(48, first)?;
        let x = plan_layer(&mut plan, &self.conv3, &self.prelu3, x)?;
        let x = plan_pool(&mut plan, x, 2)?;
        let x = plan_layer(&mut plan, &self.conv4, &self.prelu4, x)?;
        let dense = frozen::sloped(frozen::linear_over(&self.dense5, [3, 3])?, &self.prelu5)?;
        let x = plan.convolve(dense, x, false)?;
        let outputs = [&self.dense6_2, &self.dense6_3, &self.dense6_1].map(frozen::linear);
        plan_outputs(plan, outputs, x)
    }

    /// As [`Self::plan`], of `[n, 3, 48, 48]`: `[n, 16]`.
    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<2> {
        let x = pool(
            fast::prelu(&self.prelu1, fast::conv2d(&self.conv1, input)),
            3,
        );
        let x = pool(fast::prelu(&self.prelu2, fast::conv2d(&self.conv2, x)), 3);
        let x = pool(fast::prelu(&self.prelu3, fast::conv2d(&self.conv3, x)), 2);
        let x = flatten(fast::prelu(&self.prelu4, fast::conv2d(&self.conv4, x)));
        let x = self.prelu5.forward(self.dense5.forward(x));
        let scores = self.dense6_1.forward(x.clone());
        let points = self.dense6_3.forward(x.clone());
        Tensor::cat(vec![self.dense6_2.forward(x), points, scores], 1)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    /// The plan's values are the network's, channels last: other devices are served by the network.
    fn assert_plan(
        plan: Option<Plan>,
        shape: [usize; 4],
        forward: &dyn Fn(Tensor<4>) -> Tensor<4>,
    ) {
        let input = Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex());
        let host = |tensor: Tensor<4>| -> Vec<f32> { tensor.into_data().try_to_vec().unwrap() };
        let found = plan.unwrap().run(&host(input.clone()));
        let expected = host(forward(input).permute([0, 2, 3, 1]));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }

    #[test]
    fn plans_equal_the_networks() {
        let device = Device::flex();
        device.seed(3);
        let rows = |out: Tensor<2>| {
            let [count, width] = out.dims();
            out.reshape([count, width, 1, 1])
        };
        let pnet = PNet::new(&device);
        for [height, width] in [[12, 12], [31, 40], [24, 17]] {
            let plan = pnet.plan([height, width]);
            assert_plan(plan, [1, 3, height, width], &|x| pnet.forward(x));
        }
        let rnet = RNet::new(&device);
        assert_plan(rnet.plan(), [19, 3, 24, 24], &|x| rows(rnet.forward(x)));
        let onet = ONet::new(&device);
        assert_plan(onet.plan(), [3, 3, 48, 48], &|x| rows(onet.forward(x)));
        assert!(pnet.plan([9, 40]).is_none());
    }
}
