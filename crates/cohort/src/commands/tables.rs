//! How tables of other tools are to be read: options of all commands that take tables.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::{bail, ensure};
use clap::Args;
use cohort_tables::{
    ClassColumns, Decimal, Delimiter, EmbeddingTable, LabelTable, Predictions, Read, ReadOptions,
    TableError, TableFormat, id_key,
};

use crate::shell::Shell;

/// How tables are written. What is not said is recognised, and told where it is not plain CSV.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// A column that the tables call otherwise, e.g. ground_truth=y_true; may be given again
    #[arg(long = "column", value_name = "NAME=THEIRS", value_parser = parse_column)]
    columns: Vec<(String, String)>,
    /// What separates the fields of text tables: comma, semicolon, tab or pipe [default: recognised]
    #[arg(long, value_name = "MARK")]
    delimiter: Option<Delimiter>,
    /// The decimal mark of text tables: point or comma [default: recognised]
    #[arg(long, value_name = "MARK", allow_hyphen_values = true)]
    decimal: Option<Decimal>,
    /// The tables' own names that were found so far.
    #[arg(skip)]
    found: RefCell<BTreeSet<String>>,
    /// What was said of the tables so far.
    #[arg(skip)]
    notes: RefCell<Vec<String>>,
}

/// Refuses a table with two rows of one picture.
pub(crate) fn each_once(path: &Path, labels: &LabelTable) -> anyhow::Result<()> {
    let mut rows: HashMap<String, usize> = HashMap::with_capacity(labels.len());
    for (row, name) in labels.names.iter().enumerate() {
        if let Some(before) = rows.insert(id_key(name), row) {
            bail!(
                "{}: row {}: expected every picture once (endings do not count), found {name:?}, in row {} {:?}",
                path.display(),
                row + 1,
                before + 1,
                labels.names[before]
            );
        }
    }
    Ok(())
}

fn parse_column(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((ours, theirs)) if !ours.is_empty() && !theirs.is_empty() => {
            Ok((ours.to_string(), theirs.to_string()))
        }
        _ => Err("expected NAME=THEIRS, e.g. ground_truth=y_true".into()),
    }
}

/// What the rows of a table of pictures are named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// Files.
    File,
    /// Ids of a data set.
    Id,
    /// Its column does not say.
    Either,
}

impl TableArgs {
    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            format: TableFormat {
                delimiter: self.delimiter,
                decimal: self.decimal,
            },
            columns: self.columns.clone(),
            ..ReadOptions::default()
        }
    }

    /// Reads a label table, and says what was read otherwise than it was written.
    pub(crate) fn labels(&self, path: &Path, shell: &Shell) -> Result<LabelTable, TableError> {
        let read = LabelTable::read_with(path, &self.options())?;
        Ok(self.told(read, shell))
    }

    /// Reads a label table of pictures, likewise, whose rows may be named as pictures are in tables of them; and how they are.
    pub(crate) fn labels_of_pictures(
        &self,
        path: &Path,
        shell: &Shell,
    ) -> Result<(LabelTable, NamedBy), TableError> {
        // a column whose name says what it holds goes before one that may number rows
        const NAMES: [(&str, NamedBy); 6] = [
            ("file_name", NamedBy::File),
            ("filename", NamedBy::File),
            ("image", NamedBy::Either),
            ("path", NamedBy::File),
            ("file", NamedBy::File),
            ("image_id", NamedBy::Id),
        ];
        let is_told = self.columns.iter().any(|(ours, _)| ours == "VideoName");
        for (name, named_by) in NAMES.into_iter().filter(|_| !is_told) {
            let mut options = self.options();
            let column = ("VideoName".to_string(), name.to_string());
            options.columns.push(column);
            // a table without that column may be read by another
            if let Ok(read) = LabelTable::read_with(path, &options)
                && read.mapped.iter().any(|theirs| theirs == name)
            {
                return Ok((self.told(read, shell), named_by));
            }
        }
        let read = LabelTable::read_with(path, &self.options())?;
        Ok((self.told(read, shell), NamedBy::Either))
    }

    /// Reads label tables into one; `None` when there is none.
    pub(crate) fn all_labels<'p>(
        &self,
        paths: impl IntoIterator<Item = &'p std::path::PathBuf>,
        shell: &Shell,
    ) -> Result<Option<LabelTable>, TableError> {
        let mut labels = None;
        for path in paths {
            let table = self.labels(path, shell)?;
            labels
                .get_or_insert_with(LabelTable::default)
                .append(&table, path)?;
        }
        Ok(labels)
    }

    /// Reads predictions, likewise; with what was found of the columns of probabilities.
    pub(crate) fn predictions(
        &self,
        path: &Path,
        classes: Option<&[String]>,
        shell: &Shell,
    ) -> Result<(Predictions, ClassColumns), TableError> {
        let (read, columns) = Predictions::read_with(path, classes, &self.options())?;
        Ok((self.told(read, shell), columns))
    }

    /// Reads an embedding table with every clip once, likewise.
    pub(super) fn vectors(&self, path: &Path, shell: &Shell) -> anyhow::Result<EmbeddingTable> {
        let table = self.told(EmbeddingTable::read_with(path, &self.options())?, shell);
        ensure!(
            !table.is_empty() && table.dim > 0,
            "{}: expected vectors, found {} rows of length {}",
            path.display(),
            table.len(),
            table.dim
        );
        let mut first = HashMap::new();
        for (row, clip) in table.clips.iter().enumerate() {
            if let Some(before) = first.insert(clip.as_str(), row) {
                bail!(
                    "{}: row {}: expected every clip once, found {clip:?} again, first in row {}",
                    path.display(),
                    row + 1,
                    before + 1
                );
            }
        }
        Ok(table)
    }

    fn told<T>(&self, read: Read<T>, shell: &Shell) -> T {
        shell.say_notes(&read.notes);
        self.notes.borrow_mut().extend(read.notes);
        self.found.borrow_mut().extend(read.mapped);
        read.table
    }

    /// What of the tables read so far was read otherwise than it was written, for a document.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    /// Refuses a column that no table has, once all are read: a slip of the pen is told before the work begins.
    pub(crate) fn all_found(&self) -> anyhow::Result<()> {
        let found = self.found.borrow();
        for (ours, theirs) in &self.columns {
            if !found.contains(theirs) {
                bail!(
                    "--column {ours}={theirs}: expected a column {theirs} in a table, found none"
                );
            }
        }
        Ok(())
    }
}
