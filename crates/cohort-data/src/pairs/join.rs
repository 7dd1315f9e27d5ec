//! Where pictures and captions stand in tables of vectors.

use std::collections::HashMap;
use std::path::Path;

use cohort_tables::{EmbeddingTable, did_you_mean, id_key, match_ids};

use super::Pairs;
use crate::error::{DataError, quoted, shorten};

/// Where pictures and captions stand in two tables of vectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Row of each picture in its table; none without a vector.
    pub pictures: Vec<Option<usize>>,
    /// Row of each caption in its table.
    pub captions: Vec<Option<usize>>,
    /// How ids were joined, and what has no vector, a line each.
    pub notes: Vec<String>,
}

/// A table and its file.
type Named<'a> = (&'a Path, &'a EmbeddingTable);

impl Pairs {
    /// Finds every picture and caption in a table each, by id as [`match_ids`] does; pictures by their numbers where no id is there.
    ///
    /// # Errors
    /// [`DataError`] for a table in which two rows have one id but for an ending, or in which no picture or no caption of these is;
    /// and for two pictures or captions that are one row.
    pub fn join(&self, pictures: Named<'_>, captions: Named<'_>) -> Result<Joined, DataError> {
        let mut joined = Joined::default();
        let ids: Vec<&str> = self.pictures.iter().map(|p| p.id.as_str()).collect();
        let numbers: Vec<&str> = (self.pictures.iter())
            .map(|picture| picture.number.as_deref().unwrap_or_default())
            .collect();
        joined.pictures = rows("pictures", &ids, &numbers, pictures, &mut joined.notes)?;
        joined.captions = self.join_captions(captions, &mut joined.notes)?;
        Ok(joined)
    }

    /// Finds every caption in a table, likewise; how ids were joined goes to `notes`.
    ///
    /// # Errors
    /// [`DataError`] as [`join`](Self::join).
    pub fn join_captions(
        &self,
        captions: (&Path, &EmbeddingTable),
        notes: &mut Vec<String>,
    ) -> Result<Vec<Option<usize>>, DataError> {
        let ids: Vec<&str> = self.captions.iter().map(|c| c.id.as_str()).collect();
        rows("captions", &ids, &[], captions, notes)
    }
}

/// Rows of ids in a table.
fn rows(
    what: &str,
    ids: &[&str],
    numbers: &[&str],
    (path, table): Named<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<Option<usize>>, DataError> {
    distinct(path, table)?;
    let there: Vec<&str> = table.clips.iter().map(String::as_str).collect();
    let (mut rows, mut found) = match_ids(ids, &there);
    if rows.iter().all(Option::is_none) && !numbers.is_empty() {
        (rows, found) = match_ids(numbers, &there);
    }
    let none = rows.iter().all(Option::is_none);
    let without = ids.iter().zip(&rows).filter(|(_, row)| row.is_none());
    let without: Vec<&str> = without.map(|(id, _)| *id).collect();
    let near = without.first();
    let near = near.map_or(String::new(), |id| did_you_mean(id, there.iter().copied()));
    if none {
        return Err(DataError::file(
            path,
            format!("vectors of the {what} ({})", shorten(ids, 3)),
            format!("none of them among {}{near}", shorten(&there, 3)),
        ));
    }
    let mut of_row: HashMap<usize, &str> = HashMap::new();
    for (id, row) in ids.iter().zip(&rows) {
        let Some(row) = *row else { continue };
        if let Some(before) = of_row.insert(row, id) {
            let found = format!(
                "{} of both {} and {}",
                quoted(there[row]),
                quoted(before),
                quoted(id)
            );
            return Err(DataError::row(
                path,
                row as u64 + 1,
                format!("a vector of one of the {what}"),
                found,
            ));
        }
    }
    let told = found.notes().into_iter();
    notes.extend(told.map(|note| format!("{}: {note}", path.display())));
    if let Some(first) = without.first() {
        notes.push(format!(
            "{}: {} of {} {what} without a vector; the first: {first}{near}",
            path.display(),
            without.len(),
            ids.len()
        ));
    }
    Ok(rows)
}

/// Refuses a table in which two rows have one id but for an ending: nobody could tell which is meant.
fn distinct(path: &Path, table: &EmbeddingTable) -> Result<(), DataError> {
    let mut first: HashMap<String, usize> = HashMap::with_capacity(table.len());
    for (row, clip) in table.clips.iter().enumerate() {
        if let Some(before) = first.insert(id_key(clip), row) {
            let found = format!(
                "{}, which is one with {} of row {}",
                quoted(clip),
                quoted(&table.clips[before]),
                before + 1
            );
            return Err(DataError::row(path, row as u64 + 1, "every id once", found));
        }
    }
    Ok(())
}
