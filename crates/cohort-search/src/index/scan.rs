//! Exact nearest neighbours: all rows of an index against all queries, by blocks.
//!
//! Products of matrices give keys within a bound of rounding (Higham 2002, section 3.1); rows that the bound does not rule
//! out are compared in 64 bits. So the answer is that of brute force in 64 bits, for any vectors.

use cohort_kernels::distances::{
    Packed, TILE_COLUMNS, TILE_ROWS, absolute_distance, inner_product, inner_products,
    largest_distance, scale_line, squared_distance,
};
use rayon::prelude::*;

use super::best::{Best, bounds};
use super::segment::{Segment, square_of};
use super::{Index, IndexError, Mask};
use crate::{Distance, Progress, go_on};

/// Queries that are looked at together.
const QUERIES: usize = 512;
/// Up to this many queries are compared with rows one by one.
const FEW: usize = 4;
/// Rows that a thread looks at together.
const PIECE: usize = 32 * TILE_COLUMNS;
/// Pieces for each thread between two looks at whether to stop.
const WAVE: usize = 16;

/// Queries made ready for the rows of one segment.
struct Prepared<'a> {
    distance: Distance,
    dim: usize,
    rows: Vec<&'a [f32]>,
    /// For inner products: less the centre (Euclidean), or of length 1 (cosine).
    scaled: Vec<f32>,
    packed: Packed<TILE_ROWS>,
    /// What is added to every key of a query.
    base: Vec<f32>,
    /// Length of each query as it is packed; NaN where 32 bits cannot hold it.
    length: Vec<f32>,
}

impl<'a> Prepared<'a> {
    fn new(distance: Distance, segment: &Segment, rows: &[&'a [f32]]) -> Self {
        let dim = segment.dim();
        let (centre, none) = (segment.centre(), vec![0.0; dim]);
        let squares: Vec<f32> = rows.iter().map(|row| square_of(row, centre)).collect();
        let mut scaled = Vec::new();
        if distance == Distance::Cosine {
            for (row, square) in rows.iter().zip(&squares) {
                let length = if *square > 0.0 {
                    f64::from(*square).sqrt()
                } else {
                    1.0
                };
                scaled.extend(row.iter().map(|v| (f64::from(*v) / length) as f32));
            }
        }
        let mut packed = Packed::default();
        if has_products(distance) && rows.len() > FEW {
            match distance {
                Distance::Cosine => packed.fill(dim, scaled.chunks_exact(dim), &none),
                _ => packed.fill(dim, rows.iter().copied(), centre),
            }
        }
        let base = |square: &f32| match distance {
            Distance::Euclidean => *square,
            Distance::Cosine => 1.0,
            _ => 0.0,
        };
        let length = |square: &f32| match distance {
            Distance::Cosine if square.is_finite() => 1.0,
            _ => square.sqrt(),
        };
        Self {
            distance,
            dim,
            rows: rows.to_vec(),
            scaled,
            packed,
            base: squares.iter().map(base).collect(),
            length: squares.iter().map(length).collect(),
        }
    }

    /// What rounding can make of a sum of as many products as a vector is long, relative to their size; twice over.
    fn rounding(&self) -> f32 {
        (self.dim as f32 + 16.0) * f32::EPSILON
    }

    /// Key of a query and a row, and how far it can be off; not finite where 32 bits cannot tell.
    fn key(&self, query: usize, row: &[f32], length: f32) -> (f32, f32) {
        let (q, rounding) = (self.rows[query], self.rounding());
        let tiny = rounding * f32::MIN_POSITIVE + f32::MIN_POSITIVE;
        let of_sum = |key: f32| (key, rounding * key + tiny);
        match self.distance {
            Distance::Euclidean => of_sum(squared_distance(q, row)),
            Distance::Manhattan => of_sum(absolute_distance(q, row)),
            Distance::Chebyshev => of_sum(largest_distance(q, row)),
            Distance::InnerProduct => {
                let doubt = rounding * self.length[query] * length + tiny;
                (-inner_product(q, row), doubt)
            }
            Distance::Cosine => {
                let q = &self.scaled[query * self.dim..][..self.dim];
                let times = if length > 0.0 { 1.0 / length } else { length };
                (
                    1.0 - inner_product(q, row) * times,
                    rounding * self.length[query],
                )
            }
        }
    }
}

/// Whether a distance is made of inner products.
fn has_products(distance: Distance) -> bool {
    !matches!(distance, Distance::Manhattan | Distance::Chebyshev)
}

/// Up to [`TILE_COLUMNS`] rows of a segment.
struct Panel<'a> {
    /// Rows within the segment, and the row of the index that the first of the segment is.
    rows: &'a [u32],
    first: usize,
    packed: &'a mut Packed<TILE_COLUMNS>,
    add: [f32; TILE_COLUMNS],
    times: [f32; TILE_COLUMNS],
    /// Largest length; NaN where 32 bits cannot hold one.
    length: f32,
}

impl<'a> Panel<'a> {
    fn new(
        distance: Distance,
        segment: &'a Segment,
        first: usize,
        rows: &'a [u32],
        packed: &'a mut Packed<TILE_COLUMNS>,
    ) -> Self {
        let vectors = rows.iter().map(|&row| segment.vector(row as usize));
        packed.fill(segment.dim(), vectors, segment.centre());
        let mut add = [f32::INFINITY; TILE_COLUMNS];
        let mut times = [0.0; TILE_COLUMNS];
        let mut largest = 0.0_f32;
        for (i, &row) in rows.iter().enumerate() {
            let square = segment.squares()[row as usize];
            (add[i], times[i]) = match distance {
                Distance::Euclidean => (square, -2.0),
                Distance::Cosine if square == 0.0 => (0.0, 0.0),
                Distance::Cosine => (0.0, -1.0 / square.sqrt()),
                _ => (0.0, -1.0),
            };
            // NaN stays
            largest = if square <= largest { largest } else { square };
            if square.is_nan() {
                largest = f32::NAN;
                break;
            }
        }
        let length = match distance {
            Distance::Cosine if !largest.is_nan() => 1.0,
            _ => largest.sqrt(),
        };
        Self {
            rows,
            first,
            packed,
            add,
            times,
            length,
        }
    }

    /// How far any key of a query can be off.
    fn doubt(&self, queries: &Prepared, query: usize) -> f32 {
        let (a, b) = (queries.length[query], self.length);
        let size = match queries.distance {
            Distance::Euclidean => (a + b) * (a + b),
            _ => a * b,
        };
        queries.rounding() * (size + f32::MIN_POSITIVE) + f32::MIN_POSITIVE
    }

    /// Calls `look` with each query, the keys of this panel's rows and how far they can be off; NaN where 32 bits cannot tell.
    fn keys(&self, queries: &Prepared, mut look: impl FnMut(usize, &[f32], f32, f32)) {
        let mut tile = [0.0; TILE_ROWS * TILE_COLUMNS];
        for group in 0..queries.packed.groups() {
            inner_products((&queries.packed, group), (self.packed, 0), &mut tile);
            let left = queries.rows.len() - group * TILE_ROWS;
            for (i, line) in tile.chunks_exact_mut(TILE_COLUMNS).take(left).enumerate() {
                let query = group * TILE_ROWS + i;
                let least = scale_line(line, queries.base[query], &self.add, &self.times);
                look(
                    query,
                    &line[..self.rows.len()],
                    least,
                    self.doubt(queries, query),
                );
            }
        }
    }

    /// Looks for the nearest of each query.
    fn search(&self, queries: &Prepared, index: &Index, best: &mut [Best]) {
        self.keys(queries, |query, keys, least, doubt| {
            let best = &mut best[query];
            let exact = |row: u32| index.key(queries.rows[query], row as usize);
            // an error that is not a number is a limit for nothing
            if least - doubt > best.limit() {
                return;
            }
            for (key, &row) in keys.iter().zip(self.rows) {
                let row = self.first as u32 + row;
                if doubt.is_finite() && key.is_finite() {
                    best.offer(key - doubt, key + doubt, row, exact);
                } else {
                    let (low, high) = bounds(exact(row));
                    best.offer(low, high, row, exact);
                }
            }
        });
    }
}

/// The `k` nearest of each of `queries` (rows as long as the index's) among the rows of `mask`, as key and row, nearest
/// first; of equals the lower row first.
pub(super) fn search(
    index: &Index,
    queries: &[f32],
    k: usize,
    mask: &Mask,
    progress: &Progress,
) -> Result<Vec<Vec<(f64, u32)>>, IndexError> {
    let rows: Vec<&[f32]> = queries.chunks_exact(index.dim()).collect();
    let mut found = Vec::with_capacity(rows.len());
    let parts = rows.len().div_ceil(QUERIES).max(1);
    for (part, rows) in rows.chunks(QUERIES).enumerate() {
        let mut best = vec![Best::new(k, f32::INFINITY); rows.len()];
        for (s, segment) in index.segments().iter().enumerate() {
            let first = index.starts()[s];
            let queries = Prepared::new(index.distance(), segment, rows);
            let pieces = segment.rows().div_ceil(PIECE);
            let wave = WAVE * rayon::current_num_threads();
            for start in (0..pieces).step_by(wave) {
                let done = part * index.rows() + first + start * PIECE;
                go_on(progress, "searching", done, parts * index.rows())?;
                let limits: Vec<f32> = best.iter().map(Best::limit).collect();
                let found: Vec<Vec<Best>> = (start..pieces.min(start + wave))
                    .into_par_iter()
                    .map_init(Packed::default, |packed, piece| {
                        let end = segment.rows().min((piece + 1) * PIECE);
                        let live = |row: &u32| mask.has(first + *row as usize);
                        let live: Vec<u32> = (piece * PIECE..end)
                            .map(|row| row as u32)
                            .filter(live)
                            .collect();
                        let mut best: Vec<Best> =
                            limits.iter().map(|&limit| Best::new(k, limit)).collect();
                        look_at(index, segment, first, &live, &queries, packed, &mut best);
                        best
                    })
                    .collect();
                let exact = |query: usize| move |row: u32| index.key(rows[query], row as usize);
                for piece in found {
                    for (query, (best, other)) in best.iter_mut().zip(piece).enumerate() {
                        best.join(other, exact(query));
                    }
                }
            }
        }
        let exact = |query: usize| move |row: u32| index.key(rows[query], row as usize);
        let finished: Vec<Vec<(f64, u32)>> = best
            .into_par_iter()
            .enumerate()
            .map(|(query, best)| best.finish(exact(query)))
            .collect();
        found.extend(finished);
    }
    Ok(found)
}

/// Looks at the rows `live` of a segment, a panel at a time.
fn look_at(
    index: &Index,
    segment: &Segment,
    first: usize,
    live: &[u32],
    queries: &Prepared,
    packed: &mut Packed<TILE_COLUMNS>,
    best: &mut [Best],
) {
    if queries.packed.groups() > 0 {
        for rows in live.chunks(TILE_COLUMNS) {
            Panel::new(index.distance(), segment, first, rows, packed).search(queries, index, best);
        }
        return;
    }
    for rows in live.chunks(TILE_COLUMNS) {
        for (query, best) in best.iter_mut().enumerate() {
            let exact = |row: u32| index.key(queries.rows[query], row as usize);
            for &row in rows {
                let length = match segment.squares()[row as usize] {
                    0.0 => 0.0,
                    square => square.sqrt(),
                };
                let (key, doubt) = queries.key(query, segment.vector(row as usize), length);
                let row = first as u32 + row;
                if key.is_finite() && doubt.is_finite() {
                    if key - doubt <= best.limit() {
                        best.offer(key - doubt, key + doubt, row, exact);
                    }
                } else {
                    let (low, high) = bounds(exact(row));
                    best.offer(low, high, row, exact);
                }
            }
        }
    }
}

/// Keys of queries to all rows of the index within bounds, for [`super::ranking`].
pub(super) struct Keys {
    /// Row-major, a line a query; NaN where 32 bits cannot tell.
    pub(super) keys: Vec<f32>,
    /// How far the keys of each query can be off.
    pub(super) doubt: Vec<f32>,
}

/// Keys of `rows` to the rows `live` of the index, in that order, on one thread.
pub(super) fn keys(index: &Index, rows: &[&[f32]], live: &[u32]) -> Keys {
    let mut out = Keys {
        keys: vec![0.0; rows.len() * live.len()],
        doubt: vec![0.0; rows.len()],
    };
    let mut packed = Packed::default();
    let mut at = 0;
    for (s, segment) in index.segments().iter().enumerate() {
        let first = index.starts()[s] as u32;
        let own = live[at..].partition_point(|&row| ((row - first) as usize) < segment.rows());
        let own: Vec<u32> = live[at..at + own].iter().map(|row| row - first).collect();
        let queries = Prepared::new(index.distance(), segment, rows);
        for (panel, part) in own.chunks(TILE_COLUMNS).enumerate() {
            let from = at + panel * TILE_COLUMNS;
            let mut put = |query: usize, i: usize, key: f32, doubt: f32| {
                out.keys[query * live.len() + from + i] =
                    if doubt.is_finite() { key } else { f32::NAN };
                if doubt > out.doubt[query] && doubt.is_finite() {
                    out.doubt[query] = doubt;
                }
            };
            if queries.packed.groups() > 0 {
                let panel =
                    Panel::new(index.distance(), segment, first as usize, part, &mut packed);
                panel.keys(&queries, |query, keys, _, doubt| {
                    for (i, &key) in keys.iter().enumerate() {
                        put(query, i, key, doubt);
                    }
                });
                continue;
            }
            for query in 0..rows.len() {
                for (i, &row) in part.iter().enumerate() {
                    let length = segment.squares()[row as usize].sqrt();
                    let (key, doubt) = queries.key(query, segment.vector(row as usize), length);
                    put(query, i, key, doubt);
                }
            }
        }
        at += own.len();
    }
    out
}
