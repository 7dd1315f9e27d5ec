//! Steps that detectors need of a plan, each against its definition written out.

use std::sync::Arc;

use cohort_kernels::frozen::{Depthwise, Layer, Plan, Shape, Windows};

/// Values in [-3, 3) without a pattern that a wrong index could meet.
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5) * 6.0
    };
    (0..n).map(|_| next()).collect()
}

/// `[batch, channel, row, column]` to `[batch, row, column, channel]`.
fn turned(values: &[f32], [channels, height, width]: [usize; 3]) -> Vec<f32> {
    let plane = height * width;
    let picture = channels * plane;
    let place = |i: usize| i / picture * picture + i % channels * plane + i % picture / channels;
    (0..values.len()).map(|i| values[place(i)]).collect()
}

fn square(kernel: usize, stride: usize, padding: usize) -> Shape {
    Shape {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        after: [padding; 2],
    }
}

/// A convolution without padding or stride of one pixel wide kernels, in double precision, channels last.
fn pointwise(x: &[f32], [inputs, outputs]: [usize; 2], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let pixel = |x: &[f32], o: usize| {
        let products = (0..inputs).map(|i| f64::from(x[i]) * f64::from(weight[o * inputs + i]));
        f64::from(bias[o]) + products.sum::<f64>()
    };
    x.chunks_exact(inputs)
        .flat_map(|x| (0..outputs).map(move |o| pixel(x, o)))
        .collect()
}

fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

fn is_near(found: &[f32], expected: &[f64]) -> bool {
    let near = |(f, e): (&f32, &f64)| (f64::from(*f) - e).abs() < 2e-6 * (1.0 + e.abs());
    found.len() == expected.len() && found.iter().zip(expected).all(near)
}

#[test]
fn silu_follows_a_convolution_and_what_is_added_comes_after_it() {
    // panels of 1, 2 and 3 vectors, whole and not
    for outputs in [3, 16, 20, 32, 40, 48, 80, 100] {
        let (inputs, size) = (5, [7, 6]);
        let x = values(2 * inputs * 42, 1);
        let weight = values(inputs * outputs, 2);
        let bias = values(outputs, 3);
        let layer = Layer::new(
            [inputs, outputs],
            square(1, 1, 0),
            &weight,
            Some(&bias),
            1.0,
        );
        let layer = Arc::new(layer.silu());
        let (mut plan, input) = Plan::new(inputs, size);
        let first = plan.convolve(layer.clone(), input, false).unwrap();
        let second = plan.convolve(layer.clone(), input, false).unwrap();
        plan.convolve_into(layer, input, second, Some(first), false)
            .unwrap();
        let plan = plan.finish_all(vec![first, second]);
        assert_eq!(plan.sizes(), [size; 2]);
        let found = plan.run_all(&x);
        let sums = pointwise(
            &turned(&x, [inputs, 7, 6]),
            [inputs, outputs],
            &weight,
            &bias,
        );
        assert!(sums.iter().any(|s| *s < -6.0) && sums.iter().any(|s| *s > 6.0));
        let once: Vec<f64> = sums.iter().map(|s| silu(*s)).collect();
        let twice: Vec<f64> = once.iter().map(|s| 2.0 * s).collect();
        assert!(is_near(&found[0], &once), "{outputs}");
        assert!(is_near(&found[1], &twice), "{outputs}");
        assert_eq!(plan.run(&x), found[0]);
    }
}

#[test]
fn what_follows_a_convolution_is_done_in_full_or_refused() {
    let (inputs, size) = (5, [7, 6]);
    for outputs in [3, 16, 20, 48, 100] {
        let x = values(2 * inputs * 42, 1);
        let weight = values(inputs * outputs, 2);
        let [bias, slopes] = [3, 16].map(|seed| values(outputs, seed));
        let other = values(inputs * outputs, 17);
        let nothing = vec![0.0; outputs];
        let pixels = turned(&x, [inputs, 7, 6]);
        let sums = pointwise(&pixels, [inputs, outputs], &weight, &bias);
        let added = pointwise(&pixels, [inputs, outputs], &other, &nothing);
        let mut taken = 0;
        for choice in 0..32 {
            let [sloped, is_silu, capped, add, relu] =
                [0, 1, 2, 3, 4].map(|i| choice >> i & 1 == 1);
            let plain = |weight: &[f32], bias: &[f32]| {
                Layer::new([inputs, outputs], square(1, 1, 0), weight, Some(bias), 1.0)
            };
            let mut layer = plain(&weight, &bias);
            if sloped {
                layer = layer.sloped(slopes.clone());
            }
            if is_silu {
                layer = layer.silu();
            }
            if capped {
                layer = layer.capped(1.5);
            }
            let (mut plan, input) = Plan::new(inputs, size);
            let out = plan.convolve(plain(&other, &nothing), input, false);
            let out = out.unwrap();
            let fits = plan.convolve_into(layer, input, out, add.then_some(out), relu);
            let follow = [sloped, is_silu, capped || relu];
            let is_one = follow.into_iter().filter(|own| *own).count() < 2;
            assert_eq!(fits.is_some(), is_one && !(sloped && add), "{choice}");
            if fits.is_none() {
                continue;
            }
            taken += 1;
            let end = |i: usize| {
                let value = if is_silu { silu(sums[i]) } else { sums[i] };
                let value = if add { value + added[i] } else { value };
                let slope = f64::from(slopes[i % outputs]);
                let value = if sloped && value < 0.0 {
                    value * slope
                } else {
                    value
                };
                let value = if relu { value.max(0.0) } else { value };
                if capped { value.min(1.5) } else { value }
            };
            let expected: Vec<f64> = (0..sums.len()).map(end).collect();
            let found = plan.finish(out).run(&x);
            assert!(is_near(&found, &expected), "{outputs} {choice}");
        }
        // slopes alone, a SiLU with and without an addition, and any of bound, addition and ReLU
        assert_eq!(taken, 1 + 2 + 8);
    }
}

#[test]
fn silu_follows_a_depthwise_convolution() {
    for channels in [3, 16, 21] {
        let [height, width] = [9, 6];
        let x = values(channels * height * width, 4);
        let weight = values(channels * 9, 5);
        let bias = values(channels, 6);
        let mut expected = Vec::new();
        for y in 0..height.div_ceil(2) {
            for x_ in 0..width.div_ceil(2) {
                for c in 0..channels {
                    let mut sum = f64::from(bias[c]);
                    for (tap, w) in weight[c * 9..][..9].iter().enumerate() {
                        let (row, column) = (2 * y + tap / 3, 2 * x_ + tap % 3);
                        if (1..=height).contains(&row) && (1..=width).contains(&column) {
                            let place = (c * height + row - 1) * width + column - 1;
                            sum += f64::from(*w) * f64::from(x[place]);
                        }
                    }
                    expected.push(silu(sum));
                }
            }
        }
        let layer = Depthwise::new(square(3, 2, 1), &weight, Some(&bias), vec![1.0; channels]);
        let (mut plan, input) = Plan::new(channels, [height, width]);
        let out = plan.depthwise(layer.silu(), input).unwrap();
        assert!(is_near(&plan.finish(out).run(&x), &expected), "{channels}");
    }
}

#[test]
fn the_largest_around_every_place_between_parts_of_one_buffer() {
    let (channels, [height, width]) = (4, [11, 17]);
    let x = values(2 * channels * height * width, 7);
    let copy: Vec<f32> = (0..16).map(|i| f32::from(u8::from(i % 5 == 0))).collect();
    for side in [1, 3, 5, 9, 13, 31] {
        let (mut plan, input) = Plan::new(channels, [height, width]);
        let all = plan.beside(input, 4 * channels);
        let part = |i: usize| all.part(i * channels, channels);
        let layer = Layer::new([channels; 2], square(1, 1, 0), &copy, None, 1.0);
        plan.convolve_into(layer, input, part(0), None, false)
            .unwrap();
        plan.maximum_around(side, part(0), part(3)).unwrap();
        // two of a side are one of twice the side less one
        plan.maximum_around(side, part(3), part(1)).unwrap();
        plan.maximum_around(2 * side - 1, part(0), part(2)).unwrap();
        assert!(plan.maximum_around(4, part(0), part(1)).is_none());
        assert!(plan.maximum_around(3, part(0), part(0)).is_none());
        let outputs = vec![part(3), part(1), part(2)];
        let found = plan.finish_all(outputs).run_all(&x);
        let reach = side / 2;
        let largest = |plane: &[f32], y: usize, x: usize| {
            let mut most = f32::NEG_INFINITY;
            for row in y.saturating_sub(reach)..(y + reach + 1).min(height) {
                for column in x.saturating_sub(reach)..(x + reach + 1).min(width) {
                    most = most.max(plane[row * width + column]);
                }
            }
            most
        };
        let planes = x.chunks_exact(height * width);
        let expected: Vec<f32> = planes
            .flat_map(|plane| {
                (0..height * width).map(move |i| largest(plane, i / width, i % width))
            })
            .collect();
        assert_eq!(
            found[0],
            turned(&expected, [channels, height, width]),
            "{side}"
        );
        assert_eq!(found[1], found[2], "{side}");
    }
}

#[test]
fn nearest_values_at_even_and_odd_sizes_alone_and_added() {
    let channels = 3;
    for (small, large) in [
        ([5, 7], [10, 14]),
        ([7, 4], [13, 7]),
        ([3, 5], [3, 16]),
        ([13, 19], [25, 38]),
        ([6, 6], [4, 5]),
    ] {
        let (mut plan, input) = Plan::new(channels, large);
        // any map of the small size: windows and then a one-pixel kernel that is moved as wanted
        let to_small = Shape {
            kernel: [1, 1],
            stride: [0, 1].map(|axis| (large[axis] / small[axis]).max(1)),
            padding: [0, 0],
            after: [0, 0],
        };
        let weight = values(channels * channels, 8);
        let low = plan
            .convolve(
                Layer::new([channels; 2], to_small, &weight, None, 1.0),
                input,
                false,
            )
            .unwrap();
        let joined = plan.beside(input, 2 * channels);
        let [left, right] = [0, channels].map(|first| joined.part(first, channels));
        plan.nearest(low, left, false).unwrap();
        let same = Layer::new([channels; 2], square(1, 1, 0), &weight, None, 1.0);
        plan.convolve_into(same, input, right, None, false).unwrap();
        plan.nearest(low, right, true).unwrap();
        assert!(plan.nearest(left, right, false).is_none());
        assert!(plan.nearest(low, joined, false).is_none());
        let lateral = plan.beside(input, channels);
        let same = Layer::new([channels; 2], square(1, 1, 0), &weight, None, 1.0);
        plan.convolve_into(same, input, lateral, None, false)
            .unwrap();
        let plan = plan.finish_all(vec![low, left, right, lateral]);
        let [[from_height, from_width], to, ..] = plan.sizes()[..] else {
            panic!("four outputs");
        };
        assert_eq!(to, large);
        let found = plan.run_all(&values(2 * channels * large[0] * large[1], 9));
        let [low, left, right, lateral] = &found[..] else {
            panic!("four outputs");
        };
        for at in 0..left.len() {
            let [pixel, channel] = [at / channels, at % channels];
            let [image, y, x] = [
                pixel / (to[0] * to[1]),
                pixel / to[1] % to[0],
                pixel % to[1],
            ];
            let [row, column] = [y * from_height / to[0], x * from_width / to[1]];
            let place = ((image * from_height + row) * from_width + column) * channels + channel;
            assert_eq!(left[at], low[place]);
            assert_eq!(right[at], lateral[at] + low[place]);
        }
    }
}

#[test]
fn windows_of_one_place_take_every_second_value() {
    let one = Windows {
        side: 1,
        padding: 0,
        over: false,
    };
    for [height, width] in [[13, 19], [4, 6], [1, 2]] {
        let x = values(height * width, 10);
        let (mut plan, input) = Plan::new(1, [height, width]);
        let out = plan.halve_by_maximum(input, None, one).unwrap();
        let plan = plan.finish(out);
        assert_eq!(plan.size(), [height.div_ceil(2), width.div_ceil(2)]);
        let expected = x.chunks_exact(width).step_by(2);
        let expected: Vec<f32> = expected
            .flat_map(|row| row.iter().step_by(2).copied())
            .collect();
        assert_eq!(plan.run(&x), expected);
    }
}

#[test]
fn a_step_never_writes_what_it_reads() {
    let (channels, size) = (18, [5, 4]);
    let x = values(channels * 20, 18);
    let weight = values(channels * 9, 19);
    let deep = Depthwise::new(square(3, 1, 1), &weight, None, vec![1.0; channels]);
    let deep = Arc::new(deep);
    let whole = Shape {
        kernel: size,
        ..square(1, 1, 0)
    };
    let weight = values(channels * channels * 20, 20);
    let whole = Arc::new(Layer::new([channels; 2], whole, &weight, None, 0.1));
    let run = |early: bool| {
        let (mut plan, input) = Plan::new(channels, size);
        let first = plan.depthwise(deep.clone(), input).unwrap();
        if early {
            // twice: the next two must have buffers of their own all the same
            plan.release(first);
            plan.release(first);
        }
        let second = plan.depthwise(deep.clone(), first).unwrap();
        let one = plan.convolve(whole.clone(), second, false).unwrap();
        if early {
            plan.release(one);
        }
        let mean = plan.mean(one);
        let third = plan.depthwise(deep.clone(), second).unwrap();
        let fourth = plan.depthwise(deep.clone(), third).unwrap();
        let plan = plan.finish_all(vec![second, one, mean, third, fourth]);
        plan.run_all(&x)
    };
    let [early, kept] = [run(true), run(false)];
    assert!(early == kept, "with buffers released early");
    assert_eq!(early[1], early[2], "the mean of one pixel");
}

#[test]
fn shapes_that_have_no_sums_are_refused() {
    let layer = |shape: Shape| Layer::new([2, 2], shape, &[1.0; 4], None, 1.0);
    let standing = Shape {
        stride: [1, 0],
        ..square(1, 1, 0)
    };
    let (mut plan, input) = Plan::new(2, [3, 3]);
    assert!(plan.convolve(layer(standing), input, false).is_none());
    let empty = Layer::new([2, 2], square(0, 1, 0), &[], None, 1.0);
    assert!(plan.convolve(empty, input, false).is_none());
    // what is added lies in the slot itself or apart from it
    let all = plan.beside(input, 6);
    for (add, fits) in [(0, true), (1, false), (2, true), (3, false), (4, true)] {
        let to = all.part(2, 2);
        let fitted = plan.convolve_into(
            layer(square(1, 1, 0)),
            input,
            to,
            Some(all.part(add, 2)),
            false,
        );
        assert_eq!(fitted.is_some(), fits, "{add}");
    }
}

#[test]
#[should_panic(expected = "pictures of a plan")]
fn a_part_of_a_picture_is_not_left_out() {
    let (plan, input) = Plan::new(1, [2, 2]);
    plan.finish(input).run(&[0.0; 6]);
}

/// A small pyramid of shared layers for pictures of any size.
fn pyramid(layers: &[Arc<Layer>; 3], deep: &Arc<Depthwise>, size: [usize; 2]) -> Plan {
    let (mut plan, input) = Plan::new(3, size);
    let c2 = plan.convolve(layers[0].clone(), input, false).unwrap();
    let c3 = plan.depthwise(deep.clone(), c2).unwrap();
    let spp = plan.beside(c3, 40);
    plan.convolve_into(layers[1].clone(), c3, spp.part(0, 20), None, false)
        .unwrap();
    plan.maximum_around(5, spp.part(0, 20), spp.part(20, 20))
        .unwrap();
    let p3 = plan.convolve(layers[2].clone(), spp, false).unwrap();
    plan.nearest(p3, c2, true).unwrap();
    plan.finish_all(vec![c2, p3])
}

#[test]
fn one_packed_network_serves_all_sizes_whatever_the_number_of_threads() {
    let layer = |channels: [usize; 2], shape: Shape, seed| {
        let taps = shape.kernel[0] * shape.kernel[1];
        let weight = values(channels[0] * channels[1] * taps, seed);
        Arc::new(Layer::new(channels, shape, &weight, None, 0.1).silu())
    };
    let layers = [
        layer([3, 20], square(3, 2, 1), 11),
        layer([20, 20], square(1, 1, 0), 12),
        layer([40, 20], square(1, 1, 0), 13),
    ];
    let weight = values(20 * 9, 14);
    let deep = Depthwise::new(square(3, 2, 1), &weight, None, vec![1.0; 20]);
    let deep = Arc::new(deep.silu());
    for size in [[416, 352], [97, 131], [9, 5]] {
        let x = values(2 * 3 * size[0] * size[1], 15);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let plan = pyramid(&layers, &deep, size);
            let found = pool.build().unwrap().install(|| plan.run_all(&x));
            found.concat().into_iter().map(f32::to_bits)
        };
        let alone: Vec<u32> = run(1).collect();
        assert!(alone.iter().any(|bits| *bits != 0));
        for threads in [2, 3, 8] {
            assert!(
                run(threads).eq(alone.iter().copied()),
                "{size:?} {threads} threads"
            );
        }
    }
    assert_eq!(Arc::strong_count(&layers[0]), 1, "no plan keeps it");
}
