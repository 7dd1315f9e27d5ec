//! Principal components.

use rayon::prelude::*;

use crate::eigen::{Pairs, leading};
use crate::points::{Points, products};
use crate::{Metric, Progress, SearchError, go_on};

/// Up to this size the matrix of covariances (or of inner products, when vectors are fewer than components) is made.
const MATRIX: usize = 4096;
/// Rows whose products are summed in 32 bits before they are added in 64.
const CHUNK: usize = 256;

/// The first `k` principal components of a set of vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// Number of components.
    pub k: usize,
    /// Row-major, `k` a vector: its coordinates on the components, in units of the table. A component's sign is such
    /// that its largest loading is positive.
    pub scores: Vec<f64>,
    /// Share of the variance that each component explains; 0 where there is no variance.
    pub explained: Vec<f64>,
}

/// Principal components by the eigenvectors of the covariance matrix (denominator `n - 1`). Under the cosine metric the
/// vectors are scaled to length 1 first.
///
/// # Errors
/// [`SearchError::Setting`] unless `1 <= k`; [`SearchError::Stopped`].
pub fn pca(points: &Points, k: usize, seed: u64, progress: &Progress) -> Result<Pca, SearchError> {
    if k == 0 {
        return Err(SearchError::setting("components", "1 or more", k));
    }
    let (n, dim) = (points.len(), points.dim());
    go_on(progress, "principal components", 0, 1)?;
    let x = centred(points);
    let total: f64 = x
        .par_chunks(CHUNK * dim)
        .map(sum_of_squares)
        .collect::<Vec<_>>()
        .iter()
        .sum();
    let (directions, mut values) = directions(&x, n, dim, k.min(n).min(dim), seed);
    values.resize(k, 0.0);
    let scores: Vec<Vec<f64>> = x
        .par_chunks_exact(dim)
        .map(|row| {
            let mut scores: Vec<f64> = directions.iter().map(|d| mixed_dot(row, d)).collect();
            scores.iter_mut().for_each(|s| *s *= points.scale());
            scores.resize(k, 0.0);
            scores
        })
        .collect();
    let share = |value: &f64| {
        if total > 0.0 {
            value.max(0.0) / total
        } else {
            0.0
        }
    };
    Ok(Pca {
        k,
        scores: scores.concat(),
        explained: values.iter().map(share).collect(),
    })
}

/// Unit directions of largest variance, and the sum of squares along each.
fn directions(x: &[f32], n: usize, dim: usize, k: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
    let small = n.min(dim);
    let mut pairs = if small > MATRIX {
        leading(dim, k, seed, |block| through(x, dim, block))
    } else if dim <= n {
        let c = covariance(x, dim);
        leading(dim, k, seed, |block| multiply(&c, block))
    } else {
        let g = inner_products(x, n, dim);
        let pairs = leading(n, k, seed, |block| multiply(&g, block));
        back(x, dim, pairs)
    };
    for (_, direction) in &mut pairs {
        let at = direction.iter().enumerate();
        let largest = at.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()).then(b.0.cmp(&a.0)));
        if largest.is_some_and(|(_, v)| *v < 0.0) {
            direction.iter_mut().for_each(|v| *v = -*v);
        }
    }
    let (values, directions) = pairs.into_iter().unzip();
    (directions, values)
}

/// The prepared values less their means; the Euclidean metric has done so already.
fn centred(points: &Points) -> std::borrow::Cow<'_, [f32]> {
    if points.metric() == Metric::Euclidean {
        return points.values().into();
    }
    let dim = points.dim();
    let mut means = vec![0.0f64; dim];
    for row in points.values().chunks_exact(dim) {
        means
            .iter_mut()
            .zip(row)
            .for_each(|(m, v)| *m += f64::from(*v));
    }
    let n = points.len() as f64;
    let less = |(v, m): (&f32, &f64)| (f64::from(*v) - m / n) as f32;
    let rows = points.values().chunks_exact(dim);
    rows.flat_map(|row| row.iter().zip(&means).map(less))
        .collect::<Vec<_>>()
        .into()
}

fn sum_of_squares(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(*v).powi(2)).sum()
}

fn mixed_dot(row: &[f32], direction: &[f64]) -> f64 {
    row.iter()
        .zip(direction)
        .map(|(v, d)| f64::from(*v) * d)
        .sum()
}

/// `transpose(x) x`: products of chunks of rows, added in order.
fn covariance(x: &[f32], dim: usize) -> Vec<f64> {
    let mut sum = vec![0.0f64; dim * dim];
    for batch in x.chunks(16 * CHUNK * dim) {
        let parts: Vec<Vec<f32>> = batch
            .par_chunks(CHUNK * dim)
            .map(|rows| {
                let count = rows.len() / dim;
                let mut turned = vec![0.0f32; rows.len()];
                for (i, row) in rows.chunks_exact(dim).enumerate() {
                    for (d, v) in row.iter().enumerate() {
                        turned[d * count + i] = *v;
                    }
                }
                let mut part = vec![0.0f32; dim * dim];
                products(&turned, &turned, count, &mut part);
                part
            })
            .collect();
        sum.par_chunks_mut(1 << 16)
            .enumerate()
            .for_each(|(at, sum)| {
                for part in &parts {
                    let part = &part[at << 16..(at << 16) + sum.len()];
                    sum.iter_mut()
                        .zip(part)
                        .for_each(|(s, p)| *s += f64::from(*p));
                }
            });
    }
    sum
}

/// `x transpose(x)`.
fn inner_products(x: &[f32], n: usize, dim: usize) -> Vec<f64> {
    let lines: Vec<Vec<f64>> = x
        .par_chunks(64 * dim)
        .map(|rows| {
            let mut part = vec![0.0f32; rows.len() / dim * n];
            products(rows, x, dim, &mut part);
            part.into_iter().map(f64::from).collect()
        })
        .collect();
    lines.concat()
}

/// A square matrix times each vector of a block.
fn multiply(matrix: &[f64], block: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = block.first().map_or(0, Vec::len);
    let rows: Vec<Vec<f64>> = matrix
        .par_chunks_exact(n.max(1))
        .with_min_len(64)
        .map(|row| {
            let dot = |v: &Vec<f64>| {
                let mut sums = [0.0; 4];
                for (a, b) in row.chunks(4).zip(v.chunks(4)) {
                    a.iter()
                        .zip(b)
                        .zip(&mut sums)
                        .for_each(|((a, b), s)| *s += a * b);
                }
                sums.iter().sum()
            };
            block.iter().map(dot).collect()
        })
        .collect();
    (0..block.len())
        .map(|b| rows.iter().map(|row| row[b]).collect())
        .collect()
}

/// `transpose(x) (x v)` for each vector of a block, without any square matrix.
fn through(x: &[f32], dim: usize, block: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let parts: Vec<Vec<Vec<f64>>> = x
        .par_chunks(CHUNK * dim)
        .map(|rows| {
            let mut out = vec![vec![0.0; dim]; block.len()];
            for row in rows.chunks_exact(dim) {
                for (out, v) in out.iter_mut().zip(block) {
                    let share = mixed_dot(row, v);
                    out.iter_mut()
                        .zip(row)
                        .for_each(|(o, x)| *o += share * f64::from(*x));
                }
            }
            out
        })
        .collect();
    let mut sum = vec![vec![0.0; dim]; block.len()];
    for part in parts {
        for (sum, part) in sum.iter_mut().zip(&part) {
            sum.iter_mut().zip(part).for_each(|(s, p)| *s += p);
        }
    }
    sum
}

/// Directions from the eigenvectors of the inner products: `transpose(x) u`, of length 1.
fn back(x: &[f32], dim: usize, pairs: Pairs) -> Pairs {
    let turn = |(value, u): (f64, Vec<f64>)| {
        let mut direction = vec![0.0; dim];
        for (row, weight) in x.chunks_exact(dim).zip(&u) {
            direction
                .iter_mut()
                .zip(row)
                .for_each(|(d, v)| *d += weight * f64::from(*v));
        }
        let length = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length > 0.0 {
            direction.iter_mut().for_each(|v| *v /= length);
        }
        (value, direction)
    };
    pairs.into_iter().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quiet;
    use crate::random::Random;

    fn draw(n: usize, dim: usize) -> Vec<f32> {
        let mut random = Random::new(1, "pca", n);
        let factors: Vec<f64> = (0..n * 3).map(|_| random.normal()).collect();
        let value = |i: usize, d: usize, noise: f64| {
            let f = &factors[i * 3..i * 3 + 3];
            f[0] * (d as f64).sin() * 3.0 + f[1] * (d as f64 * 2.0).cos() * 2.0 + f[2] + noise * 0.3
        };
        let mut out = Vec::new();
        for i in 0..n {
            out.extend((0..dim).map(|d| value(i, d, random.normal()) as f32 + 7.0));
        }
        out
    }

    /// Eigen decomposition of the covariance in 64 bits, whole.
    fn whole(values: &[f32], dim: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
        let n = values.len() / dim;
        let mut x: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        for d in 0..dim {
            let mean = (0..n).map(|i| x[i * dim + d]).sum::<f64>() / n as f64;
            (0..n).for_each(|i| x[i * dim + d] -= mean);
        }
        let mut c = vec![0.0; dim * dim];
        for row in x.chunks_exact(dim) {
            for a in 0..dim {
                for b in 0..dim {
                    c[a * dim + b] += row[a] * row[b];
                }
            }
        }
        let total: f64 = (0..dim).map(|d| c[d * dim + d]).sum();
        let pairs = crate::eigen::symmetric(c, dim);
        let score = |v: &[f64]| {
            x.chunks_exact(dim)
                .map(|r| r.iter().zip(v).map(|(a, b)| a * b).sum())
                .collect()
        };
        (
            pairs.iter().map(|p| p.0 / total).collect(),
            pairs.iter().take(2).map(|p| score(&p.1)).collect(),
        )
    }

    #[test]
    fn components_are_those_of_the_whole_decomposition_wide_and_tall() {
        for (n, dim) in [(400, 120), (60, 130), (300, 5), (150, 2)] {
            let values = draw(n, dim);
            let points = Points::new(&values, dim, Metric::Euclidean).unwrap();
            let found = pca(&points, 2, 1, &quiet).unwrap();
            let (shares, scores) = whole(&values, dim);
            for c in 0..2 {
                assert!(
                    (found.explained[c] - shares[c]).abs() < 1e-5,
                    "{n} x {dim}: {:?}",
                    found.explained
                );
                let size = scores[c].iter().fold(0.0f64, |l, s| l.max(s.abs()));
                let own: Vec<f64> = found.scores.iter().skip(c).step_by(2).copied().collect();
                let sign = if own[0] * scores[c][0] > 0.0 {
                    1.0
                } else {
                    -1.0
                };
                for (a, b) in own.iter().zip(&scores[c]) {
                    assert!((a * sign - b).abs() < 1e-4 * size, "{n} x {dim}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn the_way_without_a_matrix_agrees() {
        let (n, dim) = (150, 110);
        let values = draw(n, dim);
        let points = Points::new(&values, dim, Metric::Euclidean).unwrap();
        let x = centred(&points);
        let (a, _) = directions(&x, n, dim, 2, 1);
        let b = leading(dim, 2, 1, |block| through(&x, dim, block));
        for (a, (_, b)) in a.iter().zip(&b) {
            let cosine: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            assert!((cosine.abs() - 1.0).abs() < 1e-8);
        }
    }

    #[test]
    fn poor_tables_have_components_of_zero() {
        let points = Points::new(&[1.0, 2.0, 3.0], 1, Metric::Euclidean).unwrap();
        let found = pca(&points, 2, 1, &quiet).unwrap();
        assert!((found.explained[0] - 1.0).abs() < 1e-6 && found.explained[1] == 0.0);
        assert!(
            (found.scores[0] + 1.0).abs() < 1e-6 && found.scores[1] == 0.0,
            "{found:?}"
        );
        let equal = Points::new(&[4.0; 12], 3, Metric::Euclidean).unwrap();
        let found = pca(&equal, 2, 1, &quiet).unwrap();
        assert_eq!(
            (found.scores, found.explained),
            (vec![0.0; 8], vec![0.0; 2])
        );
    }
}
