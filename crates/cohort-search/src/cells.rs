//! Approximate nearest neighbours for tables where all pairs would take too long.
//!
//! An inverted file (Sivic and Zisserman 2003; Jégou, Douze and Schmid 2011): vectors are put into cells around
//! centres found by k-means, and a vector is compared with those in the cells whose centres are nearest to its own
//! cell's, then with the neighbours of its neighbours. Every step of the first is a product of matrices, and every sum has a fixed order.

use rayon::prelude::*;

use crate::neighbours::{Best, Neighbours, assemble, batches, check};
use crate::points::{Points, products};
use crate::random::Random;
use crate::{Progress, SearchError, go_on};

/// Rounds of k-means: the cells only need to be compact, not optimal.
const ROUNDS: usize = 8;
/// Vectors that each centre is learned from, at most.
const LEARN_FROM: usize = 64;
/// Rounds of comparing vectors with the neighbours of their neighbours, at most.
const REFINEMENTS: usize = 6;
/// Nearest neighbours, in each direction, that such a round looks at.
const CLOSE: usize = 20;

/// The `k` nearest neighbours of every vector, nearly: about nine in ten or more of the true ones, in about `n^1.5`
/// distances.
///
/// # Errors
/// As [`crate::nearest`].
pub fn nearest_approximate(
    points: &Points,
    k: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Neighbours, SearchError> {
    let n = points.len();
    check(k, n)?;
    let cells = ((n as f64).sqrt() as usize).max(1);
    let centres = learn(points, cells, seed, progress)?;
    let homes = assign(points, &centres, (0..n).collect::<Vec<_>>().as_slice());
    let mut members = vec![Vec::new(); cells];
    for (i, &home) in homes.iter().enumerate() {
        members[home].push(i);
    }
    // a tenth of the cells, and in any case enough to hold k vectors four times over
    let wanted = (n / 10).max(4 * k).min(n);
    let nearby = order_cells(&centres, points.dim(), &members, wanted);
    let mut found = vec![(0.0, 0); n * k];
    for batch in batches(cells) {
        go_on(progress, "neighbours", batch.start, cells)?;
        let parts: Vec<Vec<(f32, u32)>> = batch
            .clone()
            .into_par_iter()
            .map(|cell| search(points, &members[cell], &nearby[cell], k))
            .collect();
        for (cell, part) in batch.zip(parts) {
            for (&i, best) in members[cell].iter().zip(part.chunks_exact(k)) {
                found[i * k..(i + 1) * k].copy_from_slice(best);
            }
        }
    }
    for round in 0..REFINEMENTS {
        go_on(progress, "refining neighbours", round, REFINEMENTS)?;
        let better = refine(points, &found, k);
        let changed = better
            .iter()
            .zip(&found)
            .filter(|(a, b)| a.1 != b.1)
            .count();
        found = better;
        if changed * 100 < found.len() {
            break;
        }
    }
    Ok(assemble(points, k, &found))
}

/// Compares each vector with the neighbours of its neighbours, of both directions (Dong, Moses and Li 2011).
fn refine(points: &Points, found: &[(f32, u32)], k: usize) -> Vec<(f32, u32)> {
    let n = found.len() / k;
    let close = k.min(CLOSE);
    let mut around: Vec<Vec<u32>> = vec![Vec::with_capacity(2 * close); n];
    for (i, row) in found.chunks_exact(k).enumerate() {
        around[i].extend(row.iter().take(close).map(|pair| pair.1));
    }
    for (i, row) in found.chunks_exact(k).enumerate() {
        for &(_, j) in row.iter().take(close) {
            if around[j as usize].len() < 2 * close {
                around[j as usize].push(i as u32);
            }
        }
    }
    let rows: Vec<Vec<(f32, u32)>> = (0..n)
        .into_par_iter()
        .map_init(Vec::new, |candidates: &mut Vec<u32>, i| {
            let row = &found[i * k..(i + 1) * k];
            candidates.clear();
            for &j in &around[i] {
                candidates.extend_from_slice(&around[j as usize]);
            }
            candidates.extend_from_slice(&around[i]);
            candidates.sort_unstable();
            candidates.dedup();
            let mut known: Vec<u32> = row.iter().map(|pair| pair.1).collect();
            known.sort_unstable();
            let mut best = Best::new(k);
            row.iter().for_each(|&(key, j)| best.offer(key, j));
            for &j in candidates.iter() {
                if j as usize != i && known.binary_search(&j).is_err() {
                    let key = points.key(i, j as usize);
                    if key < best.limit() {
                        best.offer(key, j);
                    }
                }
            }
            best.exact(points, i)
        })
        .collect();
    rows.concat()
}

/// Centres by k-means on a sample.
fn learn(
    points: &Points,
    cells: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Vec<f32>, SearchError> {
    let dim = points.dim();
    let mut order: Vec<usize> = (0..points.len()).collect();
    Random::new(seed, "cells", 0).shuffle(&mut order);
    order.truncate(cells * LEARN_FROM);
    let mut centres = points.gather(&order[..cells]);
    for round in 0..ROUNDS {
        go_on(progress, "cells", round, ROUNDS)?;
        let homes = assign(points, &centres, &order);
        let mut sums = vec![0.0f64; cells * dim];
        let mut counts = vec![0usize; cells];
        for (&i, &home) in order.iter().zip(&homes) {
            counts[home] += 1;
            let sum = &mut sums[home * dim..(home + 1) * dim];
            for (sum, v) in sum.iter_mut().zip(points.row(i)) {
                *sum += f64::from(*v);
            }
        }
        for (cell, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            for d in cell * dim..(cell + 1) * dim {
                centres[d] = (sums[d] / count as f64) as f32;
            }
        }
    }
    Ok(centres)
}

fn squares(rows: &[f32], dim: usize) -> Vec<f32> {
    let square = |row: &[f32]| row.iter().map(|v| v * v).sum();
    rows.chunks_exact(dim).map(square).collect()
}

/// Nearest centre of each of the vectors `chosen`; the first of equals.
fn assign(points: &Points, centres: &[f32], chosen: &[usize]) -> Vec<usize> {
    let dim = points.dim();
    let lengths = squares(centres, dim);
    let parts: Vec<Vec<usize>> = chosen
        .par_chunks(256)
        .map(|part| {
            let mut dots = vec![0.0; part.len() * lengths.len()];
            products(&points.gather(part), centres, dim, &mut dots);
            dots.chunks_exact(lengths.len())
                .map(|line| {
                    let keys = line.iter().zip(&lengths).map(|(dot, l)| l - 2.0 * dot);
                    first_smallest(keys)
                })
                .collect()
        })
        .collect();
    parts.concat()
}

fn first_smallest(keys: impl Iterator<Item = f32>) -> usize {
    let (mut at, mut least) = (0, f32::INFINITY);
    for (i, key) in keys.enumerate() {
        if key < least {
            (at, least) = (i, key);
        }
    }
    at
}

/// For each cell the vectors to compare its own with: those of the cells nearest to it, itself first, until there are
/// `wanted` of them.
fn order_cells(
    centres: &[f32],
    dim: usize,
    members: &[Vec<usize>],
    wanted: usize,
) -> Vec<Vec<usize>> {
    let lengths = squares(centres, dim);
    let cells = lengths.len();
    let mut dots = vec![0.0; cells * cells];
    products(centres, centres, dim, &mut dots);
    (0..cells)
        .into_par_iter()
        .map(|cell| {
            let key = |other: usize| lengths[other] - 2.0 * dots[cell * cells + other];
            let mut order: Vec<usize> = (0..cells).collect();
            order.sort_by(|&a, &b| {
                (a != cell)
                    .cmp(&(b != cell))
                    .then(key(a).total_cmp(&key(b)))
                    .then(a.cmp(&b))
            });
            let mut near = Vec::with_capacity(2 * wanted);
            for other in order {
                if near.len() > wanted {
                    break;
                }
                near.extend_from_slice(&members[other]);
            }
            near
        })
        .collect()
}

/// The `k` nearest of each of `own` among `near`, which holds more than `k` vectors.
fn search(points: &Points, own: &[usize], near: &[usize], k: usize) -> Vec<(f32, u32)> {
    let dim = points.dim();
    let rows = points.gather(near);
    let lengths = squares(&rows, dim);
    let mut out = Vec::with_capacity(own.len() * k);
    let mut dots = Vec::new();
    for part in own.chunks(64) {
        dots.resize(part.len() * near.len(), 0.0);
        products(&points.gather(part), &rows, dim, &mut dots);
        for (&i, line) in part.iter().zip(dots.chunks_exact(near.len())) {
            let mut best = Best::new(k);
            for ((&j, dot), length) in near.iter().zip(line).zip(&lengths) {
                let key = length - 2.0 * dot;
                if key < best.limit() && j != i {
                    best.offer(key, j as u32);
                }
            }
            out.extend(best.exact(points, i));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Metric;
    use crate::{nearest, quiet};

    #[test]
    fn most_true_neighbours_are_found_with_and_without_structure() {
        let (n, dim, k) = (4000, 16, 15);
        for spread in [0.0, 6.0] {
            let mut random = Random::new(7, "test", 0);
            let mut values = Vec::new();
            for i in 0..n {
                for d in 0..dim {
                    let centre = if i % dim == d { spread } else { 0.0 };
                    values.push((random.normal() + centre) as f32);
                }
            }
            for metric in [Metric::Euclidean, Metric::Cosine] {
                let points = Points::new(&values, dim, metric).unwrap();
                let exact = nearest(&points, k, &quiet).unwrap();
                let near = nearest_approximate(&points, k, 1, &quiet).unwrap();
                let both = |i| {
                    let own = exact.of(i);
                    near.of(i).iter().filter(|j| own.contains(j)).count()
                };
                let recall = (0..n).map(both).sum::<usize>() as f64 / (n * k) as f64;
                assert!(recall > 0.85, "spread {spread} {metric:?}: recall {recall}");
                for i in 0..n {
                    assert!(!near.of(i).contains(&(i as u32)));
                    assert!(near.distances_of(i).is_sorted());
                }
            }
        }
    }

    #[test]
    fn equal_vectors_do_not_break_it() {
        let points = Points::new(&[1.0; 300], 3, Metric::Euclidean).unwrap();
        let found = nearest_approximate(&points, 5, 1, &quiet).unwrap();
        assert_eq!(found.len(), 100);
        assert!(found.distances.iter().all(|d| *d == 0.0));
    }
}
