//! How near embeddings are to each other, and what a change of that means for the embeddings.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Shorter rows have no direction: scaled, they stay almost zero, and nothing pulls at them.
const SHORTEST: f64 = 1e-12;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Space {
    /// Euclidean distance of the embeddings as they are.
    Distance,
    /// Its square.
    SquaredDistance,
    /// Euclidean distance of the embeddings scaled to length 1, 0 to 2.
    UnitDistance,
    /// Its square.
    UnitSquaredDistance,
    /// Cosine of the angle, -1 to 1; here more is nearer.
    Cosine,
}

impl Space {
    /// The distance of embeddings as they are or scaled to length 1, itself or squared.
    pub fn distance(normalised: bool, squared: bool) -> Self {
        match (normalised, squared) {
            (false, false) => Self::Distance,
            (false, true) => Self::SquaredDistance,
            (true, false) => Self::UnitDistance,
            (true, true) => Self::UnitSquaredDistance,
        }
    }

    fn is_scaled(self) -> bool {
        !matches!(self, Self::Distance | Self::SquaredDistance)
    }

    fn is_squared(self) -> bool {
        matches!(self, Self::SquaredDistance | Self::UnitSquaredDistance)
    }

    /// Compares every row of `a` with every row of `b`, both of `width` values a row.
    pub fn compare(self, a: &[f32], b: &[f32], width: usize) -> Closeness {
        let (a, b) = (
            Side::new(a, width, self.is_scaled()),
            Side::new(b, width, self.is_scaled()),
        );
        let columns = b.values.len() / width.max(1);
        let mut values = vec![0.0; a.values.len() / width.max(1) * columns];
        values
            .par_chunks_mut(columns.max(1))
            .zip(a.values.par_chunks(width.max(1)))
            .for_each(|(out, x)| {
                for (out, y) in out.iter_mut().zip(b.values.chunks_exact(width.max(1))) {
                    let pairs = x.iter().zip(y);
                    *out = match self {
                        Self::Cosine => pairs.map(|(x, y)| x * y).sum(),
                        // differences, not products: near embeddings keep all their digits
                        _ => pairs.map(|(x, y)| (x - y) * (x - y)).sum(),
                    };
                    if matches!(self, Self::Distance | Self::UnitDistance) {
                        *out = out.sqrt();
                    }
                }
            });
        Closeness {
            space: self,
            width,
            columns,
            values,
            a,
            b,
        }
    }
}

/// Rows, scaled or not.
#[derive(Debug, Clone)]
struct Side {
    values: Vec<f64>,
    /// The lengths before scaling; empty where nothing was scaled.
    lengths: Vec<f64>,
}

impl Side {
    fn new(rows: &[f32], width: usize, scaled: bool) -> Self {
        let mut values: Vec<f64> = rows.iter().map(|&v| f64::from(v)).collect();
        let mut lengths = Vec::new();
        if scaled {
            for row in values.chunks_exact_mut(width.max(1)) {
                let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
                row.iter_mut().for_each(|v| *v /= length.max(SHORTEST));
                lengths.push(length);
            }
        }
        Self { values, lengths }
    }

    /// From the gradient of the scaled rows to that of the rows as they were.
    fn back(&self, gradient: &mut [f64], width: usize) {
        let rows = gradient.chunks_exact_mut(width.max(1));
        let scaled = self.values.chunks_exact(width.max(1));
        for ((gradient, unit), &length) in rows.zip(scaled).zip(&self.lengths) {
            if length < SHORTEST {
                gradient.fill(0.0);
                continue;
            }
            let along: f64 = gradient.iter().zip(unit).map(|(g, u)| g * u).sum();
            for (g, u) in gradient.iter_mut().zip(unit) {
                *g = (*g - along * u) / length;
            }
        }
    }
}

/// Every row of one side compared with every row of the other.
#[derive(Debug, Clone)]
pub struct Closeness {
    space: Space,
    width: usize,
    columns: usize,
    /// Row-major `[rows of a, rows of b]`.
    values: Vec<f64>,
    a: Side,
    b: Side,
}

impl Closeness {
    /// What the two are compared by.
    pub fn space(&self) -> Space {
        self.space
    }

    /// Rows of the first side.
    pub fn rows(&self) -> usize {
        self.a.values.len() / self.width.max(1)
    }

    /// Rows of the second side.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The value of two rows.
    ///
    /// # Panics
    /// Rows that are not there.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }

    /// The values of a row of the first side.
    ///
    /// # Panics
    /// A row that is not there.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// From the gradient of all values, `[rows, columns]`, to those of the two sides, row by row. Two equal rows have
    /// distance 0 and pull nowhere, as in PyTorch's `cdist`.
    ///
    /// # Panics
    /// A gradient of another length.
    pub fn back(&self, gradient: &[f64]) -> (Vec<f64>, Vec<f64>) {
        assert_eq!(gradient.len(), self.values.len());
        let (rows, columns) = (self.rows(), self.columns);
        // what the difference of two rows is multiplied by
        let weight = |i: usize, j: usize| {
            let (value, g) = (self.values[i * columns + j], gradient[i * columns + j]);
            match self.space {
                Space::Cosine => g,
                space if space.is_squared() => 2.0 * g,
                _ if value > 0.0 => g / value,
                _ => 0.0,
            }
        };
        let pulls = self.space != Space::Cosine;
        let side = |own: &Side, other: &Side, count: usize, others: usize, flipped: bool| {
            let width = self.width.max(1);
            let mut out = vec![0.0; count * self.width];
            out.par_chunks_mut(width)
                .zip(own.values.par_chunks(width))
                .enumerate()
                .for_each(|(i, (out, own))| {
                    for (j, other) in (0..others).zip(other.values.chunks_exact(width)) {
                        let w = if flipped { weight(j, i) } else { weight(i, j) };
                        if w == 0.0 {
                            continue;
                        }
                        for ((out, own), other) in out.iter_mut().zip(own).zip(other) {
                            *out += if pulls { w * (own - other) } else { w * other };
                        }
                    }
                });
            own.back(&mut out, self.width);
            out
        };
        (
            side(&self.a, &self.b, rows, columns, false),
            side(&self.b, &self.a, columns, rows, true),
        )
    }

    /// As [`Self::back`] where the two sides are the same rows.
    pub fn back_to_both(&self, gradient: &[f64]) -> Vec<f64> {
        let (mut a, b) = self.back(gradient);
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    }
}

/// ln of the sum of the exponentials; minus infinity of nothing.
pub(super) fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return top;
    }
    top + terms.map(|term| (term - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACES: [Space; 5] = [
        Space::Distance,
        Space::SquaredDistance,
        Space::UnitDistance,
        Space::UnitSquaredDistance,
        Space::Cosine,
    ];

    fn rows(count: usize, seed: u32) -> Vec<f32> {
        let value = |i: usize| ((i as f32 + 1.0) * (1.7 + seed as f32)).sin() * 2.0;
        (0..count).map(value).collect()
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let (a, b) = (rows(12, 1), rows(8, 2));
        for space in SPACES {
            let weights: Vec<f64> = rows(6, 3).iter().map(|&w| f64::from(w)).collect();
            let value = |a: &[f32], b: &[f32]| -> f64 {
                let all = space.compare(a, b, 4).values;
                all.iter().zip(&weights).map(|(v, w)| v * w).sum()
            };
            let (of_a, of_b) = space.compare(&a, &b, 4).back(&weights);
            for (side, found) in [(0, of_a), (1, of_b)] {
                for (at, found) in found.iter().enumerate() {
                    let (mut up, mut down) = ([a.clone(), b.clone()], [a.clone(), b.clone()]);
                    up[side][at] += 1.0 / 512.0;
                    down[side][at] -= 1.0 / 512.0;
                    let step = f64::from(up[side][at] - down[side][at]);
                    let expected = (value(&up[0], &up[1]) - value(&down[0], &down[1])) / step;
                    assert!(
                        (found - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                        "{space:?} {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn equal_rows_and_rows_of_zeros_have_finite_gradients() {
        let a = [1.0, 2.0, 1.0, 2.0, 0.0, 0.0];
        for space in SPACES {
            let all = space.compare(&a, &a, 2);
            let gradient = all.back_to_both(&[1.0; 9]);
            assert!(gradient.iter().all(|g| g.is_finite()), "{space:?}");
            if space != Space::Cosine {
                assert_eq!(all.at(0, 1), 0.0);
            }
        }
    }

    #[test]
    fn logs_of_sums_do_not_overflow() {
        assert_eq!(log_sum_exp([].into_iter()), f64::NEG_INFINITY);
        let found = log_sum_exp([1000.0, 1000.0].into_iter());
        assert!((found - (1000.0 + 2.0_f64.ln())).abs() < 1e-12);
    }
}
