//! What is wrong with a space.

/// A space that cannot be searched.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("space, {parameter:?}: expected {expected}, found {found}")]
pub struct SpaceError {
    /// The parameter, or empty for the space itself.
    pub parameter: String,
    /// What would be right.
    pub expected: &'static str,
    /// What stands there.
    pub found: String,
}

impl SpaceError {
    pub(crate) fn new(
        parameter: &str,
        expected: &'static str,
        found: impl std::fmt::Display,
    ) -> Self {
        Self {
            parameter: parameter.to_string(),
            expected,
            found: found.to_string(),
        }
    }
}
