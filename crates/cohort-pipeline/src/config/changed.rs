//! A configuration with some settings changed by their keys.

use serde_json::{Map, Value};

use super::RunConfig;
use crate::error::PipelineError;

impl RunConfig {
    /// The configuration with other values of some settings, by their keys such as `image.train.learning_rate`, checked.
    ///
    /// # Errors
    /// A key that there is not, a value of another kind, a setting out of its range.
    pub(crate) fn with_values(&self, values: &Map<String, Value>) -> Result<Self, PipelineError> {
        let bad = |message: String| PipelineError::Config {
            path: "settings".into(),
            message: message.trim_end().to_string(),
        };
        let mut whole = toml::Table::try_from(self).map_err(|error| bad(error.to_string()))?;
        for (key, value) in values {
            let value = toml::Value::try_from(value).map_err(|error| bad(error.to_string()))?;
            let mut table = &mut whole;
            let mut parts: Vec<&str> = key.split('.').collect();
            let last = parts.pop().unwrap_or_default();
            for part in parts {
                let inner = table.get_mut(part).and_then(toml::Value::as_table_mut);
                table = inner.ok_or_else(|| bad(format!("expected a setting, found {key}")))?;
            }
            table.insert(last.to_string(), value);
        }
        let changed: Self =
            (whole.try_into()).map_err(|error: toml::de::Error| bad(error.to_string()))?;
        changed.resolve()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changed(key: &str, value: Value) -> Result<RunConfig, PipelineError> {
        let config = RunConfig {
            data: "somewhere".into(),
            ..RunConfig::default()
        };
        config.with_values(&Map::from_iter([(key.to_string(), value)]))
    }

    #[test]
    fn settings_are_changed_by_their_keys_and_nothing_else_is() {
        let usual = RunConfig {
            data: "somewhere".into(),
            ..RunConfig::default()
        };
        let mut expected = usual.clone();
        expected.text.train.learning_rate = 0.5;
        expected.text.train.weight_decay = None;
        let found = changed("text.train.learning_rate", json!(0.5)).unwrap();
        assert_eq!(found, expected.resolve().unwrap());
        assert_eq!(
            changed("audio.hidden", json!([8, 4])).unwrap().audio.hidden,
            [8, 4]
        );
        // one that is left out of a file where it is not set
        let found = changed("text.train.weight_decay", json!(0.25)).unwrap();
        assert_eq!(found.text.train.weight_decay, Some(0.25));
        // a whole number where a real one is meant
        assert_eq!(
            changed("image.dropout", json!(0)).unwrap().image.dropout,
            0.0
        );
    }

    #[test]
    fn what_is_no_setting_or_out_of_range_is_told() {
        for (key, value, expected) in [
            (
                "text.train.learning_rat",
                json!(0.5),
                "unknown field `learning_rat`",
            ),
            ("nothing.x", json!(1), "expected a setting, found nothing.x"),
            ("text.hidden", json!("wide"), "invalid type"),
            (
                "text.train.batch_size",
                json!(1),
                "batch_size must be at least 2",
            ),
            ("text.train.learning_rate", json!(null), "unsupported"),
        ] {
            let error = changed(key, value).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
