//! Unpadded convolutions to few channels: a vector register holds the outputs of a pixel, so nothing is packed.
//!
//! With eight output channels a tile of the common product would spend as long packing pixels as multiplying them, and most of a
//! tile of the weight gradient would be empty. Here the lanes of a register are eight output channels; values of the source are
//! broadcast from where they lie, at any stride. Sums have one order, whatever the number of threads.

use rayon::prelude::*;

use super::geometry::{Finish, Geometry};
use super::narrow_kernel::{LANES, PIXELS, pixels, taps};
use crate::Out;

/// Most output channels.
const MOST: usize = 16;
/// Pixels whose products are summed before they are added to the sums of a weight.
const BLOCK: usize = 512;

/// Whether a convolution is served.
pub(super) fn serves(g: &Geometry) -> bool {
    let [height, width] = [0, 1].map(|axis| {
        let reach = (g.output[axis + 1] - 1) * g.stride[axis] + g.kernel[axis];
        g.dilation[axis] == 1 && reach <= g.input[axis + 1] && g.before[axis] == 0
    });
    height
        && width
        && !g.depthwise
        && g.output[0] <= MOST
        && g.output[2] >= PIXELS
        && matches!(g.stride[1], 1..=4)
        && matches!(g.kernel[1], 3 | 5 | 7 | 9)
}

/// Place in a picture of each (channel, row of the kernel).
fn kernel_rows(g: &Geometry) -> Vec<usize> {
    let [channels, height, width] = g.input;
    (0..channels * g.kernel[0])
        .map(|row| (row / g.kernel[0] * height + row % g.kernel[0]) * width)
        .collect()
}

/// As [`super::conv::forward`].
pub(super) fn forward(g: &Geometry, x: &[f32], weight: &[f32], finish: Finish<'_>) -> Vec<f32> {
    let [outputs, height, width] = g.output;
    let picture: usize = g.input.iter().product();
    assert_eq!(x.len(), g.batch * picture);
    let depth = g.input[0] * g.kernel[0] * g.kernel[1];
    assert_eq!(weight.len(), outputs * depth);
    let panels = outputs.div_ceil(LANES);
    let mut weights = vec![0.0; panels * depth * LANES];
    for (output, weight) in weight.chunks_exact(depth).enumerate() {
        let panel = &mut weights[output / LANES * depth * LANES..];
        for (k, value) in weight.iter().enumerate() {
            panel[k * LANES + output % LANES] = *value;
        }
    }
    let offsets: Vec<usize> = kernel_rows(g)
        .iter()
        .flat_map(|row| (0..g.kernel[1]).map(move |x| row + x))
        .collect();
    let len = g.batch * outputs * height * width;
    let mut values = Vec::with_capacity(len);
    let out = Out(values.as_mut_ptr());
    (0..g.batch * height).into_par_iter().for_each(|line| {
        let [image, y] = [line / height, line % height];
        let source = &x[image * picture + y * g.stride[0] * g.input[2]..(image + 1) * picture];
        for (panel, weights) in weights.chunks_exact(depth * LANES).enumerate() {
            let used = LANES.min(outputs - panel * LANES);
            for start in (0..width).step_by(PIXELS) {
                // the last tile of a row repeats some pixels of the one before
                let start = start.min(width - PIXELS);
                let mut sums = [0.0; PIXELS * LANES];
                let source = &source[start * g.stride[1]..];
                pixels(source, g.stride[1], &offsets, weights, &mut sums);
                for lane in 0..used {
                    let channel = panel * LANES + lane;
                    let bias = finish.bias.map_or(0.0, |bias| bias[channel]);
                    let place = ((image * outputs + channel) * height + y) * width + start;
                    for (p, sums) in sums.chunks_exact(LANES).enumerate() {
                        let sum = sums[lane] + bias;
                        // a NaN stays one
                        let sum = if finish.relu && sum < 0.0 { 0.0 } else { sum };
                        // SAFETY: inside the row of this task, which alone writes it.
                        unsafe { out.at(place + p).write(sum) };
                    }
                }
            }
        }
    });
    // SAFETY: every row of every channel was written.
    unsafe { values.set_len(len) };
    values
}

/// The convolution whose forward pass gives the input gradient of `g`, of the output gradient with zeros around it and the kernel
/// turned by half; none where it is not served.
pub(super) fn transposed(g: &Geometry) -> Option<Geometry> {
    let [outputs, height, width] = g.output;
    let [down, along] = g.kernel.map(|side| side - 1);
    let back = Geometry {
        batch: g.batch,
        input: [outputs, height + 2 * down, width + 2 * along],
        output: g.input,
        ..*g
    };
    let whole = back.input[1..] == [g.input[1] + down, g.input[2] + along];
    (g.stride == [1, 1] && g.before == [0, 0] && whole && serves(&back)).then_some(back)
}

/// As [`super::conv::input_gradient`]; `back` is what [`transposed`] gives.
pub(super) fn input_gradient(
    g: &Geometry,
    back: &Geometry,
    dy: &[f32],
    weight: &[f32],
) -> Vec<f32> {
    let [outputs, height, width] = g.output;
    let taps = g.kernel[0] * g.kernel[1];
    let plane = height * width;
    assert_eq!(dy.len(), g.batch * outputs * plane);
    assert_eq!(weight.len(), outputs * g.input[0] * taps);
    let turned: Vec<f32> = (0..g.input[0] * outputs * taps)
        .map(|at| {
            let [input, output, tap] = [at / taps / outputs, at / taps % outputs, at % taps];
            weight[(output * g.input[0] + input) * taps + taps - 1 - tap]
        })
        .collect();
    let [_, rows, columns] = back.input;
    let mut padded = vec![0.0; g.batch * outputs * rows * columns];
    let planes = padded.par_chunks_exact_mut(rows * columns);
    planes
        .zip(dy.par_chunks_exact(plane))
        .for_each(|(to, from)| {
            let to = to.chunks_exact_mut(columns).skip(g.kernel[0] - 1);
            for (to, from) in to.zip(from.chunks_exact(width)) {
                to[g.kernel[1] - 1..][..width].copy_from_slice(from);
            }
        });
    forward(back, &padded, &turned, Finish::default())
}

/// As [`super::conv::weight_gradient`].
pub(super) fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let [outputs, height, width] = g.output;
    let picture: usize = g.input.iter().product();
    let plane = height * width;
    assert_eq!(x.len(), g.batch * picture);
    assert_eq!(dy.len(), g.batch * outputs * plane);
    let panels = outputs.div_ceil(LANES);
    // [panel, picture, pixel, lane]
    let mut turned = vec![0.0_f32; panels * g.batch * plane * LANES];
    let tasks = turned.par_chunks_exact_mut(plane * LANES).enumerate();
    tasks.for_each(|(task, turned)| {
        let [panel, image] = [task / g.batch, task % g.batch];
        let used = LANES.min(outputs - panel * LANES);
        for lane in 0..used {
            let dy = &dy[(image * outputs + panel * LANES + lane) * plane..][..plane];
            for (turned, value) in turned.chunks_exact_mut(LANES).zip(dy) {
                turned[lane] = *value;
            }
        }
    });
    let rows = kernel_rows(g);
    let taps_along = g.kernel[1];
    // [panel, kernel row, tap, lane]
    let mut sums = vec![0.0_f32; panels * rows.len() * taps_along * LANES];
    let together = super::narrow_kernel::rows_together(taps_along);
    let share = rows
        .len()
        .div_ceil(rayon::current_num_threads())
        .next_multiple_of(together);
    let lines = BLOCK.div_ceil(width).min(height);
    let tasks = sums
        .par_chunks_mut(rows.len() * taps_along * LANES)
        .zip(turned.par_chunks(g.batch * plane * LANES))
        .flat_map(|(sums, turned)| {
            let sums = sums.par_chunks_mut(share * taps_along * LANES);
            sums.zip(rows.par_chunks(share))
                .map(move |(sums, rows)| (sums, rows, turned))
        });
    tasks.for_each(|(sums, rows, turned)| {
        for image in 0..g.batch {
            let source = &x[image * picture..(image + 1) * picture];
            for first in (0..height).step_by(lines) {
                let lines = first..height.min(first + lines);
                let dy = &turned[(image * plane + lines.start * width) * LANES..]
                    [..lines.len() * width * LANES];
                let source = &source[lines.start * g.stride[0] * g.input[2]..];
                let steps = [g.stride[0] * g.input[2], g.stride[1]];
                let sums = sums.chunks_mut(together * taps_along * LANES);
                for (rows, sums) in rows.chunks(together).zip(sums) {
                    taps(source, rows, taps_along, steps, width, dy, sums);
                }
            }
        }
    });
    let depth = rows.len() * taps_along;
    let mut gradient = vec![0.0; outputs * depth];
    for (output, gradient) in gradient.chunks_exact_mut(depth).enumerate() {
        let sums = &sums[output / LANES * depth * LANES..][..depth * LANES];
        for (value, sums) in gradient.iter_mut().zip(sums.chunks_exact(LANES)) {
            *value = sums[output % LANES];
        }
    }
    gradient
}
