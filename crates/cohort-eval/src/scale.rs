//! The scale on which a metric's error is closest to symmetric, and the binomial interval at the effective number of rows.

use crate::distributions::beta_quantile;

/// Transformation of a metric for its interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// As it is.
    Identity,
    /// `ln v` for losses without an upper bound.
    Log,
    /// `ln(v / (1 - v))` for shares.
    Logit,
    /// `atanh v` for kappa.
    Fisher,
}

impl Scale {
    /// Whether the transformed value is finite.
    pub(crate) fn inside(self, value: f64) -> bool {
        match self {
            Scale::Identity => value.is_finite(),
            Scale::Log => value > 0.0 && value.is_finite(),
            Scale::Logit => value > 0.0 && value < 1.0,
            Scale::Fisher => value.abs() < 1.0,
        }
    }

    /// Transformed value (infinite at an end of the range) and the derivative there.
    pub(crate) fn forward(self, value: f64) -> (f64, f64) {
        match self {
            Scale::Identity => (value, 1.0),
            Scale::Log => (value.ln(), 1.0 / value),
            Scale::Logit => ((value / (1.0 - value)).ln(), 1.0 / (value * (1.0 - value))),
            Scale::Fisher => (value.atanh(), 1.0 / (1.0 - value * value)),
        }
    }

    fn back(self, transformed: f64) -> f64 {
        match self {
            Scale::Identity => transformed,
            Scale::Log => transformed.exp(),
            Scale::Logit => 1.0 / (1.0 + (-transformed).exp()),
            Scale::Fisher => transformed.tanh(),
        }
    }

    /// Ends of the interval from the upper and lower quantile of the pivot, for a metric that lies in `range`.
    ///
    /// The scales of losses, signed errors and differences know no upper end. Where an interval made on them would leave
    /// the range, it is made on the scale that knows both: the logit, or Fisher's z, of the value's place in the range.
    /// `None` where the value itself is at an end of the range.
    pub(crate) fn interval(
        self,
        value: f64,
        error: f64,
        (upper, lower): (f64, f64),
        range: (f64, f64),
    ) -> Option<(f64, f64)> {
        let on = |scale: Scale, value: f64, error: f64| {
            let (at, slope) = scale.forward(value);
            let error = error * slope;
            (
                scale.back(at - upper * error),
                scale.back(at - lower * error),
            )
        };
        let within = |ends: &(f64, f64)| ends.0 >= range.0 && ends.1 <= range.1;
        let plain = Some(on(self, value, error))
            .filter(|ends| self.inside(value) && ends.0 <= ends.1 && within(ends));
        if plain.is_some() {
            return plain;
        }
        let (bounded, from, unit) = match self {
            Scale::Identity => (
                Scale::Fisher,
                0.5 * (range.0 + range.1),
                0.5 * (range.1 - range.0),
            ),
            Scale::Log => (Scale::Logit, range.0, range.1 - range.0),
            Scale::Logit | Scale::Fisher => return None,
        };
        let place = (value - from) / unit;
        if !bounded.inside(place) {
            return None;
        }
        let (low, high) = on(bounded, place, error / unit);
        Some((
            (from + unit * low).clamp(range.0, value),
            (from + unit * high).clamp(value, range.1),
        ))
    }
}

/// A share seen as so many successes out of an effective number of independent rows.
pub(crate) struct EffectiveBinomial {
    share: f64,
    effective: f64,
}

/// `n_eff = p (1 - p) / se^2`, at most the rows; the effective subjects where the error cannot be seen (all alike).
pub(crate) fn effective_binomial(
    share: f64,
    error: f64,
    rows: usize,
    subjects: f64,
) -> EffectiveBinomial {
    let variance = share * (1.0 - share);
    let effective = if error > 0.0 && variance > 0.0 {
        (variance / (error * error)).min(rows as f64)
    } else {
        subjects
    };
    EffectiveBinomial { share, effective }
}

impl EffectiveBinomial {
    /// Clopper and Pearson's interval with a fractional number of successes.
    pub(crate) fn interval(&self, level: f64) -> (f64, f64) {
        let tail = (1.0 - level) / 2.0;
        let hits = self.share * self.effective;
        let misses = self.effective - hits;
        let low = if hits <= 0.0 {
            0.0
        } else {
            beta_quantile(tail, hits, misses + 1.0)
        };
        let high = if misses <= 0.0 {
            1.0
        } else {
            beta_quantile(1.0 - tail, hits + 1.0, misses)
        };
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_undoes_forward_and_the_slope_is_the_derivative() {
        for (scale, value) in [
            (Scale::Identity, -0.3),
            (Scale::Log, 0.7),
            (Scale::Logit, 0.9),
            (Scale::Fisher, -0.4),
        ] {
            let (at, slope) = scale.forward(value);
            assert!((scale.back(at) - value).abs() < 1e-14);
            let h = 1e-6;
            let numeric = (scale.forward(value + h).0 - scale.forward(value - h).0) / (2.0 * h);
            assert!(
                (numeric - slope).abs() < 1e-6 * slope.abs().max(1.0),
                "{scale:?}"
            );
        }
        assert!(!Scale::Logit.inside(1.0) && !Scale::Log.inside(0.0) && !Scale::Fisher.inside(1.0));
    }

    #[test]
    fn independent_rows_give_clopper_and_pearson() {
        // scipy.stats.binomtest(9, 10).proportion_ci(method="exact") and (10, 10).
        let cases = [
            (0.9, (0.9_f64 * 0.1 / 10.0).sqrt(), 0.554_984, 0.997_472),
            (1.0, 0.0, 0.691_503, 1.0),
        ];
        for (share, error, low, high) in cases {
            let found = effective_binomial(share, error, 10, 10.0).interval(0.95);
            assert!(
                (found.0 - low).abs() < 1e-5 && (found.1 - high).abs() < 1e-5,
                "{found:?}"
            );
        }
    }
}
