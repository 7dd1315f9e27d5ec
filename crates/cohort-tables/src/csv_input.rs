//! CSV reading with errors that name the line.

use std::fs::File;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::{LineReader, TableError};

/// An open CSV file whose rows all have the header's width.
pub(crate) struct CsvInput<'a> {
    path: &'a Path,
    reader: csv::Reader<LineReader<File>>,
    pub(crate) header: Vec<String>,
    /// The last field may hold commas without being quoted (a list in brackets): such rows are wider than the header.
    pub(crate) open_ended: bool,
}

impl<'a> CsvInput<'a> {
    pub(crate) fn open(path: &'a Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|source| TableError::read(path, source))?;
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .trim(Trim::All)
            .from_reader(LineReader::new(file));
        let header = reader
            .headers()
            .map_err(|error| csv_error(path, 1, error))?;
        let header: Vec<String> = header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_string())
            .collect();
        if header.is_empty() || header.iter().all(String::is_empty) {
            return Err(TableError::file(path, "a header row", "an empty file"));
        }
        for (i, name) in header.iter().enumerate() {
            if header[..i].contains(name) {
                return Err(TableError::file(
                    path,
                    "every column once",
                    format!("column {name:?} twice"),
                ));
            }
        }
        Ok(Self {
            path,
            reader,
            header,
            open_ended: false,
        })
    }

    /// Reads the next row into `record`; gives its 1-based line, or `None` at the end.
    pub(crate) fn next(&mut self, record: &mut StringRecord) -> Result<Option<u64>, TableError> {
        let before = self.reader.position().line();
        match self.reader.read_record(record) {
            Ok(false) => Ok(None),
            Ok(true) => {
                let line = self.line(record.position()).unwrap_or(before);
                let wider = self.open_ended && record.len() > self.header.len();
                if record.len() != self.header.len() && !wider {
                    // an open quote swallows the lines after it
                    let swallowed = record.iter().any(|field| field.contains('\n'));
                    let hint = " (a quote that is never closed?)";
                    return Err(TableError::row(
                        self.path,
                        line,
                        format!("{} fields as in the header", self.header.len()),
                        format!("{}{}", record.len(), if swallowed { hint } else { "" }),
                    ));
                }
                Ok(Some(line))
            }
            Err(error) => {
                let line = self.line(error.position()).unwrap_or(before);
                Err(csv_error(self.path, line, error))
            }
        }
    }

    fn line(&self, position: Option<&csv::Position>) -> Option<u64> {
        self.reader.get_ref().line_from(position?.byte())
    }
}

fn csv_error(path: &Path, line: u64, error: csv::Error) -> TableError {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => TableError::read(path, source),
        csv::ErrorKind::Utf8 { .. } => {
            TableError::row(path, line, "text in UTF-8", "bytes that are not UTF-8")
        }
        other => TableError::row(path, line, "a CSV row", format!("{other:?}")),
    }
}
