//! Lists of paths that state which items a split has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cohort_tables::counted;

use super::contents::OpenOptions;
use super::path_index::{Found, PathIndex};
use crate::error::{DataError, quoted};
use crate::files;
use crate::layout::Part;
use crate::schema::Schema;

/// Most bytes of a list.
const LIST_LIMIT: u64 = 1 << 28;

/// A list of paths and the split that it states.
pub(crate) struct List {
    pub split: String,
    pub path: PathBuf,
}

/// The lists that are asked for: those of the call, else the schema's.
pub(crate) fn asked_for(root: &Path, schema: Option<&Schema>, options: &OpenOptions) -> Vec<List> {
    if !options.lists.is_empty() {
        let name = |part: Part| {
            let known = schema
                .map(|schema| schema.splits.as_slice())
                .unwrap_or_default();
            let known = known.iter().find(|name| Part::of(name) == Some(part));
            known.cloned().unwrap_or_else(|| part.name().to_string())
        };
        let lists = options.lists.iter();
        return lists
            .map(|(part, path)| List {
                split: name(*part),
                path: path.clone(),
            })
            .collect();
    }
    let Some(schema) = schema else {
        return Vec::new();
    };
    let stated = |split: &String| {
        let file = schema.lists.get(split)?;
        Some(List {
            split: split.clone(),
            path: root.join(file),
        })
    };
    schema.splits.iter().filter_map(stated).collect()
}

/// `; 3 files in none of them are left out`.
pub(crate) fn left_out(count: usize, word: &str) -> String {
    match count {
        0 => String::new(),
        _ => format!(
            "; left out, being in none of them: {}",
            counted(count, word)
        ),
    }
}

/// The split of each file that some list names, by the file's number in the index; how many lines were read.
pub(crate) fn read(
    lists: &[List],
    index: &PathIndex,
) -> Result<BTreeMap<usize, String>, DataError> {
    let mut splits: BTreeMap<usize, String> = BTreeMap::new();
    for list in lists {
        let text = files::read_text(&list.path, LIST_LIMIT)?;
        let mut empty = true;
        for (line, written) in text.lines().enumerate() {
            let written = written.trim();
            if written.is_empty() || written.starts_with('#') {
                continue;
            }
            empty = false;
            let row = line as u64 + 1;
            let files = find(index, written).map_err(|found| {
                DataError::row(&list.path, row, "the path of a media file", found)
            })?;
            for file in files {
                let before = splits.insert(file, list.split.clone());
                if let Some(other) = before.filter(|other| *other != list.split) {
                    let found = format!("{}, which is in {other} already", quoted(written));
                    return Err(DataError::row(
                        &list.path,
                        row,
                        "every path in one list",
                        found,
                    ));
                }
            }
        }
        if empty {
            return Err(DataError::file(&list.path, "a path a line", "none"));
        }
    }
    Ok(splits)
}

/// The files of a line: a path, or a path with a label behind it, as image lists have.
fn find(index: &PathIndex, written: &str) -> Result<Vec<usize>, String> {
    let shorter = written
        .rsplit_once([' ', '\t', ',', ';'])
        .map(|(path, _)| path.trim_end_matches([' ', '\t', ',', ';']));
    let unquoted = |path: &str| path.trim_matches(['"', '\'']).to_string();
    let mut several = None;
    for path in [Some(written), shorter].into_iter().flatten() {
        match index.find(&unquoted(path)) {
            Found::Files(files) => return Ok(files),
            Found::Several(a, b) => several = Some(format!("{} ({a}, {b}, ...)", quoted(path))),
            Found::Nothing => {}
        }
    }
    Err(match several {
        Some(several) => format!("several that end so: {several}"),
        None => format!(
            "{}, which is no media file of the data set",
            quoted(written)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Entry;

    #[test]
    fn lists_are_read_with_labels_behind_the_paths_and_refused_where_they_contradict() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |below: &&str| Entry {
            path: below.into(),
            below: (*below).to_string(),
        };
        let below = ["a/1.jpg", "a/2 x.jpg", "b/1.jpg"];
        let index = PathIndex::new(&below.iter().map(entry).collect::<Vec<_>>());
        let list = |name: &str, text: &str| {
            let path = folder.path().join(format!("{name}.txt"));
            std::fs::write(&path, text).unwrap();
            List {
                split: name.into(),
                path,
            }
        };
        let lists = [
            list("train", "\u{feff}# mine\r\na/1.jpg 0\r\n\r\n"),
            list("test", "a/2 x.jpg\n\"b/1.jpg\",forest\nb/1\n"),
        ];
        let found = read(&lists, &index).unwrap();
        let found: Vec<(usize, &str)> = found.iter().map(|(i, s)| (*i, s.as_str())).collect();
        assert_eq!(found, [(0, "train"), (1, "test"), (2, "test")]);
        for (texts, expected) in [
            (
                ["a/1.jpg\n", "b/1.jpg\na/1\n"],
                "test.txt: row 2: expected every path in one list, found \"a/1\", which is in train already",
            ),
            (
                ["a/1.jpg\nc.jpg\n", "b/1.jpg\n"],
                "train.txt: row 2: expected the path of a media file, found \"c.jpg\", which is no media file of the data set",
            ),
            (
                ["1.jpg\n", "b/1.jpg\n"],
                "train.txt: row 1: expected the path of a media file, found several that end so: \"1.jpg\" (a/1, b/1, ...)",
            ),
            (
                ["a/1.jpg", "\n# x\n"],
                "test.txt: expected a path a line, found none",
            ),
        ] {
            let lists = [list("train", texts[0]), list("test", texts[1])];
            let error = read(&lists, &index).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
