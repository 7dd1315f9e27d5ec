//! Keys in 32 bits that a graph is built and walked by.

use cohort_kernels::distances::{
    absolute_distance, inner_product, largest_distance, squared_distance,
};

use super::segment::Segment;
use crate::Distance;

/// The vectors of a segment, as a graph sees them.
pub(super) struct Space<'a> {
    distance: Distance,
    dim: usize,
    vectors: &'a [f32],
    /// Cosine: one over the length of each vector. Inner product: what lifts each vector to the length of the longest.
    extra: Vec<f32>,
}

/// A query as a graph sees it.
pub(super) struct Asked<'q> {
    pub(super) query: &'q [f32],
}

impl<'a> Space<'a> {
    pub(super) fn new(distance: Distance, segment: &'a Segment) -> Self {
        let squares = segment.squares();
        let extra = match distance {
            Distance::Cosine => squares
                .iter()
                .map(|s| if *s > 0.0 { 1.0 / s.sqrt() } else { 0.0 })
                .collect(),
            Distance::InnerProduct => {
                let largest = squares.iter().copied().fold(0.0, f32::max);
                squares
                    .iter()
                    .map(|s| (largest - s).max(0.0).sqrt())
                    .collect()
            }
            _ => Vec::new(),
        };
        Self {
            distance,
            dim: segment.dim(),
            vectors: segment.vectors(),
            extra,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.vectors.len() / self.dim
    }

    pub(super) fn vector(&self, row: u32) -> &'a [f32] {
        &self.vectors[row as usize * self.dim..][..self.dim]
    }

    /// What a key is multiplied with where a distance would be multiplied with `factor`.
    pub(super) fn stretched(&self, factor: f32) -> f32 {
        match self.distance {
            Distance::Manhattan | Distance::Chebyshev => factor,
            _ => factor * factor,
        }
    }

    /// Key of two rows: a distance, or the square of one. Under the inner product that of the lifted vectors (Bachrach et al.
    /// 2014), among which the nearest to a query are those of the largest inner product.
    pub(super) fn between(&self, i: u32, j: u32) -> f32 {
        let (a, b) = (self.vector(i), self.vector(j));
        match self.distance {
            Distance::Euclidean => squared_distance(a, b),
            Distance::Manhattan => absolute_distance(a, b),
            Distance::Chebyshev => largest_distance(a, b),
            Distance::Cosine => {
                let scale = self.extra[i as usize] * self.extra[j as usize];
                (1.0 - inner_product(a, b) * scale).max(0.0)
            }
            Distance::InnerProduct => {
                let lift = self.extra[i as usize] - self.extra[j as usize];
                squared_distance(a, b) + lift * lift
            }
        }
    }

    /// Key of a query and a row; under the cosine of a query of any length.
    pub(super) fn key(&self, asked: &Asked, row: u32) -> f32 {
        let (a, b) = (asked.query, self.vector(row));
        match self.distance {
            Distance::Euclidean => squared_distance(a, b),
            Distance::Manhattan => absolute_distance(a, b),
            Distance::Chebyshev => largest_distance(a, b),
            Distance::Cosine => -inner_product(a, b) * self.extra[row as usize],
            Distance::InnerProduct => -inner_product(a, b),
        }
    }
}
