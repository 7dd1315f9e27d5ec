//! What can be wrong with the input of a score or an audit.

/// Ids, or values, listed in an error.
pub(crate) const LISTED: usize = 5;

/// A sample, a table or a setting that cannot be scored or audited.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// Two columns of one sample have different lengths.
    #[error("{what}: expected {expected} values, one a row, found {found}")]
    Length {
        /// The column.
        what: &'static str,
        /// Values expected.
        expected: usize,
        /// Values found.
        found: usize,
    },
    /// One row holds a value outside its range.
    #[error("{what}: row {row}: expected {expected}, found {found}")]
    Row {
        /// The column.
        what: String,
        /// 1-based row (the header not counted).
        row: usize,
        /// What the row should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// Clip ids that do not fit together: repeated, or missing in the other table.
    #[error("{what}: expected {expected}, found {count} that break this: {}", list(ids, *count))]
    Ids {
        /// The table and what was done with it.
        what: String,
        /// What should hold of the ids.
        expected: String,
        /// How many ids break it.
        count: usize,
        /// The first few of them.
        ids: Vec<String>,
    },
    /// A column that the settings name is not in the label table.
    #[error("labels: expected a column {name}, found columns {found}")]
    Column {
        /// The column asked for.
        name: String,
        /// The columns there are.
        found: String,
    },
    /// A setting outside its range.
    #[error("setting {name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// Nothing to score.
    #[error("{what}: expected {expected}, found {found}")]
    Input {
        /// The input.
        what: &'static str,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
}

fn list(ids: &[String], count: usize) -> String {
    let mut text = ids.join(", ");
    if count > ids.len() {
        text.push_str(", ...");
    }
    text
}
