//! A value with its interval, as pages show it.

use cohort_eval::Interval;

use crate::format;

/// A value with its interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Estimate {
    pub(super) value: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    /// Why there is no interval, or why its level is not claimed.
    pub(super) caution: Option<String>,
}

impl From<&Interval> for Estimate {
    fn from(interval: &Interval) -> Self {
        let (ends, caution) = match interval {
            Interval::Estimated(estimate) => (
                Some((estimate.low, estimate.high)),
                estimate.caution.clone(),
            ),
            Interval::NotEstimable(none) => (None, Some(none.reason.clone())),
        };
        Self {
            value: interval.value(),
            interval: ends,
            caution,
        }
    }
}

impl Estimate {
    /// The value as a table shows it.
    pub(super) fn number(&self, decimals: usize) -> String {
        super::words::fixed(self.value, decimals)
    }

    /// The value of a difference.
    pub(super) fn signed(&self, decimals: usize) -> String {
        let signed = |value| format::signed(value, decimals);
        self.value.map_or_else(|| format::NONE.to_owned(), signed)
    }

    /// The interval as a table shows it, below the value.
    pub(super) fn range(&self, decimals: usize) -> String {
        match self.interval {
            Some((low, high)) => format!(
                "{} to {}",
                format::fixed(low, decimals),
                format::fixed(high, decimals)
            ),
            None => "not estimable".to_owned(),
        }
    }
}
