//! A linear layer over rows, with its weights packed once.

use super::conv::{Layer, Shape};
use super::kernel::{LANES, PIXELS, Reach, Sums, WIDTH, tile};
use super::view::each;
use crate::{Out, wide};

/// Inputs that are summed at a time, and tiles of a task: the part of a panel of weights and of the rows that both need
/// stays in the second cache.
const INPUTS: usize = 768;
const TILES: usize = 12;

/// The product of rows with the transpose of `[outputs, inputs]` weights. A row's sums have one order: they depend neither on the
/// rows beside it nor on the number of threads.
#[derive(Debug)]
pub struct Rows(Layer);

impl Rows {
    /// From weights of `[outputs, inputs]`.
    ///
    /// # Panics
    /// When there are not as many.
    pub fn new([inputs, outputs]: [usize; 2], weight: &[f32]) -> Self {
        let shape = Shape {
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0, 0],
            after: [0, 0],
        };
        Self(Layer::new([inputs, outputs], shape, weight, None, 1.0))
    }

    /// Values of a row that comes in, and of one that goes out.
    pub fn channels(&self) -> [usize; 2] {
        self.0.channels
    }

    /// `out` becomes the product of the rows of `x`.
    ///
    /// # Panics
    /// When `x` does not consist of whole rows.
    pub fn apply(&self, x: &[f32], out: &mut Vec<f32>) {
        let [inputs, outputs] = self.channels();
        let count = x.len() / inputs;
        assert_eq!(x.len(), count * inputs, "rows of a layer");
        out.clear();
        out.resize(count * outputs, 0.0);
        let all = Out(out.as_mut_ptr());
        let panels = &self.0.panels;
        let blocks = count.div_ceil(TILES * PIXELS);
        let splits = (4 * rayon::current_num_threads()).div_ceil(blocks.max(1));
        let splits = splits.clamp(1, panels.len());
        each(blocks * splits, count * inputs * outputs, |task| {
            let [block, split] = [task / splits, task % splits];
            let rows = block * TILES * PIXELS..count.min((block + 1) * TILES * PIXELS);
            let own = split * panels.len() / splits..(split + 1) * panels.len() / splits;
            // SAFETY: no two tasks have a row and a panel in common, and `out` holds the outputs of every row.
            unsafe { self.task(x, rows, own, all) }
        });
    }

    /// Adds the products of some rows with some panels to `out`.
    ///
    /// # Safety
    /// `out` holds the outputs of these rows, and nobody else reads or writes those of the panels.
    unsafe fn task(
        &self,
        x: &[f32],
        rows: std::ops::Range<usize>,
        panels: std::ops::Range<usize>,
        out: Out,
    ) {
        let [inputs, outputs] = self.channels();
        let mut sums: Sums = [0.0; PIXELS * WIDTH];
        for begin in (0..inputs).step_by(INPUTS) {
            let reach = Reach {
                starts: vec![begin],
                len: INPUTS.min(inputs - begin),
            };
            for panel in &self.0.panels[panels.clone()] {
                let width = panel.vectors * LANES;
                let weights = &self.0.weights[panel.weights + begin * width..];
                let channels = width.min(outputs - panel.first);
                for first in rows.clone().step_by(PIXELS) {
                    // what a tile has too many, the last row fills
                    let places: [usize; PIXELS] =
                        std::array::from_fn(|i| (first + i).min(rows.end - 1) * inputs);
                    // SAFETY: every row of `inputs` values lies within `x`, which nobody writes.
                    unsafe {
                        tile(
                            panel.vectors,
                            &reach,
                            x.as_ptr(),
                            &places,
                            weights,
                            &mut sums,
                        )
                    };
                    wide(|| {
                        let own = sums.chunks_exact(WIDTH).take(rows.end - first);
                        for (row, sums) in own.enumerate() {
                            let place = (first + row) * outputs + panel.first;
                            // SAFETY: as promised by the caller.
                            let out =
                                unsafe { std::slice::from_raw_parts_mut(out.at(place), channels) };
                            for (out, sum) in out.iter_mut().zip(sums) {
                                *out += sum;
                            }
                        }
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_meet_the_plain_sum_and_do_not_depend_on_the_rows_beside() {
        for [inputs, outputs] in [[1, 1], [7, 16], [33, 49], [64, 100], [130, 17], [1700, 60]] {
            let weight: Vec<f32> = (0..inputs * outputs)
                .map(|i| (i as f32 * 0.37).sin())
                .collect();
            let layer = Rows::new([inputs, outputs], &weight);
            assert_eq!(layer.channels(), [inputs, outputs]);
            for count in [0, 1, 8, 9, 97, 200] {
                let x: Vec<f32> = (0..count * inputs)
                    .map(|i| (i as f32 * 0.11).cos())
                    .collect();
                let mut out = vec![9.0; 3];
                layer.apply(&x, &mut out);
                assert_eq!(out.len(), count * outputs);
                for row in 0..count {
                    let own = &x[row * inputs..(row + 1) * inputs];
                    let mut alone = Vec::new();
                    layer.apply(own, &mut alone);
                    let found = &out[row * outputs..(row + 1) * outputs];
                    assert_eq!(found, alone, "row {row} of {count}");
                    for (output, found) in found.iter().enumerate() {
                        let weights = &weight[output * inputs..(output + 1) * inputs];
                        let pairs = own.iter().zip(weights);
                        let expected: f64 = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                        let off = (f64::from(*found) - expected).abs();
                        assert!(off < 1e-5 * (1.0 + expected.abs()), "{found} {expected}");
                    }
                }
            }
        }
    }
}
