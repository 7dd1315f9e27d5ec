//! Pixels of a part of a picture, averaged to another size.

use crate::NnError;

/// A picture as rows of red, green and blue bytes.
pub(super) struct Raster<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    rgb: &'a [u8],
}

impl<'a> Raster<'a> {
    pub(super) fn new(width: usize, height: usize, rgb: &'a [u8]) -> Result<Self, NnError> {
        let bytes = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        if bytes != Some(rgb.len()) || rgb.is_empty() {
            return Err(NnError::Config {
                field: "picture",
                expected: format!("{width} x {height} pixels of three bytes"),
                found: format!("{} bytes", rgb.len()),
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// Appends `[left, top, right, bottom]` (the last two excluded) resampled to `width` x `height`,
    /// channel by channel, as (value - 127.5) / 128.
    ///
    /// Each output place is the mean of the input places that it touches: from floor(i * n / m) to
    /// ceil((i + 1) * n / m), PyTorch's `area` interpolation, which does not weigh partial places.
    pub(super) fn sample(&self, area: [usize; 4], width: usize, height: usize, out: &mut Vec<f32>) {
        let [left, top, right, bottom] = area;
        let spans = |from: usize, to: usize, places: usize| -> Vec<[usize; 2]> {
            let n = to - from;
            let span = |i: usize| [from + i * n / places, from + ((i + 1) * n).div_ceil(places)];
            (0..places).map(span).collect()
        };
        let columns = spans(left, right, width);
        let start = out.len();
        out.resize(start + 3 * width * height, 0.0);
        let planes = &mut out[start..];
        // Sums down the rows of each span first, then along them: whole numbers, so exact.
        let mut sums = vec![0u32; 3 * (right - left)];
        for (y, [first, last]) in spans(top, bottom, height).into_iter().enumerate() {
            sums.fill(0);
            for row in first..last {
                let at = 3 * (row * self.width + left);
                for (sum, value) in sums.iter_mut().zip(&self.rgb[at..at + 3 * (right - left)]) {
                    *sum += u32::from(*value);
                }
            }
            for (x, [from, to]) in columns.iter().enumerate() {
                let count = ((last - first) * (to - from)) as f32;
                for channel in 0..3 {
                    let places = (from - left..to - left).map(|c| u64::from(sums[3 * c + channel]));
                    let mean = places.sum::<u64>() as f32 / count;
                    planes[(channel * height + y) * width + x] = (mean - 127.5) * 0.007_812_5;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_touched_are_averaged_without_weights() {
        // One row of five grey pixels to two places: 0..3 and 2..5.
        let rgb: Vec<u8> = [10, 20, 60, 80, 100].iter().flat_map(|v| [*v; 3]).collect();
        let raster = Raster::new(5, 1, &rgb).unwrap();
        let mut out = Vec::new();
        raster.sample([0, 0, 5, 1], 2, 1, &mut out);
        let grey = |v: f32| (v - 127.5) / 128.0;
        assert_eq!(out[..2], [grey(30.0), grey(80.0)]);
        assert_eq!(out[..2], out[4..]);
        // A part, enlarged.
        out.clear();
        raster.sample([1, 0, 3, 1], 3, 1, &mut out);
        assert_eq!(out[..3], [grey(20.0), grey(40.0), grey(60.0)]);
        assert!(Raster::new(5, 2, &rgb).is_err() && Raster::new(0, 0, &[]).is_err());
    }
}
