//! Reading documents of other stages without insisting on parts that may be missing.

use cohort_eval::Interval;
use serde_json::Value;

use crate::format;

/// A value with its interval, as the evaluation writes it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Estimate {
    pub(super) value: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) clips: Option<u64>,
    pub(super) subjects: Option<u64>,
    /// Why there is no interval, or why its level is not claimed.
    pub(super) caution: Option<String>,
}

impl From<&Interval> for Estimate {
    fn from(interval: &Interval) -> Self {
        let (ends, caution) = match interval {
            Interval::Estimated(estimate) => (
                Some((estimate.low, estimate.high)),
                estimate.caution.clone(),
            ),
            Interval::NotEstimable(none) => (None, Some(none.reason.clone())),
        };
        Self {
            value: interval.value(),
            interval: ends,
            clips: Some(interval.clips() as u64),
            subjects: Some(interval.subjects() as u64),
            caution,
        }
    }
}

impl Estimate {
    /// Reads `{"value", "low", "high", ..}`, `{"not_estimable": true, "reason", ..}` or a bare number.
    pub(super) fn new(value: &Value) -> Self {
        if let Some(number) = value.as_f64() {
            return Self {
                value: Some(number),
                ..Self::default()
            };
        }
        let interval = number(value, "low").zip(number(value, "high"));
        let reason = text(value, "caution").or_else(|| text(value, "reason"));
        Self {
            value: number(value, "value"),
            interval,
            clips: whole(value, "clips"),
            subjects: whole(value, "subjects"),
            caution: reason.map(str::to_owned),
        }
    }

    pub(super) fn at(value: &Value, key: &str) -> Option<Self> {
        value.get(key).filter(|v| !v.is_null()).map(Self::new)
    }

    /// The value as a table shows it.
    pub(super) fn number(&self, decimals: usize) -> String {
        self.value
            .map_or_else(|| format::NONE.to_owned(), |v| format::fixed(v, decimals))
    }

    /// The interval as a table shows it, below the value.
    pub(super) fn range(&self, decimals: usize) -> String {
        match self.interval {
            Some((low, high)) => format!(
                "{} to {}",
                format::fixed(low, decimals),
                format::fixed(high, decimals)
            ),
            None => "not estimable".to_owned(),
        }
    }
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

pub(super) fn number(value: &Value, key: &str) -> Option<f64> {
    value.get(key).and_then(Value::as_f64)
}

pub(super) fn whole(value: &Value, key: &str) -> Option<u64> {
    value.get(key).and_then(Value::as_u64)
}

/// The items of a list, none when there is no such list.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The entries of an object in their order, none when there is no such object.
pub(super) fn entries<'a>(value: &'a Value, key: &str) -> Vec<(&'a str, &'a Value)> {
    let object = value.get(key).and_then(Value::as_object);
    object.map_or_else(Vec::new, |o| {
        o.iter().map(|(k, v)| (k.as_str(), v)).collect()
    })
}

/// The strings of a list; numbers are written as text.
pub(super) fn names(value: &Value, key: &str) -> Vec<String> {
    list(value, key).iter().map(plain).collect()
}

/// A scalar as people read it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => format::NONE.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

/// Name of a class of the target, as the statistics give it; the code where they do not.
pub(super) fn class_name(stats: Option<&Value>, code: &str) -> String {
    let target = stats.and_then(|s| text(s, "target")).unwrap_or("");
    level_name(stats, target, code)
}

/// Name of a level of an attribute, as the statistics give it; the code where they do not.
pub(super) fn level_name(stats: Option<&Value>, attribute: &str, code: &str) -> String {
    let find = || {
        let levels = list(stats?.get("pooled")?.get("counts")?, attribute);
        levels
            .iter()
            .find(|l| text(l, "code") == Some(code))
            .and_then(|l| text(l, "name"))
    };
    find().unwrap_or(code).to_owned()
}

/// `1,234 clips of 321 subjects`, with what is known.
pub(super) fn clips_and_subjects(value: &Value) -> String {
    match (whole(value, "clips"), whole(value, "subjects")) {
        (Some(c), Some(s)) => format!("{} of {}", counted(c, "clip"), counted(s, "subject")),
        (Some(c), None) => counted(c, "clip"),
        _ => String::new(),
    }
}

/// The same for a document with both.
pub(super) fn of_clips(clips: usize, subjects: usize) -> String {
    let clips = counted(clips as u64, "clip");
    format!("{clips} of {}", counted(subjects as u64, "subject"))
}

/// A count as a table shows it.
pub(super) fn count(count: usize) -> String {
    format::count(count as u64)
}

/// A number as a table shows it, where there is one.
pub(super) fn fixed(number: Option<f64>, decimals: usize) -> String {
    number.map_or_else(|| format::NONE.to_owned(), |v| format::fixed(v, decimals))
}

/// `1 clip`, `2 clips`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        format::count(count),
        if count == 1 { "" } else { "s" }
    )
}

/// An identifier such as `balanced_accuracy` as words.
pub(super) fn words(identifier: &str) -> String {
    sentence_case(&identifier.replace(['_', '-'], " "))
}

/// Words with a capital at the front.
pub(super) fn sentence_case(words: &str) -> String {
    let mut chars = words.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn estimates_in_every_shape() {
        let whole = Estimate::new(
            &json!({"value": 0.5, "low": 0.4, "high": 0.6, "clips": 9, "subjects": 3}),
        );
        assert_eq!(
            (whole.value, whole.interval, whole.clips),
            (Some(0.5), Some((0.4, 0.6)), Some(9))
        );
        let none =
            Estimate::new(&json!({"not_estimable": true, "value": 1.0, "reason": "2 subjects"}));
        assert_eq!(
            (none.value, none.range(3).as_str()),
            (Some(1.0), "not estimable")
        );
        assert_eq!(none.caution.as_deref(), Some("2 subjects"));
        assert_eq!(Estimate::new(&json!(0.25)).value, Some(0.25));
        assert_eq!(Estimate::new(&json!("nonsense")), Estimate::default());
    }

    #[test]
    fn words_for_people() {
        assert_eq!(words("balanced_accuracy"), "Balanced accuracy");
        assert_eq!(words(""), "");
        assert_eq!(counted(1, "clip"), "1 clip");
        assert_eq!(counted(1200, "clip"), "1,200 clips");
    }
}
