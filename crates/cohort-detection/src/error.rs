//! What can be wrong with a file of annotations or detections.

use std::path::Path;

/// Faults that one message lists.
const LISTED: usize = 5;

/// A file that cannot be evaluated, or settings that do not suit it.
#[derive(Debug, thiserror::Error)]
pub enum DetectionError {
    /// A file that cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("{path}{}: expected {expected}, found {found}", line.map_or(String::new(), |line| format!(": line {line}")))]
    File {
        /// The file.
        path: String,
        /// The line, from 1, where one is known.
        line: Option<usize>,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// Annotations or detections that are wrong: the first of them, and how many there are.
    #[error("{path}: {}", list(faults, *count))]
    Faults {
        /// The file.
        path: String,
        /// The first few.
        faults: Vec<String>,
        /// All.
        count: usize,
    },
    /// Tables that do not fit together, or a setting out of range.
    #[error("{what}: expected {expected}, found {found}")]
    Input {
        /// The input.
        what: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Intervals.
    #[error(transparent)]
    Eval(#[from] cohort_eval::EvalError),
}

fn list(faults: &[String], count: usize) -> String {
    let mut text = faults.join("; ");
    if count > faults.len() {
        text.push_str(&format!("; and {} more", count - faults.len()));
    }
    text
}

impl DetectionError {
    pub(crate) fn file(path: &Path, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::File {
            path: path.display().to_string(),
            line: None,
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.display().to_string(),
            source,
        }
    }

    pub(crate) fn input(
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Input {
            what: what.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}

/// What a file was found to hold: faults, which are refused, and what is merely told.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    faults: Vec<String>,
    count: usize,
    odd: Vec<(String, usize, String)>,
}

impl Findings {
    /// Something that would make a wrong number.
    pub(crate) fn fault(&mut self, text: impl Into<String>) {
        self.count += 1;
        if self.faults.len() < LISTED {
            self.faults.push(text.into());
        }
    }

    /// Something odd that can be evaluated; the first of each `kind` stands for the others.
    pub(crate) fn odd(&mut self, kind: &str, first: impl FnOnce() -> String) {
        match self.odd.iter_mut().find(|(known, ..)| known == kind) {
            Some((_, count, _)) => *count += 1,
            None => self.odd.push((kind.into(), 1, first())),
        }
    }

    /// The first of a kind of oddities.
    pub(crate) fn first_of(&self, kind: &str) -> Option<&str> {
        let known = self.odd.iter().find(|(known, ..)| known == kind);
        known.map(|(.., first)| first.as_str())
    }

    /// What is told, or the faults as an error.
    pub(crate) fn settle(self, path: &Path) -> Result<Vec<String>, DetectionError> {
        if self.count > 0 {
            return Err(DetectionError::Faults {
                path: path.display().to_string(),
                faults: self.faults,
                count: self.count,
            });
        }
        let tell = |(kind, count, first): (String, usize, String)| match count {
            1 => format!("{}: 1 {kind}: {first}", path.display()),
            _ => format!("{}: {count} {kind}, the first: {first}", path.display()),
        };
        Ok(self.odd.into_iter().map(tell).collect())
    }
}
