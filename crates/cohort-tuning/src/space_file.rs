//! A space as people write it.

use serde::Deserialize;
use serde_json::Value;

use crate::error::SpaceError;
use crate::space::{Parameter, Range, Scale, Space};

/// A range of numbers in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    low: toml::Value,
    high: toml::Value,
    #[serde(default)]
    step: Option<toml::Value>,
    #[serde(default)]
    scale: Scale,
}

impl Space {
    /// A space from a table of TOML: a list of values is a choice, `{ low, high }` a range (whole numbers if both are; `step`;
    /// `scale = "log"`). Keys may be dotted or lie in tables of tables: `image.train.batch_size = [16, 32]`. The parameters are
    /// in the order of their names, so that moving a line changes nothing.
    ///
    /// # Errors
    /// As [`Space::new`]; a value of another kind.
    pub fn from_toml(table: &toml::Table) -> Result<Self, SpaceError> {
        let mut parameters = Vec::new();
        collect("", table, &mut parameters)?;
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        Self::new(parameters)
    }
}

fn collect(
    before: &str,
    table: &toml::Table,
    parameters: &mut Vec<Parameter>,
) -> Result<(), SpaceError> {
    for (key, value) in table {
        let name = match before {
            "" => key.clone(),
            _ => format!("{before}.{key}"),
        };
        match value {
            toml::Value::Table(inner) if !inner.contains_key("low") && !inner.is_empty() => {
                collect(&name, inner, parameters)?;
            }
            value => parameters.push(Parameter {
                range: range(&name, value)?,
                name,
            }),
        }
    }
    Ok(())
}

fn range(name: &str, value: &toml::Value) -> Result<Range, SpaceError> {
    const KINDS: &str = "a list of values, or { low = .., high = .., step = .., scale = \"log\" }";
    let wrong = |found: String| SpaceError::new(name, KINDS, found);
    match value {
        toml::Value::Array(values) => {
            let values: Result<Vec<Value>, _> = values.iter().map(plain).collect();
            Ok(Range::Choice(values.map_err(wrong)?))
        }
        toml::Value::Table(table) => {
            let numbers: Numbers = (table.clone().try_into())
                .map_err(|error: toml::de::Error| wrong(error.message().to_string()))?;
            let Numbers {
                low,
                high,
                step,
                scale,
            } = numbers;
            match (&low, &high) {
                (toml::Value::Integer(low), toml::Value::Integer(high)) => Ok(Range::Integer {
                    low: *low,
                    high: *high,
                    step: match &step {
                        None => 1,
                        Some(toml::Value::Integer(step)) => *step,
                        Some(other) => {
                            let expected = "a whole number as step";
                            return Err(SpaceError::new(name, expected, other));
                        }
                    },
                    scale,
                }),
                _ if step.is_some() => Err(SpaceError::new(
                    name,
                    "no step, or whole numbers as low and high",
                    format!("low {low}, high {high}"),
                )),
                _ => Ok(Range::Float {
                    low: number(&low).ok_or_else(|| wrong(format!("low {low}")))?,
                    high: number(&high).ok_or_else(|| wrong(format!("high {high}")))?,
                    scale,
                }),
            }
        }
        other => Err(wrong(other.to_string())),
    }
}

fn number(value: &toml::Value) -> Option<f64> {
    match value {
        toml::Value::Float(x) => Some(*x),
        toml::Value::Integer(x) => Some(*x as f64),
        _ => None,
    }
}

/// A value as JSON has it.
fn plain(value: &toml::Value) -> Result<Value, String> {
    match value {
        toml::Value::String(text) => Ok(Value::from(text.as_str())),
        toml::Value::Integer(x) => Ok(Value::from(*x)),
        toml::Value::Float(x) if x.is_finite() => Ok(Value::from(*x)),
        toml::Value::Boolean(yes) => Ok(Value::from(*yes)),
        toml::Value::Array(values) => values.iter().map(plain).collect(),
        other => Err(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_choices_ranges_and_tables_of_tables() {
        let text = "
            metric = ['euclidean', 'manhattan']
            neighbours = { low = 5, high = 50 }
            [image]
            dropout = { low = 0.0, high = 0.5 }
            hidden = [[], [64], [128, 64]]
            [image.train]
            learning_rate = { low = 1e-4, high = 1e-1, scale = 'log' }
            'batch_size' = { low = 8, high = 128, step = 8 }
            ";
        let space = Space::from_toml(&text.parse().unwrap()).unwrap();
        let names: Vec<&str> = space.parameters().iter().map(|p| p.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "image.dropout",
                "image.hidden",
                "image.train.batch_size",
                "image.train.learning_rate",
                "metric",
                "neighbours"
            ]
        );
        assert_eq!(
            space.parameters()[1].range,
            Range::Choice(vec![
                serde_json::json!([]),
                serde_json::json!([64]),
                serde_json::json!([128, 64])
            ])
        );
        assert_eq!(
            space.parameters()[2].range,
            Range::Integer {
                low: 8,
                high: 128,
                step: 8,
                scale: Scale::Linear
            }
        );
    }

    #[test]
    fn what_is_no_range_is_refused_with_its_name() {
        for (text, expected) in [
            ("x = 3", "\"x\": expected a list of values"),
            ("x = { low = 1, hihg = 3 }", "unknown field `hihg`"),
            ("x = { low = 1.0, high = 3.0, step = 1 }", "no step"),
            (
                "x = { low = 0.1, high = 0.5, step = 0.3 }",
                "no step, or whole numbers",
            ),
            (
                "x = { low = 1, high = 5, step = 0.3 }",
                "a whole number as step, found 0.3",
            ),
            ("x = { low = 'a', high = 3.0 }", "low \"a\""),
            (
                "x = { low = 1, high = 3, scale = 'logarithmic' }",
                "unknown variant",
            ),
            ("x = [nan]", "nan"),
            ("x = {}", "missing field `low`"),
            ("", "at least one parameter"),
        ] {
            let error = Space::from_toml(&text.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
