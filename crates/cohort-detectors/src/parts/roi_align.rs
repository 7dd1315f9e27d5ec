//! What a region of a feature map holds, by bilinear samples: RoIAlign (He et al. 2017), as torchvision's CPU kernel computes it.

use rayon::prelude::*;

use super::boxes::Corners;

/// Most samples along one side of a region; beyond it a region is refused, so that no box can ask for unbounded work.
pub const MOST_SAMPLES: usize = 1 << 16;

/// A region that cannot be looked into.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "region {row}: expected finite corners and at most {MOST_SAMPLES} samples along a side, found {found:?}"
)]
pub struct RegionError {
    /// Which of the regions, from 0.
    pub row: usize,
    /// Its corners.
    pub found: Corners,
}

/// How regions are cut into bins and the bins sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiAlign {
    /// Bins along a side: 7 for boxes, 14 for masks.
    pub bins: usize,
    /// Pixels of the feature map for one of the regions' picture, most often `1 / stride`.
    pub scale: f32,
    /// Samples along a side of a bin; 0 takes as many as pixels that a bin covers, rounded up.
    pub samples: usize,
    /// Whether samples are shifted by half a pixel, as detectron2 and later work do; else a region is at least one pixel long
    /// and wide.
    pub aligned: bool,
}

/// A sample along one axis: two neighbours and their shares; none outside.
type Sample = Option<([usize; 2], [f32; 2])>;

/// The samples of a region.
struct Grid {
    /// Samples along a bin's side, `[down, along]`.
    each: [usize; 2],
    rows: Vec<Sample>,
    columns: Vec<Sample>,
    /// Samples of a bin, at least 1.
    count: f32,
}

impl RoiAlign {
    /// Means `[region, channel, bin row, bin column]` of planes `[channel, row, column]` of `size`.
    ///
    /// # Errors
    /// [`RegionError`] for a region that is not finite or too large.
    ///
    /// # Panics
    /// When the planes are not whole.
    pub fn planes(
        &self,
        planes: &[f32],
        size: [usize; 2],
        regions: &[Corners],
    ) -> Result<Vec<f32>, RegionError> {
        let plane = size[0] * size[1];
        let channels = channels_of(planes.len(), size);
        let grids = self.grids(regions, size)?;
        let own = channels * self.bins * self.bins;
        let mut out = vec![0.0; regions.len() * own];
        let each = out.par_chunks_exact_mut(own.max(1)).zip(&grids);
        each.for_each(|(out, grid)| {
            let bins = out.chunks_exact_mut(self.bins * self.bins);
            for (out, values) in bins.zip(planes.chunks_exact(plane)) {
                for (bin, out) in out.iter_mut().enumerate() {
                    let mut sum = 0.0;
                    grid.each_of(bin / self.bins, bin % self.bins, |places, weights| {
                        let at = |i: usize| values[places[i][0] * size[1] + places[i][1]];
                        sum += weights[0] * at(0)
                            + weights[1] * at(1)
                            + weights[2] * at(2)
                            + weights[3] * at(3);
                    });
                    *out = sum / grid.count;
                }
            }
        });
        Ok(out)
    }

    /// The gradient of planes `[channel, row, column]` of `size` from that of [`Self::planes`]. Its sums have one order: channels
    /// are tasks, regions and samples follow one another.
    ///
    /// # Errors
    /// As [`Self::planes`].
    ///
    /// # Panics
    /// When `gradient` is not `regions x channels x bins x bins` values.
    pub fn planes_gradient(
        &self,
        gradient: &[f32],
        channels: usize,
        size: [usize; 2],
        regions: &[Corners],
    ) -> Result<Vec<f32>, RegionError> {
        let bins = self.bins * self.bins;
        assert_eq!(gradient.len(), regions.len() * channels * bins, "gradient");
        let grids = self.grids(regions, size)?;
        let mut out = vec![0.0; channels * size[0] * size[1]];
        let planes = out.par_chunks_exact_mut((size[0] * size[1]).max(1));
        planes.enumerate().for_each(|(channel, out)| {
            for (region, grid) in grids.iter().enumerate() {
                let own = &gradient[(region * channels + channel) * bins..][..bins];
                for (bin, value) in own.iter().enumerate() {
                    let value = value / grid.count;
                    grid.each_of(bin / self.bins, bin % self.bins, |places, weights| {
                        for ([y, x], weight) in places.into_iter().zip(weights) {
                            out[y * size[1] + x] += weight * value;
                        }
                    });
                }
            }
        });
        Ok(out)
    }

    /// Means `[region, bin row, bin column, channel]` of pixels `[row, column, channel]` of `size`: the form of plans, in which a
    /// sample reads neighbouring values. The same sums as [`Self::planes`].
    ///
    /// # Errors
    /// As [`Self::planes`].
    ///
    /// # Panics
    /// When the pixels are not whole.
    pub fn pixels(
        &self,
        pixels: &[f32],
        size: [usize; 2],
        regions: &[Corners],
    ) -> Result<Vec<f32>, RegionError> {
        let channels = channels_of(pixels.len(), size);
        let mut out = vec![0.0; regions.len() * self.bins * self.bins * channels];
        let rows: Vec<usize> = (0..regions.len()).collect();
        self.pixels_into(pixels, size, regions, &rows, &mut out)?;
        Ok(out)
    }

    /// [`Self::pixels`] of some of the regions into their rows of `out`; the others keep what they hold.
    ///
    /// # Errors
    /// As [`Self::planes`]; the row is that of `regions`.
    ///
    /// # Panics
    /// As [`Self::pixels`], and when `out` does not hold all regions.
    pub fn pixels_into(
        &self,
        pixels: &[f32],
        size: [usize; 2],
        regions: &[Corners],
        rows: &[usize],
        out: &mut [f32],
    ) -> Result<(), RegionError> {
        let channels = channels_of(pixels.len(), size);
        let own = self.bins * self.bins * channels;
        assert_eq!(out.len(), regions.len() * own, "rows of all regions");
        let mut wanted = vec![false; regions.len()];
        rows.iter().for_each(|&row| wanted[row] = true);
        let tasks = out.par_chunks_exact_mut(own.max(1)).enumerate();
        let tasks = tasks.filter(|(row, _)| wanted[*row]);
        tasks.try_for_each(|(row, out)| {
            let grid = self.grid(row, regions[row], size)?;
            for (bin, out) in out.chunks_exact_mut(channels).enumerate() {
                out.fill(0.0);
                grid.each_of(bin / self.bins, bin % self.bins, |places, weights| {
                    let at = |i: usize| {
                        let [y, x] = places[i];
                        &pixels[(y * size[1] + x) * channels..][..channels]
                    };
                    let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
                    for (i, out) in out.iter_mut().enumerate() {
                        *out += weights[0] * a[i]
                            + weights[1] * b[i]
                            + weights[2] * c[i]
                            + weights[3] * d[i];
                    }
                });
                for value in out {
                    *value /= grid.count;
                }
            }
            Ok(())
        })
    }

    fn grids(&self, regions: &[Corners], size: [usize; 2]) -> Result<Vec<Grid>, RegionError> {
        let each = regions.iter().enumerate();
        each.map(|(row, of)| self.grid(row, *of, size)).collect()
    }

    fn grid(&self, row: usize, of: Corners, size: [usize; 2]) -> Result<Grid, RegionError> {
        let refused = RegionError { row, found: of };
        let shift = if self.aligned { 0.5 } else { 0.0 };
        let [x1, y1, x2, y2] = of.map(|v| v * self.scale - shift);
        let mut lengths = [y2 - y1, x2 - x1];
        if !self.aligned {
            lengths = lengths.map(|length| length.max(1.0));
        }
        if ![x1, y1, x2, y2].iter().all(|v| v.is_finite()) {
            return Err(refused);
        }
        let bins = self.bins as f32;
        let each = lengths.map(|length| match self.samples {
            // none of a side of no length
            0 => (length / bins).ceil() as usize,
            samples => samples,
        });
        if each.iter().any(|n| n * self.bins > MOST_SAMPLES) {
            return Err(refused);
        }
        let along = |axis: usize, start: f32| -> Vec<Sample> {
            let bin = lengths[axis] / bins;
            let count = each[axis];
            let place = |i: usize| {
                let (bin_at, sample) = ((i / count) as f32, (i % count) as f32);
                start + bin_at * bin + (sample + 0.5) * bin / count as f32
            };
            (0..self.bins * count)
                .map(|i| neighbours(place(i), size[axis]))
                .collect()
        };
        Ok(Grid {
            rows: along(0, y1),
            columns: along(1, x1),
            count: (each[0] * each[1]).max(1) as f32,
            each,
        })
    }
}

impl Grid {
    /// The samples of a bin: four places `[row, column]` and their shares.
    #[inline(always)]
    fn each_of(&self, row: usize, column: usize, mut with: impl FnMut([[usize; 2]; 4], [f32; 4])) {
        let [down, along] = self.each;
        for sample in &self.rows[row * down..(row + 1) * down] {
            let Some(([top, bottom], [high, low])) = *sample else {
                continue;
            };
            for sample in &self.columns[column * along..(column + 1) * along] {
                if let Some(([left, right], [near, far])) = *sample {
                    let places = [[top, left], [top, right], [bottom, left], [bottom, right]];
                    with(places, [high * near, high * far, low * near, low * far]);
                }
            }
        }
    }
}

/// The two pixels beside a place of an axis of `length`; none more than a pixel outside.
fn neighbours(place: f32, length: usize) -> Sample {
    if length == 0 || place < -1.0 || place > length as f32 {
        return None;
    }
    let place = place.max(0.0);
    let first = place as usize;
    if first >= length - 1 {
        return Some(([length - 1; 2], [1.0, 0.0]));
    }
    let share = place - first as f32;
    Some(([first, first + 1], [1.0 - share, share]))
}

fn channels_of(values: usize, [height, width]: [usize; 2]) -> usize {
    let plane = height * width;
    assert!(plane > 0 && values % plane == 0, "a whole feature map");
    values / plane
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_map_gives_its_values_at_the_centres_of_bins() {
        // f(y, x) = 3 y - 2 x, which bilinear samples and their means keep
        let size = [20, 30];
        let map: Vec<f32> = (0..600)
            .map(|i| 3.0 * (i / 30) as f32 - 2.0 * (i % 30) as f32)
            .collect();
        let region = [8.0, 12.0, 64.0, 40.0];
        for samples in [0, 1, 2, 3] {
            for (aligned, shift) in [(false, 0.0), (true, 0.5)] {
                let of = RoiAlign {
                    bins: 4,
                    scale: 0.25,
                    samples,
                    aligned,
                };
                let found = of.planes(&map, size, &[region]).unwrap();
                for (bin, value) in found.iter().enumerate() {
                    let y = 3.0 - shift + ((bin / 4) as f32 + 0.5) * 7.0 / 4.0;
                    let x = 2.0 - shift + ((bin % 4) as f32 + 0.5) * 14.0 / 4.0;
                    assert!((value - (3.0 * y - 2.0 * x)).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn regions_that_are_no_numbers_or_too_large_are_refused() {
        let of = RoiAlign {
            bins: 2,
            scale: 1.0,
            samples: 0,
            aligned: false,
        };
        let fine = [0.0, 0.0, 2.0, 2.0];
        for bad in [
            [0.0, f32::NAN, 2.0, 2.0],
            [0.0, 0.0, f32::INFINITY, 2.0],
            [-1e9, 0.0, 1e9, 2.0],
        ] {
            let error = of.planes(&[1.0; 4], [2, 2], &[fine, bad]).unwrap_err();
            assert_eq!(error.row, 1);
            assert!(of.pixels(&[1.0; 4], [2, 2], &[bad]).is_err());
        }
        // inverted and empty: one pixel
        let inverted = of.planes(&[1.0; 4], [2, 2], &[[1.0, 1.0, 0.0, 0.0]]);
        assert_eq!(inverted.unwrap(), [1.0; 4]);
        assert!(of.planes(&[1.0; 4], [2, 2], &[]).unwrap().is_empty());
        let aligned = RoiAlign {
            aligned: true,
            ..of
        };
        assert_eq!(
            aligned
                .planes(&[1.0; 4], [2, 2], &[[1.0, 1.0, 1.0, 1.0]])
                .unwrap(),
            [0.0; 4]
        );
    }
}
