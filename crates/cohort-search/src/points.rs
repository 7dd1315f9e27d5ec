//! Vectors made ready for distances.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::SearchError;

/// What "near" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Length of the difference.
    #[default]
    Euclidean,
    /// One minus the cosine of the angle; 1 to and from a vector of zeros.
    Cosine,
}

impl Metric {
    /// Name as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Cosine => "cosine",
        }
    }
}

impl std::str::FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "euclidean" => Ok(Self::Euclidean),
            "cosine" => Ok(Self::Cosine),
            _ => Err("expected euclidean or cosine".into()),
        }
    }
}

/// Below this length distances are computed one by one; above it by a product of matrices.
const PLAIN_DIM: usize = 8;
/// A vector so many times as long as the median is worth a word: the others are one point beside it.
const GIANT: f64 = 1000.0;
/// Where one vector is so many times as far from the middle as the median, 32-bit sums no longer order the others.
const COARSE: f64 = 100.0;
/// Rows that the middle is judged by.
const SAMPLE: usize = 1001;

/// `len` vectors of length `dim`, prepared once: for the Euclidean metric moved to mean zero and scaled so that the
/// largest value is 1 (neither changes who is near whom, and both keep 32-bit sums accurate); for the cosine metric
/// scaled to length 1. The vectors as given are kept beside them, for what must be exact.
#[derive(Debug, Clone)]
pub struct Points {
    metric: Metric,
    len: usize,
    dim: usize,
    given: Vec<f32>,
    values: Vec<f32>,
    coarse: bool,
    squares: Vec<f32>,
    scale: f64,
}

impl Points {
    /// Prepares row-major `values`.
    ///
    /// # Errors
    /// [`SearchError`] when `values` are not whole rows, hold a value that is not finite, or are no rows at all.
    pub fn new(values: &[f32], dim: usize, metric: Metric) -> Result<Self, SearchError> {
        if dim == 0 || values.is_empty() {
            let found = format!("{} values in rows of {dim}", values.len());
            return Err(SearchError::input("vectors", "at least one value", found));
        }
        if values.len() % dim != 0 {
            let found = values.len();
            return Err(SearchError::Shape { dim, found });
        }
        if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
            let (row, found) = (bad / dim + 1, values[bad]);
            return Err(SearchError::NotFinite { row, found });
        }
        let len = values.len() / dim;
        let given = values.to_vec();
        let coarse = metric == Metric::Euclidean && is_coarse(values, dim);
        let (values, scale) = match metric {
            Metric::Euclidean => centred(values, dim),
            Metric::Cosine => (unit_length(values, dim), 1.0),
        };
        let square = |row: &[f32]| row.iter().map(|v| v * v).sum();
        let squares = values.chunks_exact(dim).map(square).collect();
        Ok(Self {
            metric,
            len,
            dim,
            given,
            values,
            coarse,
            squares,
            scale,
        })
    }

    /// Vectors whose length is more than 1,000 times the median of those that are not zero, as row (1-based) and that
    /// multiple, longest first; none under the cosine metric, for which length is nothing.
    pub fn giants(&self) -> Vec<(usize, f64)> {
        if self.metric == Metric::Cosine {
            return Vec::new();
        }
        let rows = self.given.chunks_exact(self.dim);
        let lengths: Vec<f64> = rows
            .map(|row| {
                row.iter()
                    .map(|v| f64::from(*v).powi(2))
                    .sum::<f64>()
                    .sqrt()
            })
            .collect();
        let mut some: Vec<f64> = lengths.iter().copied().filter(|l| *l > 0.0).collect();
        let Some(median) = median(&mut some) else {
            return Vec::new();
        };
        let times = lengths.iter().map(|length| length / median);
        let mut giants: Vec<(usize, f64)> = (1..)
            .zip(times)
            .filter(|(_, times)| *times > GIANT)
            .collect();
        giants.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        giants
    }

    /// Number of vectors, at least 1.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.len
    }

    /// Length of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The metric.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// All prepared values, row-major.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    pub(crate) fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// Prepared vectors one after the other.
    pub(crate) fn rows(&self, range: std::ops::Range<usize>) -> &[f32] {
        &self.values[range.start * self.dim..range.end * self.dim]
    }

    /// What a prepared Euclidean length is multiplied with to be one of the table.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// Whether all vectors are the same.
    pub(crate) fn all_equal(&self) -> bool {
        let first = self.row(0);
        self.values.chunks_exact(self.dim).all(|row| row == first)
    }

    /// Number of vectors of zeros under the cosine metric, which have no direction.
    pub fn without_direction(&self) -> usize {
        match self.metric {
            Metric::Euclidean => 0,
            Metric::Cosine => self.squares.iter().filter(|s| **s == 0.0).count(),
        }
    }

    /// Whether [`Self::keys`] cannot order the vectors, because one of them dwarfs the rest.
    pub(crate) fn is_coarse(&self) -> bool {
        self.coarse
    }

    fn given(&self, i: usize) -> &[f32] {
        &self.given[i * self.dim..(i + 1) * self.dim]
    }

    /// What neighbours are ordered by, in 64 bits from the vectors as given: the squared distance (Euclidean; no sum of
    /// squares of 32-bit numbers overflows), or the distance (cosine).
    pub(crate) fn exact_key(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (self.given(i), self.given(j));
        match self.metric {
            Metric::Euclidean => sum(a, b, |a, b| (a - b) * (a - b)),
            Metric::Cosine if self.squares[i] == 0.0 || self.squares[j] == 0.0 => 1.0,
            Metric::Cosine => {
                let dot = |a, b| sum(a, b, |a, b| a * b);
                1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
            }
        }
    }

    /// Twice the most that a value of [`Self::keys`] can be off by: what rounding to 32 bits makes of sums of `dim`
    /// products (Higham 2002, section 3.1), and of the prepared values themselves.
    pub(crate) fn doubt(&self, i: usize, j: usize) -> f64 {
        let size = f64::from(self.squares[i]) + f64::from(self.squares[j]);
        // a square that vanished in 32 bits is smaller than this
        (self.dim as f64 + 16.0) * f64::from(f32::EPSILON) * (size + f64::from(f32::MIN_POSITIVE))
    }

    /// Distance between two vectors, in units of the table; never more than `f32::MAX`.
    pub fn distance(&self, i: usize, j: usize) -> f32 {
        if self.coarse {
            return self.exact_key(i, j).sqrt().min(f64::from(f32::MAX)) as f32;
        }
        let key = f64::from(self.key(i, j));
        match self.metric {
            Metric::Euclidean => (key.sqrt() * self.scale).min(f64::from(f32::MAX)) as f32,
            Metric::Cosine => key as f32,
        }
    }

    /// What neighbours are ordered by: the squared distance of prepared vectors (Euclidean), or the distance (cosine).
    pub(crate) fn key(&self, i: usize, j: usize) -> f32 {
        let square = squared_difference(self.row(i), self.row(j));
        match self.metric {
            Metric::Euclidean => square,
            Metric::Cosine if self.squares[i] == 0.0 || self.squares[j] == 0.0 => 1.0,
            Metric::Cosine => square / 2.0,
        }
    }

    /// [`Self::key`] of the vectors `rows` to all vectors, row-major into `out`; by a product of matrices for long
    /// vectors, whose rounding is about 1e-6 of the largest square.
    pub(crate) fn keys(&self, rows: &[usize], out: &mut Vec<f32>) {
        out.resize(rows.len() * self.len, 0.0);
        if self.dim <= PLAIN_DIM {
            for (line, &i) in out.chunks_exact_mut(self.len).zip(rows) {
                for (j, place) in line.iter_mut().enumerate() {
                    *place = self.key(i, j);
                }
            }
            return;
        }
        products(&self.gather(rows), &self.values, self.dim, out);
        for (line, &i) in out.chunks_exact_mut(self.len).zip(rows) {
            match self.metric {
                Metric::Euclidean => {
                    let own = self.squares[i];
                    for (place, other) in line.iter_mut().zip(&self.squares) {
                        *place = (own + other - 2.0 * *place).max(0.0);
                    }
                }
                Metric::Cosine => line.iter_mut().for_each(|p| *p = (1.0 - *p).max(0.0)),
            }
        }
    }

    /// Copies of the vectors `rows`.
    pub(crate) fn gather(&self, rows: &[usize]) -> Vec<f32> {
        let mut out = Vec::with_capacity(rows.len() * self.dim);
        for &i in rows {
            out.extend_from_slice(self.row(i));
        }
        out
    }
}

/// Sum over two vectors in 64 bits, its rounding made up for (Neumaier 1974): beside a giant the other vectors differ
/// in the last bits only.
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [(0.0f64, 0.0f64); 4];
    let add = |(sum, rest): &mut (f64, f64), value: f64| {
        let next = *sum + value;
        *rest += match sum.abs() >= value.abs() {
            true => (*sum - next) + value,
            false => (value - next) + *sum,
        };
        *sum = next;
    };
    for (x, y) in a.chunks(4).zip(b.chunks(4)) {
        for ((x, y), lane) in x.iter().zip(y).zip(&mut lanes) {
            add(lane, term(f64::from(*x), f64::from(*y)));
        }
    }
    let mut all = (0.0, 0.0);
    for (sum, rest) in lanes {
        add(&mut all, sum);
        add(&mut all, rest);
    }
    all.0 + all.1
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let (_, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}

/// Whether one vector is [`COARSE`] times as far from the middle (each column's median) as the median vector.
fn is_coarse(values: &[f32], dim: usize) -> bool {
    let rows = values.len() / dim;
    let step = rows.div_ceil(SAMPLE);
    let middle: Vec<f64> = (0..dim)
        .into_par_iter()
        .map(|column| {
            let column = values.chunks_exact(dim).step_by(step).map(|r| r[column]);
            let mut column: Vec<f64> = column.map(f64::from).collect();
            median(&mut column).unwrap_or(0.0)
        })
        .collect();
    let mut squares: Vec<f64> = values
        .par_chunks_exact(dim)
        .map(|row| {
            let pairs = row.iter().zip(&middle);
            pairs.map(|(v, m)| (f64::from(*v) - m).powi(2)).sum()
        })
        .collect();
    let largest = squares.iter().copied().fold(0.0, f64::max);
    let mut apart: Vec<f64> = squares.drain(..).filter(|s| *s > 0.0).collect();
    median(&mut apart).is_some_and(|median| largest > median * COARSE * COARSE)
}

fn squared_difference(a: &[f32], b: &[f32]) -> f32 {
    // eight sums side by side, which a compiler can keep in vector registers
    let mut sums = [0.0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let mut rest = 0.0;
    for (x, y) in a8.remainder().iter().zip(b8.remainder()) {
        rest += (x - y) * (x - y);
    }
    for (x, y) in a8.zip(b8) {
        for lane in 0..8 {
            let d = x[lane] - y[lane];
            sums[lane] += d * d;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// `out = a * transpose(b)` of row-major matrices with rows of `dim` values.
pub(crate) fn products(a: &[f32], b: &[f32], dim: usize, out: &mut [f32]) {
    let (m, n) = (a.len() / dim, b.len() / dim);
    assert!(a.len() == m * dim && b.len() == n * dim && out.len() == m * n);
    let (row, one) = (dim as isize, 1);
    // SAFETY: the lengths checked above are what the strides reach, and `out` is borrowed mutably, so no two overlap.
    unsafe {
        matrixmultiply::sgemm(
            m,
            dim,
            n,
            1.0,
            a.as_ptr(),
            row,
            one,
            b.as_ptr(),
            one,
            row,
            0.0,
            out.as_mut_ptr(),
            n as isize,
            one,
        );
    }
}

/// Values less their column's mean, divided by the largest of them; and that divisor.
fn centred(values: &[f32], dim: usize) -> (Vec<f32>, f64) {
    let len = values.len() / dim;
    let mut means = vec![0.0f64; dim];
    for row in values.chunks_exact(dim) {
        for (mean, v) in means.iter_mut().zip(row) {
            *mean += f64::from(*v);
        }
    }
    means.iter_mut().for_each(|mean| *mean /= len as f64);
    let largest = values.chunks_exact(dim).fold(0.0f64, |largest, row| {
        let pairs = row.iter().zip(&means);
        pairs.fold(largest, |l, (v, mean)| l.max((f64::from(*v) - mean).abs()))
    });
    let scale = if largest > 0.0 { largest } else { 1.0 };
    let mut out = vec![0.0f32; values.len()];
    let rows = values.par_chunks_exact(dim);
    out.par_chunks_exact_mut(dim)
        .zip(rows)
        .for_each(|(out, row)| {
            for ((out, v), mean) in out.iter_mut().zip(row).zip(&means) {
                *out = ((f64::from(*v) - mean) / scale) as f32;
            }
        });
    (out, scale)
}

/// Rows scaled to length 1; rows of zeros stay.
fn unit_length(values: &[f32], dim: usize) -> Vec<f32> {
    let mut out = vec![0.0f32; values.len()];
    let rows = values.par_chunks_exact(dim);
    out.par_chunks_exact_mut(dim)
        .zip(rows)
        .for_each(|(out, row)| {
            let length = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
            let length = length.sqrt();
            if length > 0.0 {
                for (out, v) in out.iter_mut().zip(row) {
                    *out = (f64::from(*v) / length) as f32;
                }
            }
        });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_match_their_definition_far_from_the_origin_and_at_any_scale() {
        for (offset, scale) in [(0.0, 1.0), (1000.0, 1.0), (0.0, 1e30), (0.0, 1e-30)] {
            let rows = [[0.0f32, 3.0], [4.0, 0.0], [4.0, 0.0]];
            let values: Vec<f32> = rows
                .iter()
                .flatten()
                .map(|v| (v + offset) * scale)
                .collect();
            let points = Points::new(&values, 2, Metric::Euclidean).unwrap();
            assert!((points.distance(0, 1) / scale - 5.0).abs() < 1e-4);
            assert_eq!(points.distance(1, 2), 0.0);
        }
    }

    #[test]
    fn cosine_distances_and_vectors_of_zeros() {
        let values = [1.0, 0.0, 0.0, 2.0, -3.0, 0.0, 0.0, 0.0, 5.0, 0.0];
        let points = Points::new(&values, 2, Metric::Cosine).unwrap();
        for (i, j, expected) in [(0, 1, 1.0), (0, 2, 2.0), (0, 3, 1.0), (0, 4, 0.0)] {
            assert!(
                (points.distance(i, j) - expected).abs() < 1e-6,
                "{i} {j}: {}",
                points.distance(i, j)
            );
        }
        assert_eq!(points.without_direction(), 1);
    }

    #[test]
    fn blocks_of_distances_agree_with_single_ones() {
        let dim = 33;
        let values: Vec<f32> = (0..40 * dim).map(|i| ((i * i) as f32).sin()).collect();
        for metric in [Metric::Euclidean, Metric::Cosine] {
            let points = Points::new(&values, dim, metric).unwrap();
            let mut block = Vec::new();
            let rows = [3, 7, 5, 39];
            points.keys(&rows, &mut block);
            for (line, i) in block.chunks_exact(40).zip(rows) {
                for (j, key) in line.iter().enumerate() {
                    assert!((key - points.key(i, j)).abs() < 2e-5, "{metric:?}");
                }
            }
        }
    }

    #[test]
    fn giants_are_told_by_row_and_by_how_many_medians() {
        let mut values: Vec<f32> = (0..301).flat_map(|_| [3.0, 4.0]).collect();
        let points = |values: &[f32], metric| Points::new(values, 2, metric).unwrap();
        assert_eq!(points(&values, Metric::Euclidean).giants(), []);
        values[20] = 1e6;
        values[600] = 1e20;
        // rows of zeros are no measure
        values[2..18].fill(0.0);
        let found = points(&values, Metric::Euclidean).giants();
        let rows: Vec<usize> = found.iter().map(|(row, _)| *row).collect();
        assert_eq!(rows, [301, 11]);
        assert!((found[0].1 / 2e19 - 1.0).abs() < 1e-6, "{found:?}");
        assert_eq!(points(&values, Metric::Cosine).giants(), []);
    }

    #[test]
    fn what_is_no_table_of_numbers_is_refused() {
        let new = |values: &[f32], dim| Points::new(values, dim, Metric::Euclidean);
        assert!(matches!(
            new(&[1.0; 5], 2),
            Err(SearchError::Shape { dim: 2, found: 5 })
        ));
        assert!(matches!(new(&[], 2), Err(SearchError::Input { .. })));
        let error = new(&[1.0, 2.0, 3.0, f32::NAN], 2).unwrap_err().to_string();
        assert_eq!(error, "vectors: row 2: expected finite numbers, found NaN");
    }
}
