//! The parameters of a search and their values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::SpaceError;

/// How the numbers of a range are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Evenly (default).
    #[default]
    Linear,
    /// Evenly in their logarithm; both ends above 0.
    Log,
}

/// The values of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Range {
    /// Real numbers from `low` to `high`, both included.
    Float {
        /// The least.
        low: f64,
        /// The largest.
        high: f64,
        /// How they are spaced.
        scale: Scale,
    },
    /// Whole numbers `low`, `low + step`, ... up to `high`.
    Integer {
        /// The least.
        low: i64,
        /// The largest that may be reached.
        high: i64,
        /// Distance of two neighbours, at least 1.
        step: i64,
        /// How they are spaced.
        scale: Scale,
    },
    /// Any of these values; none is nearer to another than to a third.
    Choice(Vec<Value>),
}

/// A parameter of the space.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, such as the key of a setting.
    pub name: String,
    /// Its values.
    pub range: Range,
}

/// A point of a space: for each parameter its number, or the position of its value among the choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point(pub Vec<f64>);

/// The parameters that are searched, in the order in which points list them.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    parameters: Vec<Parameter>,
}

/// Most values of a whole-number range or of a choice.
const MOST: usize = 1_000_000;

impl Space {
    /// A space of at least one parameter.
    ///
    /// # Errors
    /// [`SpaceError`]: no parameter, a name twice, an empty range or choice, a logarithmic range that does not lie above 0,
    /// numbers that are not finite.
    pub fn new(parameters: Vec<Parameter>) -> Result<Self, SpaceError> {
        if parameters.is_empty() {
            return Err(SpaceError::new("", "at least one parameter", "none"));
        }
        for (at, parameter) in parameters.iter().enumerate() {
            parameter.check()?;
            if parameters[..at].iter().any(|p| p.name == parameter.name) {
                return Err(SpaceError::new(
                    &parameter.name,
                    "every name once",
                    "it twice",
                ));
            }
        }
        Ok(Self { parameters })
    }

    /// The parameters.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The values that a point stands for, one a parameter.
    ///
    /// # Panics
    /// When the point is not of this space.
    pub fn values(&self, point: &Point) -> Vec<Value> {
        assert_eq!(
            point.0.len(),
            self.parameters.len(),
            "a point of this space"
        );
        let pairs = self.parameters.iter().zip(&point.0);
        pairs
            .map(|(parameter, &at)| parameter.range.value(at))
            .collect()
    }
}

impl Parameter {
    fn check(&self) -> Result<(), SpaceError> {
        let wrong = |expected, found: String| Err(SpaceError::new(&self.name, expected, found));
        match &self.range {
            Range::Choice(values) => {
                if values.is_empty() || values.len() > MOST {
                    return wrong("1 to 1000000 values", values.len().to_string());
                }
                let twice = (1..values.len()).find(|&at| values[..at].contains(&values[at]));
                match twice {
                    None => Ok(()),
                    Some(at) => wrong("every value once", format!("{} twice", values[at])),
                }
            }
            Range::Float { low, high, scale } => {
                if !low.is_finite() || !high.is_finite() || low >= high {
                    return wrong(
                        "finite numbers, low below high",
                        format!("{low} and {high}"),
                    );
                }
                if *scale == Scale::Log && *low <= 0.0 {
                    return wrong("a low above 0 for a logarithmic scale", low.to_string());
                }
                match (high - low).is_finite() {
                    true => Ok(()),
                    false => wrong("a range that is finite", format!("{low} to {high}")),
                }
            }
            Range::Integer {
                low,
                high,
                step,
                scale,
            } => {
                if low > high {
                    return wrong("low at most high", format!("{low} and {high}"));
                }
                if *step < 1 {
                    return wrong("a step of at least 1", step.to_string());
                }
                if *scale == Scale::Log && *low < 1 {
                    return wrong("a low above 0 for a logarithmic scale", low.to_string());
                }
                if *scale == Scale::Log && *step != 1 {
                    return wrong("no step for a logarithmic scale", format!("step {step}"));
                }
                // beyond 2^53 neighbours could not be told apart
                if low.unsigned_abs() > 1 << 53 || high.unsigned_abs() > 1 << 53 {
                    return wrong("whole numbers below 2^53", format!("{low} to {high}"));
                }
                Ok(())
            }
        }
    }
}

impl Range {
    /// The value at a coordinate.
    fn value(&self, at: f64) -> Value {
        match self {
            Self::Float { .. } => Value::from(at),
            Self::Integer { .. } => Value::from(at as i64),
            Self::Choice(values) => values[at as usize].clone(),
        }
    }

    /// Values that can be told apart, or none for real numbers.
    pub(crate) fn count(&self) -> Option<usize> {
        match self {
            Self::Float { .. } => None,
            Self::Integer {
                low, high, step, ..
            } => Some(((high - low) / step) as usize + 1),
            Self::Choice(values) => Some(values.len()),
        }
    }

    /// The part of the unit interval that a coordinate takes, for numbers; a real number takes one point of it.
    pub(crate) fn cell(&self, at: f64) -> (f64, f64) {
        match self {
            Self::Float { low, high, scale } => {
                let u = match scale {
                    Scale::Linear => (at - low) / (high - low),
                    Scale::Log => (at / low).ln() / (high / low).ln(),
                };
                (u.clamp(0.0, 1.0), u.clamp(0.0, 1.0))
            }
            Self::Integer {
                low, step, scale, ..
            } => {
                let (low, step) = (*low as f64, *step as f64);
                let first = low - 0.5 * step;
                let last = low + (self.count().unwrap_or(1) as f64 - 0.5) * step;
                let place = |x: f64| match scale {
                    Scale::Linear => (x - first) / (last - first),
                    Scale::Log => (x / first).ln() / (last / first).ln(),
                };
                (place(at - 0.5 * step), place(at + 0.5 * step))
            }
            Self::Choice(_) => unreachable!("choices lie on no line"),
        }
    }

    /// The coordinate at a place of the unit interval, for numbers. Real numbers are rounded to four digits, which people can
    /// copy.
    pub(crate) fn at(&self, u: f64) -> f64 {
        match self {
            Self::Float { low, high, scale } => {
                let x = match scale {
                    Scale::Linear => low + u * (high - low),
                    Scale::Log => low * (u * (high / low).ln()).exp(),
                };
                rounded(x).clamp(*low, *high)
            }
            Self::Integer {
                low, step, scale, ..
            } => {
                let count = self.count().unwrap_or(1) as f64;
                let (low, step) = (*low as f64, *step as f64);
                let first = low - 0.5 * step;
                let last = low + (count - 0.5) * step;
                let x = match scale {
                    Scale::Linear => first + u * (last - first),
                    Scale::Log => first * (u * (last / first).ln()).exp(),
                };
                low + step * ((x - first) / step).floor().clamp(0.0, count - 1.0)
            }
            Self::Choice(_) => unreachable!("choices lie on no line"),
        }
    }
}

/// A number with four significant digits.
fn rounded(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_a_value_and_every_value_has_its_place() {
        let ranges = [
            Range::Integer {
                low: 5,
                high: 50,
                step: 1,
                scale: Scale::Linear,
            },
            Range::Integer {
                low: 8,
                high: 60,
                step: 7,
                scale: Scale::Linear,
            },
            Range::Integer {
                low: 1,
                high: 2048,
                step: 1,
                scale: Scale::Log,
            },
            Range::Integer {
                low: 3,
                high: 3,
                step: 1,
                scale: Scale::Linear,
            },
        ];
        for range in &ranges {
            let count = range.count().unwrap();
            let mut seen = std::collections::BTreeSet::new();
            for k in 0..200_000 {
                seen.insert(range.at(f64::from(k) / 199_999.0) as i64);
            }
            assert_eq!(seen.len(), count, "{range:?}");
            let mut end = 0.0;
            for &value in &seen {
                let (from, to) = range.cell(value as f64);
                assert!((from - end).abs() < 1e-12 && to > from, "{range:?} {value}");
                assert_eq!(range.at(0.5 * (from + to)) as i64, value);
                end = to;
            }
            assert!((end - 1.0).abs() < 1e-12, "{range:?}");
        }
        let range = Range::Float {
            low: 1e-5,
            high: 1e-1,
            scale: Scale::Log,
        };
        assert_eq!(range.at(0.5), 1e-3);
        assert_eq!(range.at(0.0), 1e-5);
        assert_eq!(range.at(1.0), 1e-1);
        assert!((range.cell(1e-2).0 - 0.75).abs() < 1e-12);
    }

    #[test]
    fn a_space_that_cannot_be_searched_is_named() {
        let float = |low, high, scale| Range::Float { low, high, scale };
        let integer = |low, high, step, scale| Range::Integer {
            low,
            high,
            step,
            scale,
        };
        for (range, expected) in [
            (float(1.0, 1.0, Scale::Linear), "low below high"),
            (float(0.0, 1.0, Scale::Log), "above 0"),
            (float(f64::NAN, 1.0, Scale::Linear), "finite"),
            (
                float(-f64::MAX, f64::MAX, Scale::Linear),
                "a range that is finite",
            ),
            (integer(3, 2, 1, Scale::Linear), "low at most high"),
            (integer(1, 2, 0, Scale::Linear), "a step"),
            (integer(0, 2, 1, Scale::Log), "a low above 0"),
            (Range::Choice(vec![]), "1 to 1000000 values"),
            (Range::Choice(vec![1.into(), 1.into()]), "every value once"),
        ] {
            let parameter = Parameter {
                name: "x".to_string(),
                range,
            };
            let error = Space::new(vec![parameter]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Space::new(vec![]).is_err());
        let x = Parameter {
            name: "x".to_string(),
            range: float(0.0, 1.0, Scale::Linear),
        };
        assert!(Space::new(vec![x.clone(), x]).is_err());
    }
}
