//! Depthwise convolution, a kernel of its own a channel, and its gradients on slices.
//!
//! A plane is copied with zeros around it, its columns sorted by their place in the stride, so that each tap of a row of
//! results reads neighbours. Sums are taken in one fixed order, whatever the number of threads.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::geometry::{Finish, Geometry};
use super::norm::sum_of;
use crate::wide;

/// Results at once: a vector register.
const LANES: usize = 8;

/// A correlation of one plane, without dilation.
#[derive(Debug, Clone, Copy)]
struct Plane {
    source: [usize; 2],
    result: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    before: [usize; 2],
    /// Distance of the source's values in the padded plane; zeros lie between.
    spread: [usize; 2],
}

impl Plane {
    fn of(g: &Geometry) -> Self {
        Self {
            source: [g.input[1], g.input[2]],
            result: [g.output[1], g.output[2]],
            kernel: g.kernel,
            stride: g.stride,
            before: g.before,
            spread: [1, 1],
        }
    }

    /// From output gradients to input gradients, with the kernel turned by half a turn.
    fn transposed(g: &Geometry) -> Self {
        Self {
            source: [g.output[1], g.output[2]],
            result: [g.input[1], g.input[2]],
            stride: [1, 1],
            before: [0, 1].map(|axis| g.kernel[axis] - 1 - g.before[axis]),
            spread: g.stride,
            kernel: g.kernel,
        }
    }

    /// Numbers in a row of results, a multiple of the lanes.
    fn width(&self) -> usize {
        self.result[1].next_multiple_of(LANES)
    }

    /// Numbers of one phase of a padded row.
    fn row(&self) -> usize {
        self.width() + (self.kernel[1] - 1) / self.stride[1]
    }

    /// Numbers of the padded plane.
    fn padded(&self) -> usize {
        let rows = (self.result[0] - 1) * self.stride[0] + self.kernel[0];
        rows * self.stride[1] * self.row()
    }

    /// The source with zeros around it; `out` has [`Self::padded`] numbers.
    fn pad(&self, source: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        let (row, phases) = (self.row(), self.stride[1]);
        for (y, values) in source.chunks_exact(self.source[1]).enumerate() {
            let at = (y * self.spread[0] + self.before[0]) * phases * row;
            let Some(out) = out.get_mut(at..at + phases * row) else {
                break;
            };
            if phases == 1 && self.spread[1] == 1 {
                let room = &mut out[self.before[1].min(row)..];
                let kept = values.len().min(room.len());
                room[..kept].copy_from_slice(&values[..kept]);
                continue;
            }
            let mut place = [self.before[1] % phases, self.before[1] / phases];
            for value in values {
                if place[1] >= row {
                    break;
                }
                out[place[0] * row + place[1]] = *value;
                place[0] += self.spread[1];
                while place[0] >= phases {
                    place = [place[0] - phases, place[1] + 1];
                }
            }
        }
    }

    /// Where each tap of the first result lies in the padded plane.
    fn taps(&self) -> Vec<usize> {
        let (row, phases) = (self.row(), self.stride[1]);
        let [rows, columns] = self.kernel;
        let place = |y: usize, x: usize| (y * phases + x % phases) * row + x / phases;
        (0..rows)
            .flat_map(|y| (0..columns).map(move |x| place(y, x)))
            .collect()
    }

    /// Where the first tap of a row of results lies.
    fn first(&self, y: usize) -> usize {
        y * self.stride[0] * self.stride[1] * self.row()
    }
}

/// Writes every result of a plane: `bias + sum of weights[tap] * padded[y, x, tap]`, at least `least`.
#[inline(always)]
fn correlate(
    plane: &Plane,
    taps: &[usize],
    padded: &[f32],
    weights: &[f32],
    [bias, least]: [f32; 2],
    out: &mut [MaybeUninit<f32>],
) {
    for (y, out) in out.chunks_exact_mut(plane.result[1]).enumerate() {
        let row = &padded[plane.first(y)..];
        for (i, out) in out.chunks_mut(LANES).enumerate() {
            let mut sums = [bias; LANES];
            for (&weight, &tap) in weights.iter().zip(taps) {
                let values = &row[tap + LANES * i..][..LANES];
                for i in 0..LANES {
                    sums[i] += weight * values[i];
                }
            }
            for sum in &mut sums {
                *sum = if *sum < least { least } else { *sum };
            }
            match out.as_chunks_mut::<LANES>().0 {
                [out] => *out = sums.map(MaybeUninit::new),
                _ => drop(out.write_copy_of_slice(&sums[..out.len()])),
            }
        }
    }
}

/// Planes `[batch, channels]` of `x` by the channels' weights.
fn all(plane: &Plane, channels: usize, x: &[f32], weight: &[f32], finish: Finish<'_>) -> Vec<f32> {
    let [source, result] = [plane.source, plane.result].map(|[h, w]| h * w);
    let len = x.len() / source * result;
    let taps = plane.taps();
    let mut out = Vec::with_capacity(len);
    out.spare_capacity_mut()[..len]
        .par_chunks_mut(result)
        .zip(x.par_chunks(source))
        .enumerate()
        .for_each_init(
            || vec![0.0; plane.padded()],
            |padded, (i, (out, x))| {
                let channel = i % channels;
                let weights = &weight[channel * taps.len()..][..taps.len()];
                let bias = finish.bias.map_or(0.0, |bias| bias[channel]);
                let least = if finish.relu { 0.0 } else { f32::NEG_INFINITY };
                let line = [bias, least];
                if scales(plane) {
                    wide(|| scale(x, weights[0], line, out));
                } else {
                    plane.pad(x, padded);
                    wide(|| correlate(plane, &taps, padded, weights, line, out));
                }
            },
        );
    // SAFETY: every value of every plane was written.
    unsafe { out.set_len(len) };
    out
}

/// Writes every value times `weight`, plus `bias`, at least `least`.
#[inline(always)]
fn scale(x: &[f32], weight: f32, [bias, least]: [f32; 2], out: &mut [MaybeUninit<f32>]) {
    for (out, x) in out.iter_mut().zip(x) {
        let sum = x * weight + bias;
        out.write(if sum < least { least } else { sum });
    }
}

/// Whether each value is multiplied and nothing else.
fn scales(plane: &Plane) -> bool {
    (plane.kernel, plane.source) == ([1, 1], plane.result)
}

/// `[batch, channels, height, width]` by weights `[channels, 1, kernel height, kernel width]`.
pub fn forward(g: &Geometry, x: &[f32], weight: &[f32], finish: Finish<'_>) -> Vec<f32> {
    all(&Plane::of(g), g.input[0], x, weight, finish)
}

/// The output gradient and the weights to the input gradient.
pub fn input_gradient(g: &Geometry, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let taps = g.kernel[0] * g.kernel[1];
    let turned: Vec<f32> = weight
        .chunks(taps)
        .flat_map(|kernel| kernel.iter().rev().copied())
        .collect();
    let plane = Plane::transposed(g);
    all(&plane, g.input[0], dy, &turned, Finish::default())
}

/// The input and the output gradient to the gradient of the weights.
pub fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let plane = Plane::of(g);
    let taps = plane.taps();
    let [source, result] = [plane.source, plane.result].map(|[h, w]| h * w);
    let channels = g.input[0];
    let rows = plane.width();
    let kernels: Vec<Vec<f32>> = (0..channels)
        .into_par_iter()
        .map_init(
            || [vec![0.0; plane.padded()], vec![0.0; plane.result[0] * rows]],
            |[padded, gradients], channel| {
                let mut sums = vec![0.0_f64; taps.len()];
                for b in 0..g.batch {
                    let i = b * channels + channel;
                    let (x, dy) = (&x[i * source..][..source], &dy[i * result..][..result]);
                    if scales(&plane) {
                        sums[0] += wide(|| sum_of(source, |i| x[i] * dy[i]));
                        continue;
                    }
                    plane.pad(x, padded);
                    // behind each row zeros, which stay from the beginning
                    let lines = dy.chunks_exact(plane.result[1]);
                    for (row, line) in gradients.chunks_exact_mut(rows).zip(lines) {
                        row[..line.len()].copy_from_slice(line);
                    }
                    for (sum, &tap) in sums.iter_mut().zip(&taps) {
                        *sum += wide(|| product(&plane, padded, gradients, tap));
                    }
                }
                sums.into_iter().map(|sum| sum as f32).collect()
            },
        )
        .collect();
    kernels.concat()
}

/// Sum over a plane of output gradients, in rows of [`Plane::width`], times what a tap sees.
#[inline(always)]
fn product(plane: &Plane, padded: &[f32], gradients: &[f32], tap: usize) -> f64 {
    let mut sums = [0.0_f32; LANES];
    for (y, row) in gradients.chunks_exact(plane.width()).enumerate() {
        let seen = &padded[plane.first(y) + tap..][..row.len()];
        let pairs = row
            .as_chunks::<LANES>()
            .0
            .iter()
            .zip(seen.as_chunks::<LANES>().0);
        for (dy, x) in pairs {
            for i in 0..LANES {
                sums[i] += dy[i] * x[i];
            }
        }
    }
    sums.iter().map(|&sum| f64::from(sum)).sum()
}
