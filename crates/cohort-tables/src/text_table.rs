//! One reader for every table of text and columns: delimited text or Parquet, told apart by content, or Arrow's columns.

use std::path::Path;

use arrow::datatypes::DataType;

use crate::TableError;
use crate::arrow_table::ArrowTable;
use crate::columns::{self, Named};
use crate::delimited::{Delimited, RowProblem};
use crate::format::ReadOptions;
use crate::input;
use crate::nearest::did_you_mean;
use crate::parquet_io::{self, ParquetInput};

/// A table that is open, its header read and named.
pub(crate) enum Source<'a> {
    Text(Box<Delimited<'a>>),
    Parquet(Box<ParquetInput>, TypedColumns),
    Arrow(&'a ArrowTable, TypedColumns),
}

/// The columns of a table with types that are read as text.
pub(crate) struct TypedColumns {
    header: Vec<String>,
    /// Where in the table each column of the header stands.
    places: Vec<usize>,
    notes: Vec<String>,
    mapped: Vec<String>,
}

impl<'a> Source<'a> {
    /// Opens a table. `wanted` are names that the caller will look for: a column that differs from one of them by case
    /// alone is given it.
    pub(crate) fn open(
        path: &'a Path,
        options: &ReadOptions,
        wanted: &[&str],
    ) -> Result<Self, TableError> {
        let mut file = input::open(path)?;
        if input::beginning(path, &mut file)?.starts_with(b"PAR1") {
            let input = ParquetInput::open(path, file)?;
            let columns = TypedColumns::new(path, &input.fields, options, wanted)?;
            return Ok(Self::Parquet(Box::new(input), columns));
        }
        if parquet_io::is_parquet(path) {
            return Err(TableError::file(
                path,
                "a Parquet file",
                "one that does not begin with PAR1",
            ));
        }
        let text = Delimited::open(path, file, options, wanted)?;
        Ok(Self::Text(Box::new(text)))
    }

    /// The columns of a table in memory, by the rule of [`Source::open`] for Parquet.
    pub(crate) fn of_arrow(
        table: &'a ArrowTable,
        options: &ReadOptions,
        wanted: &[&str],
    ) -> Result<Self, TableError> {
        let columns = TypedColumns::new(table.name(), &table.fields(), options, wanted)?;
        Ok(Self::Arrow(table, columns))
    }

    /// Names of the columns.
    pub(crate) fn header(&self) -> &[String] {
        match self {
            Self::Text(text) => &text.header,
            Self::Parquet(_, columns) | Self::Arrow(_, columns) => &columns.header,
        }
    }

    /// Hands over every row: its line (of text) or number (in Parquet), both from 1, and the fields of the columns `keep`,
    /// or why it cannot be used. Gives the notes, and the names that were mapped.
    pub(crate) fn rows(
        self,
        keep: &[usize],
        mut sink: impl FnMut(Result<(u64, &[String]), RowProblem>) -> Result<(), TableError>,
    ) -> Result<(Vec<String>, Vec<String>), TableError> {
        match self {
            Self::Text(mut text) => {
                text.rows(keep, sink)?;
                Ok((text.notes, text.mapped))
            }
            Self::Parquet(input, columns) => {
                let mut rows = Rows::new(keep.len());
                input.batches(&columns.at(keep), parquet_io::as_text, |batch| {
                    rows.hand_over(batch, &mut sink)
                })?;
                Ok((columns.notes, columns.mapped))
            }
            Self::Arrow(table, columns) => {
                let mut rows = Rows::new(keep.len());
                table.batches(&columns.at(keep), |batch| rows.hand_over(batch, &mut sink))?;
                Ok((columns.notes, columns.mapped))
            }
        }
    }
}

/// Rows of batches of columns, one after another.
struct Rows {
    row: u64,
    fields: Vec<String>,
}

impl Rows {
    fn new(width: usize) -> Self {
        Self {
            row: 0,
            fields: vec![String::new(); width],
        }
    }

    fn hand_over(
        &mut self,
        mut columns: Vec<Vec<String>>,
        sink: &mut impl FnMut(Result<(u64, &[String]), RowProblem>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        for i in 0..columns.first().map_or(0, Vec::len) {
            self.row += 1;
            for (field, column) in self.fields.iter_mut().zip(&mut columns) {
                *field = std::mem::take(&mut column[i]);
            }
            sink(Ok((self.row, &self.fields)))?;
        }
        Ok(())
    }
}

impl TypedColumns {
    fn new(
        path: &Path,
        fields: &[(String, DataType)],
        options: &ReadOptions,
        wanted: &[&str],
    ) -> Result<Self, TableError> {
        let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
        let Named {
            header: named,
            mut notes,
            mapped,
        } = columns::name(path, &names, options, wanted)?;
        let mut header = Vec::new();
        let mut places = Vec::new();
        for (i, name) in named.into_iter().enumerate() {
            let kind = &fields[i].1;
            let needed = wanted.contains(&name.as_str());
            if parquet_io::is_text_like(kind) {
                header.push(name);
                places.push(i);
            } else if needed {
                let expected = format!("a column {name} of text or numbers");
                return Err(TableError::file(
                    path,
                    expected,
                    parquet_io::type_name(kind),
                ));
            } else {
                notes.push(format!(
                    "{}: column {name} is {} and passed over",
                    path.display(),
                    parquet_io::type_name(kind)
                ));
            }
        }
        Ok(Self {
            header,
            places,
            notes,
            mapped,
        })
    }

    /// Places in the table of some columns of the header.
    fn at(&self, keep: &[usize]) -> Vec<usize> {
        keep.iter().map(|&i| self.places[i]).collect()
    }
}

/// The good rows of a table, column by column, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextTable {
    /// Column names.
    pub header: Vec<String>,
    /// One vector a column, in header order.
    pub columns: Vec<Vec<String>>,
    /// 1-based line of each row; its number in a Parquet file.
    pub lines: Vec<u64>,
    /// Rows that cannot be used and are not in the columns.
    pub problems: Vec<RowProblem>,
    /// What was read otherwise than it was written.
    pub notes: Vec<String>,
    /// The file's own names of [`ReadOptions::columns`] that were found in it.
    pub mapped: Vec<String>,
}

impl TextTable {
    /// Reads a table: delimited text (comma, semicolon, tab or pipe; UTF-8, or UTF-16 with a byte order mark; gzip) or
    /// Parquet, told apart by content. Spaces around fields are dropped. What is not said in `options` is recognised.
    ///
    /// `wanted` are names that the caller looks for: a column that differs from one of them by case alone is given it.
    ///
    /// # Errors
    /// [`TableError`] when the file cannot be read, is another kind of file (which is named), is empty or has a column
    /// name twice. Rows of another width than the header, or that are not UTF-8, are [`TextTable::problems`].
    pub fn read(path: &Path, options: &ReadOptions, wanted: &[&str]) -> Result<Self, TableError> {
        Self::of(path, Source::open(path, options, wanted)?)
    }

    /// All rows of a source; `path` is what errors call it.
    pub(crate) fn of(path: &Path, source: Source<'_>) -> Result<Self, TableError> {
        let header = source.header().to_vec();
        let mut table = Self {
            columns: vec![Vec::new(); header.len()],
            header,
            ..Self::default()
        };
        let keep: Vec<usize> = (0..table.header.len()).collect();
        let mut bytes = 0;
        let (notes, mapped) = source.rows(&keep, |row| {
            match row {
                Ok((line, fields)) => {
                    bytes += fields.iter().map(String::len).sum::<usize>() as u64;
                    input::within(path, bytes)?;
                    for (column, field) in table.columns.iter_mut().zip(fields) {
                        column.push(field.clone());
                    }
                    table.lines.push(line);
                }
                Err(problem) => table.problems.push(problem),
            }
            Ok(())
        })?;
        table.notes = notes;
        table.mapped = mapped;
        Ok(table)
    }

    /// The first row that cannot be used as an error, for readers that accept none.
    ///
    /// # Errors
    /// [`TableError::Row`] where there is one.
    pub fn refuse_bad_rows(&self, path: &Path) -> Result<(), TableError> {
        match self.problems.first() {
            Some(problem) => Err(problem.clone().error(path)),
            None => Ok(()),
        }
    }

    /// Takes a column out by name.
    ///
    /// # Errors
    /// [`TableError::File`] listing the columns that there are.
    pub fn take_column(&mut self, path: &Path, name: &str) -> Result<Vec<String>, TableError> {
        match columns::find(&self.header, name) {
            Some(i) => Ok(std::mem::take(&mut self.columns[i])),
            None => {
                let near = did_you_mean(name, self.header.iter().map(String::as_str));
                let found = columns::listed(&self.header) + &near;
                Err(TableError::file(path, format!("a column {name}"), found))
            }
        }
    }
}
