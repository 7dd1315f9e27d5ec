//! Tables that no layout is recognised by: label tables of other names, with media or without, and predictions.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use cohort_tables::{
    LabelTable, ReadOptions, TextTable, clip_id, code, did_you_mean, id_key, is_missing,
    usual_column,
};

use super::Recognised;
use crate::error::{DataError, shorten};
use crate::folder;
use crate::layout::{Layout, Part};
use crate::media::{self, MediaKind};
use crate::readers::UNITS;
use crate::readers::table_parts::{
    SPLITS, TABLES, TARGETS, column_of, files_in, is_category, unit_word,
};
use crate::schema::{Attribute, Schema};

/// Tables that say nothing of who is in the data.
const OTHERS: [&str; 3] = ["transcripts.csv", UNITS, "splits.csv"];

/// A table in the folder.
struct Table {
    name: String,
    header: Vec<String>,
    columns: Vec<Vec<String>>,
}

impl Table {
    fn column(&self, name: &str) -> Option<&[String]> {
        column_of(&self.header, &[name]).map(|place| self.columns[place].as_slice())
    }

    /// The name of the column that holds what `ours` does.
    fn usual(&self, ours: &str) -> Option<String> {
        let own = column_of(&self.header, &[ours]).map(|place| self.header[place].clone());
        own.or_else(|| usual_column(ours, &self.header))
    }

    fn distinct(&self, name: &str) -> BTreeSet<String> {
        let values = self.column(name).unwrap_or_default().iter();
        let values = values.filter(|value| !is_missing(value));
        values.map(|value| code(value).into_owned()).collect()
    }
}

/// Whether pictures, sounds or videos lie in a folder, at any depth.
pub(super) fn has_media(root: &Path) -> Result<bool, DataError> {
    let files = folder::search(root, &media::endings())?.files;
    let kind = |file: &folder::Entry| MediaKind::of_file(&file.path);
    Ok(files
        .iter()
        .any(|file| kind(file).is_some_and(|kind| kind != MediaKind::Text)))
}

/// The tables of a folder that can be read, but for those that have another purpose.
fn all(root: &Path) -> Vec<Table> {
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name()?.to_str()?.to_string();
        if OTHERS.contains(&name.as_str()) {
            return None;
        }
        let table = TextTable::read(path, &ReadOptions::default(), &[]).ok()?;
        (!table.lines.is_empty() && table.problems.is_empty()).then_some(Table {
            name,
            header: table.header,
            columns: table.columns,
        })
    };
    files_in(root, &TABLES).iter().filter_map(read).collect()
}

/// The column of names, of subjects, and the target of a table of labels.
struct Roles {
    name: String,
    subject: Option<String>,
    target: String,
}

/// Which column of a table is what. The target is the stated one, else by the usual names, else the only one that is left.
fn roles(
    root: &Path,
    table: &Table,
    target: Option<&str>,
    name: Option<String>,
) -> Result<Roles, DataError> {
    let path = root.join(&table.name);
    let found = || format!("columns {}", shorten(&table.header, 12));
    let name = name.or_else(|| table.usual("VideoName"));
    let name = name.ok_or_else(|| {
        DataError::file(
            &path,
            "a column of clips (VideoName, file, id, ...)",
            found(),
        )
    })?;
    let subject = table.usual("UserID").filter(|subject| *subject != name);
    let taken = |column: &String| *column == name || Some(column) == subject.as_ref();
    if let Some(target) = target {
        let Some(place) = column_of(&table.header, &[target]) else {
            let near = did_you_mean(target, table.header.iter().map(String::as_str));
            let expected = format!("a column {target}");
            return Err(DataError::file(&path, expected, found() + &near));
        };
        let target = table.header[place].clone();
        return Ok(Roles {
            subject: subject.filter(|subject| *subject != target),
            name,
            target,
        });
    }
    let usual = ["AgeGroup", "ground_truth"]
        .iter()
        .filter_map(|ours| table.usual(ours));
    let known =
        usual.chain(column_of(&table.header, &TARGETS).map(|place| table.header[place].clone()));
    let mut others = table.header.iter().filter(|column| !taken(column));
    let only = match (others.next(), others.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    };
    let target = known.into_iter().find(|column| !taken(column)).or(only);
    let target = target.ok_or_else(|| {
        let expected =
            "a column of the target (label, class, target, ...), or which it is (--target COLUMN)";
        DataError::file(&path, expected, found())
    })?;
    Ok(Roles {
        name,
        subject,
        target,
    })
}

/// A schema of label tables with these roles, which describes by every column of few values.
fn schema_of(root: &Path, roles: &Roles, tables: &[&Table]) -> Schema {
    let mut schema = Schema::found(root, &roles.target);
    schema.name_column.clone_from(&roles.name);
    schema.subject_column = roles.subject.clone().unwrap_or_else(|| roles.name.clone());
    if let Some(subject) = &roles.subject {
        schema.unit = unit_word(subject);
    }
    let Some(first) = tables.first() else {
        return schema;
    };
    for column in &first.header {
        let values: Option<Vec<String>> = tables.iter().try_fold(Vec::new(), |mut all, table| {
            all.extend_from_slice(table.column(column)?);
            Some(all)
        });
        let known = [&schema.name_column, &schema.subject_column, &schema.target];
        if !known.contains(&column) && values.is_some_and(|values| describes(column, &values)) {
            schema.attributes.push(Attribute::inferred(column));
        }
    }
    schema
}

/// Whether a column is one to describe by: few values, each more than once and none missing, and neither a split nor of a model.
fn describes(column: &str, values: &[String]) -> bool {
    let header = [column.to_string()];
    let of_a_model = ["prediction", "probabilities", "Transcript"]
        .iter()
        .any(|ours| column_of(&header, &[ours]).is_some() || usual_column(ours, &header).is_some());
    let missing = values.iter().any(|value| is_missing(value));
    let fractions = values
        .iter()
        .any(|value| value.parse::<f64>().is_ok_and(|x| x.fract() != 0.0));
    column_of(&header, &SPLITS).is_none()
        && !of_a_model
        && !fractions
        && !missing
        && is_category(values)
}

/// Columns of a table of paths that are not described yet, and may be.
pub(super) fn described(schema: &Schema, tables: &[&LabelTable]) -> Vec<Attribute> {
    let Some(first) = tables.first() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for column in first.column_names() {
        let known = [&schema.name_column, &schema.subject_column, &schema.target];
        let values = tables
            .iter()
            .filter_map(|table| table.column(column))
            .flatten();
        let values: Vec<String> = values.cloned().collect();
        if !known.iter().any(|known| *known == column)
            && schema.attribute(column).is_none()
            && describes(column, &values)
        {
            found.push(Attribute::inferred(column));
        }
    }
    found
}

/// Makes another column of First Impressions' label tables the target.
pub(super) fn aim(root: &Path, schema: &mut Schema, target: &str) -> Result<(), DataError> {
    let there = schema.splits.iter().map(|split| schema.label_file(split));
    let tables = all(root);
    let first = there
        .into_iter()
        .find_map(|name| tables.iter().find(|table| table.name == name));
    let Some(table) = first else {
        return Ok(());
    };
    let name = Some(schema.name_column.clone());
    let roles = roles(root, table, Some(target), name)?;
    if schema.attribute(&roles.target).is_none() {
        schema.attributes.push(Attribute::inferred(&roles.target));
    }
    schema.target = roles.target;
    Ok(())
}

/// Predictions of some model, alone or beside a label table.
pub(super) fn predictions(
    root: &Path,
    target: Option<&str>,
) -> Result<Option<Recognised>, DataError> {
    let tables = all(root);
    let is_prediction = |table: &&Table| {
        let predicted = column_of(&table.header, &["prediction"]).is_some()
            || usual_column("prediction", &table.header).is_some();
        predicted && table.usual("VideoName").is_some()
    };
    let Some(predicted) = tables.iter().find(is_prediction) else {
        return Ok(None);
    };
    let truth = predicted.usual("ground_truth");
    let ids = |table: &Table| -> HashSet<String> {
        let column = table.usual("VideoName");
        let names = column
            .as_deref()
            .and_then(|name| table.column(name))
            .unwrap_or_default();
        names.iter().map(|name| id_key(name)).collect()
    };
    let own = ids(predicted);
    let beside = tables
        .iter()
        .filter(|table| !is_prediction(table))
        .find(|table| ids(table).intersection(&own).next().is_some());
    if beside.is_none() && truth.is_none() {
        return Ok(None);
    }
    let (table, target) = match (beside, target) {
        (Some(labels), None) => {
            // the label column of the same classes as the truth's
            let codes = truth.as_deref().map(|truth| predicted.distinct(truth));
            let same = labels.header.iter().find(|column| {
                codes
                    .as_ref()
                    .is_some_and(|codes| labels.distinct(column) == *codes)
            });
            (labels, same.cloned())
        }
        (Some(labels), Some(target)) => (labels, Some(target.to_string())),
        (None, target) => (predicted, target.map(String::from).or(truth.clone())),
    };
    let roles = roles(root, table, target.as_deref(), None)?;
    let mut schema = schema_of(root, &roles, &[table]);
    schema.splits = vec![Part::Test.name().into()];
    schema.labels.clone_from(&table.name);
    let mut call = format!(
        "cohort audit {} --labels {} --schema cohort.toml",
        predicted.name, table.name
    );
    for ours in ["VideoName", "ground_truth", "prediction"] {
        if let Some(theirs) = predicted.usual(ours).filter(|theirs| theirs != ours)
            && !["clip", "id"].contains(&theirs.as_str())
        {
            call += &format!(" --column {ours}={theirs}");
        }
    }
    let what = match beside {
        Some(labels) => format!(
            "predictions ({}) and who they are of ({})",
            predicted.name, labels.name
        ),
        None => format!(
            "predictions ({}), which are their own table of labels",
            predicted.name
        ),
    };
    Ok(Some(Recognised {
        notes: vec![told(&roles, &table.name)],
        what,
        schema,
        layout: Layout::LabelTables,
        calls: vec![call],
    }))
}

fn told(roles: &Roles, table: &str) -> String {
    format!(
        "{table}: clips in column {}, the target in {}, {}",
        roles.name,
        roles.target,
        match &roles.subject {
            Some(subject) => format!("who must not be torn apart in {subject}"),
            None => "every clip a unit of its own, since no column says who it is of".into(),
        }
    )
}

/// Label tables whose names are not First Impressions': one a split, or one in all; media may lie anywhere below.
pub(super) fn labels(root: &Path, target: Option<&str>) -> Result<Option<Recognised>, DataError> {
    let tables = all(root);
    let listing = folder::search(root, &media::endings())?;
    let keys: HashSet<String> = listing
        .files
        .iter()
        .map(|file| id_key(&file.below))
        .collect();
    let names: HashSet<&str> = keys.iter().map(|key| last(key)).collect();
    // the column of clips: by name, and where there are media, the one that most of them are named in
    let clips = |table: &Table| -> (usize, Option<String>) {
        let usual = table.usual("VideoName");
        let hits = |column: &[String]| {
            column
                .iter()
                .filter(|value| names.contains(last(&id_key(value))))
                .count()
        };
        let counted = table.header.iter().zip(&table.columns);
        let best = counted
            .map(|(name, column)| (hits(column), name))
            .max_by_key(|(hits, _)| *hits);
        match best {
            Some((hits, name)) if hits > 0 => (hits, Some(name.clone())),
            _ => (0, usual),
        }
    };
    if let Some(found) = split_tables(root, &tables, target, &clips, &keys)? {
        return Ok(Some(found));
    }
    let mut known: Vec<(usize, &Table, String)> = Vec::new();
    for table in &tables {
        if let (hits, Some(name)) = clips(table) {
            known.push((hits, table, name));
        }
    }
    known.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.name.cmp(&b.1.name)));
    let Some((hits, table, name)) = known.into_iter().next() else {
        return Ok(None);
    };
    let roles = roles(root, table, target, Some(name))?;
    let mut schema = schema_of(root, &roles, &[table]);
    let mut notes = vec![told(&roles, &table.name)];
    let (layout, what) = if hits > 0 {
        notes.push(format!(
            "{hits} of {} rows have a file below {}",
            table.columns[0].len(),
            root.display()
        ));
        (
            Layout::Table,
            format!("files, and who they are of ({})", table.name),
        )
    } else {
        schema.splits = vec![
            Part::of(clip_id(&table.name))
                .map_or("all", Part::name)
                .into(),
        ];
        schema.labels.clone_from(&table.name);
        notes.push("no media: statistics alone can be made of it".into());
        (
            Layout::LabelTables,
            format!("one label table ({}) without media", table.name),
        )
    };
    Ok(Some(Recognised {
        schema,
        layout,
        what,
        notes,
        calls: Vec::new(),
    }))
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// `train.tsv`, `dev.tsv`, `test.tsv`, or the like with words around.
fn split_tables(
    root: &Path,
    tables: &[Table],
    target: Option<&str>,
    clips: &dyn Fn(&Table) -> (usize, Option<String>),
    keys: &HashSet<String>,
) -> Result<Option<Recognised>, DataError> {
    // tables by their name with the split left open
    let mut families: BTreeMap<String, Vec<(String, &Table)>> = BTreeMap::new();
    for table in tables {
        let words = table.name.split(['_', '-', '.', ' ']);
        let of_split: Vec<&str> = words.filter(|word| Part::of(word).is_some()).collect();
        if let [word] = of_split.as_slice() {
            let pattern = table.name.replacen(word, "{split}", 1);
            families
                .entry(pattern)
                .or_default()
                .push(((*word).to_string(), table));
        }
    }
    families.retain(|_, members| members.len() > 1);
    let Some((pattern, mut members)) = families.into_iter().max_by_key(|(_, all)| all.len()) else {
        return Ok(None);
    };
    members.sort_by_key(|(word, _)| Part::of(word));
    let only: Vec<&Table> = members.iter().map(|(_, table)| *table).collect();
    let (hits, name) = clips(only[0]);
    let roles = roles(root, only[0], target, name)?;
    let mut schema = schema_of(root, &roles, &only);
    schema.splits = members.iter().map(|(word, _)| word.clone()).collect();
    schema.labels = pattern;
    let mut notes = vec![told(&roles, &only[0].name)];
    match (hits > 0)
        .then(|| folder_of(&members, &roles, keys))
        .flatten()
    {
        Some((folder, found)) => {
            let rows: usize = only.iter().map(|table| table.columns[0].len()).sum();
            notes.push(format!("{found} of {rows} clips have a file in {folder}"));
            schema.folder = folder;
        }
        None => notes.push("no media: statistics alone can be made of it".into()),
    }
    Ok(Some(Recognised {
        what: format!("label tables, one a split ({})", schema.labels),
        schema,
        layout: Layout::LabelTables,
        notes,
        calls: Vec::new(),
    }))
}

/// The folder in which most clips have media, as the schema writes it, and how many.
fn folder_of(
    members: &[(String, &Table)],
    roles: &Roles,
    keys: &HashSet<String>,
) -> Option<(String, usize)> {
    let mut candidates: BTreeSet<String> = ["{split}/{target}", "{target}", "{split}", "."]
        .map(String::from)
        .into();
    for key in keys {
        if let Some((folder, _)) = key.rsplit_once('/') {
            candidates.insert(folder.to_string());
        }
    }
    let counted = candidates.into_iter().map(|folder| {
        let mut found = 0;
        for (split, table) in members {
            let names = table.column(&roles.name).unwrap_or_default();
            let targets = table.column(&roles.target).unwrap_or_default();
            for (name, target) in names.iter().zip(targets) {
                let below = folder
                    .replace("{split}", split)
                    .replace("{target}", &code(target));
                let id = id_key(name);
                found += usize::from(keys.contains(&match below.as_str() {
                    "." => id,
                    below => format!("{below}/{id}"),
                }));
            }
        }
        (folder, found)
    });
    // of equal counts the first
    let mut best: Option<(String, usize)> = None;
    for (folder, found) in counted {
        if found > best.as_ref().map_or(0, |(_, most)| *most) {
            best = Some((folder, found));
        }
    }
    best
}
