//! Fields of a configuration: read by name with a default, and refused by name.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::DiffusionError;

/// A configuration's fields, and which of them have been read.
pub(crate) struct Fields {
    file: String,
    map: Map<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

impl Fields {
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, DiffusionError> {
        let broken = |found: String| DiffusionError::File {
            file: file.into(),
            expected: "a JSON object of settings".into(),
            found,
        };
        let value: Value =
            serde_json::from_str(&quote_infinities(text)).map_err(|e| broken(e.to_string()))?;
        let Value::Object(mut map) = value else {
            return Err(broken(brief(&value)));
        };
        // what stood at a default when the file was written; the reading class has its own
        if let Some(Value::Array(names)) = map.remove("_use_default_values") {
            for name in names.iter().filter_map(Value::as_str) {
                map.shift_remove(name);
            }
        }
        Ok(Self {
            file: file.into(),
            map,
            read: RefCell::default(),
        })
    }

    pub(crate) fn class_name(&self) -> Result<String, DiffusionError> {
        match self.map.get("_class_name").and_then(Value::as_str) {
            Some(name) => Ok(name.into()),
            None => Err(DiffusionError::File {
                file: self.file.clone(),
                expected: "a _class_name".into(),
                found: "none".into(),
            }),
        }
    }

    /// Fields that nobody has read, but the private ones.
    pub(crate) fn ignored(&self) -> Vec<String> {
        let read = self.read.borrow();
        let unread = self
            .map
            .keys()
            .filter(|name| !name.starts_with('_') && !read.contains(*name));
        unread.cloned().collect()
    }

    pub(crate) fn refuse(
        &self,
        name: &str,
        expected: impl Into<String>,
        found: impl Display,
    ) -> DiffusionError {
        DiffusionError::setting(format!("{name} in {}", self.file), expected, found)
    }

    /// The value; nothing where the field is missing or null.
    fn get(&self, name: &str) -> Option<&Value> {
        self.read.borrow_mut().insert(name.into());
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn truth(&self, name: &str, default: bool) -> Result<bool, DiffusionError> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(value) => Err(self.refuse(name, "true or false", brief(value))),
        }
    }

    pub(crate) fn word<T: Copy>(
        &self,
        name: &str,
        known: &[(&str, T)],
        default: T,
    ) -> Result<T, DiffusionError> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let found = known.iter().find(|(word, _)| value.as_str() == Some(word));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
            self.refuse(name, words.join(", "), brief(value))
        })
    }

    /// A finite number.
    pub(crate) fn number(&self, name: &str, default: f64) -> Result<f64, DiffusionError> {
        let value = self.any_number(name, default)?;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(self.refuse(name, "a finite number", value))
        }
    }

    /// A number, infinities included.
    pub(crate) fn any_number(&self, name: &str, default: f64) -> Result<f64, DiffusionError> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        match value.as_str() {
            Some("-Infinity") => Ok(f64::NEG_INFINITY),
            Some("Infinity") => Ok(f64::INFINITY),
            _ => value
                .as_f64()
                .ok_or_else(|| self.refuse(name, "a number", brief(value))),
        }
    }

    pub(crate) fn positive(&self, name: &str, default: f64) -> Result<f64, DiffusionError> {
        let value = self.number(name, default)?;
        if value > 0.0 {
            Ok(value)
        } else {
            Err(self.refuse(name, "above 0", value))
        }
    }

    pub(crate) fn whole(
        &self,
        name: &str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, DiffusionError> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let whole = value.as_u64().and_then(|whole| usize::try_from(whole).ok());
        whole.filter(|whole| range.contains(whole)).ok_or_else(|| {
            self.refuse(
                name,
                format!("a whole number, {} to {}", range.start(), range.end()),
                brief(value),
            )
        })
    }

    pub(crate) fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, DiffusionError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let list = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_f64).collect());
        match list {
            Some(list) => Ok(Some(list)),
            None => Err(self.refuse(name, "a list of numbers", brief(value))),
        }
    }

    /// Refuses a word other than the one that is computed.
    pub(crate) fn only(&self, name: &str, word: &str) -> Result<(), DiffusionError> {
        self.word(name, &[(word, ())], ())
    }

    /// Refuses fields that are neither missing, null nor false: what they ask for is not computed.
    pub(crate) fn off(&self, names: &[&str]) -> Result<(), DiffusionError> {
        for name in names {
            if let Some(value) = self.get(name)
                && value != &Value::Bool(false)
            {
                return Err(self.refuse(name, "false or null", brief(value)));
            }
        }
        Ok(())
    }

    pub(crate) fn on(&self, name: &str) -> Result<(), DiffusionError> {
        if self.truth(name, true)? {
            Ok(())
        } else {
            Err(self.refuse(name, "true", "false"))
        }
    }

    pub(crate) fn empty(&self, name: &str) -> Result<(), DiffusionError> {
        match self.get(name) {
            Some(value) if value.as_array().is_none_or(|list| !list.is_empty()) => {
                Err(self.refuse(name, "an empty list", brief(value)))
            }
            _ => Ok(()),
        }
    }
}

/// A value as errors show it: its beginning.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    let mut end = text.len().min(60);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let dots = if end < text.len() { ".." } else { "" };
    format!("{}{dots}", &text[..end])
}

/// Python writes infinities bare, which JSON does not know: outside of strings they are put into quotation marks.
fn quote_infinities(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let bare = ["-Infinity", "Infinity"]
            .into_iter()
            .find(|word| !inside && rest.starts_with(word));
        if let Some(word) = bare {
            quoted.extend(["\"", word, "\""]);
            rest = &rest[word.len()..];
            continue;
        }
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = inside,
            '"' => inside = !inside,
            _ => {}
        }
        quoted.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_of_python_are_read_and_those_in_strings_left() {
        let text = r#"{"a": -Infinity, "b": "x \" -Infinity", "c": Infinity}"#;
        let fields = Fields::parse(text, "f").unwrap();
        assert_eq!(fields.any_number("a", 0.0), Ok(f64::NEG_INFINITY));
        assert_eq!(fields.any_number("c", 0.0), Ok(f64::INFINITY));
        assert_eq!(fields.get("b"), Some(&Value::from("x \" -Infinity")));
        assert!(fields.number("a", 0.0).is_err());
    }

    #[test]
    fn defaults_of_the_writer_are_not_taken() {
        let text = r#"{"steps_offset": 4, "x": 1, "_use_default_values": ["steps_offset"]}"#;
        let fields = Fields::parse(text, "f").unwrap();
        assert_eq!(fields.whole("steps_offset", 0..=9, 0), Ok(0));
        assert_eq!(fields.ignored(), ["x"]);
    }
}
