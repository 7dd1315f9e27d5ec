//! Convolution and its two gradients on slices, without a lowered copy of the source.
//!
//! Forward and input gradient are one product: weights `[M, K]` by source `[K, pixels]`, where the
//! rows of the source are (channel, tap) pairs that are packed, panel by panel, straight from padded
//! planes. The input gradient of a strided convolution is one such product for each phase of the
//! stride, so no work is spent on zeros. The weight gradient multiplies source rows, read where they
//! lie, by the transposed output gradient.
//!
//! Each sum is taken in one fixed order, whatever the number of threads.

use rayon::prelude::*;

use super::geometry::{Finish, Geometry};
use super::kernel::{MR, NR, WM, WN, tile, tile_of_rows};
use super::lower::{Lowering, Piece, SLACK, with_scratch};
use super::narrow;
use crate::{Out, wide};

/// Depth of a block of the product: a panel of weights stays in the first cache.
const DEPTH: usize = 384;
/// Panels of pixels packed at a time: they stay in the second cache.
const PANELS: usize = 6;
/// Pixels of a block of the weight gradient.
const BLOCK: usize = 512;

/// `[batch, in, height, width]` by weights `[out, in, kernel height, kernel width]` to
/// `[batch, out, height, width]`.
pub fn forward(g: &Geometry, x: &[f32], weight: &[f32], finish: Finish<'_>) -> Vec<f32> {
    if narrow::serves(g) {
        return narrow::forward(g, x, weight, finish);
    }
    let lowering = g.lowering();
    let taps = lowering.taps.len();
    let order: Vec<usize> = (0..taps).collect();
    let [channels, height, width] = g.output;
    let rows = g.input[0] * taps;
    let weights = Weights::pack(weight, channels, g.input[0], [rows, taps], &order);
    let target = Target {
        channels,
        plane: [height, width],
        step: [1, 1],
        first: [0, 0],
    };
    let len = g.batch * channels * height * width;
    let mut out = Vec::with_capacity(len);
    product(
        g.batch,
        &lowering,
        x,
        &weights,
        &target,
        finish,
        Out(out.as_mut_ptr()),
    );
    // SAFETY: the grid of the product covers the whole output: every value was written.
    unsafe { out.set_len(len) };
    out
}

/// The output gradient and the weights to the input gradient `[batch, in, height, width]`.
pub fn input_gradient(g: &Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    if let Some(back) = narrow::transposed(g) {
        return narrow::input_gradient(g, &back, dy, weight);
    }
    let [channels, height, width] = g.input;
    let mut dx = vec![0.0; g.batch * channels * height * width];
    let all = g.kernel[0] * g.kernel[1];
    for phase in 0..g.stride[0] * g.stride[1] {
        let first = [phase / g.stride[1], phase % g.stride[1]];
        if first[0] >= height || first[1] >= width {
            continue;
        }
        // Row y = i * stride + first takes tap k from output row i + shift, where
        // shift = (first + before - k * dilation) / stride, if that is whole.
        let shift = |axis: usize, k: usize| {
            let at = (first[axis] + g.before[axis]) as isize - (k * g.dilation[axis]) as isize;
            let stride = g.stride[axis] as isize;
            (at.rem_euclid(stride) == 0).then(|| at.div_euclid(stride))
        };
        let mut order = Vec::new();
        let mut shifts = Vec::new();
        for (tap, [y, x]) in g.kernel_taps().enumerate() {
            if let (Some(y), Some(x)) = (shift(0, y), shift(1, x)) {
                order.push(tap);
                shifts.push([y, x]);
            }
        }
        if order.is_empty() {
            continue;
        }
        let lowest = |axis: usize| shifts.iter().map(|s| s[axis]).min().unwrap_or(0).min(0);
        let low = [lowest(0), lowest(1)];
        let taps: Vec<_> = shifts
            .iter()
            .map(|s| [(s[0] - low[0]) as usize, (s[1] - low[1]) as usize])
            .collect();
        let grid = [
            (height - first[0]).div_ceil(g.stride[0]),
            (width - first[1]).div_ceil(g.stride[1]),
        ];
        let before = [low[0].unsigned_abs(), low[1].unsigned_abs()];
        let lowering = Lowering::new(g.output, grid, [1, 1], before, &taps);
        let strides = [all, channels * all];
        let weights = Weights::pack(weight, channels, g.output[0], strides, &order);
        let target = Target {
            channels,
            plane: [height, width],
            step: g.stride,
            first,
        };
        let out = Out(dx.as_mut_ptr());
        product(
            g.batch,
            &lowering,
            dy,
            &weights,
            &target,
            Finish::default(),
            out,
        );
    }
    dx
}

/// Weights in panels of `MR` rows: for each block of depth, for each panel, `[depth, MR]`.
struct Weights {
    values: Vec<f32>,
    rows: usize,
    depth: usize,
}

impl Weights {
    /// Row m and column (c, t) is `weight[m * strides[0] + c * strides[1] + taps[t]]`.
    fn pack(
        weight: &[f32],
        rows: usize,
        channels: usize,
        strides: [usize; 2],
        taps: &[usize],
    ) -> Self {
        let depth = channels * taps.len();
        let panels = rows.div_ceil(MR);
        let mut values = vec![0.0; panels * MR * depth];
        for (block, values) in values.chunks_mut(DEPTH * panels * MR).enumerate() {
            let first = block * DEPTH;
            let len = DEPTH.min(depth - first);
            let panels = values.par_chunks_exact_mut(len * MR).enumerate();
            panels.for_each(|(panel, values)| {
                let used = MR.min(rows - panel * MR);
                for (k, values) in values.chunks_exact_mut(MR).enumerate() {
                    let [c, t] = [(first + k) / taps.len(), (first + k) % taps.len()];
                    let base = panel * MR * strides[0] + c * strides[1] + taps[t];
                    for (i, value) in values[..used].iter_mut().enumerate() {
                        *value = weight[base + i * strides[0]];
                    }
                }
            });
        }
        Self {
            values,
            rows,
            depth,
        }
    }

    /// One panel of the block of `len` that begins at depth `first`.
    fn panel(&self, first: usize, len: usize, panel: usize) -> &[f32] {
        let panels = self.rows.div_ceil(MR);
        &self.values[first * panels * MR + panel * len * MR..][..len * MR]
    }
}

/// Where the pixels of a product go: `[batch, channels, plane]` at `first + pixel * step`.
struct Target {
    channels: usize,
    plane: [usize; 2],
    step: [usize; 2],
    first: [usize; 2],
}

/// Some neighbouring pixels of a panel in the target.
struct Spot {
    column: usize,
    len: usize,
    image: usize,
    place: usize,
}

impl Target {
    /// The pixels `[first, last)` of a grid, cut where the target is not evenly spaced.
    fn spots(&self, grid: [usize; 2], first: usize, last: usize) -> Vec<Spot> {
        let pixels = grid[0] * grid[1];
        let even = self.step[0] * self.plane[1] == self.step[1] * grid[1];
        let line = if even { pixels } else { grid[1] };
        let mut spots = Vec::new();
        let mut pixel = first;
        while pixel < last {
            let place = pixel % pixels;
            let len = (line - place % line).min(last - pixel);
            let y = place / grid[1] * self.step[0] + self.first[0];
            let x = place % grid[1] * self.step[1] + self.first[1];
            spots.push(Spot {
                column: pixel - first,
                len,
                image: pixel / pixels,
                place: y * self.plane[1] + x,
            });
            pixel += len;
        }
        spots
    }
}

/// Pictures that one task takes together: as few as leave little of the last panel empty.
fn pictures_a_task(batch: usize, pixels: usize) -> usize {
    let panels = |group: usize| {
        let (whole, rest) = (batch / group, batch % group);
        whole * (group * pixels).div_ceil(NR) + (rest * pixels).div_ceil(NR)
    };
    let most = (2048 / pixels.max(1)).clamp(1, batch);
    let best = (1..=most).map(panels).min().unwrap_or(0);
    (1..=most)
        .find(|&group| panels(group) * 32 <= best * 33)
        .unwrap_or(1)
}

/// Writes every pixel of the lowering's grid for every row of the weights.
///
/// `out` must hold the target. Tasks differ in pictures or rows, so they write different places;
/// within a task each value is written in the first block of depth before it is read in the next.
fn product(
    batch: usize,
    lowering: &Lowering,
    source: &[f32],
    weights: &Weights,
    target: &Target,
    finish: Finish<'_>,
    out: Out,
) {
    let pixels = lowering.pixels();
    let picture: usize = lowering.source.iter().product();
    assert_eq!(source.len(), batch * picture);
    let group = pictures_a_task(batch, pixels);
    let groups = batch.div_ceil(group);
    let panels = weights.rows.div_ceil(MR);
    let wanted = (2 * rayon::current_num_threads()).div_ceil(groups.max(1));
    let splits = wanted.min(panels.div_ceil(4)).max(1);
    let share = panels.div_ceil(splits);
    let task = |task: usize| {
        let first = task / splits * group;
        let images = group.min(batch - first);
        let rows = task % splits * share..panels.min((task % splits + 1) * share);
        let source = &source[first * picture..(first + images) * picture];
        let padded = match lowering.direct() {
            true => picture,
            false => lowering.source[0] * lowering.channel(),
        };
        let len = if lowering.direct() {
            0
        } else {
            images * padded + SLACK
        };
        with_scratch([len, DEPTH * PANELS * NR + SLACK], |buffer, packed| {
            let source = if lowering.direct() {
                source
            } else {
                let pictures = source.chunks_exact(picture);
                for (source, buffer) in pictures.zip(buffer.chunks_exact_mut(padded)) {
                    lowering.pad(source, buffer);
                }
                &*buffer
            };
            let total = images * pixels;
            for begin in (0..total).step_by(PANELS * NR) {
                let ends: Vec<(Vec<Piece>, Vec<Spot>)> = (begin..total.min(begin + PANELS * NR))
                    .step_by(NR)
                    .map(|start| {
                        let end = total.min(start + NR);
                        let pieces = lowering.pieces(start, end, padded);
                        (pieces, target.spots(lowering.grid, start, end))
                    })
                    .collect();
                for depth in (0..weights.depth).step_by(DEPTH) {
                    let len = DEPTH.min(weights.depth - depth);
                    wide(|| {
                        for (panel, (pieces, _)) in ends.iter().enumerate() {
                            let packed = &mut packed[panel * len * NR..];
                            lowering.pack(source, pieces, [depth, depth + len], packed);
                        }
                    });
                    let pass = Pass {
                        starts: depth == 0,
                        finish: (depth + len == weights.depth).then_some(finish),
                    };
                    for row in rows.clone() {
                        let a = weights.panel(depth, len, row);
                        for ((_, spots), b) in ends.iter().zip(packed.chunks_exact(len * NR)) {
                            let mut sums = [0.0; MR * NR];
                            tile(len, a, b, &mut sums);
                            wide(|| store(&sums, row * MR, spots, first, target, pass, out));
                        }
                    }
                }
            }
        });
    };
    (0..groups * splits).into_par_iter().for_each(task);
}

/// Which block of depth a tile belongs to.
#[derive(Clone, Copy)]
struct Pass<'a> {
    /// The first one writes, later ones add.
    starts: bool,
    /// Set on the last one.
    finish: Option<Finish<'a>>,
}

/// Writes a tile whose first row is channel `channel` to the target.
#[inline(always)]
fn store(
    sums: &[f32; MR * NR],
    channel: usize,
    spots: &[Spot],
    first: usize,
    target: &Target,
    pass: Pass<'_>,
    out: Out,
) {
    let plane = target.plane[0] * target.plane[1];
    let used = MR.min(target.channels - channel);
    for (row, channel) in sums.chunks_exact(NR).zip(channel..channel + used) {
        let bias = pass.finish.and_then(|f| f.bias).map_or(0.0, |b| b[channel]);
        let least = match pass.finish {
            Some(Finish { relu: true, .. }) => 0.0,
            _ => f32::NEG_INFINITY,
        };
        for spot in spots {
            let place = ((first + spot.image) * target.channels + channel) * plane + spot.place;
            let sums = &row[spot.column..spot.column + spot.len];
            // SAFETY: the spots of a task lie in the target and are written by this task alone;
            // they are read only after the first pass has written them.
            unsafe {
                let out = out.at(place);
                let end = |sum: f32| {
                    let sum = sum + bias;
                    // a NaN stays one
                    if sum < least { least } else { sum }
                };
                match (pass.starts, target.step[1]) {
                    (true, 1) => {
                        for (j, &sum) in sums.iter().enumerate() {
                            out.add(j).write(end(sum));
                        }
                    }
                    (false, 1) => {
                        for (j, &sum) in sums.iter().enumerate() {
                            out.add(j).write(end(*out.add(j) + sum));
                        }
                    }
                    (starts, step) => {
                        for (j, &sum) in sums.iter().enumerate() {
                            let out = out.add(j * step);
                            out.write(end(if starts { sum } else { *out + sum }));
                        }
                    }
                }
            }
        }
    }
}

/// The source and the output gradient to the weight gradient
/// `[out, in, kernel height, kernel width]`.
pub fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    if narrow::serves(g) {
        return narrow::weight_gradient(g, x, dy);
    }
    let lowering = g.lowering();
    let [inputs, height, width] = g.input;
    let outputs = g.output[0];
    let [pixels, taps] = [lowering.pixels(), lowering.taps.len()];
    let panels = outputs.div_ceil(WN);
    let rows = inputs * taps;
    // [panel of outputs, (input, tap), WN]
    let mut sums = vec![0.0_f32; panels * rows * WN];
    let group = BLOCK.div_ceil(pixels.max(1)).min(g.batch.max(1));
    let mut turned = vec![0.0_f32; panels * group * pixels * WN];

    let threads = rayon::current_num_threads();
    // whole tiles of rows where the taps allow it
    let share = inputs.div_ceil(4 * threads).next_multiple_of(4);
    for first in (0..g.batch).step_by(group) {
        let images = group.min(g.batch - first);
        let dy = &dy[first * outputs * pixels..(first + images) * outputs * pixels];
        turn(
            dy,
            outputs,
            pixels,
            &mut turned[..panels * images * pixels * WN],
        );
        let turned = &turned[..panels * images * pixels * WN];
        let tasks = sums
            .par_chunks_mut(rows * WN)
            .zip(turned.par_chunks(images * pixels * WN))
            .flat_map(|(sums, turned)| {
                let shares = sums.par_chunks_mut(share * taps * WN).enumerate();
                shares.map(move |(index, sums)| (index * share, sums, turned))
            });
        tasks.for_each(|(channel, sums, turned)| {
            let channels = sums.len() / (taps * WN);
            let picture = inputs * height * width;
            let padded = match lowering.direct() {
                true => picture,
                false => channels * lowering.channel(),
            };
            let len = if lowering.direct() {
                0
            } else {
                images * padded
            };
            with_scratch([len, 0], |buffer, _| {
                let source = if lowering.direct() {
                    &x[first * picture + channel * height * width..(first + images) * picture]
                } else {
                    for (i, buffer) in buffer.chunks_exact_mut(padded).take(images).enumerate() {
                        let from = ((first + i) * inputs + channel) * height * width;
                        lowering.pad(&x[from..from + channels * height * width], buffer);
                    }
                    &*buffer
                };
                let places: Vec<usize> = (0..channels * taps)
                    .map(|row| row / taps * lowering.channel() + lowering.taps[row % taps])
                    .collect();
                let total = images * pixels;
                let blocks = total.div_ceil(BLOCK);
                for block in 0..blocks {
                    let [begin, end] = [block * total / blocks, (block + 1) * total / blocks];
                    let runs = lowering.runs(begin, end, padded);
                    let b = &turned[begin * WN..end * WN];
                    for (places, sums) in places.chunks(WM).zip(sums.chunks_mut(WM * WN)) {
                        let rows = std::array::from_fn(|i| *places.get(i).unwrap_or(&places[0]));
                        let mut found = [0.0; WM * WN];
                        tile_of_rows(&rows, &runs, source, b, &mut found);
                        wide(|| {
                            for (sum, found) in sums.iter_mut().zip(&found) {
                                *sum += found;
                            }
                        });
                    }
                }
            });
        });
    }

    let mut gradient = vec![0.0; outputs * rows];
    let panels = gradient
        .par_chunks_mut(WN * rows)
        .zip(sums.par_chunks(rows * WN));
    panels.for_each(|(gradient, sums)| {
        for (row, sums) in sums.chunks_exact(WN).enumerate() {
            for (gradient, sum) in gradient.chunks_exact_mut(rows).zip(sums) {
                gradient[row] = *sum;
            }
        }
    });
    gradient
}

/// `[images, outputs, pixels]` to `[panel of outputs, images, pixels, WN]`, zeros in what is left of
/// the last panel.
fn turn(dy: &[f32], outputs: usize, pixels: usize, turned: &mut [f32]) {
    let images = dy.len() / (outputs * pixels).max(1);
    let tasks = turned.par_chunks_exact_mut(pixels * WN).enumerate();
    tasks.for_each(|(task, turned)| {
        let [panel, image] = [task / images, task % images];
        let used = WN.min(outputs - panel * WN);
        let dy = &dy[(image * outputs + panel * WN) * pixels..][..used * pixels];
        wide(|| {
            if used < WN {
                turned.fill(0.0);
            }
            // sixteen pixels at a time, so that lines are used while cached
            for begin in (0..pixels).step_by(16) {
                let end = pixels.min(begin + 16);
                for (i, dy) in dy.chunks_exact(pixels).enumerate() {
                    for (pixel, value) in (begin..end).zip(&dy[begin..end]) {
                        turned[pixel * WN + i] = *value;
                    }
                }
            }
        });
    });
}

/// The output gradient to the bias gradient `[out]`: for each channel the sum over pictures in
/// order of the sums over their pixels.
pub fn bias_gradient(g: &Geometry, dy: &[f32]) -> Vec<f32> {
    let [outputs, height, width] = g.output;
    let plane = height * width;
    (0..outputs)
        .into_par_iter()
        .map(|channel| {
            let planes = (0..g.batch).map(|b| &dy[(b * outputs + channel) * plane..][..plane]);
            planes.map(super::norm::sum).sum::<f64>() as f32
        })
        .collect()
}
