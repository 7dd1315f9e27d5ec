//! Label tables: who is in the data.

use std::path::Path;

use crate::arrow_table::ArrowTable;
use crate::columns::{self, WANTED};
use crate::format::{Read, ReadOptions};
use crate::text_table::{Source, TextTable};
use crate::{TableError, clip_id};

/// Names that the column of clip names may have, in order of preference.
pub(crate) const NAME_COLUMNS: [&str; 3] = ["VideoName", "clip", "id"];

/// A label table: one row a clip, a name column and any number of categorical columns.
///
/// Codes are kept as the text that was read (`"4"`, `"Female"`); what they mean is the schema's business.
/// Rows stay in file order and duplicates stay in, since finding them is the split guard's work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelTable {
    /// `VideoName` of each row, as found.
    pub names: Vec<String>,
    /// The other columns, in file order.
    pub columns: Vec<LabelColumn>,
}

/// A categorical column of a [`LabelTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColumn {
    /// Column name, e.g. `AgeGroup`.
    pub name: String,
    /// Code of each row, as text.
    pub values: Vec<String>,
}

impl LabelTable {
    /// As [`LabelTable::read_with`] with nothing said.
    ///
    /// # Errors
    /// Those of [`LabelTable::read_with`].
    pub fn read(path: &Path) -> Result<Self, TableError> {
        Ok(Self::read_with(path, &ReadOptions::default())?.table)
    }

    /// Reads a table of text (CSV, TSV, ...) or Parquet, as [`TextTable::read`] does.
    ///
    /// The clip names are in the column `VideoName` (or `clip`, or `id`).
    ///
    /// # Errors
    /// [`TableError`] when the file cannot be read, has no name column, a repeated column, a row of another
    /// width than the header, text that is not UTF-8, or an empty clip name. A table without rows is an error too.
    pub fn read_with(path: &Path, options: &ReadOptions) -> Result<Read<Self>, TableError> {
        Self::of(path, TextTable::read(path, options, &WANTED)?)
    }

    /// As [`LabelTable::read_with`], of a table in memory.
    ///
    /// # Errors
    /// Those of [`LabelTable::read_with`], by the table's name and 1-based row.
    pub fn from_arrow(table: &ArrowTable, options: &ReadOptions) -> Result<Read<Self>, TableError> {
        let source = Source::of_arrow(table, options, &WANTED)?;
        Self::of(table.name(), TextTable::of(table.name(), source)?)
    }

    fn of(path: &Path, table: TextTable) -> Result<Read<Self>, TableError> {
        table.refuse_bad_rows(path)?;
        let position = name_column(path, &table.header)?;
        let mut names = Vec::new();
        let mut columns = Vec::new();
        for (i, (name, values)) in table.header.into_iter().zip(table.columns).enumerate() {
            if i == position {
                names = values;
            } else {
                columns.push(LabelColumn { name, values });
            }
        }
        if names.is_empty() {
            return Err(TableError::file(
                path,
                "at least one row",
                "a header without rows",
            ));
        }
        if let Some(row) = names.iter().position(String::is_empty) {
            let line = table.lines[row];
            return Err(TableError::row(path, line, "a clip name", "an empty field"));
        }
        Ok(Read {
            table: Self { names, columns },
            notes: table.notes,
            mapped: table.mapped,
        })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the table has no row.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Clip id of a row (see [`clip_id`]).
    ///
    /// # Panics
    /// When `row` is not below [`LabelTable::len`].
    pub fn clip(&self, row: usize) -> &str {
        clip_id(&self.names[row])
    }

    /// Codes of a column by name, else of the only one whose name differs by case alone; `None` when there is none.
    pub fn column(&self, name: &str) -> Option<&[String]> {
        let alike = |column: &&LabelColumn| column.name.eq_ignore_ascii_case(name);
        let mut all = self.columns.iter().filter(alike);
        let exact = self.columns.iter().find(|column| column.name == name);
        let column = exact.or_else(|| all.next().filter(|_| all.next().is_none()))?;
        Some(&column.values)
    }

    /// The column that other tools call otherwise and that may be what `name` is looked for: `client_id` for `UserID`.
    pub fn proposal(&self, name: &str) -> Option<String> {
        let header: Vec<String> = self.column_names().map(String::from).collect();
        columns::proposal(name, &header)
    }

    /// Subject of each row from the column `name`. The name of the clip column (`VideoName`, `clip` or `id`), unless
    /// another column is called so, takes every clip for a subject of its own.
    pub fn subjects(&self, name: &str) -> Option<&[String]> {
        let clips = NAME_COLUMNS
            .contains(&name)
            .then_some(self.names.as_slice());
        self.column(name).or(clips)
    }

    /// Names of the categorical columns, in file order.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Adds the rows of `other`, whose columns are found by name.
    ///
    /// # Errors
    /// [`TableError::File`] naming `path` (the file that `other` came from) when a column is missing in it.
    pub fn append(&mut self, other: &LabelTable, path: &Path) -> Result<(), TableError> {
        if self.names.is_empty() && self.columns.is_empty() {
            *self = other.clone();
            return Ok(());
        }
        for column in &mut self.columns {
            let Some(values) = other.column(&column.name) else {
                return Err(TableError::file(
                    path,
                    format!("a column {}, as the other tables have", column.name),
                    format!(
                        "columns {}",
                        other.column_names().collect::<Vec<_>>().join(", ")
                    ),
                ));
            };
            column.values.extend_from_slice(values);
        }
        self.names.extend_from_slice(&other.names);
        Ok(())
    }
}

/// Place of the column of clip names.
pub(crate) fn name_column(path: &Path, header: &[String]) -> Result<usize, TableError> {
    let what = "a column VideoName (or clip, or id)";
    NAME_COLUMNS
        .iter()
        .find_map(|name| columns::find(header, name))
        .ok_or_else(|| columns::missing(path, what, &["VideoName"], header))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<LabelTable, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, content).unwrap();
        LabelTable::read(&path).map_err(|error| {
            error
                .to_string()
                .replace(&folder.path().display().to_string(), "DIR")
        })
    }

    #[test]
    fn reads_codes_as_text_and_keeps_order_and_duplicates() {
        let table = read(
            b"\xef\xbb\xbfVideoName,UserID,AgeGroup\r\n-a.000.mp4,-a,4\r\nb.001.mp4,b,07\r\nb.001.mp4,b,7\r\n",
        )
        .unwrap();
        assert_eq!(table.names, ["-a.000.mp4", "b.001.mp4", "b.001.mp4"]);
        assert_eq!(table.clip(0), "-a.000");
        assert_eq!(table.column("AgeGroup").unwrap(), ["4", "07", "7"]);
        assert_eq!(
            table.column_names().collect::<Vec<_>>(),
            ["UserID", "AgeGroup"]
        );
        assert_eq!(table.column("Gender"), None);
        assert_eq!(table.subjects("UserID").unwrap(), ["-a", "b", "b"]);
        assert_eq!(table.subjects("VideoName").unwrap(), table.names);
        assert_eq!(table.subjects("Gender"), None);
    }

    #[test]
    fn bad_tables_give_errors_that_name_file_row_expected_and_found() {
        let cases: [(&[u8], &str); 9] = [
            (
                b"VideoName,UserID\n\na,b\n\n,c\n",
                "DIR/labels.csv: row 5: expected a clip name, found an empty field",
            ),
            (
                b"VideoName,UserID\na,b\n\"c,d\ne,f\n",
                "DIR/labels.csv: row 3: expected 2 fields as in the header, found 1 (a quote that is never closed?)",
            ),
            (
                b"",
                "DIR/labels.csv: expected a header row, found an empty file",
            ),
            (
                b"VideoName,UserID\n",
                "DIR/labels.csv: expected at least one row, found a header without rows",
            ),
            (
                b"Name,UserID\na,b\n",
                "DIR/labels.csv: expected a column VideoName (or clip, or id), found columns Name, UserID; if that is what they hold: --column VideoName=Name",
            ),
            (
                b"VideoName,UserID\na,b\nc\n",
                "DIR/labels.csv: row 3: expected 2 fields as in the header, found 1",
            ),
            (
                b"VideoName,UserID,UserID\na,b,c\n",
                "DIR/labels.csv: expected every column once, found column \"UserID\" twice",
            ),
            (
                b"VideoName,UserID\na,b\n,c\n",
                "DIR/labels.csv: row 3: expected a clip name, found an empty field",
            ),
            (
                b"VideoName,UserID\na,b\nc,\xff\xfe\n",
                "DIR/labels.csv: row 3: expected text in UTF-8, found bytes that are not UTF-8 (0xff is \u{ff} in Windows-1252; save the table as UTF-8)",
            ),
        ];
        for (content, expected) in cases {
            assert_eq!(read(content).unwrap_err(), expected);
        }
    }

    #[test]
    fn append_matches_columns_by_name() {
        let mut table = read(b"VideoName,A,B\nx,1,2\n").unwrap();
        let other = read(b"VideoName,B,A\ny,4,3\n").unwrap();
        table.append(&other, Path::new("other.csv")).unwrap();
        assert_eq!(table.column("A").unwrap(), ["1", "3"]);
        assert_eq!(table.column("B").unwrap(), ["2", "4"]);
        let short = read(b"VideoName,B\nz,4\n").unwrap();
        let error = table
            .append(&short, Path::new("short.csv"))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "short.csv: expected a column A, as the other tables have, found columns B"
        );
    }
}
