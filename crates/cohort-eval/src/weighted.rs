//! Intervals of whatever can be computed under weights of units: average precision of a detector, say.

use crate::EvalError;
use crate::estimate::Interval;
use crate::interval::{IntervalSettings, Quantities, resampled_intervals};
use crate::resampled::Resampled;
use crate::scale::Scale;
use crate::support::Support;

/// Quantities of one range, and on what they rest.
#[derive(Debug, Clone)]
pub struct Weighted<'a> {
    /// Least and greatest value. Quantities between 0 and 1 get intervals on the logit scale, others as they are.
    pub range: (f64, f64),
    /// Rows, for the record.
    pub rows: usize,
    /// For each quantity: the rows of every unit that bears on it, units without any left out.
    pub sizes: &'a [Vec<f64>],
    /// What separates the random numbers of different samples.
    pub names: &'a [&'a str],
}

/// The quantities that `make` computes, with intervals by unit: methods as in [`crate::intervals`], standard
/// errors as `make` computes them. A quantity at the end of its range
/// has none: its error cannot be seen.
///
/// # Errors
/// [`EvalError`] for settings out of range.
pub fn weighted_intervals<R: Resampled>(
    make: impl Fn() -> R + Sync + Send,
    given: &Weighted,
    settings: &IntervalSettings,
) -> Result<Vec<Interval>, EvalError> {
    settings.check()?;
    let supports: Vec<Support> = given
        .sizes
        .iter()
        .map(|sizes| Support::of_sizes(sizes))
        .collect();
    let quantities = Quantities {
        scale: match given.range == (0.0, 1.0) {
            true => Scale::Logit,
            false => Scale::Identity,
        },
        range: given.range,
        rows: given.rows,
        supports: supports.iter().collect(),
        resamples: settings.resamples,
        // what jumps when a unit is left out (precision at a grid of recalls) has errors that are far too large then
        leaves_out: false,
    };
    let stream = settings.stream(given.names);
    Ok(resampled_intervals(
        make,
        &quantities,
        settings.level,
        stream,
    ))
}
