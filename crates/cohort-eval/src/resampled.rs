//! What a resampling of subjects needs to know of the quantities it is about.

/// Quantities that can be computed under any weights of independent units.
pub trait Resampled {
    /// Number of units.
    fn units(&self) -> usize;

    /// Value and cluster-robust standard error of each quantity where unit `i` counts `weights[i]` times; NaN where not
    /// defined, and for errors that are not asked for.
    fn values_and_errors(&mut self, weights: &[f64], with_errors: bool) -> (&[f64], &[f64]);
}
