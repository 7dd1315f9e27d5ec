//! Other sizes by the nearest value.

use super::view::{View, each};
use crate::{Out, wide};

/// The place that PyTorch's `nearest` reads for each of `to` places of `from` (`nearest_idx` of its `UpSampleKernel.cpp`): the
/// product of place and quotient in single precision, rounded down; exact where the sizes are equal or one is twice the other.
fn places(from: usize, to: usize) -> Vec<usize> {
    let quotient = from as f32 / to as f32;
    let place = |at: usize| match to {
        _ if to == from => at,
        _ if to == 2 * from => at / 2,
        _ => ((at as f32 * quotient) as usize).min(from - 1),
    };
    (0..to).map(place).collect()
}

/// Every place of `to` becomes the nearest of `from`, or grows by it.
///
/// # Safety
/// The views lie within the buffer of `all` and share no place.
pub(super) unsafe fn nearest(
    all: Out,
    images: usize,
    [from, to]: [&View; 2],
    channels: usize,
    add: bool,
) {
    let [height, width] = to.size;
    let rows = places(from.size[0], height);
    let columns = places(from.size[1], width);
    each(
        images * height,
        images * height * width * channels,
        |line| {
            let [image, y] = [line / height, line % height];
            wide(|| {
                for (x, &column) in columns.iter().enumerate() {
                    // SAFETY: as promised by the caller: a pixel of the input, and one of the output that no other task touches.
                    unsafe {
                        let place = all.at(from.at(image, rows[y], column)).cast_const();
                        let values = std::slice::from_raw_parts(place, channels);
                        let place = all.at(to.at(image, y, x));
                        let out = std::slice::from_raw_parts_mut(place, channels);
                        match add {
                            true => out.iter_mut().zip(values).for_each(|(o, v)| *o += v),
                            false => out.copy_from_slice(values),
                        }
                    }
                }
            });
        },
    );
}
