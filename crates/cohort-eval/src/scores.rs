//! The values of metrics, without intervals.

use crate::evaluator::Evaluator;
use crate::metrics::Metric;
use crate::sample::Sample;
use crate::tally::Tally;

/// The value of a metric; `None` where it is not defined: no rows, no order, probabilities or midpoints where they are
/// needed, kappa when truth and prediction are one and the same single class.
pub fn score(metric: Metric, sample: &Sample) -> Option<f64> {
    scores(&[metric], sample).pop().flatten()
}

/// The values of several metrics in one pass; see [`score`].
pub fn scores(metrics: &[Metric], sample: &Sample) -> Vec<Option<f64>> {
    let tally = Tally::new(sample, None);
    Evaluator::new(&tally, metrics)
        .values(None)
        .iter()
        .map(|value| Some(*value).filter(|value| value.is_finite()))
        .collect()
}
