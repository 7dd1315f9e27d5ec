//! CSV files read column by column, with the line of every row and every bad row kept apart.

use std::path::Path;

use cohort_tables::LineReader;
use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::error::DataError;
use crate::files;

/// A row that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowProblem {
    /// 1-based line.
    pub row: u64,
    pub expected: String,
    pub found: String,
}

/// The good rows of a CSV file.
#[derive(Debug)]
pub(crate) struct CsvFile {
    pub header: Vec<String>,
    /// One vector a column, in header order.
    pub columns: Vec<Vec<String>>,
    /// 1-based line of each row.
    pub lines: Vec<u64>,
    /// Rows of another width than the header, not in UTF-8, or with a field over the limit.
    pub problems: Vec<RowProblem>,
}

impl CsvFile {
    /// Reads a file with a header. Spaces around fields and a byte order mark are dropped, LF and CRLF are
    /// both line ends, empty lines are passed over.
    ///
    /// `field_limit` is the most bytes a field may have: a quote that is never closed swallows the rest of
    /// the file, and is better told than taken for a very long word.
    pub fn read(path: &Path, field_limit: usize) -> Result<Self, DataError> {
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .trim(Trim::All)
            .from_reader(LineReader::new(files::open(path)?));
        let header = reader
            .byte_headers()
            .map_err(|error| csv_error(path, error))?
            .clone();
        let header = header_names(path, &header)?;
        let mut file = Self {
            columns: vec![Vec::new(); header.len()],
            header,
            lines: Vec::new(),
            problems: Vec::new(),
        };
        let mut record = ByteRecord::new();
        while reader
            .read_byte_record(&mut record)
            .map_err(|error| csv_error(path, error))?
        {
            let row = record
                .position()
                .and_then(|position| reader.get_ref().line_from(position.byte()))
                .unwrap_or_default();
            if let Err((expected, found)) = file.push(&record, field_limit) {
                file.problems.push(RowProblem {
                    row,
                    expected,
                    found,
                });
            } else {
                file.lines.push(row);
            }
        }
        Ok(file)
    }

    fn push(&mut self, record: &ByteRecord, field_limit: usize) -> Result<(), (String, String)> {
        if let Some(long) = record.iter().find(|field| field.len() > field_limit) {
            let found = format!("{} bytes (a quote that is never closed?)", long.len());
            return Err((format!("fields of at most {field_limit} bytes"), found));
        }
        if record.len() != self.header.len() {
            let expected = format!("{} fields as in the header", self.header.len());
            let mut found = record.len().to_string();
            // an open quote swallows the lines after it
            if record.iter().any(|field| field.contains(&b'\n')) {
                found += " (a quote that is never closed?)";
            }
            return Err((expected, found));
        }
        let fields: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
        let Ok(fields) = fields else {
            return Err(("text in UTF-8".into(), "bytes that are not UTF-8".into()));
        };
        for (column, field) in self.columns.iter_mut().zip(fields) {
            column.push(field.to_string());
        }
        Ok(())
    }

    /// The first bad row as an error, for readers that accept none.
    pub fn refuse_bad_rows(&self, path: &Path) -> Result<(), DataError> {
        match self.problems.first() {
            Some(bad) => Err(DataError::row(path, bad.row, &bad.expected, &bad.found)),
            None => Ok(()),
        }
    }

    /// Position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// Takes a column out by name; the error lists the columns that there are.
    pub fn take_column(&mut self, path: &Path, name: &str) -> Result<Vec<String>, DataError> {
        match self.position(name).and_then(|i| self.columns.get_mut(i)) {
            Some(column) => Ok(std::mem::take(column)),
            None => Err(missing_column(path, name, &self.header)),
        }
    }
}

/// The error for a column that a table does not have.
pub(crate) fn missing_column(path: &Path, name: &str, header: &[String]) -> DataError {
    // a file that is no table may hold anything here: nothing of it shall reach a terminal as it is
    let names: Vec<String> = header
        .iter()
        .map(|name| crate::error::shown(name))
        .collect();
    let found = format!("columns {}", crate::error::shorten(&names, 12));
    DataError::file(path, format!("a column {name}"), found)
}

fn header_names(path: &Path, header: &ByteRecord) -> Result<Vec<String>, DataError> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for field in header {
        if field.starts_with(&[0xff, 0xfe]) || field.starts_with(&[0xfe, 0xff]) {
            return Err(DataError::file(
                path,
                "text in UTF-8",
                "UTF-16, by its byte order mark",
            ));
        }
        let name = std::str::from_utf8(field)
            .map_err(|_| DataError::row(path, 1, "text in UTF-8", "bytes that are not UTF-8"))?
            .trim_start_matches('\u{feff}');
        if !name.is_empty() && names.iter().any(|other| other == name) {
            let found = format!("column {} twice", crate::error::quoted(name));
            return Err(DataError::file(path, "every column once", found));
        }
        names.push(name.to_string());
    }
    if names.iter().all(String::is_empty) {
        return Err(DataError::file(path, "a header row", "an empty file"));
    }
    Ok(names)
}

fn csv_error(path: &Path, error: csv::Error) -> DataError {
    let row = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(source) => DataError::read(path, source),
        other => DataError::row(path, row, "a CSV row", format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<CsvFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        CsvFile::read(&path, 100).map_err(|error| {
            error
                .to_string()
                .replace(&folder.path().display().to_string(), "DIR")
        })
    }

    #[test]
    fn the_same_rows_whatever_the_line_ends_mark_and_spaces() {
        let cases: [&[u8]; 5] = [
            b"A,B\n1,x y\n2,\n",
            b"A,B\r\n1,x y\r\n2,\r\n",
            b"\xef\xbb\xbfA,B\n1,x y\n2,\n",
            b"A , B\n 1,\"x y\"\n\n2, ",
            b"\xef\xbb\xbf\"A\",B\r\n1,x y\r\n2,\r\n",
        ];
        for bytes in cases {
            let file = read(bytes).unwrap();
            assert_eq!(file.header, ["A", "B"]);
            assert_eq!(file.columns, [["1", "2"], ["x y", ""]]);
            assert!(file.problems.is_empty());
        }
    }

    #[test]
    fn bad_rows_are_left_out_and_told_with_their_line() {
        let long = format!(
            "A,B\n1,x\n2\n3,{}\n4,\"two\nlines\"\n5,y,z\n6,ok\n",
            "w".repeat(101)
        );
        let file = read(long.as_bytes()).unwrap();
        assert_eq!(file.columns[0], ["1", "4", "6"]);
        assert_eq!(file.lines, [2, 5, 8]);
        let told: Vec<(u64, &str)> = file
            .problems
            .iter()
            .map(|bad| (bad.row, bad.found.as_str()))
            .collect();
        let expected = [
            (3, "1"),
            (4, "101 bytes (a quote that is never closed?)"),
            (7, "3"),
        ];
        assert_eq!(told, expected);
        let file = read(b"A,B\n\"1,x\n2,y\n3,z\n").unwrap();
        let swallowed = "1 (a quote that is never closed?)";
        assert_eq!(
            (file.problems[0].row, file.problems[0].found.as_str()),
            (2, swallowed)
        );
        let file = read(b"A,B\n1,\xff\xfe\n").unwrap();
        assert_eq!(file.problems[0].found, "bytes that are not UTF-8");
        assert!(file.columns[0].is_empty());
    }

    #[test]
    fn files_that_are_no_table_are_errors() {
        let cases: [(&[u8], &str); 4] = [
            (b"", "DIR/t.csv: expected a header row, found an empty file"),
            (
                b"A,A\n",
                "DIR/t.csv: expected every column once, found column \"A\" twice",
            ),
            (
                b"\xff\xfeA\0,\0B\0",
                "DIR/t.csv: expected text in UTF-8, found UTF-16, by its byte order mark",
            ),
            (
                b"A\xe9,B\n",
                "DIR/t.csv: row 1: expected text in UTF-8, found bytes that are not UTF-8",
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(bytes).unwrap_err(), expected);
        }
    }
}
