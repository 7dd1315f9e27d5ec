//! A linear layer over rows, with its weights packed once.

use super::conv::{Layer, Shape};
use super::kernel::{LANES, PIXELS, Reach, Sums, WIDTH, tile};
use crate::wide;

/// Tiles whose rows stay in the second cache beside a panel of weights.
const TILES: usize = 12;

/// The product of rows with the transpose of `[outputs, inputs]` weights. One thread; a row's sums have one order, so that it does
/// not depend on the rows beside it.
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
        out.resize(count * outputs, 0.0);
        let reach = Reach {
            starts: vec![0],
            len: inputs,
        };
        let mut sums: Sums = [0.0; PIXELS * WIDTH];
        for block in (0..count).step_by(TILES * PIXELS) {
            let last = count.min(block + TILES * PIXELS);
            for panel in &self.0.panels {
                let weights = &self.0.weights[panel.weights..];
                let channels = panel.first..outputs.min(panel.first + panel.vectors * LANES);
                for first in (block..last).step_by(PIXELS) {
                    // what a tile has too many, the last row fills
                    let rows: [usize; PIXELS] =
                        std::array::from_fn(|i| (first + i).min(last - 1) * inputs);
                    // SAFETY: every row of `inputs` values lies within `x`, which nobody writes.
                    unsafe { tile(panel.vectors, &reach, x.as_ptr(), &rows, weights, &mut sums) };
                    let own = sums.chunks_exact(WIDTH).take(last - first);
                    wide(|| {
                        for (row, sums) in own.enumerate() {
                            let place = (first + row) * outputs;
                            let out = &mut out[place + channels.start..place + channels.end];
                            out.copy_from_slice(&sums[..channels.len()]);
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
        for [inputs, outputs] in [[1, 1], [7, 16], [33, 49], [64, 100], [130, 17]] {
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
