//! What a call reads it does not write over.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;

/// Options that say where a file goes.
const WRITTEN: [&str; 5] = ["out", "per_query", "per_topic", "sheet", "csv"];

/// Why a call would lose a file: one that is written is read too, or written twice.
pub(crate) fn conflict(matches: &ArgMatches) -> Option<String> {
    let mut leaf = matches;
    while let Some((_, inner)) = leaf.subcommand() {
        leaf = inner;
    }
    let mut read: Vec<&OsStr> = Vec::new();
    let mut written: Vec<(&str, &Path)> = Vec::new();
    for id in leaf.ids().map(clap::Id::as_str) {
        // groups have no values of their own
        let Ok(Some(values)) = leaf.try_get_raw(id) else {
            continue;
        };
        if leaf.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        match WRITTEN.contains(&id) {
            true => written.extend(values.map(|value| (id, Path::new(value)))),
            false => read.extend(values),
        }
    }
    let read = files(&read);
    let mut seen: Vec<(&str, PathBuf)> = Vec::new();
    for (id, path) in written {
        let option = format!("--{}", id.replace('_', "-"));
        let place = place_of(path);
        if path.is_file()
            && let Some(argument) = read.get(&place)
        {
            return Some(format!(
                "{option} {}: expected another file than those that are read, found {argument}",
                path.display()
            ));
        }
        if let Some((other, _)) = seen.iter().find(|(_, known)| *known == place) {
            return Some(format!(
                "{option} {}: expected a file of its own, found that of --{}",
                path.display(),
                other.replace('_', "-")
            ));
        }
        seen.push((id, place));
    }
    None
}

/// One path for all that name a file, which may not be there yet.
fn place_of(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    };
    let beside = || Some(folder.canonicalize().ok()?.join(path.file_name()?));
    (path.canonicalize().ok())
        .or_else(beside)
        .unwrap_or_else(|| path.to_path_buf())
}

/// The files that arguments name, also as `NAME=A,B`, with the argument.
fn files(arguments: &[&OsStr]) -> HashMap<PathBuf, String> {
    let mut found = HashMap::new();
    for argument in arguments {
        let shown = argument.to_string_lossy();
        let parts = shown.split(['=', ',']).map(Path::new);
        for path in [Path::new(argument)].into_iter().chain(parts) {
            if path.is_file()
                && let Ok(place) = path.canonicalize()
            {
                found.insert(place, shown.to_string());
            }
        }
    }
    found
}
