//! A graph of neighbours, walked to find the nearest of many vectors without looking at all of them.
//!
//! One level, its edges pruned so that far ones stay (Vamana: Subramanya et al. 2019); of vectors of many numbers levels of
//! shorter lists gain nothing (Munyampirwa et al. 2024). Vectors are inserted in batches: each of a batch looks for its
//! neighbours in the graph before the batch, and the edges back are put in by target in the end, so that the graph is the same
//! for any number of threads (Manohar et al. 2024).

use cohort_kernels::distances::prefetch;
use rayon::prelude::*;

use super::space::Space;
use crate::random::Random;
use crate::{Progress, SearchError, go_on};

/// Most neighbours of a vector.
const DEGREE: usize = 32;
/// Vectors that an insertion keeps in sight.
const BUILD_WIDTH: usize = 96;
/// A neighbour is let go where one that is kept is so many times nearer to it than the vector itself.
const SLACK: f64 = 1.2;
/// Largest batch, as a share of the vectors that are in.
const BATCH: f64 = 0.02;
/// No neighbour.
const NONE: u32 = u32::MAX;

/// Neighbours of each vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Graph {
    /// Where every walk begins.
    entry: u32,
    /// Row-major, [`DEGREE`] a vector; [`NONE`] after the last.
    edges: Vec<u32>,
}

/// What a walk has seen and where it is; used again for the next.
pub(super) struct Walk {
    /// The number of the walk that saw each vector last.
    seen: Vec<u32>,
    now: u32,
    /// The nearest seen, nearest first, and whether their neighbours were looked at.
    near: Vec<(u32, u32, bool)>,
    /// Those whose neighbours were looked at.
    passed: Vec<(u32, u32)>,
    next: Vec<u32>,
}

impl Walk {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            seen: vec![0; rows],
            now: 0,
            near: Vec::new(),
            passed: Vec::new(),
            next: Vec::new(),
        }
    }

    fn sees(&mut self, row: u32) -> bool {
        let seen = &mut self.seen[row as usize];
        let new = *seen != self.now;
        *seen = self.now;
        new
    }

    /// The nearest that the last walk saw, nearest first.
    pub(super) fn found(&self) -> impl Iterator<Item = u32> + '_ {
        self.near.iter().map(|near| near.1)
    }
}

impl Graph {
    /// Builds the graph of all vectors.
    ///
    /// # Errors
    /// [`SearchError::Stopped`].
    pub(super) fn build(space: &Space, progress: &Progress) -> Result<Self, SearchError> {
        let n = space.len();
        let mut order: Vec<u32> = (0..n as u32).collect();
        Random::new(0, "graph", n).shuffle(&mut order);
        let mut graph = Self {
            entry: order.first().copied().unwrap_or(0),
            edges: vec![NONE; n * DEGREE],
        };
        let mut done = 1;
        while done < n {
            go_on(progress, "building graph", done, n)?;
            let size = ((done as f64 * BATCH) as usize)
                .max(1)
                .min(n - done)
                .min(done);
            let batch = &order[done..done + size];
            graph.insert(space, batch);
            done += size;
        }
        Ok(graph)
    }

    /// From what [`Self::to_words`] gave; `None` where it is no graph of so many vectors.
    pub(super) fn from_words(words: &[u32], rows: usize) -> Option<Self> {
        let (&entry, edges) = words.split_first()?;
        let inside = |&edge: &u32| edge == NONE || (edge as usize) < rows;
        let whole =
            edges.len() == rows * DEGREE && (entry as usize) < rows && edges.iter().all(inside);
        whole.then(|| Self {
            entry,
            edges: edges.to_vec(),
        })
    }

    /// The entry and the edges.
    pub(super) fn to_words(&self) -> Vec<u32> {
        [&[self.entry], &self.edges[..]].concat()
    }

    fn of(&self, row: u32) -> &[u32] {
        let all = &self.edges[row as usize * DEGREE..][..DEGREE];
        let end = all.iter().position(|&edge| edge == NONE);
        &all[..end.unwrap_or(DEGREE)]
    }

    /// Goes from the entry to ever nearer vectors, keeping the `width` nearest in sight.
    pub(super) fn walk(&self, space: &Space, query: &[u8], width: usize, walk: &mut Walk) {
        walk.near.clear();
        walk.passed.clear();
        walk.now = walk.now.wrapping_add(1);
        if walk.now == 0 {
            walk.seen.fill(0);
            walk.now = 1;
        }
        walk.sees(self.entry);
        let key = |row: u32| space.key(query, space.row(row));
        walk.near.push((key(self.entry), self.entry, false));
        let mut at = 0;
        while at < walk.near.len() {
            let (own, row, looked) = walk.near[at];
            if looked {
                at += 1;
                continue;
            }
            walk.near[at].2 = true;
            walk.passed.push((own, row));
            let mut next = std::mem::take(&mut walk.next);
            next.clear();
            for &edge in self.of(row) {
                if walk.sees(edge) {
                    prefetch(space.row(edge));
                    next.push(edge);
                }
            }
            for &edge in &next {
                let key = key(edge);
                if walk.near.len() == width && key >= walk.near[width - 1].0 {
                    continue;
                }
                let place = walk
                    .near
                    .partition_point(|near| (near.0, near.1) < (key, edge));
                if walk.near.len() == width {
                    walk.near.pop();
                }
                walk.near.insert(place, (key, edge, false));
                at = at.min(place);
            }
            walk.next = next;
        }
    }

    fn insert(&mut self, space: &Space, batch: &[u32]) {
        let lists: Vec<Vec<u32>> = batch
            .par_iter()
            .map_init(
                || Walk::new(space.len()),
                |walk, &row| {
                    self.walk(space, space.row(row), BUILD_WIDTH, walk);
                    let mut candidates = walk.passed.clone();
                    pruned(space, &mut candidates)
                },
            )
            .collect();
        let mut back: Vec<(u32, u32)> = Vec::new();
        for (&row, list) in batch.iter().zip(&lists) {
            self.edges[row as usize * DEGREE..][..list.len()].copy_from_slice(list);
            back.extend(list.iter().map(|&to| (to, row)));
        }
        back.sort_unstable();
        let targets: Vec<&[(u32, u32)]> = back.chunk_by(|a, b| a.0 == b.0).collect();
        let lists: Vec<(u32, Vec<u32>)> = targets
            .into_par_iter()
            .map(|edges| {
                let to = edges[0].0;
                let mut all = self.of(to).to_vec();
                all.extend(edges.iter().map(|edge| edge.1));
                if all.len() > DEGREE {
                    let mut candidates: Vec<(u32, u32)> = all
                        .iter()
                        .map(|&row| (space.key(space.row(to), space.row(row)), row))
                        .collect();
                    all = pruned(space, &mut candidates);
                }
                (to, all)
            })
            .collect();
        for (to, list) in lists {
            let own = &mut self.edges[to as usize * DEGREE..][..DEGREE];
            own.fill(NONE);
            own[..list.len()].copy_from_slice(&list);
        }
    }
}

/// Up to [`DEGREE`] of the candidates, nearest first, none of which is much nearer to one before it than to the vector itself.
fn pruned(space: &Space, candidates: &mut [(u32, u32)]) -> Vec<u32> {
    candidates.sort_unstable();
    let factor = space.stretched(SLACK);
    let mut kept: Vec<u32> = Vec::with_capacity(DEGREE);
    for &mut (key, row) in candidates {
        if kept.len() == DEGREE {
            break;
        }
        if kept.iter().all(|&near| {
            factor * f64::from(space.key(space.row(near), space.row(row))) > f64::from(key)
        }) {
            kept.push(row);
        }
    }
    kept
}
