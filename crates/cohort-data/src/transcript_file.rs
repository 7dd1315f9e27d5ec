//! A clip's words from a file of its own.

use std::path::Path;

use crate::error::DataError;
use crate::{files, pickle};

/// Most bytes of a transcript; fifteen seconds of speech have about 200.
pub(crate) const TRANSCRIPT_LIMIT: usize = 1 << 20;

/// Words from a `.pkl` or a text file.
pub(crate) fn read_file(path: &Path) -> Result<String, DataError> {
    let limit = TRANSCRIPT_LIMIT as u64;
    let is_pickle = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("pkl"));
    let text = if is_pickle {
        pickle::read_str(&files::read_bytes(path, limit)?)
            .map_err(|bad| DataError::file(path, bad.expected, bad.found))?
    } else {
        files::read_text(path, limit)?
    };
    Ok(text.trim().to_string())
}
