//! How strongly t-SNE ties each vector to its neighbours.

use rayon::prelude::*;

use crate::graph::Graph;
use crate::neighbours::Neighbours;

/// Symmetric probabilities, summing to 1, from Gaussian kernels whose entropy is `ln(perplexity)` (van der Maaten and
/// Hinton 2008, section 2).
pub(crate) fn affinities(neighbours: &Neighbours, perplexity: f64) -> Graph {
    let (n, k) = (neighbours.len(), neighbours.k);
    let rows: Vec<Vec<f64>> = (0..n)
        .into_par_iter()
        .map(|i| conditional(neighbours.distances_of(i), perplexity))
        .collect();
    let share = 0.5 / n as f64;
    Graph::symmetric(&neighbours.indices, &rows.concat(), k, |a, b| {
        (a + b) * share
    })
}

/// Probabilities of one vector's neighbours. Where no kernel has the entropy asked for (equal distances), all are equal.
fn conditional(distances: &[f32], perplexity: f64) -> Vec<f64> {
    let nearest = distances.first().copied().map_or(0.0, f64::from).powi(2);
    let squares: Vec<f64> = distances
        .iter()
        .map(|d| f64::from(*d).powi(2) - nearest)
        .collect();
    let mean = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
    let target = perplexity.ln();
    let (mut low, mut high) = (0.0f64, f64::INFINITY);
    let mut beta = if mean > 0.0 { 1.0 / mean } else { 1.0 };
    let mut weights = vec![1.0; squares.len()];
    for _ in 0..200 {
        weights
            .iter_mut()
            .zip(&squares)
            .for_each(|(w, s)| *w = (-beta * s).exp());
        let sum: f64 = weights.iter().sum();
        let moment: f64 = weights.iter().zip(&squares).map(|(w, s)| w * s).sum();
        let entropy = sum.ln() + beta * moment / sum;
        if (entropy - target).abs() < 1e-8 {
            break;
        }
        if entropy > target {
            low = beta;
            beta = if high.is_finite() {
                (low + high) / 2.0
            } else {
                beta * 2.0
            };
        } else {
            high = beta;
            beta = (low + high) / 2.0;
        }
        if !(beta.is_finite() && beta > f64::MIN_POSITIVE) {
            break;
        }
    }
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entropy_is_that_of_the_perplexity() {
        for scale in [1e-6f32, 1.0, 1e6] {
            let distances: Vec<f32> = (1..60).map(|i| (i as f32).sqrt() * scale).collect();
            let p = conditional(&distances, 20.0);
            let entropy: f64 = -p.iter().map(|p| p * p.ln()).sum::<f64>();
            assert!((entropy.exp() - 20.0).abs() < 1e-4, "{}", entropy.exp());
            assert!(p.is_sorted_by(|a, b| a >= b));
        }
    }

    #[test]
    fn equal_distances_give_equal_shares() {
        for distances in [[0.0f32; 4], [2.0; 4]] {
            assert_eq!(conditional(&distances, 2.0), [0.25; 4]);
        }
        let p = conditional(&[0.0, 0.0, 0.0, 5.0], 2.0);
        assert!(p.iter().all(|p| p.is_finite()) && (p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
