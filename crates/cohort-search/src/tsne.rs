//! t-SNE (van der Maaten and Hinton 2008) with Barnes and Hut's approximation (van der Maaten 2014).
//!
//! Start, schedule and steps are openTSNE's (Poličar, Stražar and Zupan 2024; Kobak and Berens 2019; Belkina et al.
//! 2019): start from the principal components, early exaggeration 12 with learning rate `n / 12`, then none with `n`.

use rayon::prelude::*;

use crate::affinities::affinities;
use crate::graph::Graph;
use crate::neighbours::Neighbours;
use crate::quadtree::{List, Quadtree, Sums};
use crate::{Progress, SearchError, go_on};

/// Exaggeration of the attraction in the first iterations.
pub const EXAGGERATION: f64 = 12.0;
/// Iterations with exaggeration.
pub const EXAGGERATED: usize = 250;
/// Iterations after them.
pub const ITERATIONS: usize = 500;
const MOMENTUM: f64 = 0.8;
const LEAST_GAIN: f64 = 0.01;
/// Longest step of a point.
const LONGEST: f64 = 5.0;
/// A node of the tree counts as one point when its side is less than this times its distance.
const THETA: f32 = 0.5;

/// What t-SNE ended with.
pub(crate) struct Embedded {
    pub(crate) points: Vec<[f64; 2]>,
    /// Kullback and Leibler's divergence of the map's similarities from the table's, in nats.
    pub(crate) divergence: f64,
}

/// Moves `start` (any scale; its first axis is scaled to a standard deviation of 1e-4) to a t-SNE map.
pub(crate) fn tsne(
    neighbours: &Neighbours,
    start: Vec<[f64; 2]>,
    perplexity: f64,
    iterations: usize,
    progress: &Progress,
) -> Result<Embedded, SearchError> {
    let p = affinities(neighbours, perplexity);
    let n = p.len();
    let total = EXAGGERATED + iterations;
    let mut points = start;
    let mut step = vec![[0.0f64; 2]; n];
    let mut gain = vec![[1.0f64; 2]; n];
    let mut forces = Forces::new(THETA);
    for iteration in 0..total {
        if iteration % 10 == 0 {
            go_on(progress, "t-SNE", iteration, total)?;
        }
        let exaggeration = if iteration < EXAGGERATED {
            EXAGGERATION
        } else {
            1.0
        };
        let rate = n as f64 / exaggeration;
        let gradient = forces.gradient(&p, &points, exaggeration);
        let moving = points
            .par_iter_mut()
            .zip(&mut step)
            .zip(&mut gain)
            .zip(&gradient);
        moving
            .with_min_len(512)
            .for_each(|(((point, step), gain), gradient)| {
                for axis in 0..2 {
                    gain[axis] = if step[axis] * gradient[axis] > 0.0 {
                        gain[axis] * 0.8 + LEAST_GAIN
                    } else {
                        gain[axis] + 0.2
                    };
                    step[axis] = MOMENTUM * step[axis] - rate * gain[axis] * gradient[axis];
                }
                let length = step[0].hypot(step[1]);
                if length > LONGEST {
                    step.iter_mut().for_each(|s| *s *= LONGEST / length);
                }
                (0..2).for_each(|axis| point[axis] += step[axis]);
            });
        centre(&mut points);
    }
    let divergence = forces.divergence(&p, &points);
    Ok(Embedded { points, divergence })
}

fn centre(points: &mut [[f64; 2]]) {
    let n = points.len().max(1) as f64;
    let sum = points
        .iter()
        .fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]]);
    for point in points {
        (0..2).for_each(|axis| point[axis] -= sum[axis] / n);
    }
}

/// Room for the forces, kept between iterations.
struct Forces {
    theta: f32,
    tree: Quadtree,
    small: Vec<[f32; 2]>,
    repulsion: Vec<Sums>,
}

impl Forces {
    fn new(theta: f32) -> Self {
        Self {
            theta,
            tree: Quadtree::default(),
            small: Vec::new(),
            repulsion: Vec::new(),
        }
    }

    /// Fills the repulsive sums of every point; gives the sum of all similarities.
    fn repel(&mut self, points: &[[f64; 2]]) -> f64 {
        self.small.clear();
        self.small
            .extend(points.iter().map(|p| p.map(|v| v as f32)));
        self.tree.build(&self.small);
        let groups = self.tree.groups();
        let (tree, theta) = (&self.tree, self.theta);
        let parts: Vec<Vec<Sums>> = groups
            .par_chunks(32)
            .map_init(List::default, |list, groups| {
                let mut out = Vec::new();
                groups
                    .iter()
                    .for_each(|group| tree.sums(*group, theta, list, &mut out));
                out
            })
            .collect();
        self.repulsion.resize(points.len(), [0.0; 3]);
        let mut z = 0.0;
        for (sums, &i) in parts.iter().flatten().zip(&tree.order) {
            z += sums[0];
            self.repulsion[i as usize] = *sums;
        }
        z.max(f64::MIN_POSITIVE)
    }

    /// A quarter of the gradient of the divergence, as learning rates are meant.
    fn gradient(&mut self, p: &Graph, points: &[[f64; 2]], exaggeration: f64) -> Vec<[f64; 2]> {
        let z = self.repel(points);
        let (small, repulsion) = (&self.small, &self.repulsion);
        (0..points.len())
            .into_par_iter()
            .with_min_len(64)
            .map(|i| {
                let [x, y] = small[i];
                let (targets, weights) = p.row(i);
                let mut pull = [0.0f32; 2];
                for (&j, &weight) in targets.iter().zip(weights) {
                    let other = small[j as usize];
                    let (dx, dy) = (x - other[0], y - other[1]);
                    let force = weight / (1.0 + dx * dx + dy * dy);
                    pull[0] += force * dx;
                    pull[1] += force * dy;
                }
                let [_, px, py] = repulsion[i];
                [
                    exaggeration * f64::from(pull[0]) - px / z,
                    exaggeration * f64::from(pull[1]) - py / z,
                ]
            })
            .collect()
    }

    fn divergence(&mut self, p: &Graph, points: &[[f64; 2]]) -> f64 {
        let z = self.repel(points);
        let rows: Vec<f64> = (0..points.len())
            .into_par_iter()
            .map(|i| {
                let (targets, weights) = p.row(i);
                let term = |(&j, &p): (&u32, &f32)| {
                    let (a, b) = (points[i], points[j as usize]);
                    let q = 1.0 / (1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)) / z;
                    let p = f64::from(p);
                    p * (p / q).ln()
                };
                targets.iter().zip(weights).map(term).sum()
            })
            .collect();
        rows.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::{Metric, Points, nearest, quiet};

    /// Dense similarities, their divergence, and its gradient by differences.
    fn divergence(p: &Graph, y: &[[f64; 2]]) -> f64 {
        let n = y.len();
        let q = |i: usize, j: usize| {
            1.0 / (1.0 + (y[i][0] - y[j][0]).powi(2) + (y[i][1] - y[j][1]).powi(2))
        };
        let mut z = 0.0;
        for i in 0..n {
            z += (0..n).filter(|&j| j != i).map(|j| q(i, j)).sum::<f64>();
        }
        let mut sum = 0.0;
        for i in 0..n {
            let (targets, weights) = p.row(i);
            for (&j, &w) in targets.iter().zip(weights) {
                sum += f64::from(w) * (f64::from(w) * z / q(i, j as usize)).ln();
            }
        }
        sum
    }

    fn example(n: usize) -> (Graph, Vec<[f64; 2]>) {
        let mut random = Random::new(3, "tsne test", 0);
        let values: Vec<f32> = (0..n * 12).map(|_| random.normal() as f32).collect();
        let points = Points::new(&values, 12, Metric::Euclidean).unwrap();
        let p = affinities(&nearest(&points, 30, &quiet).unwrap(), 10.0);
        let y = (0..n)
            .map(|_| [random.normal() * 4.0, random.normal() * 4.0])
            .collect();
        (p, y)
    }

    #[test]
    fn affinities_are_symmetric_and_sum_to_one() {
        let (p, _) = example(200);
        let sum: f64 = p.weights.iter().map(|w| f64::from(*w)).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        for i in 0..200 {
            let (targets, weights) = p.row(i);
            for (&j, w) in targets.iter().zip(weights) {
                let (back, other) = p.row(j as usize);
                let at = back.binary_search(&(i as u32)).unwrap();
                assert_eq!(other[at], *w);
            }
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_divergence_by_differences() {
        let (p, y) = example(300);
        let mut expected = Vec::new();
        for i in 0..60 {
            for axis in 0..2 {
                let shifted = |by: f64| {
                    let mut y = y.clone();
                    y[i][axis] += by;
                    divergence(&p, &y)
                };
                expected.push((shifted(1e-4) - shifted(-1e-4)) / 2e-4);
            }
        }
        let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
        // with theta 0 nothing but rounding differs; with the map's own, Barnes and Hut's approximation does
        for (theta, tolerance) in [(0.0, 1e-4), (THETA, 0.03)] {
            let mut forces = Forces::new(theta);
            let gradient = forces.gradient(&p, &y, 1.0);
            let found = gradient.iter().flatten();
            let error: Vec<f64> = found.zip(&expected).map(|(g, e)| 4.0 * g - e).collect();
            let error = norm(&error) / norm(&expected);
            assert!(error < tolerance, "theta {theta}: {error}");
            let (found, expected) = (forces.divergence(&p, &y), divergence(&p, &y));
            assert!(
                (found / expected - 1.0).abs() < tolerance,
                "{found} {expected}"
            );
        }
    }
}
