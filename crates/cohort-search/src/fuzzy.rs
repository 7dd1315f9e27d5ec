//! UMAP's picture of the table: how surely each vector and its neighbours belong together.

use rayon::prelude::*;

use crate::graph::Graph;
use crate::neighbours::Neighbours;

const TOLERANCE: f64 = 1e-5;
/// Least width of a kernel, as a share of the mean distance.
const LEAST_WIDTH: f64 = 1e-3;

/// The fuzzy simplicial set (McInnes, Healy and Melville 2018, sections 2 and 3; umap-learn's `fuzzy_simplicial_set`):
/// in each direction `exp(-(d - nearest) / width)`, with widths such that a vector's memberships sum to `log2(k + 1)`,
/// joined by the probabilistic sum `a + b - ab`.
pub(crate) fn fuzzy_set(neighbours: &Neighbours) -> Graph {
    let (n, k) = (neighbours.len(), neighbours.k);
    let sum: f64 = neighbours.distances.iter().map(|d| f64::from(*d)).sum();
    // umap-learn counts the vector itself, at distance 0, among its neighbours
    let mean = sum / (n * (k + 1)).max(1) as f64;
    let rows: Vec<Vec<f64>> = (0..n)
        .into_par_iter()
        .map(|i| memberships(neighbours.distances_of(i), mean))
        .collect();
    Graph::symmetric(&neighbours.indices, &rows.concat(), k, |a, b| a + b - a * b)
}

/// Memberships of one vector's neighbours; `overall` is the mean distance of all vectors to theirs.
fn memberships(distances: &[f32], overall: f64) -> Vec<f64> {
    let own: Vec<f64> = distances.iter().map(|d| f64::from(*d)).collect();
    let count = (own.len() + 1) as f64;
    let target = count.log2();
    let nearest = own.iter().copied().find(|d| *d > 0.0).unwrap_or(0.0);
    let beyond: Vec<f64> = own.iter().map(|d| (d - nearest).max(0.0)).collect();
    let (mut low, mut high, mut width) = (0.0f64, f64::INFINITY, 1.0f64);
    // umap-learn starts at 1 whatever the unit; starting at the data's own scale finds the same width
    let scale = beyond.iter().sum::<f64>() / count;
    if scale > 0.0 {
        width = scale;
    }
    for _ in 0..100 {
        let sum: f64 = beyond.iter().map(|d| (-d / width).exp()).sum();
        if (sum - target).abs() < TOLERANCE {
            break;
        }
        if sum > target {
            high = width;
            width = (low + high) / 2.0;
        } else {
            low = width;
            width = if high.is_finite() {
                (low + high) / 2.0
            } else {
                width * 2.0
            };
        }
    }
    let least = if nearest > 0.0 {
        own.iter().sum::<f64>() / count
    } else {
        overall
    };
    let width = width.max(LEAST_WIDTH * least);
    let member = |d: &f64| {
        if *d <= 0.0 || width <= 0.0 {
            1.0
        } else {
            (-d / width).exp()
        }
    };
    beyond.iter().map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, Points, nearest, quiet};

    #[derive(serde::Deserialize)]
    struct Golden {
        dim: usize,
        neighbours: usize,
        values: Vec<f32>,
        edges: Vec<(usize, u32, f32)>,
    }

    #[test]
    fn the_set_is_that_of_umap_learn() {
        // made by scripts/make_goldens.py
        let golden: Golden =
            serde_json::from_str(include_str!("../tests/goldens/fuzzy_set.json")).unwrap();
        let points = Points::new(&golden.values, golden.dim, Metric::Euclidean).unwrap();
        let found = fuzzy_set(&nearest(&points, golden.neighbours - 1, &quiet).unwrap());
        assert_eq!(found.targets.len(), golden.edges.len());
        for (i, j, expected) in golden.edges {
            let (targets, weights) = found.row(i);
            let at = targets.binary_search(&j).unwrap();
            assert!(
                (weights[at] - expected).abs() < 1e-4,
                "{i} {j}: {} {expected}",
                weights[at]
            );
        }
    }

    #[test]
    fn equal_distances_and_duplicates_belong_together_wholly() {
        assert_eq!(memberships(&[0.0; 4], 0.0), [1.0; 4]);
        assert_eq!(memberships(&[2.0; 4], 2.0), [1.0; 4]);
        let found = memberships(&[0.0, 0.0, 0.0, 1.0, 2.0], 1.0);
        assert!(found[..4].iter().all(|m| *m == 1.0) && found[4] < 1.0);
    }
}
