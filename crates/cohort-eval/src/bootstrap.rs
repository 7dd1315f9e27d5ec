//! The studentised cluster bootstrap: subjects drawn with replacement, each resample with its own standard error
//! (Davison and Hinkley 1997, sections 2.4 and 3.8; Cameron, Gelbach and Miller 2008).

use rayon::prelude::*;

use crate::Metric;
use crate::evaluator::Evaluator;
use crate::random::{Stream, draw_weights};
use crate::resampled::Resampled;
use crate::scale::Scale;
use crate::tally::Tally;

/// `(h(v*) - h(v)) / se*` of each resample for each metric, sorted; resamples where the metric is not defined are left out.
pub(crate) fn pivots(
    tally: &Tally,
    metrics: &[Metric],
    values: &[f64],
    resamples: usize,
    stream: Stream,
) -> Vec<Vec<f64>> {
    let scales: Vec<Scale> = metrics.iter().map(|&metric| metric.scale()).collect();
    let make = || Evaluator::new(tally, metrics);
    pivots_of(make, &scales, values, resamples, stream)
}

/// The same for any quantities, `values` on the sample and the scale of each.
pub(crate) fn pivots_of<R: Resampled>(
    make: impl Fn() -> R + Sync + Send,
    scales: &[Scale],
    values: &[f64],
    resamples: usize,
    stream: Stream,
) -> Vec<Vec<f64>> {
    let drawn: Vec<Vec<f64>> = (0..resamples)
        .into_par_iter()
        .map_init(
            || {
                let resampled = make();
                let weights = vec![0.0; resampled.units()];
                (resampled, weights)
            },
            |(resampled, weights), resample| {
                draw_weights(&mut stream.item(resample), weights);
                let (v, se) = resampled.values_and_errors(weights, true);
                let terms = v.iter().zip(se).zip(values).zip(scales);
                terms
                    .map(|(((&v, &se), &at), &scale)| pivot(scale, v, se, at))
                    .collect()
            },
        )
        .collect();
    columns(&drawn, values.len())
}

/// The same for differences `a - b` of two models on the same rows.
pub(crate) fn paired_pivots(
    a: &Tally,
    b: &Tally,
    metrics: &[Metric],
    values: &[f64],
    resamples: usize,
    stream: Stream,
) -> Vec<Vec<f64>> {
    let drawn: Vec<Vec<f64>> = (0..resamples)
        .into_par_iter()
        .map_init(
            || {
                let weights = vec![0.0; a.subjects()];
                (
                    Evaluator::new(a, metrics),
                    Evaluator::new(b, metrics),
                    weights,
                )
            },
            |(ea, eb, weights), resample| {
                draw_weights(&mut stream.item(resample), weights);
                let (v, se) = Evaluator::difference(ea, eb, Some(weights));
                let terms = v.iter().zip(&se).zip(values);
                terms
                    .map(|((&v, &se), &at)| pivot(Scale::Identity, v, se, at))
                    .collect()
            },
        )
        .collect();
    columns(&drawn, metrics.len())
}

/// A standard error up to this is rounding: one clip among a million moves every metric by more.
pub(crate) const NO_ERROR: f64 = 1e-10;

fn pivot(scale: Scale, v: f64, se: f64, at: f64) -> f64 {
    if !v.is_finite() || !se.is_finite() || !at.is_finite() {
        return f64::NAN;
    }
    if !scale.inside(v) || se <= NO_ERROR {
        // At an end of the range, or all drawn subjects alike: beyond every other pivot on its side.
        return match v.total_cmp(&at) {
            std::cmp::Ordering::Less => f64::NEG_INFINITY,
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => f64::INFINITY,
        };
    }
    let (transformed, slope) = scale.forward(v);
    (transformed - scale.forward(at).0) / (se * slope)
}

fn columns(drawn: &[Vec<f64>], metrics: usize) -> Vec<Vec<f64>> {
    (0..metrics)
        .map(|i| {
            let mut column: Vec<f64> = drawn
                .iter()
                .map(|row| row[i])
                .filter(|pivot| !pivot.is_nan())
                .collect();
            column.sort_unstable_by(f64::total_cmp);
            column
        })
        .collect()
}

/// Quantile `p` of sorted values with linear interpolation at `(B + 1) p`; NaN without values.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at =
        ((sorted.len() as f64 + 1.0) * p - 1.0).clamp(0.0, (sorted.len() as f64 - 1.0).max(0.0));
    let low = sorted.get(at.floor() as usize).copied().unwrap_or(f64::NAN);
    let high = sorted.get(at.ceil() as usize).copied().unwrap_or(f64::NAN);
    if low == high {
        low
    } else {
        low + (high - low) * at.fract()
    }
}
