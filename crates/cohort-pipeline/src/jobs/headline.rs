//! A value with its interval in a terminal's tables.

use cohort_eval::Interval;

/// `0.512 [0.480, 0.544]`.
pub(crate) fn cell(interval: &Interval) -> String {
    match (interval.estimate(), interval.value()) {
        (Some(e), _) => format!("{:.3} [{:.3}, {:.3}]", e.value, e.low, e.high),
        (None, Some(value)) => format!("{value:.3} [  -  ,   -  ]"),
        (None, None) => "not defined".to_string(),
    }
}
