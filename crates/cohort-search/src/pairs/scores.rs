//! Scores of queries and a gallery: quickly in 32 bits with a bound on the error, exactly in 64.

use std::ops::Range;

use crate::distance::sum;
use crate::{Distance, SearchError};

/// Scores that a thread holds at a time.
const SCORES: usize = 1 << 21;
/// Queries that a thread looks at together, where their scores leave room for so many.
const QUERIES: usize = 64;

/// One of the two tables.
pub(super) struct Side<'a> {
    dim: usize,
    rows: &'a [f32],
    /// Of length 1; zeros stay zeros.
    unit: Vec<f32>,
    lengths: Vec<f64>,
}

impl<'a> Side<'a> {
    pub(super) fn new(rows: &'a [f32], dim: usize) -> Result<Self, SearchError> {
        if dim == 0 || !rows.len().is_multiple_of(dim) {
            let found = rows.len();
            return Err(SearchError::Shape { dim, found });
        }
        if let Some(at) = rows.iter().position(|value| !value.is_finite()) {
            return Err(SearchError::NotFinite {
                row: at / dim + 1,
                found: rows[at],
            });
        }
        let length = |row: &[f32]| sum(row, row, |a, b| a * b).sqrt();
        let lengths: Vec<f64> = rows.chunks_exact(dim).map(length).collect();
        let mut unit = Vec::with_capacity(rows.len());
        for (row, &length) in rows.chunks_exact(dim).zip(&lengths) {
            let by = if length > 0.0 { length } else { 1.0 };
            unit.extend(row.iter().map(|v| (f64::from(*v) / by) as f32));
        }
        Ok(Self {
            dim,
            rows,
            unit,
            lengths,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.lengths.len()
    }

    fn row(&self, row: usize) -> &'a [f32] {
        &self.rows[row * self.dim..(row + 1) * self.dim]
    }
}

/// Scores of every query with every item of the gallery; the higher, the nearer.
pub(super) struct Scored<'a> {
    pub distance: Distance,
    pub queries: &'a Side<'a>,
    pub gallery: &'a Side<'a>,
    /// How near the nearest of the other table are, of each query and of each item: taken off twice the cosine.
    pub hubs: Option<(&'a [f64], &'a [f64])>,
}

impl Scored<'_> {
    /// Queries that are looked at together.
    pub(super) fn together(&self) -> usize {
        (SCORES / self.gallery.len().max(1)).clamp(1, QUERIES)
    }

    /// Cosines in 32 bits of some queries with the whole gallery, a line a query.
    pub(super) fn cosines(&self, queries: Range<usize>) -> Vec<f32> {
        let (dim, columns) = (self.gallery.dim, self.gallery.len());
        let rows = &self.queries.unit[queries.start * dim..queries.end * dim];
        let mut lines = vec![0.0; queries.len() * columns];
        // SAFETY: the slices are as long as their sizes and strides say: rows [queries, dim] and gallery [columns, dim] row-major,
        // the gallery read as its transpose, and lines [queries, columns]
        unsafe {
            matrixmultiply::sgemm(
                queries.len(),
                dim,
                columns,
                1.0,
                rows.as_ptr(),
                dim as isize,
                1,
                self.gallery.unit.as_ptr(),
                1,
                dim as isize,
                0.0,
                lines.as_mut_ptr(),
                columns as isize,
                1,
            );
        }
        lines
    }

    /// The score that a cosine in 32 bits gives, and how far it can be off.
    pub(super) fn nearly(&self, query: usize, item: usize, cosine: f32) -> (f64, f64) {
        let cosine = f64::from(cosine);
        // of a sum of as many products as a vector is long (Higham 2002, section 3.1), and of the scaling, twice over
        let doubt = (self.gallery.dim as f64 + 16.0) * f64::from(f32::EPSILON);
        if let Some((own, theirs)) = self.hubs {
            return (2.0 * cosine - (own[query] + theirs[item]), 2.0 * doubt);
        }
        let (a, b) = (self.queries.lengths[query], self.gallery.lengths[item]);
        match self.distance {
            Distance::InnerProduct => (a * b * cosine, a * b * doubt),
            Distance::Euclidean => {
                let squares = a * a + b * b;
                // the squares are rounded too
                let doubt = 2.0 * a * b * doubt + 1e-12 * squares;
                (2.0 * a * b * cosine - squares, doubt)
            }
            _ => (cosine, doubt),
        }
    }

    /// The score in 64 bits, by one order of the sums, so that equal vectors have equal scores: the cosine, 0 for a vector of zeros;
    /// the inner product; minus the squared distance.
    pub(super) fn exact(&self, query: usize, item: usize) -> f64 {
        let (q, g) = (self.queries.row(query), self.gallery.row(item));
        match self.distance {
            Distance::InnerProduct => sum(q, g, |a, b| a * b),
            Distance::Euclidean => -sum(q, g, |a, b| (a - b) * (a - b)),
            _ => {
                let lengths = self.queries.lengths[query] * self.gallery.lengths[item];
                let cosine = match lengths > 0.0 {
                    true => sum(q, g, |a, b| a * b) / lengths,
                    false => 0.0,
                };
                match self.hubs {
                    Some((own, theirs)) => 2.0 * cosine - (own[query] + theirs[item]),
                    None => cosine,
                }
            }
        }
    }

    /// A score as it is shown: of squared distances the root.
    pub(super) fn shown(&self, score: f64) -> f64 {
        match self.distance {
            Distance::Euclidean => -(-score).sqrt(),
            _ => score,
        }
    }
}
