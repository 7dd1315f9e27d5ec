//! From items to splits: what a reader found of one data set, with the splits that lists state and those that have to be made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cohort_tables::{LabelColumn, LabelTable, code, counted, file_hash, id_key};
use rayon::prelude::*;

use super::contents::{Contents, OpenOptions};
use super::splits::{Drawn, MadeSplits, SHARE, draw};
use crate::error::DataError;
use crate::folder::Unused;
use crate::label_file::{self, LabelFile, SplitTable};
use crate::layout::{Layout, Part};
use crate::media::{Media, MediaKind};
use crate::schema::Schema;

/// One item as a reader found it.
pub(crate) struct Item {
    /// Its name: a path, or what a table has.
    pub name: String,
    /// Its line in the table.
    pub line: Option<u64>,
    /// Name of its split; none where no split is stated.
    pub split: Option<String>,
    /// Its fields, one for each of the columns.
    pub fields: Vec<String>,
    pub media: Media,
}

/// A data set of one source, before its splits are settled.
pub(crate) struct Found {
    pub layout: Layout,
    pub root: PathBuf,
    /// File or folder that errors name.
    pub path: PathBuf,
    /// The same as findings name it.
    pub shown: String,
    /// Its target, subject and name columns are set; its splits are those that somebody stated, or the default.
    pub schema: Schema,
    /// Names of the fields.
    pub columns: Vec<String>,
    pub items: Vec<Item>,
    pub unused: Vec<(String, Unused)>,
    pub notes: Vec<String>,
}

impl Found {
    /// Settles the splits.
    pub(crate) fn assemble(mut self, options: &OpenOptions) -> Result<Contents, DataError> {
        if self.items.is_empty() {
            return Err(DataError::file(&self.path, "at least one item", "none"));
        }
        self.distinct_parts()?;
        let made = match options.as_it_lies {
            true => None,
            false => self.make_missing(options.seed)?,
        };
        let unsplit = self.split_name(Part::Train);
        let mut by_split: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for item in std::mem::take(&mut self.items) {
            let split = item.split.clone().unwrap_or_else(|| unsplit.clone());
            by_split.entry(split).or_default().push(item);
        }
        let mut names: Vec<String> = by_split.keys().cloned().collect();
        names.sort_by_key(|name| Part::of(name));
        let mut tables = Vec::new();
        for name in &names {
            let items = by_split.remove(name).unwrap_or_default();
            tables.push(SplitTable {
                split: name.clone(),
                file: Ok(self.table(name, items)),
            });
        }
        self.schema.splits = names;
        self.schema.lists.clear();
        let read = tables.iter().filter_map(|table| table.file.as_ref().ok());
        label_file::infer_levels(&mut self.schema, true, read)?;
        Ok(Contents {
            root: self.root,
            layout: self.layout,
            schema: self.schema,
            tables,
            unused: self.unused,
            notes: self.notes,
            findings: Vec::new(),
            objects: None,
            made,
        })
    }

    /// The label table of one split.
    fn table(&self, split: &str, items: Vec<Item>) -> LabelFile {
        let mut names = Vec::with_capacity(items.len());
        let mut columns = vec![Vec::with_capacity(items.len()); self.columns.len()];
        let (mut lines, mut media) = (Vec::new(), Vec::with_capacity(items.len()));
        for item in items {
            names.push(item.name);
            lines.extend(item.line);
            media.push(item.media);
            for (column, field) in columns.iter_mut().zip(item.fields) {
                column.push(field);
            }
        }
        let columns = self.columns.iter().zip(columns);
        let mut columns: Vec<LabelColumn> = columns
            .map(|(name, values)| LabelColumn {
                name: name.clone(),
                values,
            })
            .collect();
        if self.schema.items_are_units() {
            columns.push(LabelColumn {
                name: self.schema.subject_column.clone(),
                values: names.clone(),
            });
        }
        LabelFile {
            split: split.to_string(),
            path: self.path.clone(),
            shown: self.shown.clone(),
            table: LabelTable { names, columns },
            lines,
            problems: Vec::new(),
            notes: Vec::new(),
            media: Some(media),
        }
    }

    /// Names of the splits that some item is said to be in.
    fn stated_splits(&self) -> BTreeSet<&str> {
        let splits = self.items.iter().filter_map(|item| item.split.as_deref());
        splits.collect()
    }

    /// Two splits that stand for one part (`val` and `valid`) are not to be guessed at.
    fn distinct_parts(&self) -> Result<(), DataError> {
        let mut seen: BTreeMap<Option<Part>, &str> = BTreeMap::new();
        for name in self.stated_splits() {
            if let Some(other) = seen.insert(Part::of(name), name) {
                return Err(DataError::file(
                    &self.path,
                    "one training, one validation and one test split",
                    format!("the splits {other} and {name}"),
                ));
            }
        }
        Ok(())
    }

    /// The name of a part's split: as it is stated, else as the schema calls it, else the usual one.
    fn split_name(&self, part: Part) -> String {
        let of_part = |name: &&str| Part::of(name) == Some(part);
        let there = self.stated_splits().into_iter().find(of_part);
        let known = self.schema.splits.iter().map(String::as_str).find(of_part);
        there.or(known).unwrap_or(part.name()).to_string()
    }

    /// Makes the validation and the test split where there is none, of what would be trained on.
    fn make_missing(&mut self, seed: u64) -> Result<Option<MadeSplits>, DataError> {
        let stated: Vec<Option<Part>> = self.stated_splits().into_iter().map(Part::of).collect();
        let missing: Vec<Part> = [Part::Valid, Part::Test]
            .into_iter()
            .filter(|part| !stated.contains(&Some(*part)))
            .collect();
        let train = self.split_name(Part::Train);
        let of_train = |item: &Item| item.split.as_ref().is_none_or(|split| *split == train);
        let candidates: Vec<usize> = (0..self.items.len())
            .filter(|&i| of_train(&self.items[i]))
            .collect();
        if missing.is_empty() || candidates.is_empty() {
            return Ok(None);
        }
        let place = |column: &str| self.columns.iter().position(|name| name == column);
        let (target, unit) = (
            place(&self.schema.target),
            place(&self.schema.subject_column),
        );
        let same_files = same_files(&self.items, &candidates);
        let drawn: Vec<Drawn<'_>> = candidates
            .iter()
            .zip(same_files)
            .map(|(&i, file)| {
                let item = &self.items[i];
                let unit = match unit {
                    Some(unit) => code(&item.fields[unit]).into_owned(),
                    None => id_key(&item.name),
                };
                Drawn {
                    class: target.map_or("", |target| &item.fields[target]),
                    ties: [Some(format!("unit {unit}")), file]
                        .into_iter()
                        .flatten()
                        .collect(),
                }
            })
            .collect();
        let splits = draw(&drawn, &vec![SHARE; missing.len()], seed);
        let names: Vec<String> = missing.iter().map(|part| self.split_name(*part)).collect();
        let mut counts = vec![0; names.len()];
        for (&i, split) in candidates.iter().zip(&splits) {
            let split = split.map(|split| {
                counts[split] += 1;
                names[split].clone()
            });
            self.items[i].split = Some(split.unwrap_or_else(|| train.clone()));
        }
        if let Some(empty) = counts.iter().position(|count| *count == 0) {
            return Err(DataError::file(
                &self.path,
                format!(
                    "a split {}, or enough {} a class to make one of",
                    names[empty],
                    self.schema.nouns().units()
                ),
                counted(candidates.len(), &self.schema.item),
            ));
        }
        let parts: Vec<String> = names
            .iter()
            .zip(&counts)
            .map(|(name, count)| format!("{name} ({})", counted(*count, &self.schema.item)))
            .collect();
        let whole = match self.schema.items_are_units() {
            true => String::new(),
            false => format!(", each {} whole", self.schema.unit),
        };
        self.notes.push(format!(
            "{}: no split {}: made by seed {seed} from the {} of {train}, {:.0} % of each class{whole}: {}",
            self.path.display(),
            names.join(" and no split "),
            counted(candidates.len(), &self.schema.item),
            100.0 * SHARE,
            parts.join(", "),
        ));
        Ok(Some(MadeSplits {
            seed,
            splits: names,
            from: train,
            share: SHARE,
        }))
    }

    /// Names items and units after what the items hold, where nobody said otherwise: pictures, sounds, texts or clips.
    pub(crate) fn name_items(&mut self) {
        let only = |kind: MediaKind| {
            let mut media = self.items.iter().map(|item| &item.media);
            media.all(|media| media.iter().all(|(of, _)| of == kind) && media.has(kind))
        };
        let kinds = [MediaKind::Picture, MediaKind::Sound, MediaKind::Text];
        if let Some(kind) = kinds.into_iter().find(|kind| only(*kind)) {
            self.schema.item = kind.name().to_string();
        }
        if self.schema.items_are_units() {
            self.schema.unit.clone_from(&self.schema.item);
        }
    }
}

/// What ties items whose first file is the same, byte for byte. Only files of equal length are read.
fn same_files(items: &[Item], candidates: &[usize]) -> Vec<Option<String>> {
    let file = |i: &usize| -> Option<&Path> {
        let mut media = items[*i].media.iter();
        media.find_map(|(_, source)| source.file())
    };
    let length = |i: &usize| Some(std::fs::metadata(file(i)?).ok()?.len());
    let lengths: Vec<Option<u64>> = candidates.par_iter().map(length).collect();
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for length in lengths.iter().flatten() {
        *counts.entry(*length).or_default() += 1;
    }
    let tie = |(i, length): (&usize, &Option<u64>)| {
        let shared = length.is_some_and(|length| counts[&length] > 1);
        // a file that cannot be read is told by whoever needs it
        let hash = file_hash(file(i).filter(|_| shared)?).ok()?;
        Some(format!("file {hash}"))
    };
    candidates.par_iter().zip(&lengths).map(tie).collect()
}
