//! The whole index in the order of distance from a query, as retrieval metrics want it.

use rayon::prelude::*;

use super::scan;
use super::{Index, IndexError};
use crate::{Progress, go_on, nearer};

/// Queries whose keys a thread holds at a time.
const TOGETHER: usize = 16;

/// All rows of an index that are not deleted, in the order of their distance from a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// Places in the list of rows that was ranked, nearest first; of equals the lower first.
    pub order: Vec<u32>,
    /// Ends of the groups of rows at exactly the same distance; of groups of more than one alone.
    pub ties: Vec<std::ops::Range<usize>>,
}

/// Ranks rows of an index for queries; the answer is that of brute force in 64 bits.
#[derive(Debug)]
pub struct Ranked<'a> {
    index: &'a Index,
    live: Vec<u32>,
}

impl<'a> Ranked<'a> {
    /// All rows that are not deleted.
    pub fn new(index: &'a Index) -> Self {
        let live = index.live().rows().map(|row| row as u32).collect();
        Self { index, live }
    }

    /// The rows that are ranked.
    pub fn rows(&self) -> &[u32] {
        &self.live
    }

    /// Calls `look` with each query's number and ranking, and returns what it makes of them, in the order of the queries.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn each<T: Send>(
        &self,
        queries: &[f32],
        progress: &Progress,
        look: impl Fn(usize, &Ranking) -> T + Sync,
    ) -> Result<Vec<T>, IndexError> {
        self.index.check(queries, 1)?;
        let rows: Vec<&[f32]> = queries.chunks_exact(self.index.dim()).collect();
        let mut out = Vec::with_capacity(rows.len());
        let wave = TOGETHER * 4 * rayon::current_num_threads();
        for (w, wave_rows) in rows.chunks(wave).enumerate() {
            go_on(progress, "ranking", out.len(), rows.len())?;
            let parts: Vec<Vec<T>> = wave_rows
                .par_chunks(TOGETHER)
                .enumerate()
                .map(|(part, rows)| {
                    let keys = scan::keys(self.index, rows, &self.live);
                    let first = w * wave + part * TOGETHER;
                    let lines = keys.keys.chunks_exact(self.live.len().max(1));
                    let each = rows.iter().zip(lines).zip(&keys.doubt).enumerate();
                    each.map(|(i, ((query, keys), &doubt))| {
                        look(first + i, &self.order(query, keys, doubt))
                    })
                    .collect()
                })
                .collect();
            out.extend(parts.into_iter().flatten());
        }
        Ok(out)
    }

    /// Orders by keys that can be off by `doubt`; what that cannot tell apart, by keys of 64 bits.
    fn order(&self, query: &[f32], keys: &[f32], doubt: f32) -> Ranking {
        let exact = |place: u32| self.index.key(query, self.live[place as usize] as usize);
        let mut order: Vec<u32> = (0..keys.len() as u32).collect();
        let mut ties = Vec::new();
        let mut settle = |from: usize, places: &mut [u32]| {
            let mut known: Vec<(f64, u32)> = places.iter().map(|&p| (exact(p), p)).collect();
            known.sort_unstable_by(nearer);
            let mut at = from;
            for equals in known.chunk_by(|a, b| a.0 == b.0) {
                if equals.len() > 1 {
                    ties.push(at..at + equals.len());
                }
                at += equals.len();
            }
            for (place, (_, known)) in places.iter_mut().zip(known) {
                *place = known;
            }
        };
        if keys.iter().any(|key| !key.is_finite()) {
            settle(0, &mut order);
            return Ranking { order, ties };
        }
        let key = |place: u32| keys[place as usize];
        order.sort_unstable_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
        let apart = |a: u32, b: u32| key(b) - key(a) > 2.0 * doubt;
        let mut from = 0;
        while from < order.len() {
            let mut to = from + 1;
            while to < order.len() && !apart(order[to - 1], order[to]) {
                to += 1;
            }
            if to - from > 1 {
                settle(from, &mut order[from..to]);
            }
            from = to;
        }
        Ranking { order, ties }
    }
}
