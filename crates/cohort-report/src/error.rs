//! What can go wrong between numbers and a picture or page.

/// A picture or page that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Plain data whose parts do not fit together.
    #[error("{operation}: expected {expected}, found {found}")]
    Data {
        /// What was being made.
        operation: &'static str,
        /// What the caller should have given.
        expected: String,
        /// What was given instead.
        found: String,
    },
    /// A document with another schema than the one that the page can show.
    #[error("{document}: expected schema {expected:?}, found {found}")]
    Schema {
        /// Which document it is, such as `audit`.
        document: &'static str,
        /// The schema that was looked for.
        expected: &'static str,
        /// The schema that the document names, or that it names none.
        found: String,
    },
    /// A picture that could not be rasterised or encoded.
    #[error("{operation}: {reason}")]
    Raster {
        /// Step that failed.
        operation: &'static str,
        /// Why, in the words of the library under it.
        reason: String,
    },
}
