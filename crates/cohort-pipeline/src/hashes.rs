//! Hashes of files and settings, by which it is known whether something was made in the same way.

use std::path::{Path, PathBuf};

use cohort_tables::content_hash;

use crate::error::PipelineError;

/// Hash of a file's bytes.
pub(crate) fn file_hash(file: &Path) -> Result<String, PipelineError> {
    cohort_tables::file_hash(file).map_err(|source| PipelineError::Media {
        path: file.to_path_buf(),
        source,
    })
}

/// One hash over the contents of several files.
pub(crate) fn hash_of_files(files: &[&Path]) -> Result<String, PipelineError> {
    let mut all = String::new();
    for path in files {
        all += &file_hash(path)?;
    }
    Ok(content_hash(all.as_bytes()))
}

/// Hash of a file of weights; one over all files where it is the index of several.
pub(crate) fn weights_hash(path: &Path) -> Result<String, PipelineError> {
    let files = cohort_weights::weight_files(path)?;
    match files.as_slice() {
        [one] => file_hash(one),
        all => hash_of_files(&all.iter().map(PathBuf::as_path).collect::<Vec<_>>()),
    }
}

/// Hash of settings by what they are written as.
pub(crate) fn settings_hash<T: serde::Serialize>(settings: &T) -> Result<String, PipelineError> {
    Ok(content_hash(&serde_json::to_vec(settings)?))
}
