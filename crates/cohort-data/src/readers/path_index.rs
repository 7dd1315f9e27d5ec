//! Which file a written path means.

use std::collections::HashMap;
use std::path::Path;

use cohort_tables::id_key;

use crate::folder::Entry;
use crate::media::MediaKind;

/// Media files below a folder, to be found by paths as lists and tables write them.
pub(crate) struct PathIndex {
    /// Files by their path below the folder, in composed letters and without a media ending; files of one item share it.
    by_key: HashMap<String, Vec<usize>>,
    /// Keys by their last part.
    by_name: HashMap<String, Vec<String>>,
    /// Paths below the folder.
    paths: Vec<String>,
}

/// What a written path stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// These files, which differ by their ending alone: the one that is written, or all where no media ending is.
    Files(Vec<usize>),
    /// Several items, such as these.
    Several(String, String),
    Nothing,
}

impl PathIndex {
    pub(crate) fn new(entries: &[Entry]) -> Self {
        let mut index = Self {
            by_key: HashMap::new(),
            by_name: HashMap::new(),
            paths: Vec::with_capacity(entries.len()),
        };
        for (i, entry) in entries.iter().enumerate() {
            let key = id_key(&entry.below);
            let files = index.by_key.entry(key.clone()).or_default();
            if files.is_empty() {
                let names = index.by_name.entry(last(&key).to_string()).or_default();
                names.push(key);
            }
            files.push(i);
            index.paths.push(entry.below.clone());
        }
        index
    }

    /// The files of a path: by its whole, else where it ends in a file's path (a folder of another machine stands before it) or
    /// a file's path ends in it (its folder is not written), and nothing else does.
    pub(crate) fn find(&self, written: &str) -> Found {
        let plain = plain(written);
        let key = id_key(&plain);
        if let Some(files) = self.by_key.get(&key) {
            return self.meant(files, &plain);
        }
        let Some(keys) = self.by_name.get(last(&key)) else {
            return Found::Nothing;
        };
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short)
                .is_some_and(|rest| rest.ends_with('/'))
        };
        // the longest path that the written one ends in is the most exact
        let below = keys.iter().filter(|other| ends(&key, other));
        if let Some(best) = below.max_by_key(|other| other.len()) {
            return self.meant(&self.by_key[best], &plain);
        }
        let above: Vec<&String> = keys.iter().filter(|other| ends(other, &key)).collect();
        match above.as_slice() {
            [] => Found::Nothing,
            [only] => self.meant(&self.by_key[*only], &plain),
            [first, second, ..] => Found::Several((*first).clone(), (*second).clone()),
        }
    }

    /// Of the files of one key the one with the written ending, in any case; all where no media ending is written.
    fn meant(&self, files: &[usize], written: &str) -> Found {
        let ending = |path: &str| {
            let name = last(path);
            name.rsplit_once('.')
                .map(|(_, ending)| ending.to_lowercase())
        };
        if MediaKind::of_file(Path::new(written)).is_none() {
            return Found::Files(files.to_vec());
        }
        let same_case = |file: &&usize| last(&self.paths[**file]).ends_with(last(written));
        if let Some(exact) = files.iter().find(same_case) {
            return Found::Files(vec![*exact]);
        }
        let wanted = ending(written);
        let same = files.iter().copied();
        let same: Vec<usize> = same
            .filter(|&file| ending(&self.paths[file]) == wanted)
            .collect();
        match same.is_empty() {
            true => Found::Nothing,
            false => Found::Files(same),
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path with plain slashes and without `./`, `//` and a slash in front.
pub(crate) fn plain(written: &str) -> String {
    let parts = written.trim().split(['/', '\\']);
    let parts: Vec<&str> = parts
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_as_people_write_them() {
        let below = [
            "train/coast/a.jpg",
            "train/coast/b.jpg",
            "train/coast/b.png",
            "test/coast/a.jpg",
            "test/forest/Jos\u{e9}.jpg",
            "c.000.wav",
        ];
        let entry = |below: &&str| Entry {
            path: below.into(),
            below: (*below).to_string(),
        };
        let index = PathIndex::new(&below.iter().map(entry).collect::<Vec<_>>());
        let files = |numbers: &[usize]| Found::Files(numbers.to_vec());
        let several = Found::Several("train/coast/a".into(), "test/coast/a".into());
        for (written, expected) in [
            ("train/coast/a.jpg", files(&[0])),
            ("./train//coast/a.jpg", files(&[0])),
            ("train\\coast\\a.jpg", files(&[0])),
            ("train/coast/a", files(&[0])),
            ("train/coast/a.JPG", files(&[0])),
            ("/home/ann/scenes/test/coast/a.jpg", files(&[3])),
            ("C:\\scenes\\test\\coast\\a.jpg", files(&[3])),
            ("coast/a.jpg", several),
            ("coast/b.png", files(&[2])),
            ("b", files(&[1, 2])),
            ("test/forest/Jose\u{301}.jpg", files(&[4])),
            ("c.000", files(&[5])),
            ("train/coast/a.png", Found::Nothing),
            ("oast/b.png", Found::Nothing),
            ("d.jpg", Found::Nothing),
            ("", Found::Nothing),
        ] {
            assert_eq!(index.find(written), expected, "{written}");
        }
    }
}
