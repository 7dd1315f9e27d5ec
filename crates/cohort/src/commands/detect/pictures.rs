//! What a table says of each picture of the truth.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use cohort_detection::{Picture, Truth};
use cohort_tables::{IdMatches, LabelTable, did_you_mean, is_missing, match_ids};

use crate::commands::stages::some;
use crate::commands::tables::{NamedBy, each_once};

/// A table's columns by picture.
pub(super) struct PictureTable {
    pub(super) path: PathBuf,
    /// Columns, with a value for each picture of the truth.
    pub(super) columns: Vec<(String, Vec<Option<String>>)>,
    /// How rows were joined, and what was not.
    pub(super) notes: Vec<String>,
    /// Whether each picture has a row.
    has_row: Vec<bool>,
}

/// The row of each picture, and how they were joined.
type Joined = (Vec<Option<usize>>, IdMatches);

impl PictureTable {
    /// Joins rows with pictures by file name or by id, all in one way: a number may be both, and then of two pictures.
    pub(super) fn new(
        path: &Path,
        labels: &LabelTable,
        named_by: NamedBy,
        truth: &Truth,
    ) -> anyhow::Result<Self> {
        each_once(path, labels)?;
        let (of_picture, matches) = joined(path, labels, named_by, truth)?;
        let mut picture_of: HashMap<usize, &Picture> = HashMap::new();
        for (row, picture) in of_picture.iter().zip(&truth.pictures) {
            if let Some(row) = *row
                && let Some(before) = picture_of.insert(row, picture)
            {
                bail!(
                    "{}: row {}: expected the name of one picture, found {:?}, which may be {} and {}",
                    path.display(),
                    row + 1,
                    labels.names[row],
                    shown(before),
                    shown(picture)
                );
            }
        }
        let mut notes = matches.notes();
        let without = truth.pictures.iter().zip(&of_picture);
        let without: Vec<String> = without
            .filter(|(_, row)| row.is_none())
            .map(|(picture, _)| shown(picture))
            .collect();
        if let Some(first) = without.first() {
            notes.push(format!(
                "{} of {} pictures without a row are in no group, the first: {first}",
                without.len(),
                truth.pictures.len()
            ));
        }
        let strangers = (0..labels.len()).filter(|row| !picture_of.contains_key(row));
        let strangers: Vec<usize> = strangers.collect();
        if let Some(&first) = strangers.first() {
            notes.push(format!(
                "{} of {} rows are of no picture of the truth, the first: {}",
                strangers.len(),
                labels.len(),
                labels.names[first]
            ));
        }
        let columns = labels.columns.iter().map(|column| {
            let cell = |row: &Option<usize>| {
                let value = column.values.get((*row)?)?;
                (!is_missing(value)).then(|| value.clone())
            };
            (column.name.clone(), of_picture.iter().map(cell).collect())
        });
        Ok(Self {
            path: path.to_path_buf(),
            columns: columns.collect(),
            notes: notes
                .into_iter()
                .map(|note| format!("{}: {note}", path.display()))
                .collect(),
            has_row: of_picture.iter().map(Option::is_some).collect(),
        })
    }

    /// The values of a column, one a picture.
    pub(super) fn column(&self, name: &str) -> anyhow::Result<&[Option<String>]> {
        let found = self.columns.iter().find(|(column, _)| column == name);
        let names = || self.columns.iter().map(|(column, _)| column.as_str());
        found.map(|(_, values)| values.as_slice()).with_context(|| {
            format!(
                "{}: expected a column {name}, found columns {}{}",
                self.path.display(),
                names().collect::<Vec<_>>().join(", "),
                did_you_mean(name, names())
            )
        })
    }

    /// What to tell of rows without a value in a column.
    pub(super) fn without_value(&self, column: &str, values: &[Option<String>]) -> Option<String> {
        let missing = values.iter().zip(&self.has_row);
        let missing = missing
            .filter(|(value, has_row)| **has_row && value.is_none())
            .count();
        (missing > 0).then(|| {
            format!(
                "{}: column {column}: {missing} of {} pictures without a value are in no group",
                self.path.display(),
                values.len()
            )
        })
    }
}

fn joined(
    path: &Path,
    labels: &LabelTable,
    named_by: NamedBy,
    truth: &Truth,
) -> anyhow::Result<Joined> {
    let there: Vec<&str> = labels.names.iter().map(String::as_str).collect();
    let files: Vec<&str> = truth
        .pictures
        .iter()
        .map(|picture| picture.file_name.as_str())
        .collect();
    let ids: Vec<String> = truth.pictures.iter().map(plain_id).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let nameless = files.iter().all(|name| name.is_empty());
    let by_file = || match nameless {
        true => (vec![None; files.len()], IdMatches::default()),
        false => match_ids(&files, &there),
    };
    let by_id = || match_ids(&ids, &there);
    let any = |joined: &Joined| joined.0.iter().any(Option::is_some);
    let found = match named_by {
        // the number in a file's name is not an id
        NamedBy::File if nameless => by_id(),
        NamedBy::File => by_file(),
        NamedBy::Id => Some(by_id()).filter(any).unwrap_or_else(by_file),
        NamedBy::Either => {
            let (by_file, by_id) = (by_file(), by_id());
            ensure!(
                !any(&by_file) || !any(&by_id) || by_file.0 == by_id.0,
                "{}: expected rows named by file or by id, found names that are both, of different pictures ({}); call their column file_name or image_id",
                path.display(),
                some(&there)
            );
            Some(by_file).filter(any).unwrap_or(by_id)
        }
    };
    let wanted: Vec<String> = truth.pictures.iter().map(shown).collect();
    ensure!(
        any(&found),
        "{}: expected rows of the truth's pictures ({}), found none of them among {}",
        path.display(),
        some(&wanted.iter().map(String::as_str).collect::<Vec<_>>()),
        some(&there)
    );
    Ok(found)
}

fn plain_id(picture: &Picture) -> String {
    picture.id.to_string().trim_matches('"').to_string()
}

/// A picture's file, else its id.
pub(super) fn shown(picture: &Picture) -> String {
    match picture.file_name.is_empty() {
        true => plain_id(picture),
        false => picture.file_name.clone(),
    }
}
