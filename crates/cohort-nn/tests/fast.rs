//! The fast layers against Burn's own, against finite differences, and under any number of threads.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PReluConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use cohort_nn::burn;
use cohort_nn::fast;

/// Numbers in [-1, 1) that look random and are the same everywhere.
fn numbers<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut state = seed;
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// A parameter's values, wanting a gradient where the device has them.
fn parameter<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let values = numbers(shape, seed, device);
    match device.is_autodiff() {
        true => values.require_grad(),
        false => values,
    }
}

fn assert_close(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let far = (a - b).abs() / (1.0 + b.abs());
        assert!(far <= tolerance, "{name} at {i}: {a} for {b}");
    }
}

/// One convolution: batch, channels in and out, height and width, kernel, stride, padding (top,
/// left, bottom, right), dilation, groups, bias.
#[derive(Debug, Clone, Copy)]
struct Case {
    batch: usize,
    channels: [usize; 2],
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
    dilation: [usize; 2],
    groups: usize,
    bias: bool,
}

const CASE: Case = Case {
    batch: 2,
    channels: [3, 5],
    size: [7, 9],
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1, 1, 1],
    dilation: [1, 1],
    groups: 1,
    bias: false,
};

fn cases() -> Vec<Case> {
    vec![
        CASE,
        Case {
            batch: 1,
            size: [1, 1],
            ..CASE
        },
        Case {
            bias: true,
            channels: [17, 9],
            size: [13, 50],
            ..CASE
        },
        Case {
            stride: [2, 2],
            size: [15, 14],
            ..CASE
        },
        Case {
            stride: [2, 2],
            padding: [0; 4],
            ..CASE
        },
        Case {
            stride: [3, 2],
            padding: [2, 0, 1, 3],
            size: [11, 12],
            bias: true,
            ..CASE
        },
        Case {
            kernel: [7, 7],
            stride: [2, 2],
            padding: [3; 4],
            size: [33, 31],
            ..CASE
        },
        Case {
            kernel: [1, 7],
            padding: [0, 3, 0, 3],
            channels: [12, 12],
            ..CASE
        },
        Case {
            kernel: [7, 1],
            padding: [3, 0, 3, 0],
            channels: [12, 12],
            ..CASE
        },
        Case {
            kernel: [1, 1],
            padding: [0; 4],
            channels: [20, 33],
            batch: 5,
            ..CASE
        },
        Case {
            kernel: [1, 1],
            padding: [0; 4],
            stride: [2, 2],
            size: [8, 7],
            ..CASE
        },
        Case {
            kernel: [1, 1],
            padding: [1; 4],
            size: [4, 4],
            ..CASE
        },
        Case {
            kernel: [2, 4],
            padding: [0, 1, 1, 2],
            dilation: [2, 1],
            size: [9, 9],
            ..CASE
        },
        Case {
            dilation: [2, 3],
            stride: [2, 1],
            padding: [2, 3, 2, 3],
            size: [12, 10],
            ..CASE
        },
        Case {
            kernel: [5, 5],
            padding: [0; 4],
            size: [5, 5],
            batch: 3,
            ..CASE
        },
        Case {
            size: [3, 3],
            batch: 19,
            channels: [48, 24],
            bias: true,
            ..CASE
        },
        // depthwise
        Case {
            groups: 6,
            channels: [6, 6],
            ..CASE
        },
        Case {
            groups: 20,
            channels: [20, 20],
            size: [17, 28],
            batch: 3,
            bias: true,
            ..CASE
        },
        Case {
            groups: 6,
            channels: [6, 6],
            stride: [2, 2],
            size: [14, 15],
            ..CASE
        },
        Case {
            groups: 4,
            channels: [4, 4],
            stride: [2, 3],
            kernel: [4, 5],
            padding: [3, 0, 1, 4],
            size: [11, 12],
            bias: true,
            ..CASE
        },
        Case {
            groups: 5,
            channels: [5, 5],
            kernel: [7, 6],
            padding: [0; 4],
            size: [7, 6],
            ..CASE
        },
        Case {
            groups: 5,
            channels: [5, 5],
            kernel: [1, 1],
            padding: [0; 4],
            bias: true,
            ..CASE
        },
        Case {
            groups: 3,
            channels: [3, 3],
            kernel: [1, 1],
            padding: [0; 4],
            stride: [2, 2],
            size: [8, 7],
            ..CASE
        },
        Case {
            groups: 2,
            channels: [2, 2],
            kernel: [2, 2],
            padding: [0, 1, 5, 6],
            size: [1, 1],
            ..CASE
        },
        // not served: the layer itself answers
        Case {
            groups: 3,
            channels: [6, 9],
            ..CASE
        },
        Case {
            groups: 6,
            channels: [6, 6],
            dilation: [2, 1],
            ..CASE
        },
        Case {
            groups: 6,
            channels: [6, 6],
            padding: [3, 0, 0, 0],
            ..CASE
        },
    ]
}

fn layer(case: &Case, device: &Device) -> Conv2d {
    let [top, left, bottom, right] = case.padding;
    let mut layer = Conv2dConfig::new(case.channels, case.kernel)
        .with_stride(case.stride)
        .with_dilation(case.dilation)
        .with_groups(case.groups)
        .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right))
        .with_bias(case.bias)
        .init(device);
    layer.weight = layer.weight.map(|w| parameter(w.dims(), 11, device));
    layer.bias = layer
        .bias
        .map(|b| b.map(|b| parameter(b.dims(), 12, device)));
    layer
}

/// Output and gradients of input, weight and bias for a loss that weighs every output differently.
fn run(
    layer: &Conv2d,
    x: Tensor<4>,
    forward: impl Fn(&Conv2d, Tensor<4>) -> Tensor<4>,
) -> Vec<Vec<f32>> {
    let x = x.require_grad();
    let y = forward(layer, x.clone());
    let weights = numbers(y.dims(), 13, &y.device());
    let grads = (y.clone() * weights).sum().backward();
    let mut all = vec![
        values(y),
        values(x.grad(&grads).unwrap()),
        values(layer.weight.val().grad(&grads).unwrap()),
    ];
    if let Some(bias) = &layer.bias {
        all.push(values(bias.val().grad(&grads).unwrap()));
    }
    all
}

#[test]
fn outputs_and_gradients_equal_those_of_burn() {
    let device = Device::flex().autodiff();
    for case in cases() {
        let layer = layer(&case, &device);
        let [height, width] = case.size;
        let x = numbers([case.batch, case.channels[0], height, width], 10, &device);
        let found = run(&layer, x.clone(), fast::conv2d);
        let expected = run(&layer, x.clone(), |layer, x| layer.forward(x));
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_close(&format!("{case:?} {i}"), found, expected, 2e-5);
        }
        let found = run(&layer, x.clone(), fast::conv2d_relu);
        let expected = run(&layer, x, |layer, x| relu(layer.forward(x)));
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_close(&format!("relu {case:?} {i}"), found, expected, 2e-5);
        }
    }
}

#[test]
fn inference_equals_burn_and_fuses_relu() {
    let device = Device::flex();
    for case in cases() {
        let layer = layer(&case, &device);
        let [height, width] = case.size;
        let x = numbers([case.batch, case.channels[0], height, width], 10, &device);
        let expected = relu(layer.forward(x.clone()));
        let found = fast::conv2d_relu(&layer, x);
        assert_eq!(found.dims(), expected.dims(), "{case:?}");
        assert_close(
            &format!("{case:?}"),
            &values(found),
            &values(expected),
            2e-5,
        );
    }
}

#[test]
fn same_padding_and_views_are_served() {
    let device = Device::flex();
    let same = Conv2dConfig::new([4, 6], [3, 4])
        .with_padding(PaddingConfig2d::Same)
        .init(&device);
    let x = numbers([2, 4, 5, 6], 1, &device);
    let expected = values(same.forward(x.clone()));
    assert_close("same", &values(fast::conv2d(&same, x)), &expected, 2e-5);
    // a transposed, a sliced and a broadcast tensor are not contiguous
    let layer = layer(&CASE, &device);
    let wide = numbers([4, 9, 3, 14], 2, &device);
    for view in [
        wide.clone().permute([0, 2, 1, 3]),
        wide.clone().slice([1..3, 2..5, 0..3, 3..9]),
        wide.slice([0..1, 0..3, 0..3, 0..14]).expand([5, 3, 3, 14]),
    ] {
        let expected = values(layer.forward(view.clone()));
        assert_close("view", &values(fast::conv2d(&layer, view)), &expected, 2e-5);
    }
}

#[test]
fn gradients_of_convolution_norm_and_relu_equal_finite_differences() {
    let device = Device::flex().autodiff();
    let conv = layer(
        &Case {
            stride: [2, 1],
            channels: [2, 3],
            size: [5, 4],
            ..CASE
        },
        &device,
    );
    let norm = norm(3, &device);
    let x = values(numbers([3, 2, 5, 4], 20, &device));
    let loss = |x: &[f32]| {
        let x = Tensor::<4>::from_data(TensorData::new(x.to_vec(), [3, 2, 5, 4]), &device);
        let x = x.require_grad();
        let y = fast::batch_norm_relu(&norm, fast::conv2d(&conv, x.clone()));
        let weights = numbers(y.dims(), 21, &device);
        (x, (y * weights).sum())
    };
    let (input, sum) = loss(&x);
    let gradient = values(input.grad(&sum.backward()).unwrap());
    // the loss is piecewise smooth: a step over a kink is seen and left out
    let mut compared = 0;
    for i in 0..x.len() {
        let at = |step: f32| {
            let mut x = x.clone();
            x[i] += step;
            let value: f32 = loss(&x).1.into_scalar();
            f64::from(value)
        };
        let step = 1e-2;
        let [left, right] = [at(0.0) - at(-step), at(step) - at(0.0)];
        if (left - right).abs() > 2e-3 {
            continue;
        }
        compared += 1;
        let slope = (left + right) / f64::from(2.0 * step);
        let far = (slope - f64::from(gradient[i])).abs();
        assert!(far < 2e-2, "at {i}: {} for {slope}", gradient[i]);
    }
    assert!(compared > x.len() / 2, "{compared} of {}", x.len());
}

fn norm(channels: usize, device: &Device) -> BatchNorm {
    let mut norm = BatchNormConfig::new(channels).init(device);
    norm.gamma = norm.gamma.map(|g| parameter(g.dims(), 31, device));
    norm.beta = norm.beta.map(|b| parameter(b.dims(), 32, device));
    norm
}

/// By the layers under test or by Burn's, with ReLU or without.
fn normed(norm: &BatchNorm, x: Tensor<4>, ours: bool, positive: bool) -> Tensor<4> {
    match (ours, positive) {
        (true, true) => fast::batch_norm_relu(norm, x),
        (true, false) => fast::batch_norm(norm, x),
        (false, true) => relu(norm.forward(x)),
        (false, false) => norm.forward(x),
    }
}

#[test]
fn batch_norm_equals_burn_in_training_and_evaluation() {
    let device = Device::flex().autodiff();
    for shape in [[2, 3, 1, 1], [3, 5, 7, 9], [16, 4, 3, 3], [1, 2, 33, 40]] {
        for positive in [false, true] {
            // a mean far from zero must not cost digits
            let x = numbers(shape, 30, &device) * 0.5 + 20.0;
            let all = |ours: bool| {
                let norm = norm(shape[1], &device);
                let x = x.clone().require_grad();
                let y = normed(&norm, x.clone(), ours, positive);
                let weights = numbers(shape, 33, &device);
                let grads = (y.clone() * weights).sum().backward();
                let results = vec![
                    values(y),
                    values(x.grad(&grads).unwrap()),
                    values(norm.gamma.val().grad(&grads).unwrap()),
                    values(norm.beta.val().grad(&grads).unwrap()),
                    values(norm.running_mean.value_sync()),
                    values(norm.running_var.value_sync()),
                ];
                (results, norm)
            };
            let (found, ours) = all(true);
            let (expected, theirs) = all(false);
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_close(&format!("{shape:?} {positive} {i}"), found, expected, 2e-4);
            }
            let x = x.clone().without_autodiff();
            let expected = values(theirs.valid().forward(x.clone()));
            let found = values(fast::batch_norm(&ours.valid(), x));
            assert_close(&format!("{shape:?} evaluation"), &found, &expected, 2e-4);
        }
    }
}

#[test]
fn norms_kept_in_training_equal_burn() {
    let device = Device::flex().autodiff();
    for shape in [[2, 3, 1, 1], [3, 5, 7, 9], [4, 2, 16, 16]] {
        for positive in [false, true] {
            let all = |ours: bool| {
                let mut norm = norm(shape[1], &device);
                let ones = Tensor::<1>::ones([shape[1]], &device);
                norm.running_mean
                    .update(numbers([shape[1]], 34, &device) * 3.0);
                norm.running_var
                    .update(numbers([shape[1]], 35, &device) * 0.4 + ones);
                // Burn's forward pass does not see an update before it is taken over
                for running in [&norm.running_mean, &norm.running_var] {
                    let _ = running.value_sync();
                }
                norm.training = norm.training.with_value(false);
                let x = numbers(shape, 30, &device).require_grad();
                let y = normed(&norm, x.clone(), ours, positive);
                let weights = numbers(shape, 33, &device);
                let grads = (y.clone() * weights).sum().backward();
                [
                    values(y),
                    values(x.grad(&grads).unwrap()),
                    values(norm.gamma.val().grad(&grads).unwrap()),
                    values(norm.beta.val().grad(&grads).unwrap()),
                ]
            };
            for (found, expected) in all(true).iter().zip(&all(false)) {
                assert_close(&format!("{shape:?} {positive}"), found, expected, 2e-5);
            }
        }
    }
}

#[test]
fn learnt_rectifiers_equal_burn() {
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    for shape in [[1, 3, 1, 1], [2, 3, 7, 9], [3, 5, 16, 16]] {
        for slopes in [1, shape[1]] {
            let mut layer = PReluConfig::new().with_num_parameters(slopes).init(&device);
            layer.alpha = layer.alpha.map(|a| parameter(a.dims(), 41, &device));
            let all = |forward: &dyn Fn(Tensor<4>) -> Tensor<4>| {
                let x = numbers(shape, 40, &device).require_grad();
                let y = forward(x.clone());
                let weights = numbers(shape, 42, &device);
                let grads = (y.clone() * weights).sum().backward();
                [
                    values(y),
                    values(x.grad(&grads).unwrap()),
                    values(layer.alpha.val().grad(&grads).unwrap()),
                ]
            };
            let found = all(&|x| fast::prelu(&layer, x));
            let expected = all(&|x| layer.forward(x));
            for (found, expected) in found.iter().zip(&expected) {
                assert_close(&format!("{shape:?} {slopes}"), found, expected, 2e-5);
            }
            let (layer, x) = (layer.clone().valid(), numbers(shape, 40, &plain));
            assert_eq!(values(fast::prelu(&layer, x)), found[0]);
        }
    }
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let all = || {
        let device = Device::flex().autodiff();
        let mut all = Vec::new();
        for case in cases() {
            let [height, width] = case.size;
            let x = numbers([case.batch, case.channels[0], height, width], 10, &device);
            let norm = norm(case.channels[1], &device);
            let layer = layer(&case, &device);
            all.extend(run(&layer, x, |layer, x| {
                fast::batch_norm_relu(&norm, fast::conv2d(layer, x))
            }));
        }
        all
    };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(all)
    };
    let one = with(1);
    for threads in [2, 3, 8] {
        assert!(one == with(threads), "{threads} threads");
    }
}
