//! The same experiment repeated with other seeds: mean, spread and how well the mean is known.

use serde::{Deserialize, Serialize};

use crate::distributions::t_quantile;

/// A figure over repetitions that differ in nothing but their seed.
///
/// The interval is Student's, of the mean over all seeds there could be. It says nothing of other data: for that, each
/// repetition has an interval of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// Mean over the repetitions.
    pub mean: f64,
    /// Standard deviation over the repetitions (n - 1); none for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// Lower end of the interval of the mean; none for one repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

impl Repeats {
    /// Of `values`, with an interval of this level, in (0, 1), cut at the least and the largest value that there can be;
    /// NaN throughout where a value is not finite or there is none.
    pub fn of(values: &[f64], level: f64, (least, most): (f64, f64)) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        if values.len() < 2 {
            return Self {
                mean,
                deviation: None,
                low: None,
                high: None,
            };
        }
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let deviation = (squares / (n - 1.0)).sqrt();
        // not f64::max, which would turn what is not a number into an end
        let cut = |end: f64| end.clamp(least, most);
        let reach = t_quantile(0.5 + level / 2.0, n - 1.0) * deviation / n.sqrt();
        Self {
            mean,
            deviation: Some(deviation),
            low: Some(cut(mean - reach)),
            high: Some(cut(mean + reach)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        // scipy.stats.t.interval(.95, 2, loc=2, scale=1/sqrt(3)) = -0.48413771, 4.48413771
        let found = Repeats::of(&[1.0, 2.0, 3.0], 0.95, (-9.0, 9.0));
        assert_eq!((found.mean, found.deviation), (2.0, Some(1.0)));
        assert!((found.low.unwrap() + 0.484_137_71).abs() < 1e-7);
        assert!((found.high.unwrap() - 4.484_137_71).abs() < 1e-7);
        let cut = Repeats::of(&[1.0, 2.0, 3.0], 0.95, (0.0, 4.0));
        assert_eq!((cut.low, cut.high), (Some(0.0), Some(4.0)));
    }

    #[test]
    fn one_repetition_has_no_spread() {
        let found = Repeats::of(&[0.3], 0.95, (0.0, 1.0));
        assert_eq!((found.mean, found.deviation, found.low), (0.3, None, None));
        assert!(Repeats::of(&[], 0.95, (0.0, 1.0)).mean.is_nan());
    }
}
