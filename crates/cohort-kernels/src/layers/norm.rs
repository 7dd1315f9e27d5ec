//! Batch norm over batch statistics, with ReLU where wanted, on slices: a channel stays in the cache
//! between its passes, so memory is read once and written once in each direction.

use rayon::prelude::*;

use crate::{Out, wide};

/// `[batch, channels, plane]`: pictures, channels and pixels.
pub type Dims = [usize; 3];

/// Independent sums, so that they fill vector registers; also the fixed order of summation.
const LANES: usize = 32;

/// Sum of `term(i)` over the indices of a plane, in lanes.
#[inline(always)]
pub(super) fn sum_of(len: usize, term: impl Fn(usize) -> f32) -> f64 {
    let mut lanes = [0.0_f32; LANES];
    let whole = len - len % LANES;
    for first in (0..whole).step_by(LANES) {
        for (i, lane) in lanes.iter_mut().enumerate() {
            *lane += term(first + i);
        }
    }
    let rest: f64 = (whole..len).map(|i| f64::from(term(i))).sum();
    lanes.iter().map(|&x| f64::from(x)).sum::<f64>() + rest
}

/// Sum of a plane.
pub(super) fn sum(values: &[f32]) -> f64 {
    wide(|| sum_of(values.len(), |i| values[i]))
}

/// The planes of one channel, picture by picture.
fn planes(
    values: &[f32],
    [batch, channels, plane]: Dims,
    channel: usize,
) -> impl Iterator<Item = &[f32]> {
    (0..batch).map(move |b| &values[(b * channels + channel) * plane..][..plane])
}

/// What the forward pass gives.
pub struct Normalised {
    /// The shape of the input.
    pub output: Vec<f32>,
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Population variance of each channel.
    pub variance: Vec<f32>,
}

/// Slope and intercept of a channel: `x * slope + intercept` is its normalised value.
fn line(mean: f32, variance: f32, gamma: f32, beta: f32, epsilon: f64) -> [f32; 2] {
    let slope = f64::from(gamma) / (f64::from(variance) + epsilon).sqrt();
    let intercept = f64::from(beta) - f64::from(mean) * slope;
    [slope as f32, intercept as f32]
}

/// Normalises each channel over pictures and pixels (Ioffe and Szegedy 2015); `relu` then sets
/// negative values to zero.
pub fn forward(
    x: &[f32],
    dims: Dims,
    [gamma, beta]: [&[f32]; 2],
    epsilon: f64,
    relu: bool,
) -> Normalised {
    let [batch, channels, plane] = dims;
    let len = batch * channels * plane;
    assert_eq!(x.len(), len);
    let count = (batch * plane) as f64;
    let mut output = Vec::with_capacity(len);
    let out = Out(output.as_mut_ptr());
    let moments: Vec<(f32, f32)> = (0..channels)
        .into_par_iter()
        .map(|channel| {
            wide(|| {
                let mean = planes(x, dims, channel).map(sum).sum::<f64>() / count;
                let mean = mean as f32;
                let squares = planes(x, dims, channel)
                    .map(|x| sum_of(plane, |i| (x[i] - mean) * (x[i] - mean)))
                    .sum::<f64>();
                let variance = (squares / count) as f32;
                let [slope, intercept] =
                    line(mean, variance, gamma[channel], beta[channel], epsilon);
                let least = if relu { 0.0 } else { f32::NEG_INFINITY };
                for (b, x) in planes(x, dims, channel).enumerate() {
                    // SAFETY: the plane of this channel, which no other task writes.
                    let out = unsafe { out.at((b * channels + channel) * plane) };
                    for (i, x) in x.iter().enumerate() {
                        let y = x * slope + intercept;
                        // a NaN stays one
                        let y = if y < least { least } else { y };
                        // SAFETY: i < plane.
                        unsafe { out.add(i).write(y) };
                    }
                }
                (mean, variance)
            })
        })
        .collect();
    // SAFETY: every plane of every channel was written.
    unsafe { output.set_len(len) };
    let (mean, variance) = moments.into_iter().unzip();
    Normalised {
        output,
        mean,
        variance,
    }
}

/// Turns the output gradient `dy` into the input gradient, in place; returns the gradients of gamma
/// and beta.
pub fn backward(
    x: &[f32],
    dy: &mut [f32],
    dims: Dims,
    [gamma, beta, mean, variance]: [&[f32]; 4],
    epsilon: f64,
    relu: bool,
) -> (Vec<f32>, Vec<f32>) {
    let [batch, channels, plane] = dims;
    assert!(x.len() == dy.len() && x.len() == batch * channels * plane);
    let count = (batch * plane) as f64;
    let out = Out(dy.as_mut_ptr());
    (0..channels)
        .into_par_iter()
        .map(|c| {
            wide(|| {
                let [slope, intercept] = line(mean[c], variance[c], gamma[c], beta[c], epsilon);
                let least = if relu { 0.0 } else { f32::NEG_INFINITY };
                let scale = (1.0 / (f64::from(variance[c]) + epsilon).sqrt()) as f32;
                let mean = mean[c];
                let gradients = |b: usize| {
                    // SAFETY: the plane of this channel, which no other task touches; the slice is
                    // gone before the next one of the same plane is made.
                    unsafe {
                        let first = out.at((b * channels + c) * plane);
                        std::slice::from_raw_parts_mut(first, plane)
                    }
                };
                // what ReLU lets through
                let passed = |x: f32, dy: f32| match x * slope + intercept > least {
                    true => dy,
                    false => 0.0,
                };
                let [mut sum, mut product] = [0.0_f64; 2];
                for (b, x) in planes(x, dims, c).enumerate() {
                    let dy = &gradients(b)[..x.len()];
                    sum += sum_of(plane, |i| passed(x[i], dy[i]));
                    product += sum_of(plane, |i| passed(x[i], dy[i]) * ((x[i] - mean) * scale));
                }
                let [by_sum, by_product] = [(sum / count) as f32, (product / count) as f32];
                for (b, x) in planes(x, dims, c).enumerate() {
                    for (x, dy) in x.iter().zip(gradients(b)) {
                        let normal = (x - mean) * scale;
                        *dy = slope * (passed(*x, *dy) - by_sum - normal * by_product);
                    }
                }
                (product as f32, sum as f32)
            })
        })
        .unzip()
}
