//! One table with a column of paths: each row an item.

use std::collections::BTreeSet;
use std::path::Path;

use cohort_tables::{
    ReadOptions, TextTable, code, counted, did_you_mean, is_missing, usual_column,
};

use super::assemble::{Found, Item};
use super::contents::{Contents, OpenOptions};
use super::lists;
use super::path_index::{self, PathIndex, plain};
use crate::error::{DataError, quoted, shorten};
use crate::folder::{self, Entry};
use crate::label_file::FIELD_LIMIT;
use crate::layout::{Layout, Part};
use crate::media::{self, MediaKind};
use crate::schema::{Attribute, Schema};

/// Rows that are looked at to see whether a column holds paths.
const SAMPLE: usize = 20;

/// Other names of a target than those of a column of truth.
pub(crate) const TARGETS: [&str; 6] = [
    "category",
    "class_name",
    "label_name",
    "classname",
    "scene",
    "emotion",
];

/// Column of splits.
pub(crate) const SPLITS: [&str; 6] = ["split", "set", "subset", "partition", "fold", "usage"];

/// The column of the first of these names that is there, in any case of letters.
pub(crate) fn column_of(header: &[String], names: &[&str]) -> Option<usize> {
    let same = |name: &&str| {
        header
            .iter()
            .position(|column| column.trim().eq_ignore_ascii_case(name))
    };
    names.iter().find_map(same)
}

/// The column of paths: the stated one, else the first by the usual names whose values look like files.
fn path_column(table: &TextTable, stated: Option<&str>) -> Option<usize> {
    if let Some(name) = stated
        && let Some(place) = column_of(&table.header, &[name])
    {
        return Some(place);
    }
    let looks = |place: &usize| {
        let values = table.columns[*place].iter().take(SAMPLE);
        let path =
            |value: &String| MediaKind::of_file(Path::new(value)).is_some() || value.contains('/');
        values.clone().next().is_some() && values.clone().all(path)
    };
    let usual = usual_column("VideoName", &table.header);
    let usual = usual.and_then(|name| table.header.iter().position(|column| *column == name));
    let columns = 0..table.header.len();
    usual
        .filter(|place| looks(place))
        .or_else(|| columns.into_iter().find(|place| looks(place)))
        .or(usual)
}

/// Whether a table has the stated column of paths, or one whose first values are files below the root.
pub(crate) fn has_paths(root: &Path, path: &Path, stated: Option<&str>) -> bool {
    let Ok(table) = TextTable::read(path, &ReadOptions::default(), &[]) else {
        return false;
    };
    if stated.is_some_and(|stated| column_of(&table.header, &[stated]).is_some()) {
        return true;
    }
    let Some(place) = path_column(&table, None) else {
        return false;
    };
    let mut values = table.columns[place].iter().take(SAMPLE);
    let there = |value: &String| {
        let is_media = MediaKind::of_file(Path::new(&plain(value))).is_some();
        is_media || root.join(plain(value)).is_file()
    };
    values.any(there)
}

pub(crate) fn read(
    root: &Path,
    path: &Path,
    schema: Option<Schema>,
    options: &OpenOptions,
) -> Result<Contents, DataError> {
    let format = schema
        .as_ref()
        .map(|schema| schema.table)
        .unwrap_or_default();
    let read_options = ReadOptions {
        format,
        field_limit: Some(FIELD_LIMIT),
        ..ReadOptions::default()
    };
    let mut table = TextTable::read(path, &read_options, &[])?;
    table.refuse_bad_rows(path)?;
    let near = |name: &str| did_you_mean(name, table.header.iter().map(String::as_str));
    let columns = || format!("columns {}", shorten(&table.header, 12));
    let stated = schema.is_some();
    let name_column = schema.as_ref().map(|schema| schema.name_column.as_str());
    let Some(names) = path_column(&table, name_column) else {
        return Err(DataError::file(
            path,
            "a column of paths (path, file, filename, ...)",
            columns(),
        ));
    };
    let target = target_column(path, &table, schema.as_ref(), options, names)?;
    let schema_subject = schema.as_ref().map(|schema| schema.subject_column.as_str());
    let subject = schema_subject
        .and_then(|name| column_of(&table.header, &[name]))
        .or_else(|| {
            let usual = usual_column("UserID", &table.header)?;
            table.header.iter().position(|column| *column == usual)
        })
        .filter(|place| ![names, target].contains(place));
    let split = column_of(&table.header, &SPLITS).filter(|place| ![names, target].contains(place));

    let mut notes = std::mem::take(&mut table.notes);
    let mut note = |text: String| notes.push(format!("{}: {text}", path.display()));
    let mut schema = match schema {
        Some(schema) => schema,
        None => Schema::found(root, &table.header[target]),
    };
    schema.name_column.clone_from(&table.header[names]);
    schema
        .subject_column
        .clone_from(&table.header[subject.unwrap_or(names)]);
    if schema.target != table.header[target] {
        schema.target.clone_from(&table.header[target]);
        schema
            .attributes
            .retain(|attribute| attribute.column != schema.target);
        schema
            .attributes
            .insert(0, Attribute::inferred(&schema.target));
    }
    for attribute in &schema.attributes {
        if column_of(&table.header, &[&attribute.column]).is_none() {
            return Err(DataError::file(
                path,
                format!("a column {}", attribute.column),
                columns() + &near(&attribute.column),
            ));
        }
    }
    note(format!(
        "paths in column {}, the target in {}, {}, {}",
        table.header[names],
        table.header[target],
        match subject {
            Some(subject) => format!("who must not be torn apart in {}", table.header[subject]),
            None => "every item a unit of its own, since no column says who it is of".to_string(),
        },
        match split {
            Some(split) => format!("the split in {}", table.header[split]),
            None => "no column of splits".to_string(),
        },
    ));
    if !stated {
        let others: Vec<&String> = (0..table.header.len())
            .filter(|place| ![Some(names), Some(target), subject, split].contains(&Some(*place)))
            .filter(|place| is_category(&table.columns[*place]))
            .map(|place| &table.header[place])
            .collect();
        if !others.is_empty() {
            note(format!(
                "not described: {}; [[attribute]] in cohort.toml describes and audits by them",
                shorten(&others, 8)
            ));
        }
    }

    let listing = folder::search(root, &media::endings())?;
    let index = PathIndex::new(&listing.files);
    let asked = lists::asked_for(root, stated.then_some(&schema), options);
    let listed = lists::read(&asked, &index)?;
    let by_folder = by_folder(&table.columns[names]);
    let (mut items, mut missing, mut first_missing) = (Vec::new(), 0_usize, None);
    let mut left_out = 0_usize;
    for row in 0..table.lines.len() {
        let line = table.lines[row];
        let name = &table.columns[names][row];
        if is_missing(name) {
            return Err(DataError::row(path, line, "a path", "an empty field"));
        }
        let files = files_of(root, name, &index, &listing.files)
            .map_err(|found| DataError::row(path, line, "the path of one item", found))?;
        if files.is_empty() {
            missing += 1;
            first_missing.get_or_insert((line, name.clone()));
        }
        let stated_split = if !asked.is_empty() {
            let Some(split) = files.iter().find_map(|(number, _)| listed.get(&(*number)?)) else {
                left_out += 1;
                continue;
            };
            Some(split.clone())
        } else if let Some(split) = split {
            let value = code(&table.columns[split][row]).into_owned();
            if Part::of(&value).is_none() {
                let expected = format!("in {} train, valid or test", table.header[split]);
                return Err(DataError::row(path, line, expected, quoted(&value)));
            }
            Some(value)
        } else {
            by_folder.as_ref().map(|splits| splits[row].clone())
        };
        items.push(Item {
            name: name.clone(),
            line: Some(line),
            split: stated_split,
            fields: (0..table.header.len())
                .filter(|place| *place != names)
                .map(|place| table.columns[place][row].clone())
                .collect(),
            media: media::join(files.iter().map(|(_, file)| file.as_path())),
        });
    }
    if let Some((line, name)) = first_missing {
        if missing == table.lines.len() {
            let found = format!("none of {missing}; the first: {}", quoted(&name));
            return Err(DataError::row(
                path,
                line,
                format!("paths of files below {}", root.display()),
                found,
            ));
        }
        note(format!(
            "{} of {} without its file, the first in row {line}: {name}",
            counted(missing, "row"),
            table.lines.len()
        ));
    }
    if !asked.is_empty() {
        let names: Vec<String> = asked
            .iter()
            .map(|list| format!("{} by {}", list.split, list.path.display()))
            .collect();
        note(format!(
            "splits as lists state them: {}{}",
            names.join(", "),
            lists::left_out(left_out, "row")
        ));
    } else if split.is_none() && by_folder.is_some() {
        note("splits by the first folder of the paths".to_string());
    }
    let shown = path
        .strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string();
    let columns = (0..table.header.len()).filter(|place| *place != names);
    let mut found = Found {
        layout: Layout::Table,
        root: root.to_path_buf(),
        path: path.to_path_buf(),
        shown,
        columns: columns.map(|place| table.header[place].clone()).collect(),
        schema,
        items,
        unused: Vec::new(),
        notes,
    };
    if !stated {
        found.name_items();
        if let Some(subject) = subject {
            found.schema.unit = unit_word(&table.header[subject]);
        }
    }
    found.assemble(options)
}

/// What a column of units is called in a sentence: `speaker_id` is a speaker, anything odd a subject.
pub(crate) fn unit_word(column: &str) -> String {
    let lower = column.to_lowercase();
    let word = lower
        .trim_end_matches("_id")
        .trim_end_matches("id")
        .trim_end_matches('_');
    let usual = [
        "speaker",
        "patient",
        "person",
        "participant",
        "scene",
        "sequence",
        "video",
    ];
    let word = usual.into_iter().find(|usual| *usual == word);
    word.unwrap_or("subject").to_string()
}

/// Few values, each more than once: something to describe by.
pub(crate) fn is_category(values: &[String]) -> bool {
    let distinct: BTreeSet<&String> = values.iter().collect();
    (2..=50).contains(&distinct.len()) && distinct.len() * 2 <= values.len()
}

/// The target's column: asked for, the schema's, the usual names, or the only other column.
fn target_column(
    path: &Path,
    table: &TextTable,
    schema: Option<&Schema>,
    options: &OpenOptions,
    names: usize,
) -> Result<usize, DataError> {
    let found = || format!("columns {}", shorten(&table.header, 12));
    let stated = options
        .target
        .as_deref()
        .or(schema.map(|schema| schema.target.as_str()));
    if let Some(stated) = stated {
        let place = column_of(&table.header, &[stated]);
        let near = did_you_mean(stated, table.header.iter().map(String::as_str));
        return place
            .ok_or_else(|| DataError::file(path, format!("a column {stated}"), found() + &near));
    }
    let usual = usual_column("ground_truth", &table.header);
    let usual = usual.and_then(|name| table.header.iter().position(|column| *column == name));
    let others = || {
        let known = [column_of(&table.header, &SPLITS), Some(names)];
        let mut others =
            (0..table.header.len()).filter(move |place| !known.contains(&Some(*place)));
        (others.next(), others.next())
    };
    let only = match others() {
        (Some(only), None) => Some(only),
        _ => None,
    };
    let place = usual
        .filter(|place| *place != names)
        .or(column_of(&table.header, &TARGETS))
        .or(only);
    place.ok_or_else(|| {
        let expected = "a column of the target (label, class, target, ...), or which it is (--target NAME, or target in cohort.toml)";
        DataError::file(path, expected, found())
    })
}

/// The split of each row by the first folder of its path, where all rows have one that names a part.
fn by_folder(names: &[String]) -> Option<Vec<String>> {
    let first = |name: &String| {
        let plain = plain(name);
        let (first, _) = plain.split_once('/')?;
        Part::of(first).map(|_| first.to_string())
    };
    let splits: Option<Vec<String>> = names.iter().map(first).collect();
    splits.filter(|splits| splits.iter().any(|split| Some(split) != splits.first()))
}

type Files = Vec<(Option<usize>, std::path::PathBuf)>;

/// The files of a row: below the root, else where an absolute path leads.
fn files_of(root: &Path, name: &str, index: &PathIndex, all: &[Entry]) -> Result<Files, String> {
    let written = Path::new(name.trim());
    match index.find(name) {
        path_index::Found::Files(files) => Ok(files
            .into_iter()
            .map(|i| (Some(i), all[i].path.clone()))
            .collect()),
        path_index::Found::Several(a, b) => Err(format!(
            "{}, and several files end so ({a}, {b}, ...)",
            quoted(name)
        )),
        path_index::Found::Nothing if root.join(written).is_file() => {
            Ok(vec![(None, root.join(written))])
        }
        path_index::Found::Nothing => Ok(Vec::new()),
    }
}
