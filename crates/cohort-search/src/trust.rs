//! How far a map can be trusted.

use serde::{Deserialize, Serialize};

use crate::neighbours::each_row;
use crate::points::Points;
use crate::random::Random;
use crate::{Progress, SearchError, nearest};

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
    let near = nearest(map, k, progress)?;
    let mut rows: Vec<usize> = (0..n).collect();
    if n > LOOKED_AT {
        Random::new(seed, "trustworthiness", 0).shuffle(&mut rows);
        rows.truncate(LOOKED_AT);
        rows.sort_unstable();
    }
    let penalties = each_row(points, &rows, "trustworthiness", progress, |i, keys| {
        let rank = |&j: &u32| {
            let own = keys[j as usize];
            let before = keys.iter().map(|key| u32::from(*key < own)).sum::<u32>();
            // the vector itself, at distance 0, does not count, nor can it stand behind another
            let itself = u32::from(keys[i] < own);
            (before + 1 - itself) as usize
        };
        near.of(i)
            .iter()
            .map(|j| rank(j).saturating_sub(k))
            .sum::<usize>()
    })?;
    let sum = penalties.iter().sum::<usize>() as f64;
    let worst = rows.len() as f64 * k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0);
    Ok(Trustworthiness {
        value: 1.0 - 2.0 * sum / worst,
        neighbours: k,
        looked_at: rows.len(),
    })
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
