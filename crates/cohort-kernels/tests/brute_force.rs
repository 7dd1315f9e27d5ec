//! Layers and plans against sums written out in double precision. Values are small whole numbers, of which every order of
//! summation gives the exact sum: equal means equal.

use cohort_kernels::frozen::{Depthwise, Layer, Plan, Shape, Windows};
use cohort_kernels::layers::conv;
use cohort_kernels::layers::depthwise;
use cohort_kernels::layers::geometry::{Finish, Geometry};

fn ramp(n: usize, seed: usize) -> Vec<f32> {
    (0..n)
        .map(|i| ((i * 37 + seed * 11 + i / 5) % 7) as f32 - 3.0)
        .collect()
}

/// Input and output channels, kernel, stride, padding above and left, input size.
type Case = ([usize; 2], [usize; 2], [usize; 2], [usize; 2], [usize; 2]);

const CASES: [Case; 11] = [
    ([3, 8], [9, 9], [3, 3], [0, 0], [50, 46]),
    ([8, 16], [5, 5], [1, 1], [0, 0], [30, 27]),
    ([3, 11], [3, 3], [2, 2], [0, 0], [14, 33]),
    ([3, 8], [9, 9], [3, 3], [0, 0], [31, 30]),
    ([8, 8], [5, 5], [1, 1], [0, 0], [12, 11]),
    ([8, 16], [3, 3], [1, 1], [0, 0], [9, 9]),
    ([4, 49], [3, 3], [2, 2], [1, 1], [9, 8]),
    ([1, 3], [2, 4], [1, 3], [0, 2], [7, 13]),
    ([33, 5], [1, 1], [1, 1], [0, 0], [6, 5]),
    ([2, 2], [1, 7], [1, 1], [0, 3], [3, 9]),
    ([5, 9], [4, 4], [4, 4], [0, 0], [8, 9]),
];

fn geometry(case: Case, batch: usize, depthwise: bool) -> Geometry {
    let ([inputs, outputs], kernel, stride, before, [height, width]) = case;
    let outputs = if depthwise { inputs } else { outputs };
    let size = |axis: usize, n: usize| (n + 2 * before[axis] - kernel[axis]) / stride[axis] + 1;
    Geometry {
        batch,
        input: [inputs, height, width],
        output: [outputs, size(0, height), size(1, width)],
        kernel,
        stride,
        before,
        dilation: [1, 1],
        depthwise,
    }
}

/// Calls `term` with the places in input, weights and output of every product of a convolution.
fn products(g: &Geometry, mut term: impl FnMut(usize, usize, usize)) {
    let [inputs, height, width] = g.input;
    let [outputs, rows, columns] = g.output;
    let [kernel_height, kernel_width] = g.kernel;
    for image in 0..g.batch {
        for output in 0..outputs {
            for input in 0..inputs {
                if g.depthwise && input != output {
                    continue;
                }
                let plane = if g.depthwise {
                    output
                } else {
                    output * inputs + input
                };
                for place in 0..rows * columns * kernel_height * kernel_width {
                    let [place, kx] = [place / kernel_width, place % kernel_width];
                    let [place, ky] = [place / kernel_height, place % kernel_height];
                    let [y, x] = [place / columns, place % columns];
                    let from_y = (y * g.stride[0] + ky).checked_sub(g.before[0]);
                    let from_x = (x * g.stride[1] + kx).checked_sub(g.before[1]);
                    let (Some(from_y), Some(from_x)) = (from_y, from_x) else {
                        continue;
                    };
                    if from_y < height && from_x < width {
                        term(
                            ((image * inputs + input) * height + from_y) * width + from_x,
                            (plane * kernel_height + ky) * kernel_width + kx,
                            ((image * outputs + output) * rows + y) * columns + x,
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn convolutions_and_their_gradients_are_the_plain_sums() {
    for depthwise in [false, true] {
        for case in CASES {
            let g = geometry(case, 3, depthwise);
            let count = |sizes: [usize; 3]| sizes.iter().product::<usize>();
            let channels = if depthwise { 1 } else { g.input[0] };
            let weights = g.output[0] * channels * g.kernel[0] * g.kernel[1];
            let [x, dy] = [g.input, g.output].map(|s| ramp(3 * count(s), s[0]));
            let (weight, bias) = (ramp(weights, 5), ramp(g.output[0], 7));
            let plane = g.output[1] * g.output[2];
            let mut y: Vec<f32> = (0..dy.len())
                .map(|place| bias[place / plane % g.output[0]])
                .collect();
            let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; weights]);
            products(&g, |i, w, o| {
                y[o] += x[i] * weight[w];
                dx[i] += dy[o] * weight[w];
                dw[w] += dy[o] * x[i];
            });
            let finish = Finish {
                bias: Some(&bias),
                relu: true,
            };
            let found = match depthwise {
                true => [
                    depthwise::forward(&g, &x, &weight, finish),
                    depthwise::input_gradient(&g, &dy, &weight),
                    depthwise::weight_gradient(&g, &x, &dy),
                ],
                false => [
                    conv::forward(&g, &x, &weight, finish),
                    conv::input_gradient(&g, &dy, &weight),
                    conv::weight_gradient(&g, &x, &dy),
                ],
            };
            let y: Vec<f32> = y.iter().map(|y| y.max(0.0)).collect();
            assert_eq!(found, [y, dx, dw], "{g:?}");
            let mut db = vec![0.0; g.output[0]];
            for (place, dy) in dy.iter().enumerate() {
                db[place / plane % g.output[0]] += dy;
            }
            assert_eq!(conv::bias_gradient(&g, &dy), db);
        }
    }
}

/// `[batch, channel, row, column]` to `[batch, row, column, channel]`.
fn turned(values: &[f32], [channels, height, width]: [usize; 3]) -> Vec<f32> {
    let plane = height * width;
    let picture = channels * plane;
    let place = |i: usize| i / picture * picture + i % channels * plane + i % picture / channels;
    (0..values.len()).map(|i| values[place(i)]).collect()
}

#[test]
fn planned_convolutions_are_the_plain_sums() {
    for depthwise in [false, true] {
        for case in CASES {
            let g = geometry(case, 3, depthwise);
            let shape = Shape {
                kernel: g.kernel,
                stride: g.stride,
                padding: g.before,
                after: g.before,
            };
            let channels = if depthwise { 1 } else { g.input[0] };
            let weights = g.output[0] * channels * g.kernel[0] * g.kernel[1];
            let x = ramp(3 * g.input.iter().product::<usize>(), 2);
            let (weight, slopes) = (ramp(weights, 5), ramp(g.output[0], 7));
            let mut y = vec![0.0; 3 * g.output.iter().product::<usize>()];
            products(&g, |i, w, o| y[o] += x[i] * weight[w]);
            let plane = g.output[1] * g.output[2];
            for (place, y) in y.iter_mut().enumerate() {
                *y *= if *y < 0.0 {
                    slopes[place / plane % g.output[0]]
                } else {
                    1.0
                };
            }
            let (mut plan, input) = Plan::new(g.input[0], [g.input[1], g.input[2]]);
            plan.stage(2);
            let to = match depthwise {
                true => plan.depthwise(Depthwise::new(shape, &weight, None, slopes), input),
                false => {
                    let layer = Layer::new([g.input[0], g.output[0]], shape, &weight, None, 1.0);
                    plan.convolve(layer.sloped(slopes), input, false)
                }
            };
            let plan = plan.finish(to.unwrap());
            assert_eq!(plan.run(&x), turned(&y, g.output), "{g:?}");
            // again, in what the first run left
            assert_eq!(plan.run(&x), turned(&y, g.output), "{g:?}");
        }
    }
}

#[test]
fn zeros_after_the_picture_alone_and_sums_cut_above_and_below() {
    // as TensorFlow pads an even side for a stride of 2: kernel 3 by 0 and 1, kernel 5 by 1 and 2
    for (kernel, before) in [(3, 0), (5, 1)] {
        for depthwise in [false, true] {
            let (inputs, outputs) = (20, if depthwise { 20 } else { 19 });
            let g = Geometry {
                batch: 3,
                input: [inputs, 8, 6],
                output: [outputs, 4, 3],
                kernel: [kernel; 2],
                stride: [2, 2],
                before: [before; 2],
                dilation: [1, 1],
                depthwise,
            };
            let shape = Shape {
                kernel: g.kernel,
                stride: g.stride,
                padding: [before; 2],
                after: [before + 1; 2],
            };
            let channels = if depthwise { 1 } else { inputs };
            let x = ramp(3 * inputs * 48, 2);
            let weight = ramp(outputs * channels * kernel * kernel, 5);
            let mut y = vec![0.0_f32; 3 * outputs * 12];
            products(&g, |i, w, o| y[o] += x[i] * weight[w]);
            assert!(y.iter().any(|y| *y > 6.0) && y.iter().any(|y| *y < 0.0));
            let y: Vec<f32> = y.iter().map(|y| y.clamp(0.0, 6.0)).collect();
            let (mut plan, input) = Plan::new(inputs, [8, 6]);
            let to = match depthwise {
                true => {
                    let layer = Depthwise::new(shape, &weight, None, vec![0.0; inputs]);
                    plan.depthwise(layer.capped(6.0), input)
                }
                false => {
                    let layer = Layer::new([inputs, outputs], shape, &weight, None, 1.0);
                    plan.convolve(layer.capped(6.0), input, true)
                }
            };
            let plan = plan.finish(to.unwrap());
            assert_eq!(plan.size(), [4, 3]);
            assert_eq!(plan.run(&x), turned(&y, g.output), "{g:?}");
        }
    }
}

#[test]
fn every_window_of_a_pool_holds_a_pixel() {
    let size = |side, padding, over, n| {
        let (mut plan, input) = Plan::new(1, [n, n]);
        let windows = Windows {
            side,
            padding,
            over,
        };
        let to = plan.halve_by_maximum(input, None, windows)?;
        Some(plan.finish(to).size()[0])
    };
    assert_eq!(size(3, 0, false, 7), Some(3));
    assert_eq!(size(3, 0, true, 8), Some(4));
    assert_eq!(size(3, 1, false, 7), Some(4));
    // a last window beyond the end, and a first one before the beginning
    assert_eq!(size(1, 0, true, 4), None);
    assert_eq!(size(2, 2, false, 4), None);
    assert_eq!(size(3, 0, false, 2), None);
}
