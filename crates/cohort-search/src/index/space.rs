//! Vectors in bytes, that a graph is built and walked by.
//!
//! A byte a number takes a quarter of the memory to pass through the processor, which is what a walk waits for. What is found is
//! ordered by the vectors themselves in the end.

use cohort_kernels::distances::{
    absolute_distance_of_codes, largest_distance_of_codes, squared_distance_of_codes,
};
use rayon::prelude::*;

use super::segment::Segment;
use crate::Distance;

/// Vectors that the range of the codes is learned from, at most.
const SAMPLE: usize = 2000;
/// Share of the numbers that lie within the range; it is then widened by [`MARGIN`].
const INSIDE: f64 = 0.999;
const MARGIN: f32 = 1.3;

/// The vectors of a segment, as a graph sees them: brought to a form in which the nearest are those of the smallest difference,
/// then rounded to 256 steps.
#[derive(Debug)]
pub(super) struct Space {
    distance: Distance,
    /// Numbers a vector: one more under the inner product, which lifts every vector to the length of the longest, among which the
    /// nearest to a query are those of the largest product (Bachrach et al. 2014).
    dim: usize,
    longest: f64,
    centre: Vec<f32>,
    step: f32,
    codes: Vec<u8>,
}

impl Space {
    pub(super) fn new(distance: Distance, segment: &Segment) -> Self {
        let rows = segment.rows();
        let length = |row: &[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        let vectors = segment.vectors().par_chunks_exact(segment.dim());
        let longest = match distance {
            Distance::InnerProduct => vectors.map(length).reduce(|| 0.0, f64::max).sqrt(),
            _ => 0.0,
        };
        let mut space = Self {
            distance,
            dim: segment.dim() + usize::from(distance == Distance::InnerProduct),
            longest,
            centre: Vec::new(),
            step: 1.0,
            codes: Vec::new(),
        };
        let stride = rows.div_ceil(SAMPLE).max(1);
        let sample = (0..rows).step_by(stride);
        let sample: Vec<Vec<f32>> = sample
            .map(|row| space.formed(segment.vector(row), false))
            .collect();
        space.centre = (0..space.dim)
            .map(|d| {
                let sum: f64 = sample.iter().map(|row| f64::from(row[d])).sum();
                (sum / sample.len().max(1) as f64) as f32
            })
            .collect();
        let away = sample.iter().flat_map(|row| row.iter().zip(&space.centre));
        let mut away: Vec<f32> = away.map(|(v, c)| (v - c).abs()).collect();
        if !away.is_empty() {
            let at = ((away.len() - 1) as f64 * INSIDE) as usize;
            let (_, within, _) = away.select_nth_unstable_by(at, f32::total_cmp);
            let step = *within * MARGIN / 127.0;
            if step > 0.0 && step.is_finite() {
                space.step = step;
            }
        }
        let codes: Vec<Vec<u8>> = (0..rows)
            .into_par_iter()
            .with_min_len(256)
            .map(|row| space.encoded(&space.formed(segment.vector(row), false)))
            .collect();
        space.codes = codes.concat();
        space
    }

    /// A vector in the form in which the nearest are those of the smallest difference.
    fn formed(&self, row: &[f32], query: bool) -> Vec<f32> {
        let square: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
        let scaled = |factor: f64| row.iter().map(move |v| (f64::from(*v) * factor) as f32);
        match self.distance {
            Distance::Cosine if square > 0.0 => scaled(1.0 / square.sqrt()).collect(),
            // as long as the longest: only its direction matters
            Distance::InnerProduct if query && square > 0.0 => {
                let factor = self.longest / square.sqrt();
                scaled(factor).chain([0.0]).collect()
            }
            Distance::InnerProduct => {
                let lift = (self.longest.powi(2) - square).max(0.0).sqrt();
                scaled(1.0).chain([lift as f32]).collect()
            }
            _ => row.to_vec(),
        }
    }

    fn encoded(&self, formed: &[f32]) -> Vec<u8> {
        let numbers = formed.iter().zip(&self.centre);
        // what lies beyond the range gets the last code
        let code = |(v, c): (&f32, &f32)| ((v - c) / self.step + 128.5) as u8;
        numbers.map(code).collect()
    }

    /// The codes of a query.
    pub(super) fn query(&self, query: &[f32]) -> Vec<u8> {
        self.encoded(&self.formed(query, true))
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len() / self.dim
    }

    /// The codes of a row.
    pub(super) fn row(&self, row: u32) -> &[u8] {
        &self.codes[row as usize * self.dim..][..self.dim]
    }

    /// What a key is multiplied with where a distance would be multiplied with `factor`.
    pub(super) fn stretched(&self, factor: f64) -> f64 {
        match self.distance {
            Distance::Manhattan | Distance::Chebyshev => factor,
            _ => factor * factor,
        }
    }

    /// Key of two rows of codes: a distance, or the square of one.
    pub(super) fn key(&self, a: &[u8], b: &[u8]) -> u32 {
        match self.distance {
            Distance::Manhattan => absolute_distance_of_codes(a, b),
            Distance::Chebyshev => largest_distance_of_codes(a, b),
            _ => squared_distance_of_codes(a, b),
        }
    }
}
