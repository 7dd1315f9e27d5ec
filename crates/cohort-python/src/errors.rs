//! Refusals as Python sees them: `cohort.InputError` with file, row, expected and found.

use cohort_audio::AudioError;
use cohort_audit::AskError;
use cohort_eval::EvalError;
use cohort_report::ReportError;
use cohort_search::SearchError;
use cohort_tables::TableError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Why input was refused.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    message: String,
    file: Option<String>,
    /// 1-based.
    row: Option<u64>,
    expected: Option<String>,
    found: Option<String>,
}

impl Refused {
    pub(crate) fn new(
        what: &str,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Self {
        let (expected, found) = (expected.into(), found.to_string());
        Self {
            message: format!("{what}: expected {expected}, found {found}"),
            file: Some(what.to_owned()),
            row: None,
            expected: Some(expected),
            found: Some(found),
        }
    }

    fn plain(message: impl std::fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            ..Self::default()
        }
    }

    /// The exception.
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        let made = || -> PyResult<PyErr> {
            let class = py.import("cohort._errors")?.getattr("InputError")?;
            let named = PyDict::new(py);
            named.set_item("file", self.file)?;
            named.set_item("row", self.row)?;
            named.set_item("expected", self.expected)?;
            named.set_item("found", self.found)?;
            let exception = class.call((self.message,), Some(&named))?;
            Ok(PyErr::from_value(exception))
        };
        made().unwrap_or_else(|error| error)
    }
}

impl From<TableError> for Refused {
    fn from(error: TableError) -> Self {
        let message = error.to_string();
        let show = |path: std::path::PathBuf| Some(path.display().to_string());
        let refused = match error {
            TableError::Row {
                path,
                row,
                expected,
                found,
            } => Self {
                file: show(path),
                row: Some(row),
                expected: Some(expected),
                found: Some(found),
                ..Self::default()
            },
            TableError::File {
                path,
                expected,
                found,
            } => Self {
                file: show(path),
                expected: Some(expected),
                found: Some(found),
                ..Self::default()
            },
            TableError::Read { path, .. }
            | TableError::Write { path, .. }
            | TableError::InUse { path, .. } => Self {
                file: show(path),
                ..Self::default()
            },
        };
        Self { message, ..refused }
    }
}

impl From<EvalError> for Refused {
    fn from(error: EvalError) -> Self {
        let message = error.to_string();
        let refused = match error {
            EvalError::Row {
                what,
                row,
                expected,
                found,
            } => Self {
                file: Some(what),
                row: Some(row as u64),
                expected: Some(expected),
                found: Some(found),
                ..Self::default()
            },
            EvalError::Ids { what, expected, .. } => Self {
                file: Some(what),
                expected: Some(expected),
                ..Self::default()
            },
            EvalError::Column { name, found } => Self {
                expected: Some(format!("a column {name}")),
                found: Some(format!("columns {found}")),
                ..Self::default()
            },
            EvalError::Setting {
                name,
                expected,
                found,
            } => Self {
                file: Some(name.into()),
                expected: Some(expected.into()),
                found: Some(found),
                ..Self::default()
            },
            EvalError::Input {
                what,
                expected,
                found,
            } => Self {
                file: Some(what.into()),
                expected: Some(expected.into()),
                found: Some(found),
                ..Self::default()
            },
            EvalError::Length {
                what,
                expected,
                found,
            } => Self {
                file: Some(what.into()),
                expected: Some(format!("{expected} values")),
                found: Some(found.to_string()),
                ..Self::default()
            },
        };
        Self { message, ..refused }
    }
}

impl From<AskError> for Refused {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Eval { error, .. } => error.into(),
            AskError::Target { target, near } => {
                let found = format!("none (did you mean {near}?)");
                Self::new(&format!("target {target}"), "a column of the labels", found)
            }
            AskError::Stated(error) => Self::plain(format!("classes: {error}")),
            AskError::Schema(error) => Self::plain(error),
        }
    }
}

impl From<AudioError> for Refused {
    fn from(error: AudioError) -> Self {
        let message = error.to_string();
        let refused = match error {
            AudioError::Read { file, .. } => Self {
                file: Some(file.display().to_string()),
                ..Self::default()
            },
            AudioError::Decode {
                file,
                expected,
                found,
            } => Self {
                file: Some(file.display().to_string()),
                expected: Some(expected),
                found: Some(found),
                ..Self::default()
            },
            AudioError::Signal {
                expected, found, ..
            }
            | AudioError::Setting {
                expected, found, ..
            } => Self {
                expected: Some(expected),
                found: Some(found),
                ..Self::default()
            },
        };
        Self { message, ..refused }
    }
}

impl From<SearchError> for Refused {
    fn from(error: SearchError) -> Self {
        Self::plain(error)
    }
}

impl From<ReportError> for Refused {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Data {
                operation,
                expected,
                found,
            } => Self::new(operation, expected, found),
            other => Self::plain(other),
        }
    }
}
