//! From values to positions, and where the ticks go.

use crate::format;

/// A straight-line map from values to positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear {
    pub(crate) domain: (f64, f64),
    pub(crate) range: (f64, f64),
}

impl Linear {
    /// A domain without extent is widened, one whose extent overflows is cut, and one that is no number is
    /// 0 to 1, so that every position is finite.
    pub(crate) fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        const FURTHEST: f64 = f64::MAX / 4.0;
        let domain = if domain.0.is_nan() || domain.1.is_nan() {
            (0.0, 1.0)
        } else {
            let low = domain.0.clamp(-FURTHEST, FURTHEST);
            let high = domain.1.clamp(-FURTHEST, FURTHEST);
            if high - low > f64::EPSILON * (1.0 + low.abs()) {
                (low, high)
            } else {
                let half = 0.5 + low.abs() * 1e-6;
                (low - half, low + half)
            }
        };
        Self { domain, range }
    }

    /// The position of `value`, or of the end of the domain that it lies beyond.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let (low, high) = self.domain;
        let share = (value.clamp(low, high) - low) / (high - low);
        self.range.0 + share * (self.range.1 - self.range.0)
    }
}

/// Ticks at 1, 2 or 5 times a power of ten, with labels of equal decimals.
#[derive(Debug, Clone)]
pub(crate) struct Ticks {
    pub(crate) values: Vec<f64>,
    decimals: usize,
}

impl Ticks {
    /// About `wanted` ticks inside `domain`, between 1 and 20 of them.
    pub(crate) fn new(domain: (f64, f64), wanted: usize) -> Self {
        let (low, high) = Linear::new(domain, (0.0, 1.0)).domain;
        let rough = (high - low) / wanted.clamp(1, 10) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|m| m * power)
            .find(|s| *s >= rough * 0.999)
            .unwrap_or(10.0 * power);
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        let values = (first..=last).take(20).map(|i| i as f64 * step).collect();
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        Self { values, decimals }
    }

    pub(crate) fn label(&self, value: f64) -> String {
        if self.decimals == 0 {
            format::general(value.round())
        } else {
            format::fixed(value, self.decimals)
        }
    }
}

/// The smallest domain of round numbers that holds `low..high`, for axes that end on a tick.
pub(crate) fn round_domain(low: f64, high: f64, wanted: usize) -> (f64, f64) {
    let (low, high) = Linear::new((low, high), (0.0, 1.0)).domain;
    let ticks = Ticks::new((low, high), wanted);
    let step = match ticks.values.as_slice() {
        [a, b, ..] => b - a,
        _ => return (low, high),
    };
    (
        (low / step + 1e-9).floor() * step,
        (high / step - 1e-9).ceil() * step,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        for (domain, wanted, expected) in [
            (
                (0.0, 1.0),
                5,
                vec!["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"],
            ),
            ((0.0, 4953.0), 4, vec!["0", "2,000", "4,000"]),
            (
                (-0.1, 0.1),
                4,
                vec!["\u{2212}0.10", "\u{2212}0.05", "0.00", "0.05", "0.10"],
            ),
            ((0.0, 0.0), 2, vec!["\u{2212}0.5", "0.0", "0.5"]),
        ] {
            let ticks = Ticks::new(domain, wanted);
            let labels: Vec<String> = ticks.values.iter().map(|v| ticks.label(*v)).collect();
            assert_eq!(labels, expected, "{domain:?}");
        }
    }

    #[test]
    fn every_position_lies_inside_the_range() {
        for domain in [
            (0.0, 0.0),
            (f64::NAN, 1.0),
            (1e300, 1e300),
            (5.0, -5.0),
            (0.0, f64::INFINITY),
            (f64::NEG_INFINITY, 1.0),
            (f64::MIN, f64::MAX),
            (0.0, 5e-324),
        ] {
            let scale = Linear::new(domain, (0.0, 100.0));
            for value in [1.0, f64::MIN, f64::MAX, f64::NEG_INFINITY, f64::INFINITY] {
                let at = scale.at(value);
                assert!((0.0..=100.0).contains(&at), "{value} in {domain:?}: {at}");
            }
            assert!(Ticks::new(domain, 5).values.len() <= 20, "{domain:?}");
        }
    }

    #[test]
    fn round_domains_hold_the_data() {
        assert_eq!(round_domain(0.0, 4953.0, 5), (0.0, 5000.0));
        let (low, high) = round_domain(0.13, 0.87, 5);
        assert!(low <= 0.13 && high >= 0.87 && low > -0.01 && high < 1.01);
    }
}
