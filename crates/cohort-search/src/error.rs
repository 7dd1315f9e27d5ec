//! What can be wrong with points or settings.

/// Points that no map can be made of, or settings that do not suit them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// The values are not whole rows.
    #[error("vectors: expected rows of {dim} values, found {found} values")]
    Shape {
        /// Length of a row.
        dim: usize,
        /// Values given.
        found: usize,
    },
    /// A value is infinite or not a number.
    #[error("vectors: row {row}: expected finite numbers, found {found}")]
    NotFinite {
        /// 1-based row.
        row: usize,
        /// The value.
        found: f32,
    },
    /// Too little to work with: too few rows, or rows that are all the same.
    #[error("{what}: expected {expected}, found {found}")]
    Input {
        /// What it is about.
        what: &'static str,
        /// What is needed.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A setting is outside its range for this many points.
    #[error("setting {name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its range.
        expected: String,
        /// The value given.
        found: String,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
}

impl SearchError {
    pub(crate) fn setting(
        name: &'static str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Setting {
            name,
            expected: expected.into(),
            found: brief(found.to_string()),
        }
    }

    pub(crate) fn input(
        what: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Input {
            what,
            expected: expected.into(),
            found: found.into(),
        }
    }
}

/// A number with hundreds of digits in powers of ten.
fn brief(found: String) -> String {
    match found.parse::<f64>() {
        Ok(number) if found.len() > 25 => format!("{number:e}"),
        _ => found,
    }
}
