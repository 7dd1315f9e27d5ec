//! How far the rates of groups lie apart, with intervals from those of the groups.
//!
//! The limits of a difference, and of a ratio on its logarithm, are recovered from those of the two rates (Zou and Donner
//! 2008): `d - sqrt((a - l_a)^2 + (u_b - b)^2)` below and the same with the other ends above. Each rate keeps the interval that
//! shares have here, so nothing is lost where a rate is close to 0 or 1. What is largest over all pairs is then bounded by the
//! largest of their lower and upper limits, which holds where the limits of all pairs hold at once.

use crate::Interval;
use crate::estimate::{Estimate, Method};
use crate::recovered::recovered;

/// A group's rate with its limits.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    pub(super) value: f64,
    limits: Option<Limits>,
}

#[derive(Debug, Clone)]
struct Limits {
    low: f64,
    high: f64,
    error: f64,
    caution: Option<String>,
}

impl Rate {
    pub(super) fn of(interval: &Interval) -> Self {
        Self {
            value: interval.value().unwrap_or(f64::NAN),
            limits: interval.estimate().map(|found| Limits {
                low: found.low,
                high: found.high,
                error: found.standard_error,
                caution: found.caution.clone(),
            }),
        }
    }
}

/// Places of the smallest and of the largest rate, the first of equals; of at least one rate.
pub(super) fn ends(rates: &[Rate]) -> (usize, usize) {
    let (mut lowest, mut highest) = (0, 0);
    for (place, rate) in rates.iter().enumerate() {
        if rate.value < rates[lowest].value {
            lowest = place;
        }
        if rate.value > rates[highest].value {
            highest = place;
        }
    }
    (lowest, highest)
}

/// Every pair of rates, with their limits; `None` where a rate has none.
fn pairs(rates: &[Rate]) -> Option<Vec<[(f64, &Limits); 2]>> {
    let mut all = Vec::new();
    for (i, a) in rates.iter().enumerate() {
        for b in &rates[i + 1..] {
            all.push([(a.value, a.limits.as_ref()?), (b.value, b.limits.as_ref()?)]);
        }
    }
    Some(all)
}

/// The largest less the smallest rate.
pub(super) fn difference(rates: &[Rate], support: (usize, usize)) -> Interval {
    let (lowest, highest) = ends(rates);
    let value = rates[highest].value - rates[lowest].value;
    let Some(pairs) = pairs(rates) else {
        return none(value, support);
    };
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    for [(a, of_a), (b, of_b)] in pairs {
        let (least, most) = recovered((a, of_a.low, of_a.high), (b, of_b.low, of_b.high), 0.0);
        // of the absolute difference
        low = low.max(least).max(-most);
        high = high.max(most).max(-least);
    }
    let error = rates[highest].error().hypot(rates[lowest].error());
    estimate(value, low, high.min(1.0), error, rates, support)
}

/// The smallest over the largest rate.
pub(super) fn ratio(rates: &[Rate], support: (usize, usize)) -> Interval {
    let (lowest, highest) = ends(rates);
    let (smallest, largest) = (rates[lowest].value, rates[highest].value);
    if largest <= 0.0 || !largest.is_finite() {
        let reason = "no group is given the favourable class, so there is no ratio";
        return Interval::none_of(f64::NAN, support.0, support.1, reason.into());
    }
    let value = smallest / largest;
    let Some(pairs) = pairs(rates) else {
        return none(value, support);
    };
    let (mut low, mut high) = (1.0_f64, 1.0_f64);
    for [(a, of_a), (b, of_b)] in pairs {
        let (least, most) = ratio_limits((a, of_a), (b, of_b));
        // of the smaller over the larger
        low = low.min(least).min(1.0 / most);
        high = high.min(most).min(1.0 / least);
    }
    let relative = (rates[lowest].error() / smallest).hypot(rates[highest].error() / largest);
    let error = if smallest > 0.0 {
        value * relative
    } else {
        0.0
    };
    estimate(value, low, high, error, rates, support)
}

/// Limits of `a / b`, 0 and infinity among them.
fn ratio_limits((a, of_a): (f64, &Limits), (b, of_b): (f64, &Limits)) -> (f64, f64) {
    if a <= 0.0 || b <= 0.0 {
        // one of them is 0, and its logarithm has no place: the ends themselves
        let least = if of_b.high > 0.0 {
            of_a.low / of_b.high
        } else {
            0.0
        };
        let most = if of_b.low > 0.0 {
            of_a.high / of_b.low
        } else {
            f64::INFINITY
        };
        return (least, most);
    }
    let ln = |value: f64, limits: &Limits| (value.ln(), limits.low.ln(), limits.high.ln());
    let (least, most) = recovered(ln(a, of_a), ln(b, of_b), 0.0);
    (least.exp(), most.exp())
}

impl Rate {
    fn error(&self) -> f64 {
        self.limits.as_ref().map_or(f64::NAN, |limits| limits.error)
    }
}

fn none(value: f64, (clips, subjects): (usize, usize)) -> Interval {
    let reason = "a group's rate has no interval";
    Interval::none_of(value, clips, subjects, reason.into())
}

fn estimate(
    value: f64,
    low: f64,
    high: f64,
    error: f64,
    rates: &[Rate],
    (clips, subjects): (usize, usize),
) -> Interval {
    let cautions = rates
        .iter()
        .filter_map(|rate| rate.limits.as_ref()?.caution.clone());
    Interval::Estimated(Estimate {
        value,
        low: low.min(value),
        high: high.max(value),
        method: Method::RecoveredLimits,
        standard_error: error,
        clips,
        subjects,
        debiased: None,
        caution: cautions
            .into_iter()
            .next()
            .map(|first| format!("of a group: {first}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(value: f64, low: f64, high: f64) -> Rate {
        Rate {
            value,
            limits: Some(Limits {
                low,
                high,
                error: 0.1,
                caution: None,
            }),
        }
    }

    fn found(interval: &Interval) -> [f64; 3] {
        let found = interval.estimate().unwrap();
        [found.value, found.low, found.high]
    }

    #[test]
    fn limits_are_those_of_the_paper() {
        // Newcombe 1998, example (a) of his method 10: 56/70 and 48/80 with Wilson's limits give 0.0524 to 0.3339
        let (a, b) = (rate(0.8, 0.6918, 0.8770), rate(0.6, 0.4905, 0.7004));
        let [value, low, high] = found(&difference(&[b.clone(), a.clone()], (150, 150)));
        assert!((value - 0.2).abs() < 1e-12);
        assert!(
            (low - 0.0524).abs() < 5e-4 && (high - 0.3339).abs() < 5e-4,
            "{low} {high}"
        );
        // the same by its definition on logarithms
        let [value, low, high] = found(&ratio(&[a, b], (150, 150)));
        let spread = |x: f64, y: f64| (x * x + y * y).sqrt();
        let (x, y) = (0.6_f64.ln(), 0.8_f64.ln());
        let expected_low = (x - y - spread(x - 0.4905_f64.ln(), 0.8770_f64.ln() - y)).exp();
        let expected_high = (x - y + spread(0.7004_f64.ln() - x, y - 0.6918_f64.ln())).exp();
        assert!((value - 0.75).abs() < 1e-12 && (low - expected_low).abs() < 1e-12);
        assert!((high - expected_high).abs() < 1e-12);
    }

    #[test]
    fn of_several_groups_the_limits_are_the_outermost_of_all_pairs() {
        let rates = [
            rate(0.5, 0.4, 0.6),
            rate(0.2, 0.15, 0.26),
            rate(0.45, 0.3, 0.6),
        ];
        let all = found(&difference(&rates, (9, 9)));
        let mut low = 0.0_f64;
        let mut high = 0.0_f64;
        for (i, j) in [(0, 1), (0, 2), (2, 1)] {
            let two = found(&difference(&[rates[i].clone(), rates[j].clone()], (9, 9)));
            low = low.max(two[1]);
            high = high.max(two[2]);
        }
        assert_eq!(all, [0.5 - 0.2, low, high]);
        let alike = [rate(0.5, 0.4, 0.6), rate(0.5, 0.4, 0.6)];
        let [value, low, high] = found(&difference(&alike, (9, 9)));
        assert!(value == 0.0 && low == 0.0 && (high - 0.1_f64.hypot(0.1)).abs() < 1e-12);
        let [value, low, high] = found(&ratio(&alike, (9, 9)));
        assert!(value == 1.0 && low < 1.0 && high == 1.0);
    }

    #[test]
    fn a_group_that_is_never_chosen_has_limits_all_the_same() {
        let rates = [rate(0.0, 0.0, 0.1), rate(0.5, 0.4, 0.6)];
        let [value, low, high] = found(&ratio(&rates, (9, 9)));
        assert!(value == 0.0 && low == 0.0 && (high - 0.25).abs() < 1e-12);
        let nobody = [rate(0.0, 0.0, 0.1), rate(0.0, 0.0, 0.2)];
        assert_eq!(ratio(&nobody, (9, 9)).value(), None);
        let unknown = Rate {
            value: 0.3,
            limits: None,
        };
        assert!(
            difference(&[unknown, rate(0.5, 0.4, 0.6)], (9, 9))
                .estimate()
                .is_none()
        );
    }
}
