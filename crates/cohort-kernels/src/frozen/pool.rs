//! Pooling over channels-last buffers.

use super::view::{View, each};
use crate::{Out, wide};

/// Windows of which the largest value is taken, at every second place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Height and width.
    pub side: usize,
    /// Rows and columns by which the first window lies outside, below `side`.
    pub padding: usize,
    /// Whether the last window may reach over the end.
    pub over: bool,
}

impl Windows {
    /// Number of windows, `[down, along]`; none where the picture is too small.
    pub(super) fn output(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let [height, width] = size.map(|n| {
            let rest = (n + 2 * self.padding).checked_sub(self.side)?;
            let steps = match self.over {
                true => rest.div_ceil(2),
                false => rest / 2,
            };
            // every window holds a pixel
            let fits = self.padding < self.side && 2 * steps < n + self.padding;
            fits.then_some(steps + 1)
        });
        Some([height?, width?])
    }
}

/// Windows of which the largest value is taken, at any distance of one another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    side: usize,
    padding: usize,
    stride: usize,
}

impl Window {
    /// Windows of an odd side around every place.
    pub(super) fn around(side: usize) -> Self {
        Self {
            side,
            padding: side / 2,
            stride: 1,
        }
    }
}

impl From<Windows> for Window {
    fn from(windows: Windows) -> Self {
        Self {
            side: windows.side,
            padding: windows.padding,
            stride: 2,
        }
    }
}

/// Largest value of each window; what lies outside takes no part.
///
/// # Safety
/// The views lie within the buffer of `all` and share no place, and each window holds a pixel.
pub(super) unsafe fn maximum(
    all: Out,
    images: usize,
    [from, to]: [&View; 2],
    channels: usize,
    window: Window,
) {
    let [height, width] = to.size;
    let inside = |at: usize, end: usize| {
        let first = window.stride * at;
        first.saturating_sub(window.padding)..(first + window.side - window.padding).min(end)
    };
    let products = images * height * width * channels * window.side * window.side;
    each(images * height, products, |line| {
        let [image, y] = [line / height, line % height];
        wide(|| {
            let rows = inside(y, from.size[0]);
            for x in 0..width {
                let columns = inside(x, from.size[1]);
                // SAFETY: as promised by the caller: pixels of the input, and one of the output that no
                // other task touches.
                unsafe {
                    let out = std::slice::from_raw_parts_mut(all.at(to.at(image, y, x)), channels);
                    let tap = |y: usize, x: usize| {
                        let place = from.at(image, y, x);
                        std::slice::from_raw_parts(all.at(place).cast_const(), channels)
                    };
                    out.copy_from_slice(tap(rows.start, columns.start));
                    for y in rows.clone() {
                        for x in columns.clone() {
                            for (most, value) in out.iter_mut().zip(tap(y, x)) {
                                // a NaN stays one
                                if *value > *most || value.is_nan() {
                                    *most = *value;
                                }
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
    each(images, images * height * width * channels, |image| {
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
