//! What the cache holds.

use std::path::{Path, PathBuf};

/// A revision is a commit's folder of `snapshots`, or a name in `refs` that holds one.
pub(crate) fn cached(folder: &Path, revision: &str, file: &str) -> Option<PathBuf> {
    let commit = commit_of(folder, revision);
    let path = folder.join("snapshots").join(commit).join(file);
    path.is_file().then_some(path)
}

/// Whether the hub once said that this commit has no such file.
pub(crate) fn known_absent(folder: &Path, revision: &str, file: &str) -> bool {
    let commit = commit_of(folder, revision);
    folder.join(".no_exist").join(commit).join(file).is_file()
}

fn commit_of(folder: &Path, revision: &str) -> String {
    let commit = std::fs::read_to_string(folder.join("refs").join(revision));
    commit.map_or(revision.to_owned(), |text| text.trim().to_owned())
}

/// The folder that holds `file` at `path`, of which the file's own folders are a part.
pub(crate) fn snapshot<'p>(path: &'p Path, file: &str) -> &'p Path {
    let depth = Path::new(file).components().count();
    path.ancestors().nth(depth).unwrap_or(path)
}
