//! How far a map can be trusted.

use serde::{Deserialize, Serialize};

use crate::neighbours::{each_row, nearest_exactly};
use crate::points::Points;
use crate::random::Random;
use crate::{Progress, SearchError};

/// Up to this many vectors all are looked at; of more, this many chosen at random.
const LOOKED_AT: usize = 10_000;

/// Trustworthiness of a map.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trustworthiness {
    /// 1: every neighbour in the map is a neighbour in the table; about 0.5: no better than chance.
    pub value: f64,
    /// Neighbours looked at.
    pub neighbours: usize,
    /// Vectors whose neighbourhoods were looked at: all of them, or a random sample of a large table.
    pub looked_at: usize,
}

/// Trustworthiness of `map` (Venna and Kaski 2001): 1 less the mean of how far down the table's own ranking the map's
/// `k` nearest neighbours stand, scaled by the worst case. `k` is lowered to fit fewer than `2 k` vectors.
///
/// Neighbours and ranks are those of the vectors as given, in 64 bits; 32 bits only serve to find the pairs whose order
/// they leave in no doubt.
///
/// # Errors
/// [`SearchError`] when the two have different lengths or fewer than 4 vectors; [`SearchError::Stopped`].
pub fn trustworthiness(
    points: &Points,
    map: &Points,
    k: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Trustworthiness, SearchError> {
    let n = points.len();
    if map.len() != n || n < 4 {
        let found = format!("{n} vectors and a map of {}", map.len());
        return Err(SearchError::input(
            "trustworthiness",
            "a map of at least 4 vectors",
            found,
        ));
    }
    // the formula's worst case needs k < n / 2
    let k = k.clamp(1, (n - 1) / 2);
    let mut rows: Vec<usize> = (0..n).collect();
    if n > LOOKED_AT {
        Random::new(seed, "trustworthiness", 0).shuffle(&mut rows);
        rows.truncate(LOOKED_AT);
        rows.sort_unstable();
    }
    let penalties = each_row(points, &rows, "trustworthiness", progress, |i, keys| {
        let mut ranks = Ranks {
            points,
            i,
            keys,
            exact: vec![f64::NAN; n],
        };
        let near = nearest_exactly(map, i, k);
        let behind = near.iter().map(|&j| ranks.of(j as usize).saturating_sub(k));
        behind.sum::<usize>()
    })?;
    let sum = penalties.iter().sum::<usize>() as f64;
    let worst = rows.len() as f64 * k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0);
    Ok(Trustworthiness {
        value: 1.0 - 2.0 * sum / worst,
        neighbours: k,
        looked_at: rows.len(),
    })
}

/// Ranks among the distances from vector `i`.
struct Ranks<'a> {
    points: &'a Points,
    i: usize,
    /// Keys to all vectors, rounded.
    keys: &'a [f32],
    /// Those that were needed, in 64 bits; the others are not numbers.
    exact: Vec<f64>,
}

impl Ranks<'_> {
    fn exact(&mut self, j: usize) -> f64 {
        if self.exact[j].is_nan() {
            self.exact[j] = self.points.exact_key(self.i, j);
        }
        self.exact[j]
    }

    /// 1 and the number of other vectors that are nearer than `j`.
    fn of(&mut self, j: usize) -> usize {
        let own = self.exact(j);
        let (rounded, doubt) = (f64::from(self.keys[j]), self.points.doubt(self.i, j));
        let mut before = 0;
        for other in 0..self.keys.len() {
            let apart = f64::from(self.keys[other]) - rounded;
            let sure = apart.abs() > doubt + self.points.doubt(self.i, other);
            let nearer = match sure {
                true => apart < 0.0,
                false => self.exact(other) < own,
            };
            before += usize::from(nearer && other != self.i);
        }
        before + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, quiet};

    #[derive(serde::Deserialize)]
    struct Golden {
        dim: usize,
        values: Vec<f32>,
        map: Vec<f32>,
        trustworthiness: Vec<(usize, f64)>,
        cosine: Vec<(usize, f64)>,
    }

    #[test]
    fn the_value_is_that_of_scikit_learn() {
        // made by scripts/make_goldens.py
        let golden: Golden =
            serde_json::from_str(include_str!("../tests/goldens/trustworthiness.json")).unwrap();
        let map = Points::new(&golden.map, 2, Metric::Euclidean).unwrap();
        for (metric, expected) in [
            (Metric::Euclidean, golden.trustworthiness),
            (Metric::Cosine, golden.cosine),
        ] {
            let points = Points::new(&golden.values, golden.dim, metric).unwrap();
            for (k, expected) in expected {
                let found = trustworthiness(&points, &map, k, 1, &quiet).unwrap();
                assert!(
                    (found.value - expected).abs() < 1e-6,
                    "{metric:?} {k}: {found:?} {expected}"
                );
            }
        }
    }

    /// The definition in 64 bits from the values as given, pair by pair.
    fn brute(values: &[f32], dim: usize, map: &[f32], k: usize) -> f64 {
        let n = values.len() / dim;
        let distances = |values: &[f32], dim: usize, i: usize| -> Vec<f64> {
            let row = |i: usize| values[i * dim..(i + 1) * dim].iter().map(|v| f64::from(*v));
            // the sum of the rounding of each step is added in the end (Knuth's exact sum of two)
            let one = |j| {
                let terms = row(i).zip(row(j)).map(|(a, b)| (a - b) * (a - b));
                let (sum, rest) = terms.fold((0.0f64, 0.0f64), |(sum, rest), term| {
                    let next = sum + term;
                    let part = next - sum;
                    (next, rest + (sum - (next - part)) + (term - part))
                });
                sum + rest
            };
            (0..n).map(one).collect()
        };
        let mut sum = 0.0;
        for i in 0..n {
            let (high, low) = (distances(values, dim, i), distances(map, 2, i));
            let mut near: Vec<usize> = (0..n).filter(|&j| j != i).collect();
            near.sort_by(|&a, &b| low[a].total_cmp(&low[b]));
            for &j in &near[..k] {
                let rank = 1 + (0..n).filter(|&l| l != i && high[l] < high[j]).count();
                sum += rank.saturating_sub(k) as f64;
            }
        }
        let (n, k) = (n as f64, k as f64);
        1.0 - 2.0 * sum / (n * k * (2.0 * n - 3.0 * k - 1.0))
    }

    #[test]
    fn the_value_is_that_of_the_vectors_as_given_however_long_one_of_them_is() {
        let (n, dim) = (120, 24);
        let mut random = Random::new(5, "trust", 0);
        let table: Vec<f32> = (0..n * dim).map(|_| random.normal() as f32).collect();
        let map: Vec<f32> = (0..n)
            .flat_map(|i| [table[i * dim] + table[i * dim + 1], table[i * dim + 2]])
            .collect();
        for size in [1.0, 1e3, 1e5, 1e6, 1e8, 1e20, 3e38] {
            for offset in [0.0, 500.0] {
                let mut values: Vec<f32> = table.iter().map(|v| v + offset).collect();
                values[(n - 1) * dim] = size;
                let mut plane = map.clone();
                plane[2 * (n - 1)] = size / 4.0;
                let points = Points::new(&values, dim, Metric::Euclidean).unwrap();
                let placed = Points::new(&plane, 2, Metric::Euclidean).unwrap();
                let found = trustworthiness(&points, &placed, 12, 1, &quiet).unwrap();
                let expected = brute(&values, dim, &plane, 12);
                assert!(
                    (found.value - expected).abs() < 1e-12,
                    "{size} {offset}: {found:?} {expected}"
                );
            }
        }
    }

    #[test]
    fn a_map_that_is_the_table_is_trusted_wholly_and_noise_is_not() {
        let mut random = Random::new(1, "trust", 0);
        let values: Vec<f32> = (0..600).map(|_| random.normal() as f32).collect();
        let points = Points::new(&values, 2, Metric::Euclidean).unwrap();
        let same = trustworthiness(&points, &points, 10, 1, &quiet).unwrap();
        assert_eq!((same.value, same.looked_at), (1.0, 300));
        let noise: Vec<f32> = (0..600).map(|_| random.normal() as f32).collect();
        let noise = Points::new(&noise, 2, Metric::Euclidean).unwrap();
        let found = trustworthiness(&points, &noise, 10, 1, &quiet).unwrap();
        assert!((found.value - 0.5).abs() < 0.05, "{found:?}");
        let few = Points::new(&values[..6], 2, Metric::Euclidean).unwrap();
        assert!(trustworthiness(&few, &few, 10, 1, &quiet).is_err());
    }
}
