//! Exact nearest neighbours, by blocks of the matrix of distances.

use rayon::prelude::*;

use crate::points::Points;
use crate::{Progress, SearchError, go_on};

/// Vectors whose distances are computed together.
const BLOCK: usize = 256;

/// The `k` nearest neighbours of every vector, itself not among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Neighbours of each vector.
    pub k: usize,
    /// Row-major, `k` a vector, nearest first; of equals the lower index first.
    pub indices: Vec<u32>,
    /// Distances to them, in units of the table.
    pub distances: Vec<f32>,
}

impl Neighbours {
    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.indices.len() / self.k.max(1)
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Indices of the neighbours of vector `i`.
    pub fn of(&self, i: usize) -> &[u32] {
        &self.indices[i * self.k..(i + 1) * self.k]
    }

    /// Distances to the neighbours of vector `i`.
    pub fn distances_of(&self, i: usize) -> &[f32] {
        &self.distances[i * self.k..(i + 1) * self.k]
    }
}

/// The `k` nearest neighbours of every vector, exactly: `n^2` distances, in blocks, so that memory stays at a few
/// megabytes a thread.
///
/// # Errors
/// [`SearchError::Setting`] unless `1 <= k < n`; [`SearchError::Stopped`].
pub fn nearest(points: &Points, k: usize, progress: &Progress) -> Result<Neighbours, SearchError> {
    let n = points.len();
    check(k, n)?;
    let all: Vec<usize> = (0..n).collect();
    if points.is_coarse() {
        let found = each_exactly(points, &all, "neighbours", progress, |i| {
            let nearest = nearest_exactly(points, i, k);
            nearest.into_iter().map(|j| (0.0, j)).collect::<Vec<_>>()
        })?;
        return Ok(assemble(points, k, &found.concat()));
    }
    let found = each_row(points, &all, "neighbours", progress, |i, keys| {
        let mut best = Best::new(k);
        for (j, &key) in keys.iter().enumerate() {
            if key < best.limit() && j != i {
                best.offer(key, j as u32);
            }
        }
        best.exact(points, i)
    })?;
    Ok(assemble(points, k, &found.concat()))
}

/// The `k` nearest of vector `i` by keys of 64 bits, nearest first; of equals the lower index first.
pub(crate) fn nearest_exactly(points: &Points, i: usize, k: usize) -> Vec<u32> {
    let others = (0..points.len()).filter(|&j| j != i);
    let mut all: Vec<(f64, u32)> = others.map(|j| (points.exact_key(i, j), j as u32)).collect();
    let order = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if k < all.len() {
        all.select_nth_unstable_by(k, order);
        all.truncate(k);
    }
    all.sort_unstable_by(order);
    all.into_iter().map(|(_, j)| j).collect()
}

/// What `look` makes of each of `rows`, in their order.
fn each_exactly<T: Send>(
    points: &Points,
    rows: &[usize],
    stage: &str,
    progress: &Progress,
    look: impl Fn(usize) -> T + Sync,
) -> Result<Vec<T>, SearchError> {
    let mut out = Vec::with_capacity(rows.len());
    // some ten million values between two looks at whether to stop
    let together = (10_000_000 / points.len() / points.dim()).max(16);
    for part in rows.chunks(together) {
        go_on(progress, stage, out.len(), rows.len())?;
        out.extend(part.par_iter().map(|&i| look(i)).collect::<Vec<T>>());
    }
    Ok(out)
}

/// What `look` makes of the keys of each of `rows` to all vectors, in the order of `rows`.
pub(crate) fn each_row<T: Send>(
    points: &Points,
    rows: &[usize],
    stage: &str,
    progress: &Progress,
    look: impl Fn(usize, &[f32]) -> T + Sync,
) -> Result<Vec<T>, SearchError> {
    let blocks: Vec<&[usize]> = rows.chunks(BLOCK).collect();
    let mut out = Vec::with_capacity(rows.len());
    for batch in batches(blocks.len()) {
        go_on(progress, stage, batch.start * BLOCK, rows.len())?;
        let parts: Vec<Vec<T>> = blocks[batch]
            .par_iter()
            .map_init(Vec::new, |keys, block| {
                points.keys(block, keys);
                let lines = keys.chunks_exact(points.len()).zip(*block);
                lines.map(|(line, &i)| look(i, line)).collect()
            })
            .collect();
        out.extend(parts.into_iter().flatten());
    }
    Ok(out)
}

pub(crate) fn check(k: usize, n: usize) -> Result<(), SearchError> {
    if k == 0 || k >= n {
        let expected = format!("1 to {} for {n} vectors", n.saturating_sub(1));
        return Err(SearchError::setting("neighbours", expected, k));
    }
    Ok(())
}

/// Blocks between two looks at whether to stop.
pub(crate) fn batches(blocks: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..blocks.div_ceil(16)).map(move |b| b * 16..((b + 1) * 16).min(blocks))
}

/// Neighbours from pairs of distance and index, `k` a vector.
pub(crate) fn assemble(points: &Points, k: usize, found: &[(f32, u32)]) -> Neighbours {
    let distances = found
        .par_iter()
        .enumerate()
        .map(|(place, &(_, j))| points.distance(place / k, j as usize))
        .collect();
    Neighbours {
        k,
        indices: found.iter().map(|&(_, j)| j).collect(),
        distances,
    }
}

/// The nearest so far of one vector. Keys from a product of matrices are rounded, so a few more than `k` are kept and
/// ordered by exact keys in the end.
pub(crate) struct Best {
    k: usize,
    keep: usize,
    limit: f32,
    kept: Vec<(f32, u32)>,
}

impl Best {
    pub(crate) fn new(k: usize) -> Self {
        let keep = k + (k / 4).max(8);
        Self {
            k,
            keep,
            limit: f32::INFINITY,
            kept: Vec::with_capacity(2 * keep),
        }
    }

    /// No key from here on can be among the nearest.
    pub(crate) fn limit(&self) -> f32 {
        self.limit
    }

    pub(crate) fn offer(&mut self, key: f32, index: u32) {
        self.kept.push((key, index));
        if self.kept.len() == 2 * self.keep {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.kept.len() > self.keep {
            self.kept.select_nth_unstable_by(self.keep - 1, order);
            self.kept.truncate(self.keep);
            self.limit = self.kept[self.keep - 1].0;
        }
    }

    /// The `k` nearest of vector `i` (fewer when fewer were offered) by exact keys, nearest first.
    pub(crate) fn exact(mut self, points: &Points, i: usize) -> Vec<(f32, u32)> {
        self.shrink();
        for (key, j) in &mut self.kept {
            *key = points.key(i, *j as usize);
        }
        self.kept.sort_unstable_by(order);
        self.kept.truncate(self.k);
        self.kept
    }
}

fn order(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Metric;
    use crate::quiet;
    use crate::random::Random;

    fn draw(n: usize, dim: usize) -> Vec<f32> {
        let mut random = Random::new(1, "test", n);
        (0..n * dim).map(|_| random.normal() as f32 + 3.0).collect()
    }

    /// Sorts all distances, computed in 64 bits from the values as given.
    fn brute(values: &[f32], dim: usize, metric: Metric, i: usize, k: usize) -> Vec<u32> {
        let row = |i: usize| values[i * dim..(i + 1) * dim].iter().map(|v| f64::from(*v));
        let dot = |i, j| row(i).zip(row(j)).map(|(a, b)| a * b).sum::<f64>();
        let mut all: Vec<(f64, u32)> = (0..values.len() / dim)
            .filter(|&j| j != i)
            .map(|j| match metric {
                Metric::Euclidean => row(i).zip(row(j)).map(|(a, b)| (a - b).powi(2)).sum(),
                Metric::Cosine => 1.0 - dot(i, j) / (dot(i, i) * dot(j, j)).sqrt(),
            })
            .zip((0..).filter(|&j| j != i as u32))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all.iter().take(k).map(|&(_, j)| j).collect()
    }

    #[test]
    fn neighbours_are_those_of_brute_force() {
        for (n, dim, k) in [(300, 40, 10), (200, 2, 7), (129, 9, 128), (3, 20, 2)] {
            let values = draw(n, dim);
            for metric in [Metric::Euclidean, Metric::Cosine] {
                let points = Points::new(&values, dim, metric).unwrap();
                let found = nearest(&points, k, &quiet).unwrap();
                for i in 0..n {
                    let expected = brute(&values, dim, metric, i, k);
                    assert_eq!(found.of(i), expected, "{n} x {dim} {metric:?}, row {i}");
                }
                assert!(found.distances_of(0).is_sorted());
            }
        }
    }

    #[test]
    fn neighbours_beside_a_giant_are_those_of_brute_force() {
        for (size, dim) in [(1e4, 3), (1e6, 20), (1e20, 20), (3e38, 12)] {
            let mut values = draw(150, dim);
            values[149 * dim + 1] = size;
            let points = Points::new(&values, dim, Metric::Euclidean).unwrap();
            let found = nearest(&points, 9, &quiet).unwrap();
            for i in 0..150 {
                let expected = brute(&values, dim, Metric::Euclidean, i, 9);
                assert_eq!(found.of(i), expected, "{size} {dim}, row {i}");
            }
            assert!(found.distances_of(0)[8] < 20.0);
            assert!((found.distances_of(149)[0] / size - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn duplicates_come_first_at_distance_zero() {
        let mut values = draw(100, 16);
        let first: Vec<f32> = values[..16].to_vec();
        values[50 * 16..51 * 16].copy_from_slice(&first);
        let points = Points::new(&values, 16, Metric::Euclidean).unwrap();
        let found = nearest(&points, 3, &quiet).unwrap();
        assert_eq!((found.of(0)[0], found.of(50)[0]), (50, 0));
        assert_eq!(found.distances_of(0)[0], 0.0);
    }

    #[test]
    fn too_many_neighbours_are_refused() {
        let points = Points::new(&draw(5, 2), 2, Metric::Euclidean).unwrap();
        let error = nearest(&points, 5, &quiet).unwrap_err().to_string();
        assert_eq!(
            error,
            "setting neighbours: expected 1 to 4 for 5 vectors, found 5"
        );
    }
}
