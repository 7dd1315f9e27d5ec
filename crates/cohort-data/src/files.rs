//! Small files read without surprises (regular files only, bounded size, UTF-8), and how they are named in messages.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::DataError;

/// Opens a regular file. A folder, pipe or device is an error, since reading one may never end.
pub(crate) fn open(path: &Path) -> Result<File, DataError> {
    let metadata = std::fs::metadata(path).map_err(|source| DataError::read(path, source))?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() {
            "a folder"
        } else {
            "a pipe, socket or device"
        };
        return Err(DataError::file(path, "a regular file", found));
    }
    File::open(path).map_err(|source| DataError::read(path, source))
}

/// Reads a whole file of at most `limit` bytes.
pub(crate) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    open(path)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| DataError::read(path, source))?;
    if bytes.len() as u64 > limit {
        return Err(DataError::file(
            path,
            format!("at most {limit} bytes"),
            "a longer file",
        ));
    }
    Ok(bytes)
}

/// Reads a whole UTF-8 file of at most `limit` bytes; a byte order mark is dropped.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, DataError> {
    let bytes = read_bytes(path, limit)?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(DataError::file(
            path,
            "text in UTF-8",
            "UTF-16, by its byte order mark",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        DataError::file(
            path,
            "text in UTF-8",
            format!("a byte at {at} that is not UTF-8"),
        )
    })?;
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_string()),
        None => Ok(text),
    }
}

/// Whether a path leads, or may lead on some system, out of the folder that it is joined to.
pub(crate) fn leaves(path: &str) -> bool {
    path.starts_with('/') || path.contains(['\\', '\0']) || path.split('/').any(|step| step == "..")
}

/// A message with files named from the root, so that a document does not depend on where the data lie.
pub(crate) fn without_root(root: &Path, message: &str) -> String {
    // one on the root itself
    let rest = message.strip_prefix(&format!("{}: ", root.display()));
    let below = root.join("").display().to_string();
    rest.unwrap_or(message).replace(&below, "")
}
