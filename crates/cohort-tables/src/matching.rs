//! Which row of one table is which row of another: by clip id, and where that fails by what is the same id to a person.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::clip_id;
use crate::spelling::{code, fold, spelled_out, tidy};

/// File name endings that an id may carry in one table and lack in another, beside those that [`clip_id`] takes off.
const ENDINGS: [&str; 41] = [
    "3gp",
    "aif",
    "aiff",
    "amr",
    "au",
    "avif",
    "bin",
    "bmp",
    "caf",
    "csv",
    "embedding",
    "feather",
    "flv",
    "gif",
    "h5",
    "heic",
    "jfif",
    "json",
    "lab",
    "log",
    "m4v",
    "mat",
    "mpeg",
    "mpg",
    "mts",
    "npy",
    "npz",
    "opus",
    "parquet",
    "pt",
    "pth",
    "sph",
    "srt",
    "textgrid",
    "tif",
    "tiff",
    "ts",
    "vtt",
    "wma",
    "wmv",
    "xml",
];

/// How ids were brought together that are not written alike.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IdMatches {
    /// Clips joined although their ids differ in white space, invisible or decomposed characters, or in `.0` behind a
    /// number.
    pub by_spelling: usize,
    /// The first of them: the id in the first and in the second table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_spelling_example: Option<(String, String)>,
    /// Clips joined although one id has a folder in front or an ending behind that the other lacks, or another folder.
    pub by_path: usize,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_path_example: Option<(String, String)>,
    /// Clips **not** joined whose ids differ in letter case, inner white space or leading zeros only.
    pub by_case: usize,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_case_example: Option<(String, String)>,
    /// Clips **not** joined whose file name occurs in both tables, but more than once or in different folders.
    pub ambiguous: usize,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ambiguous_example: Option<(String, String)>,
}

impl IdMatches {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another pair of tables gave; the first example stays.
    pub fn add(&mut self, other: Self) {
        self.by_spelling += other.by_spelling;
        self.by_path += other.by_path;
        self.by_case += other.by_case;
        self.ambiguous += other.ambiguous;
        let keep = |mine: &mut Option<(String, String)>, theirs| {
            if mine.is_none() {
                *mine = theirs;
            }
        };
        keep(&mut self.by_spelling_example, other.by_spelling_example);
        keep(&mut self.by_path_example, other.by_path_example);
        keep(&mut self.by_case_example, other.by_case_example);
        keep(&mut self.ambiguous_example, other.ambiguous_example);
    }

    /// What was joined, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((a, b)) = &self.by_spelling_example {
            notes.push(format!(
                "ids: {} clips joined whose ids differ only in white space, invisible or decomposed characters or .0 behind a number ({} and {})",
                self.by_spelling,
                spelled_out(a),
                spelled_out(b)
            ));
        }
        if let Some((a, b)) = &self.by_path_example {
            notes.push(format!(
                "ids: {} clips joined by their file's name, which is unique in both tables: a folder or an ending differs ({} and {})",
                self.by_path,
                spelled_out(a),
                spelled_out(b)
            ));
        }
        notes.extend(self.warnings());
        notes
    }

    /// What was not joined although it looks alike.
    pub fn warnings(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((a, b)) = &self.by_case_example {
            notes.push(format!(
                "warning: ids differ by case only, or by white space inside or leading zeros, for {} clips ({} and {}), which were not joined",
                self.by_case,
                spelled_out(a),
                spelled_out(b)
            ));
        }
        if let Some((a, b)) = &self.ambiguous_example {
            notes.push(format!(
                "warning: {} clips have a file name that the other table has too, but more than once or in other folders ({} and {}); they were not joined",
                self.ambiguous,
                spelled_out(a),
                spelled_out(b)
            ));
        }
        notes
    }
}

/// An id as it is compared: [`tidy`] and without a known media extension.
pub fn id_key(name: &str) -> String {
    clip_id(&tidy(name)).to_string()
}

/// The row of `right` that each row of `left` is, by name.
///
/// Names are one when their clip ids are ([`clip_id`] of [`tidy`]). A row that finds none is looked for by its path, with
/// `/` and `\` alike: joined where one path ends in the other and nothing else in either table does, or where the two
/// tables name nothing alike and the file's name is unique in both; then the folder that all names of a table share does
/// not count.
/// Ids that differ in letter case are never joined, but counted. Of equal names in `right` the first is taken.
pub fn match_ids(left: &[&str], right: &[&str]) -> (Vec<Option<usize>>, IdMatches) {
    let mut found = IdMatches::default();
    let right_keys: Vec<String> = right.iter().map(|name| id_key(name)).collect();
    let left_keys: Vec<String> = left.iter().map(|name| id_key(name)).collect();
    let mut row_of: HashMap<&str, usize> = HashMap::with_capacity(right.len());
    for (row, key) in right_keys.iter().enumerate() {
        row_of.entry(key).or_insert(row);
    }
    let mut rows: Vec<Option<usize>> = Vec::with_capacity(left.len());
    for (name, key) in left.iter().zip(&left_keys) {
        let row = row_of.get(key.as_str()).copied();
        if let Some(row) = row
            && clip_id(name) != clip_id(right[row])
        {
            found.by_spelling += 1;
            let example = || ((*name).to_string(), right[row].to_string());
            found.by_spelling_example.get_or_insert_with(example);
        }
        rows.push(row);
    }
    if rows.iter().all(Option::is_some) {
        return (rows, found);
    }
    if right.is_empty() {
        return (rows, found);
    }
    let strangers = rows.iter().all(Option::is_none);
    let (a, b) = (
        Paths::new(&left_keys, strangers),
        Paths::new(&right_keys, strangers),
    );
    let example = |row: usize, other: usize| (left[row].to_string(), right[other].to_string());
    let mut by_fold: HashMap<String, usize> = HashMap::new();
    for (row, key) in right_keys.iter().enumerate() {
        by_fold.entry(fold(key)).or_insert(row);
    }
    for row in 0..left.len() {
        if rows[row].is_some() {
            continue;
        }
        let mut join = a.only_partner(row, &b);
        if join.is_none() && strangers {
            join = a.only_namesake(row, &b);
        }
        if let Some(other) = join {
            rows[row] = Some(other);
            if code(&left_keys[row]) == code(&right_keys[other]) {
                found.by_spelling += 1;
                found
                    .by_spelling_example
                    .get_or_insert_with(|| example(row, other));
            } else {
                found.by_path += 1;
                found
                    .by_path_example
                    .get_or_insert_with(|| example(row, other));
            }
        } else if let Some(&other) = by_fold.get(&fold(&left_keys[row])) {
            found.by_case += 1;
            found
                .by_case_example
                .get_or_insert_with(|| example(row, other));
        } else if let Some(other) = a.namesake(row, &b) {
            found.ambiguous += 1;
            found
                .ambiguous_example
                .get_or_insert_with(|| example(row, other));
        }
    }
    (rows, found)
}

/// Gives the names of several tables one spelling, that of the first table that has the clip, by the rules of
/// [`match_ids`]; whatever joins by clip id then joins them all.
pub fn unify_ids(tables: &mut [&mut Vec<String>]) -> IdMatches {
    let mut found = IdMatches::default();
    let mut known: Vec<String> = Vec::new();
    for names in tables {
        // a clip may have several rows in a table
        let mut place: HashMap<String, usize> = HashMap::new();
        let mut own: Vec<&str> = Vec::new();
        let mut of_row = Vec::with_capacity(names.len());
        for name in names.iter() {
            let at = *place.entry(id_key(name)).or_insert(own.len());
            if at == own.len() {
                own.push(name);
            }
            of_row.push(at);
        }
        let all: Vec<&str> = known.iter().map(String::as_str).collect();
        let (rows, told) = match_ids(&own, &all);
        if !known.is_empty() {
            found.add(told);
        }
        let spelling: Vec<String> = own
            .iter()
            .zip(&rows)
            .map(|(name, row)| row.map_or(*name, |row| all[row]).to_string())
            .collect();
        let added = rows.iter().zip(&spelling).filter(|(row, _)| row.is_none());
        let added: Vec<String> = added.map(|(_, name)| name.clone()).collect();
        for (name, at) in names.iter_mut().zip(of_row) {
            if clip_id(name) != clip_id(&spelling[at]) {
                name.clone_from(&spelling[at]);
            }
        }
        known.extend(added);
    }
    found
}

/// The ids of a table as paths.
struct Paths {
    /// Path of each row, without ending, with `/`.
    full: Vec<String>,
    /// Rows by full path.
    by_full: HashMap<String, Vec<usize>>,
    /// Rows by each end of their path, the whole included: how many, and the first.
    by_end: HashMap<String, (usize, usize)>,
}

impl Paths {
    /// `relative`: below the folder that all share, as far as there is one.
    fn new(keys: &[String], relative: bool) -> Self {
        let split: Vec<Vec<&str>> = keys
            .iter()
            .map(|key| {
                key.split(['/', '\\'])
                    .filter(|part| !part.is_empty() && *part != ".")
                    .collect()
            })
            .collect();
        let shared = if relative { shared_folders(&split) } else { 0 };
        let mut full = Vec::with_capacity(keys.len());
        let mut by_full: HashMap<String, Vec<usize>> = HashMap::with_capacity(keys.len());
        let mut by_end: HashMap<String, (usize, usize)> = HashMap::with_capacity(keys.len());
        for (row, parts) in split.iter().enumerate() {
            let parts = parts.get(shared..).unwrap_or_default();
            let (name, folders) = parts.split_last().unwrap_or((&"", &[]));
            let name = code(without_ending(name));
            let mut path = folders.join("/");
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&name);
            for end in ends(&path) {
                by_end.entry(end.to_string()).or_insert((0, row)).0 += 1;
            }
            by_full.entry(path.clone()).or_default().push(row);
            full.push(path);
        }
        Self {
            full,
            by_full,
            by_end,
        }
    }

    /// The only row of `other` whose path ends in this row's or the other way round, where it has no other either.
    fn only_partner(&self, row: usize, other: &Self) -> Option<usize> {
        let partner = self.partner(row, other)?;
        (other.partner(partner, self) == Some(row)).then_some(partner)
    }

    fn partner(&self, row: usize, other: &Self) -> Option<usize> {
        let path = &self.full[row];
        let mut found = match other.by_end.get(path) {
            None => None,
            Some(&(1, row)) => Some(row),
            Some(_) => return None,
        };
        for end in ends(path).skip(1) {
            for &row in other.by_full.get(end).into_iter().flatten() {
                if found.replace(row).is_some() {
                    return None;
                }
            }
        }
        found
    }

    /// A row of `other` with the same file name.
    fn namesake(&self, row: usize, other: &Self) -> Option<usize> {
        let name = ends(&self.full[row]).last()?;
        other.by_end.get(name).map(|&(_, row)| row)
    }

    /// The same, where the file name is unique in both.
    fn only_namesake(&self, row: usize, other: &Self) -> Option<usize> {
        let name = ends(&self.full[row]).last()?;
        match (self.by_end.get(name), other.by_end.get(name)) {
            (Some((1, _)), Some(&(1, row))) => Some(row),
            _ => None,
        }
    }
}

/// `a/b/c`, `b/c`, `c`.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    std::iter::once(path).chain(path.match_indices('/').map(|(at, _)| &path[at + 1..]))
}

/// Folders that stand in front of every path.
fn shared_folders(paths: &[Vec<&str>]) -> usize {
    let Some(first) = paths.first() else { return 0 };
    let mut shared = first.len().saturating_sub(1);
    for path in paths {
        let same = first.iter().zip(path).take_while(|(a, b)| a == b).count();
        shared = shared.min(same).min(path.len().saturating_sub(1));
    }
    shared
}

fn without_ending(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, ending))
            if !stem.is_empty()
                && ENDINGS
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(ending)) =>
        {
            clip_id(stem)
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_id_to_a_person_is_joined_where_nothing_else_could_be_meant() {
        let labels = [
            "s00.000.mp4",
            "s00.001.mp4",
            "Jos\u{e9}.000.mp4",
            "s01.000",
            "17",
        ];
        let cases: [(&str, Option<usize>); 16] = [
            ("s00.000.wav", Some(0)),
            ("/data/test/s00.000.jpg", Some(0)),
            ("C:\\data\\test\\s00.000.wav", Some(0)),
            ("./s00.000.mp4", Some(0)),
            ("faces/s00.000.npy", Some(0)),
            ("s00.000.mp4.npy", Some(0)),
            ("s00.000\u{200b}.mp4", Some(0)),
            (" s00.000.mp4\u{a0}", Some(0)),
            ("Jose\u{301}.000", Some(2)),
            ("x/Jose\u{301}.000", Some(2)),
            ("17.0", Some(4)),
            ("S00.000.mp4", None),
            ("s00", None),
            ("000", None),
            ("s00.002", None),
            ("as00.000", None),
        ];
        for (name, expected) in cases {
            let (rows, _) = match_ids(&[name], &labels);
            assert_eq!(rows, [expected], "{name}");
        }
        let (_, told) = match_ids(&["S00.000.mp4"], &labels);
        assert_eq!(told.by_case, 1);
        assert_eq!(
            told.by_case_example,
            Some(("S00.000.mp4".into(), "s00.000.mp4".into()))
        );
    }

    #[test]
    fn equal_file_names_are_told_apart_by_their_folders_or_not_at_all() {
        let voices = ["id1/a/00001.wav", "id1/b/00001.wav", "id2/a/00001.wav"];
        let deep = [
            "/vox/wav/id2/a/00001.m4a",
            "/vox/wav/id1/a/00001.m4a",
            "/vox/wav/id1/b/00001.m4a",
        ];
        let (rows, told) = match_ids(&deep, &voices);
        assert_eq!(rows, [Some(2), Some(0), Some(1)]);
        assert_eq!(told.by_path, 3);
        // a bare name could be any of the three
        let (rows, told) = match_ids(&["00001.wav"], &voices);
        assert_eq!((rows, told.ambiguous), (vec![None], 1));
        // tables that agree on other ids do not mean the same by other folders
        let (rows, told) = match_ids(&["x/1", "x/2"], &["x/1", "y/2"]);
        assert_eq!((rows, told.ambiguous), (vec![Some(0), None], 1));
        // two rows of one table are never one row of the other
        let (rows, _) = match_ids(&["p/1.wav", "q/1.wav"], &["1"]);
        assert_eq!(rows, [None, None]);
    }

    #[test]
    fn tables_get_the_spelling_of_the_first_that_has_the_clip() {
        let names = |all: &[&str]| -> Vec<String> { all.iter().map(ToString::to_string).collect() };
        let mut a = names(&["s0.000.mp4", "s1.000.mp4"]);
        let mut b = names(&["/d/s1.000.wav", "/d/s2.000.wav"]);
        let mut labels = names(&["s0.000\u{feff}", "s2.000", "s2.000", "s1.000"]);
        let told = unify_ids(&mut [&mut a, &mut b, &mut labels]);
        assert_eq!(a, ["s0.000.mp4", "s1.000.mp4"]);
        assert_eq!(b, ["s1.000.mp4", "/d/s2.000.wav"]);
        assert_eq!(
            labels,
            ["s0.000.mp4", "/d/s2.000.wav", "/d/s2.000.wav", "s1.000"]
        );
        assert_eq!((told.by_path, told.by_spelling, told.by_case), (2, 1, 0));
    }
}
