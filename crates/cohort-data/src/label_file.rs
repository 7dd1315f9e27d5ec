//! Label tables as files: the tolerant reader under both the strict opening and the check.

use std::path::{Path, PathBuf};

use cohort_tables::{
    LabelColumn, LabelTable, ReadOptions, RowProblem, TextTable, did_you_mean, have_evident_order,
};

use crate::error::{DataError, quoted, shorten};
use crate::files;
use crate::media::Media;
use crate::schema::{Attribute, Schema};

/// Most bytes of a field in a label table.
pub(crate) const FIELD_LIMIT: usize = 4096;

/// Most levels that an attribute may be given by the tables themselves.
const INFERRED_LEVELS_LIMIT: usize = 1000;

/// A label table with what is needed to speak about its rows.
#[derive(Debug)]
pub(crate) struct LabelFile {
    pub split: String,
    pub path: PathBuf,
    /// The same as findings name it: from the root.
    pub shown: String,
    pub table: LabelTable,
    /// Line of each row of the table; none where rows are files.
    pub lines: Vec<u64>,
    /// Rows that could not be read and are not in the table.
    pub problems: Vec<RowProblem>,
    /// What was read otherwise than it was written.
    pub notes: Vec<String>,
    /// Media of each row, where the reader knows them; else they lie in the schema's folders.
    pub media: Option<Vec<Media>>,
}

/// Reads a table of a data set: one written as the schema says, in which columns of the schema (and `more`) may differ
/// by case. A folder, pipe or device is an error.
pub(crate) fn read_table(
    path: &Path,
    schema: &Schema,
    field_limit: usize,
    more: &[&str],
) -> Result<TextTable, DataError> {
    files::open(path)?;
    let options = ReadOptions {
        format: schema.table,
        field_limit: Some(field_limit),
        ..ReadOptions::default()
    };
    let mut wanted = vec![schema.name_column.as_str(), schema.subject_column.as_str()];
    wanted.extend(schema.attributes.iter().map(|a| a.column.as_str()));
    wanted.extend(more);
    Ok(TextTable::read(path, &options, &wanted)?)
}

/// The error for a column that a table does not have.
fn missing_column(path: &Path, name: &str, header: &[String]) -> DataError {
    let near = did_you_mean(name, header.iter().map(String::as_str));
    let found = format!("columns {}{near}", shorten(header, 12));
    DataError::file(path, format!("a column {name}"), found)
}

/// The columns that a schema needs, borrowed from a table.
pub(crate) struct Columns<'a> {
    pub subjects: &'a [String],
    /// Codes by attribute of the schema.
    pub codes: Vec<&'a [String]>,
}

impl LabelFile {
    fn read(split: &str, path: PathBuf, schema: &Schema) -> Result<Self, DataError> {
        let mut file = Self::read_as_it_is(split, path, schema)?;
        if schema.subject_column == schema.name_column {
            // every clip is a subject of its own
            let values = file.table.names.clone();
            file.table.columns.push(LabelColumn {
                name: schema.subject_column.clone(),
                values,
            });
        }
        Ok(file)
    }

    fn read_as_it_is(split: &str, path: PathBuf, schema: &Schema) -> Result<Self, DataError> {
        let mut file = read_table(&path, schema, FIELD_LIMIT, &[])?;
        let names = file.take_column(&path, &schema.name_column)?;
        let columns = file
            .header
            .iter()
            .zip(file.columns)
            .filter(|(name, _)| **name != schema.name_column)
            .map(|(name, values)| LabelColumn {
                name: name.clone(),
                values,
            })
            .collect();
        let table = LabelTable { names, columns };
        if table.is_empty() && file.problems.is_empty() {
            return Err(DataError::file(
                &path,
                "at least one row",
                "a header without rows",
            ));
        }
        Ok(Self {
            split: split.to_string(),
            path,
            shown: schema.label_file(split),
            table,
            lines: file.lines,
            problems: file.problems,
            notes: file.notes,
            media: None,
        })
    }

    /// The columns that the schema needs; the error names the first one that is missing.
    pub fn columns(&self, schema: &Schema) -> Result<Columns<'_>, DataError> {
        let mut codes = Vec::with_capacity(schema.attributes.len());
        for attribute in &schema.attributes {
            codes.push(self.column(&attribute.column)?);
        }
        Ok(Columns {
            subjects: self.column(&schema.subject_column)?,
            codes,
        })
    }

    /// A column by name; the error lists the columns that there are.
    pub fn column(&self, name: &str) -> Result<&[String], DataError> {
        self.table.column(name).ok_or_else(|| {
            let header: Vec<String> = self.table.column_names().map(String::from).collect();
            missing_column(&self.path, name, &header)
        })
    }

    /// Line of a row, for messages; none where rows are files.
    pub fn line(&self, row: usize) -> Option<u64> {
        self.lines.get(row).copied()
    }

    /// `train row 5`, or the split and the name where rows are files.
    pub fn place(&self, row: usize) -> String {
        match self.line(row) {
            Some(line) => format!("{} row {line}", self.split),
            None => format!("{} ({})", self.split, self.table.names[row]),
        }
    }

    pub fn row_error(
        &self,
        row: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> DataError {
        match self.line(row) {
            Some(line) => DataError::row(&self.path, line, expected, found),
            None => {
                let found = format!("{} for {}", found.into(), self.table.names[row]);
                DataError::file(&self.path, expected, found)
            }
        }
    }
}

/// A split that has a label table, and the table if it could be read.
pub(crate) struct SplitTable {
    pub split: String,
    pub file: Result<LabelFile, DataError>,
}

/// Reads the label table of every split that has one, in the schema's order.
///
/// The error is a root without any label table.
pub(crate) fn read_all(root: &Path, schema: &Schema) -> Result<Vec<SplitTable>, DataError> {
    let listing = std::fs::read_dir(root).map_err(|source| DataError::read(root, source))?;
    let present: Vec<(&String, PathBuf)> = schema
        .splits
        .iter()
        .map(|split| (split, root.join(schema.label_file(split))))
        .filter(|(_, path)| path.symlink_metadata().is_ok())
        .collect();
    if present.is_empty() {
        let mut found: Vec<String> = listing
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        found.sort_unstable();
        let looked_for: Vec<String> = schema
            .splits
            .iter()
            .map(|split| schema.label_file(split))
            .collect();
        return Err(DataError::NoLabelTable {
            root: root.to_path_buf(),
            looked_for: looked_for.join(", "),
            found: if found.is_empty() {
                "an empty folder".into()
            } else {
                shorten(&found, 8)
            },
        });
    }
    let read = |(split, path): (&String, PathBuf)| SplitTable {
        split: split.clone(),
        file: LabelFile::read(split, path, schema),
    };
    Ok(present.into_iter().map(read).collect())
}

/// Fills in the levels of the attributes whose levels the schema leaves to the tables. Where nobody `stated` the schema,
/// First Impressions' meanings stay only where the clips are named as its are, and an order only where it is evident.
pub(crate) fn infer_levels<'a>(
    schema: &mut Schema,
    stated: bool,
    files: impl Iterator<Item = &'a LabelFile> + Clone,
) -> Result<(), DataError> {
    let mut names = files
        .clone()
        .flat_map(|file| &file.table.names)
        .map(String::as_str)
        .peekable();
    if !stated && names.peek().is_some() && !Schema::has_ids_of_first_impressions(names) {
        *schema = Schema::without_meanings();
    }
    for attribute in schema
        .attributes
        .iter_mut()
        .filter(|attribute| attribute.levels.is_empty())
    {
        let column = attribute.column.clone();
        let values = files
            .clone()
            .filter_map(|file| file.table.column(&column))
            .flatten();
        attribute.infer_levels(values.map(String::as_str));
        if attribute.ordered && !have_evident_order(&attribute.codes()) {
            if !stated {
                attribute.ordered = false;
            } else if !attribute.levels.is_empty() {
                let path = files
                    .clone()
                    .next()
                    .map(|file| file.path.clone())
                    .unwrap_or_default();
                let expected = format!(
                    "levels of {column} that are numbers or ranges, or the order of the levels in the schema, which says ordered = true"
                );
                return Err(DataError::file(
                    &path,
                    expected,
                    shorten(&attribute.codes(), 12),
                ));
            }
        }
        if attribute.levels.len() > INFERRED_LEVELS_LIMIT {
            let path = files
                .clone()
                .next()
                .map(|file| file.path.clone())
                .unwrap_or_default();
            let found = format!("{}: is it a category?", attribute.levels.len());
            let expected = format!("at most {INFERRED_LEVELS_LIMIT} levels of {column}");
            return Err(DataError::file(&path, expected, found));
        }
    }
    Ok(())
}

/// `AgeGroup 1, 2, 3 (...)` and the value found, for a code outside an attribute's levels.
pub(crate) fn unknown_code(attribute: &Attribute, code: &str) -> (String, String) {
    let codes = attribute.codes();
    let known: Vec<&str> = codes.iter().map(String::as_str).collect();
    (
        format!("{} {}", attribute.column, shorten(&codes, 12)),
        quoted(code) + &did_you_mean(code, known.iter().copied()),
    )
}
