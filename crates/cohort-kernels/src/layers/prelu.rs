//! A rectifier whose slope below zero is learnt (He et al. 2015), on slices.

use rayon::prelude::*;

use super::norm::{Dims, sum_of};
use crate::{Out, wide};

/// The slope of a channel: there is one for all or one for each.
fn slope(alpha: &[f32], channel: usize) -> f32 {
    alpha[if alpha.len() == 1 { 0 } else { channel }]
}

/// What a value is multiplied by. A choice of two numbers is made without a branch, and a NaN stays one.
#[inline(always)]
fn factor(x: f32, slope: f32) -> f32 {
    if x < 0.0 { slope } else { 1.0 }
}

/// Values below zero times their channel's slope.
pub fn forward(x: &[f32], [_, channels, plane]: Dims, alpha: &[f32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    out.spare_capacity_mut()[..x.len()]
        .par_chunks_mut(plane)
        .zip(x.par_chunks(plane))
        .enumerate()
        .for_each(|(i, (out, x))| {
            let slope = slope(alpha, i % channels);
            wide(|| {
                for (out, &x) in out.iter_mut().zip(x) {
                    out.write(x * factor(x, slope));
                }
            });
        });
    // SAFETY: every value was written.
    unsafe { out.set_len(x.len()) };
    out
}

/// Turns the output gradient `dy` into the input gradient, in place; returns the gradient of the slopes.
pub fn backward(x: &[f32], dy: &mut [f32], dims: Dims, alpha: &[f32]) -> Vec<f32> {
    let [batch, channels, plane] = dims;
    assert!(x.len() == dy.len() && x.len() == batch * channels * plane);
    let out = Out(dy.as_mut_ptr());
    let sums: Vec<f64> = (0..channels)
        .into_par_iter()
        .map(|c| {
            let slope = slope(alpha, c);
            let mut sum = 0.0;
            for b in 0..batch {
                let first = (b * channels + c) * plane;
                let x = &x[first..first + plane];
                // SAFETY: the plane of this channel, which no other task touches.
                let dy = unsafe { std::slice::from_raw_parts_mut(out.at(first), plane) };
                sum += wide(|| {
                    let sum = sum_of(plane, |i| {
                        let product = x[i] * dy[i];
                        if x[i] < 0.0 { product } else { 0.0 }
                    });
                    for (dy, &x) in dy.iter_mut().zip(x) {
                        *dy *= factor(x, slope);
                    }
                    sum
                });
            }
            sum
        })
        .collect();
    if alpha.len() == 1 {
        return vec![sums.iter().sum::<f64>() as f32];
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}
