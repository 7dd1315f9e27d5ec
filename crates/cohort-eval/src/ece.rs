//! The interval of the calibration error.
//!
//! The error in bins, `sum_b |g_b|` with `g_b` the mean gap of bin `b`, is pushed up by noise, since the noise of every bin
//! counts as an error: of a calibrated model it is never 0. So the interval is made by asking for which true errors the
//! observed one would not be unusual: the gaps are taken to be `k` times the observed ones, normal noise with their
//! covariance between subjects is added, and `k` runs over what keeps the observed error between the two tails. `k = 0`, a
//! calibrated model, is among them where the observed error is no more than noise. The `k` at which the observed error is
//! the median gives the debiased estimate.

use crate::distributions::normal_quantile;
use crate::metrics::ece::BINS;
use crate::random::{Stream, unit};
use crate::tally::Tally;

/// Draws of the noise.
const DRAWS: usize = 1_000;
/// Halvings of the interval of `k`.
const HALVINGS: usize = 24;

/// Interval and debiased value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Debiased {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// `widening` is the quantile of Student's t over that of the normal distribution. `None` without rows.
pub(crate) fn debiased(
    tally: &Tally,
    widening: f64,
    level: f64,
    stream: Stream,
) -> Option<Debiased> {
    let rows = tally.rows() as f64;
    let subjects = tally.subjects() as f64;
    if rows <= 0.0 || subjects < 2.0 {
        return None;
    }
    let mut gaps = [0.0; BINS];
    for s in 0..tally.subjects() {
        for &(bin, gap) in tally.bins_of(s) {
            gaps[bin] += gap / rows;
        }
    }
    let observed: f64 = gaps.iter().map(|gap| gap.abs()).sum();
    if observed <= 0.0 {
        return None;
    }
    // Without the subject, to the first order: what it adds less its share of the mean, over the rows that remain.
    let mut covariance = [[0.0; BINS]; BINS];
    for (s, &size) in tally.size.iter().enumerate() {
        let mut own = gaps.map(|gap| -gap * size / (rows - size));
        for &(bin, gap) in tally.bins_of(s) {
            own[bin] += gap / (rows - size);
        }
        for (row, a) in covariance.iter_mut().zip(own) {
            for (cell, b) in row.iter_mut().zip(own) {
                *cell += a * b * (subjects - 1.0) / subjects;
            }
        }
    }
    let root = cholesky(&covariance);
    let mut noise = Vec::with_capacity(DRAWS);
    for draw in 0..DRAWS {
        let mut generator = stream.item(draw);
        let z: [f64; BINS] =
            std::array::from_fn(|_| widening * normal_quantile(unit(&mut generator)));
        noise.push(root.map(|row| row.iter().zip(z).map(|(r, z)| r * z).sum::<f64>()));
    }
    let tail = (1.0 - level) / 2.0;
    // The quantile of the error seen when the true gaps are `k` times the observed.
    let seen = |k: f64, p: f64| {
        let error = |noise: &[f64; BINS]| -> f64 {
            gaps.iter()
                .zip(noise)
                .map(|(gap, e)| (k * gap + e).abs())
                .sum()
        };
        let mut errors: Vec<f64> = noise.iter().map(error).collect();
        let place = ((DRAWS as f64 * p) as usize).min(DRAWS - 1);
        *errors.select_nth_unstable_by(place, f64::total_cmp).1
    };
    let solve = |p: f64| {
        if seen(0.0, p) >= observed {
            return 0.0;
        }
        // No calibration error is larger than 1.
        let (mut low, mut high) = (0.0, 1.0 / observed);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if seen(middle, p) < observed {
                low = middle
            } else {
                high = middle
            }
        }
        0.5 * (low + high) * observed
    };
    Some(Debiased {
        value: solve(0.5),
        low: solve(1.0 - tail),
        high: solve(tail),
    })
}

/// Lower triangular root of a covariance; bins without variance have none.
fn cholesky(covariance: &[[f64; BINS]; BINS]) -> [[f64; BINS]; BINS] {
    let mut root: [[f64; BINS]; BINS] = [[0.0; BINS]; BINS];
    for i in 0..BINS {
        for j in 0..=i {
            let done: f64 = (0..j).map(|k| root[i][k] * root[j][k]).sum();
            let rest = covariance[i][j] - done;
            root[i][j] = if j == i {
                rest.max(0.0).sqrt()
            } else if root[j][j] > 0.0 {
                rest / root[j][j]
            } else {
                0.0
            };
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_squared_is_the_covariance() {
        let mut covariance = [[0.0; BINS]; BINS];
        for (i, row) in covariance.iter_mut().enumerate() {
            for (j, cell) in row.iter_mut().enumerate() {
                *cell = 0.5_f64.powi(i.abs_diff(j) as i32);
            }
        }
        let root = cholesky(&covariance);
        for (i, row) in covariance.iter().enumerate() {
            for (j, cell) in row.iter().enumerate() {
                let product: f64 = (0..BINS).map(|k| root[i][k] * root[j][k]).sum();
                assert!((product - cell).abs() < 1e-12);
            }
        }
    }
}
