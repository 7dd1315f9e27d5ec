use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};

use super::{
    After, convolution, depthwise as depthwise_of, linear as linear_of, linear_over, sloped,
};
use cohort_kernels::frozen::{Plan, Windows};

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
}

fn conv(channels: [usize; 2], kernel: [usize; 2], stride: usize, [y, x]: [usize; 2]) -> Conv2d {
    Conv2dConfig::new(channels, kernel)
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(y, x, y, x))
        .init(&Device::flex())
}

fn windows(padding: usize) -> Windows {
    Windows {
        side: 3,
        padding,
        over: false,
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn assert_equal(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 2e-5, "{i}: {a} for {b}");
    }
}

/// Channels last.
fn turned(tensor: Tensor<4>) -> Vec<f32> {
    values(tensor.permute([0, 2, 3, 1]))
}

#[test]
fn one_convolution_equals_burns() {
    for (channels, kernel, stride, padding, size, batch) in [
        ([3, 32], [3, 3], 2, [0, 0], [21, 19], 3),
        ([5, 80], [3, 3], 1, [1, 1], [9, 7], 2),
        ([16, 130], [1, 1], 1, [0, 0], [5, 5], 5),
        ([4, 7], [1, 7], 1, [0, 3], [6, 11], 1),
        ([4, 49], [7, 1], 1, [3, 0], [8, 3], 2),
        ([3, 64], [7, 7], 2, [3, 3], [16, 16], 1),
    ] {
        let layer = conv(channels, kernel, stride, padding);
        let x = random([batch, channels[0], size[0], size[1]]);
        let (mut plan, slot) = Plan::new(channels[0], size);
        let out = plan.convolve(convolution(&layer, 0.5).unwrap(), slot, true);
        let found = plan.finish(out.unwrap()).run(&values(x.clone()));
        assert_equal(&found, &turned(relu(layer.forward(x) * 0.5)));
    }
}

/// Branches into one buffer, a sum over its input, pools, mean and a linear layer, in three stages.
#[test]
fn a_network_in_stages_equals_burns_at_any_number_of_threads() {
    let device = Device::flex();
    let first = conv([3, 20], [3, 3], 1, [1, 1]);
    let left = conv([20, 17], [1, 1], 1, [0, 0]);
    let right = [
        conv([20, 8], [1, 1], 1, [0, 0]),
        conv([8, 40], [3, 3], 1, [1, 1]),
    ];
    let project = conv([57, 20], [1, 1], 1, [0, 0]);
    let linear = LinearConfig::new(20, 9).init(&device);
    let batch = 7;
    let x = random([batch, 3, 13, 12]);

    let halve = |padding| {
        MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(
                padding, padding, padding, padding,
            ))
            .init()
    };
    let mut y = halve(1).forward(relu(first.forward(x.clone())));
    for _ in 0..2 {
        let branches = vec![
            relu(left.forward(y.clone())),
            relu(right[1].forward(relu(right[0].forward(y.clone())))),
        ];
        y = relu(project.forward(Tensor::cat(branches, 1)) * 0.25 + y);
    }
    let y = halve(0).forward(y).mean_dims(&[2, 3]).reshape([batch, 20]);
    let expected = values(linear.forward(y));

    let layer = |conv: &Conv2d| convolution(conv, 1.0).unwrap();
    let (mut plan, mut slot) = Plan::new(3, [13, 12]);
    plan.stage(2);
    slot = plan.convolve(layer(&first), slot, true).unwrap();
    slot = plan.halve_by_maximum(slot, None, windows(1)).unwrap();
    plan.stage(3);
    for _ in 0..2 {
        let joined = plan.beside(slot, 57);
        plan.convolve_into(layer(&left), slot, joined.part(0, 17), None, true)
            .unwrap();
        let inner = plan.convolve(layer(&right[0]), slot, true).unwrap();
        plan.convolve_into(layer(&right[1]), inner, joined.part(17, 40), None, true)
            .unwrap();
        plan.release(inner);
        let project = convolution(&project, 0.25).unwrap();
        plan.convolve_into(project, joined, slot, Some(slot), true)
            .unwrap();
        plan.release(joined);
    }
    plan.stage(5);
    slot = plan.halve_by_maximum(slot, None, windows(0)).unwrap();
    slot = plan.mean(slot);
    slot = plan
        .convolve(linear_of(&linear).unwrap(), slot, false)
        .unwrap();
    let plan = plan.finish(slot);
    let input = values(x);
    let found = plan.run(&input);
    assert_equal(&found, &expected);
    // other batches, then this one again in what they left
    assert_equal(&plan.run(&input[..2 * 3 * 13 * 12]), &expected[..18]);
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        assert_eq!(pool.unwrap().install(|| plan.run(&input)), found);
    }
}

#[test]
fn what_does_not_fit_is_no_plan() {
    let (mut plan, slot) = Plan::new(3, [2, 2]);
    let layer = |channels| convolution(&conv(channels, [3, 3], 1, [0, 0]), 1.0).unwrap();
    assert!(plan.convolve(layer([3, 8]), slot, true).is_none());
    assert!(plan.halve_by_maximum(slot, None, windows(0)).is_none());
    assert!(plan.convolve(layer([4, 8]), slot, true).is_none());
    let grouped = Conv2dConfig::new([4, 4], [3, 3])
        .with_groups(4)
        .init(&Device::flex());
    assert!(convolution(&grouped, 1.0).is_none());
}

#[test]
fn depthwise_convolutions_slopes_and_windows_equal_burns() {
    let device = Device::flex();
    let slopes = |n: usize| burn::nn::PRelu {
        alpha: burn::module::Param::from_tensor(random([n])),
        alpha_value: 0.25,
    };
    for (channels, kernel, stride, padding, size, windows) in [
        (16, [3, 3], 1, [1, 1], [9, 8], (3, 0, true)),
        (40, [3, 3], 2, [1, 1], [11, 13], (2, 0, true)),
        (5, [5, 4], 1, [0, 0], [9, 8], (3, 1, false)),
        (32, [7, 6], 1, [0, 0], [13, 12], (2, 0, false)),
    ] {
        let dense = conv([3, channels], [1, 1], 1, [0, 0]);
        let [y, x] = padding;
        let depthwise = Conv2dConfig::new([channels, channels], kernel)
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(y, x, y, x))
            .with_groups(channels)
            .init(&device);
        let (first, second) = (slopes(channels), slopes(channels));
        let input = random([3, 3, size[0], size[1]]);
        let (side, padding, over) = windows;
        let pool = MaxPool2dConfig::new([side, side])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(
                padding, padding, padding, padding,
            ))
            .with_ceil_mode(over)
            .init();
        let expected = first.forward(dense.forward(input.clone()));
        let expected = pool.forward(second.forward(depthwise.forward(expected)));

        let (mut plan, slot) = Plan::new(3, size);
        plan.stage(2);
        let layer = sloped(convolution(&dense, 1.0).unwrap(), &first).unwrap();
        let slot = plan.convolve(layer, slot, false).unwrap();
        let layer = depthwise_of(&depthwise, After::PRelu(&second)).unwrap();
        let slot = plan.depthwise(layer, slot).unwrap();
        let windows = Windows {
            side,
            padding,
            over,
        };
        let slot = plan.halve_by_maximum(slot, None, windows).unwrap();
        let found = plan.finish(slot).run(&values(input));
        assert_equal(&found, &turned(expected));
    }
}

/// A linear layer whose inputs follow one another column by column.
#[test]
fn a_linear_layer_over_a_picture_equals_burns() {
    let linear = LinearConfig::new(4 * 3 * 5, 7).init(&Device::flex());
    let input = random([2, 4, 3, 5]);
    let flat = input.clone().permute([0, 3, 2, 1]).reshape([2, 60]);
    let (mut plan, slot) = Plan::new(4, [3, 5]);
    let layer = linear_over(&linear, [3, 5]).unwrap();
    let slot = plan.convolve(layer, slot, false).unwrap();
    let found = plan.finish(slot).run(&values(input));
    assert_equal(&found, &values(linear.forward(flat)));
    assert!(linear_over(&linear, [7, 3]).is_none());
}
