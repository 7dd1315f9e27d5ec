//! Pooling over channels-last buffers.

use rayon::prelude::*;

use super::View;
use crate::fast::{Out, wide};

/// Largest value of 3 x 3 places, every second place. With `padding` the zeros around the input take
/// part: right for values that are not negative.
///
/// # Safety
/// The views lie within the buffer of `all` and share no place; `padding` is within the border.
pub(super) unsafe fn halve_by_maximum(
    all: Out,
    images: usize,
    [from, to]: [&View; 2],
    channels: usize,
    padding: usize,
) {
    let [height, width] = to.size;
    (0..images * height).into_par_iter().for_each(|line| {
        let [image, y] = [line / height, line % height];
        wide(|| {
            for x in 0..width {
                let corner = padding * (from.row + from.pixel);
                let place = from.at(image, 2 * y, 2 * x) - corner;
                // SAFETY: as promised by the caller: nine pixels of the input, and one of the
                // output that no other task touches.
                unsafe {
                    let out = std::slice::from_raw_parts_mut(all.at(to.at(image, y, x)), channels);
                    let tap = |i: usize| {
                        let place = place + i / 3 * from.row + i % 3 * from.pixel;
                        std::slice::from_raw_parts(all.at(place).cast_const(), channels)
                    };
                    out.copy_from_slice(tap(0));
                    for i in 1..9 {
                        for (most, value) in out.iter_mut().zip(tap(i)) {
                            // a NaN stays one
                            if *value > *most || value.is_nan() {
                                *most = *value;
                            }
                        }
                    }
                }
            }
        });
    });
}

/// Mean over the pixels of each picture.
///
/// # Safety
/// The views lie within the buffer of `all` and share no place.
pub(super) unsafe fn mean(all: Out, images: usize, [from, to]: [&View; 2], channels: usize) {
    let [height, width] = from.size;
    let scale = 1.0 / (height * width) as f32;
    (0..images).into_par_iter().for_each(|image| {
        wide(|| {
            // SAFETY: as promised by the caller: one picture of each, the output of this task alone.
            unsafe {
                let out = std::slice::from_raw_parts_mut(all.at(to.at(image, 0, 0)), channels);
                out.fill(0.0);
                for pixel in 0..height * width {
                    let place = from.at(image, pixel / width, pixel % width);
                    let values = std::slice::from_raw_parts(all.at(place).cast_const(), channels);
                    for (sum, value) in out.iter_mut().zip(values) {
                        *sum += value;
                    }
                }
                for sum in out {
                    *sum *= scale;
                }
            }
        });
    });
}
