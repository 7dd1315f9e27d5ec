//! Which columns of a foreign embedding table hold clips and vectors.

use std::path::Path;

use crate::TableError;
use crate::columns;

/// Names of the column of clips, in order of preference.
pub(crate) const CLIPS: [&str; 20] = [
    "clip",
    "VideoName",
    "id",
    "clip_id",
    "file",
    "filename",
    "file_name",
    "path",
    "file_path",
    "filepath",
    "image_path",
    "name",
    "key",
    "uuid",
    "video",
    "image",
    "audio",
    "sample_id",
    "index",
    "__index_level_0__",
];

/// Names of the column of vectors, in order of preference.
pub(crate) const VECTORS: [&str; 12] = [
    "vector",
    "embedding",
    "embeddings",
    "vectors",
    "emb",
    "features",
    "feature",
    "encoding",
    "representation",
    "hidden_state",
    "values",
    "x",
];

/// Where clips and vectors are in a header.
pub(crate) struct Layout {
    pub(crate) clip: Option<usize>,
    pub(crate) vectors: Vectors,
    pub(crate) source: Option<usize>,
}

pub(crate) enum Vectors {
    /// One column of lists.
    List(usize),
    /// One column a component.
    Wide(Vec<usize>),
}

impl Layout {
    /// What the components are called, where they have more than numbers.
    pub(crate) fn names(&self, header: &[String]) -> Vec<String> {
        match &self.vectors {
            Vectors::Wide(columns) if !alike(header, columns) => {
                columns.iter().map(|&i| header[i].clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The columns that are read.
    pub(crate) fn columns(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.clip.into_iter().chain(self.source).collect();
        match &self.vectors {
            Vectors::List(i) => all.push(*i),
            Vectors::Wide(columns) => all.extend(columns),
        }
        all
    }
}

/// Columns with a number at the end of their name (`0`, `e0`, `dim_0`), by number: of several kinds the one with the most.
/// The error is a kind whose numbers have a gap.
pub(crate) fn numbered(
    header: &[String],
    usable: impl Fn(usize) -> bool,
) -> Result<Vec<usize>, String> {
    let mut kinds: std::collections::BTreeMap<&str, Vec<(u32, usize)>> = Default::default();
    for (i, name) in header.iter().enumerate().filter(|(i, _)| usable(*i)) {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if let Ok(number) = name[stem.len()..].parse() {
            kinds.entry(stem).or_default().push((number, i));
        }
    }
    let Some((stem, mut columns)) = kinds.into_iter().max_by_key(|(_, columns)| columns.len())
    else {
        return Ok(Vec::new());
    };
    columns.sort_unstable();
    let first = columns.first().map_or(0, |&(number, _)| number);
    let whole = columns
        .iter()
        .zip(first..)
        .all(|(&(n, _), expected)| n == expected);
    if columns.len() > 1 && !(whole && first <= 1) {
        return Err(format!("{stem}0, {stem}1, .. without a gap"));
    }
    Ok(columns.into_iter().map(|(_, i)| i).collect())
}

/// What may stand in the columns of a table.
pub(crate) struct Kinds<'a> {
    /// A list of numbers.
    pub(crate) list: &'a dyn Fn(usize) -> bool,
    pub(crate) number: &'a dyn Fn(usize) -> bool,
    /// What may name clips.
    pub(crate) id: &'a dyn Fn(usize) -> bool,
}

/// The columns of a vector, of a table with one column a component: those that are numbered where they are all but a few of the
/// numbers; else every number that is no label and no time by its name, in the order of the file.
///
/// # Errors
/// What is expected, where numbered columns have a gap.
fn components(header: &[String], clip: Option<usize>, kinds: &Kinds) -> Result<Vec<usize>, String> {
    let usable =
        |i: usize| Some(i) != clip && (kinds.number)(i) && columns::no_feature(header, i).is_none();
    let features: Vec<usize> = (0..header.len()).filter(|&i| usable(i)).collect();
    let all_but_a_few = |group: usize| 10 * group >= 9 * features.len();
    let named = clip.is_some() || (0..header.len()).filter(|&i| (kinds.id)(i)).count() == 1;
    match numbered(header, usable) {
        Ok(group) if group.len() > 1 && (all_but_a_few(group.len()) || !named) => Ok(group),
        Ok(group) if group.len() == 1 && header.len() == 2 => Ok(group),
        Err(gap) if features.len() < 2 || !named || !has_unnumbered(header, &features) => Err(gap),
        _ if named && features.len() > 1 => Ok(features),
        _ => Ok(Vec::new()),
    }
}

/// Whether more than a few of these columns have no number at the end of their names.
fn has_unnumbered(header: &[String], columns: &[usize]) -> bool {
    let plain = |i: &&usize| !header[**i].ends_with(|c: char| c.is_ascii_digit());
    10 * columns.iter().filter(plain).count() > columns.len()
}

/// Finds clips and vectors.
pub(crate) fn layout(
    path: &Path,
    header: &[String],
    kinds: &Kinds,
    found: impl Fn() -> String,
) -> Result<(Layout, Vec<String>), TableError> {
    let mut notes = Vec::new();
    let at = path.display();
    let by_name = |names: &[&str], fits: &dyn Fn(usize) -> bool| {
        let mut places = names.iter().filter_map(|name| columns::find(header, name));
        places.find(|&i| fits(i))
    };
    let lists: Vec<usize> = (0..header.len()).filter(|&i| (kinds.list)(i)).collect();
    let wanted =
        "a column of clips and one of vectors, or one column a component (0, 1, .. or e0, e1, ..)";
    let vectors = match (by_name(&VECTORS, kinds.list), lists.as_slice()) {
        (Some(i), _) | (None, &[i]) => Some(Vectors::List(i)),
        (None, []) => None,
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|&i| header[i].as_str()).collect();
            let found = format!(
                "lists in the columns {}; --column vector={} takes the first of them",
                names.join(", "),
                names[0]
            );
            return Err(TableError::file(path, "one column of vectors", found));
        }
    };
    let mut clip = by_name(&CLIPS, kinds.id);
    let vectors = match vectors {
        Some(vectors) => vectors,
        None => {
            let columns = components(header, clip, kinds).map_err(|expected| {
                TableError::file(path, format!("columns {expected}"), found())
            })?;
            if columns.is_empty() {
                return Err(TableError::file(path, wanted, found()));
            }
            Vectors::Wide(columns)
        }
    };
    let used = |i: usize| match &vectors {
        Vectors::List(list) => *list == i,
        Vectors::Wide(columns) => columns.contains(&i),
    };
    if clip.is_none() {
        let others: Vec<usize> = (0..header.len())
            .filter(|&i| !used(i) && (kinds.id)(i))
            .collect();
        match others.as_slice() {
            &[i] => clip = Some(i),
            [] => notes.push(format!(
                "{at}: no column names the clips; they are called by their row, from 0"
            )),
            several => {
                let names: Vec<&str> = several.iter().map(|&i| header[i].as_str()).collect();
                let found = format!(
                    "columns {}; --column clip={} takes the first of them",
                    names.join(", "),
                    names[0]
                );
                return Err(TableError::file(path, "a column clip (or id)", found));
            }
        }
    }
    match &vectors {
        Vectors::List(i) if header[*i] != "vector" => {
            notes.push(format!("{at}: vectors are in column {}", header[*i]));
        }
        Vectors::List(_) => {}
        Vectors::Wide(columns) => {
            notes.push(format!("{at}: {}", taken(header, columns)));
            notes.extend(left(header, clip, columns, kinds).map(|left| format!("{at}: {left}")));
        }
    }
    if let Some(i) = clip.filter(|&i| header[i] != "clip") {
        notes.push(format!("{at}: clips are named by column {}", header[i]));
    }
    let source =
        columns::find(header, "source").filter(|&i| (kinds.id)(i) && !used(i) && clip != Some(i));
    Ok((
        Layout {
            clip,
            vectors,
            source,
        },
        notes,
    ))
}

/// Whether columns differ by the number at the end of their names alone.
fn alike(header: &[String], columns: &[usize]) -> bool {
    let stem = |i: usize| header[i].trim_end_matches(|c: char| c.is_ascii_digit());
    columns.iter().all(|&i| stem(i) == stem(columns[0]))
}

/// Which columns are the vector.
fn taken(header: &[String], columns: &[usize]) -> String {
    let (first, last) = (columns[0], columns[columns.len() - 1]);
    let count = columns.len();
    match alike(header, columns) {
        true => format!(
            "vectors are in the {count} columns {} to {}",
            header[first], header[last]
        ),
        false => format!(
            "vectors are the {count} columns of numbers in the order of the file: {}",
            some(columns.iter().map(|&i| header[i].as_str()).collect())
        ),
    }
}

/// Which columns are not, and why where their names or kinds say so.
fn left(
    header: &[String],
    clip: Option<usize>,
    columns: &[usize],
    kinds: &Kinds,
) -> Option<String> {
    let left: Vec<String> = (0..header.len())
        .filter(|&i| Some(i) != clip && !columns.contains(&i))
        .map(|i| match columns::no_feature(header, i) {
            Some(why) => format!("{} ({why})", header[i]),
            None if !(kinds.number)(i) => format!("{} (no numbers)", header[i]),
            None => header[i].clone(),
        })
        .collect();
    let names = left.iter().map(String::as_str).collect();
    (!left.is_empty()).then(|| format!("not part of the vectors: {}", some(names)))
}

/// The first ten of many names.
fn some(names: Vec<&str>) -> String {
    let more = names.len().saturating_sub(10);
    let shown = names[..names.len() - more].join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
