//! Settings held to their ranges.

use crate::NnError;

/// An integer setting with a lower bound.
pub(crate) fn at_least(field: &'static str, value: usize, least: usize) -> Result<(), NnError> {
    if value >= least {
        return Ok(());
    }
    Err(NnError::Config {
        field,
        expected: format!("at least {least}"),
        found: value.to_string(),
    })
}

/// A size within limits.
pub(crate) fn within(
    field: &'static str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<(), NnError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(NnError::Config {
        field,
        expected: format!("{least} to {most}"),
        found: value.to_string(),
    })
}

/// A setting in [0, 1).
pub(crate) fn share(field: &'static str, value: f64) -> Result<(), NnError> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(NnError::Config {
        field,
        expected: "0 <= value < 1".to_owned(),
        found: value.to_string(),
    })
}

/// A finite number that `fits`.
pub(crate) fn number(
    field: &'static str,
    value: f64,
    fits: impl Fn(f64) -> bool,
    expected: &str,
) -> Result<(), NnError> {
    if value.is_finite() && fits(value) {
        return Ok(());
    }
    Err(NnError::Config {
        field,
        expected: expected.to_owned(),
        found: value.to_string(),
    })
}
