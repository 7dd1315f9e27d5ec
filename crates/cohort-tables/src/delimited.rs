//! Tables of text, row by row: the one reader under all of them.

use std::path::Path;

use csv::ByteRecord;

use crate::TableError;
use crate::columns::{self, Named};
use crate::dialect::{Dialect, Number};
use crate::format::{Decimal, Delimiter, ReadOptions};
use crate::input::{self, Text};

/// Most bytes of a field where nothing else is said.
const FIELD_LIMIT: usize = 1 << 20;

/// A row that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// 1-based line.
    pub row: u64,
    /// What the row should hold.
    pub expected: String,
    /// What it holds.
    pub found: String,
}

impl RowProblem {
    pub(crate) fn error(self, path: &Path) -> TableError {
        TableError::row(path, self.row, self.expected, self.found)
    }
}

/// A table of text that is open: its dialect is recognised and its header read.
pub(crate) struct Delimited<'a> {
    path: &'a Path,
    text: Text,
    dialect: Dialect,
    /// Names as they are used; columns that are none are not among them.
    pub(crate) header: Vec<String>,
    /// Where in a row each of them stands.
    places: Vec<usize>,
    /// Fields of the header that have a name or values.
    width: usize,
    pub(crate) notes: Vec<String>,
    pub(crate) mapped: Vec<String>,
    field_limit: usize,
    /// By column of the header: whether every value is a number, and at least one of them no whole number.
    pub(crate) numeric: Vec<bool>,
}

/// What the rows hold, column by column.
#[derive(Clone, Default)]
struct Survey {
    filled: bool,
    words_or_whole: bool,
    points: bool,
    commas: bool,
    text: bool,
    /// Whether the values count 0, 1, 2.. or 1, 2, 3.. (a data frame's index).
    counting: Option<u64>,
    broken_count: bool,
}

impl Survey {
    fn add(&mut self, field: &str) {
        self.filled |= !field.is_empty();
        match Number::of(field) {
            Number::Whole | Number::Word => self.words_or_whole = true,
            Number::Point => self.points = true,
            Number::Comma => self.commas = true,
            Number::No => self.text = true,
        }
        let value = field.strip_suffix(".0").unwrap_or(field).parse().ok();
        match (value, self.counting) {
            (Some(value @ 0..=1), None) => self.counting = Some(value),
            (Some(value), Some(last)) if value == last + 1 => self.counting = Some(value),
            _ => self.broken_count = true,
        }
    }

    fn counts(&self) -> bool {
        self.counting.is_some() && !self.broken_count
    }
}

impl<'a> Delimited<'a> {
    pub(crate) fn open(
        path: &'a Path,
        file: std::fs::File,
        options: &ReadOptions,
        wanted: &[&str],
    ) -> Result<Self, TableError> {
        let text = input::read_text(path, file)?;
        let dialect = Dialect::of(path, &text, &options.format)?;
        let mut table = Self {
            path,
            text,
            dialect,
            header: Vec::new(),
            places: Vec::new(),
            width: 0,
            notes: Vec::new(),
            mapped: Vec::new(),
            field_limit: options.field_limit.unwrap_or(FIELD_LIMIT),
            numeric: Vec::new(),
        };
        let written = table.read_header()?;
        let survey = table.survey(written.len());
        let Named {
            header,
            notes,
            mapped,
        } = columns::name(path, &written, options, wanted)?;
        table.notes = notes;
        table.mapped = mapped;
        table.width = (0..written.len())
            .filter(|&i| !written[i].is_empty() || survey[i].filled)
            .max()
            .map_or(0, |last| last + 1);
        table.keep_columns(&written, header, &survey);
        table.recognise_decimals(&survey);
        table.notes.extend(table.dialect.note(path));
        Ok(table)
    }

    /// The first row that is not empty, as written.
    fn read_header(&self) -> Result<Vec<String>, TableError> {
        let mut reader = self.dialect.reader(self.rows_text());
        let mut record = ByteRecord::new();
        loop {
            let more = reader.read_byte_record(&mut record);
            if !more.map_err(|error| self.csv_error(&error))? {
                return Err(TableError::file(self.path, "a header row", "an empty file"));
            }
            if record.iter().any(|field| !field.is_empty()) {
                break;
            }
        }
        let names = record.iter().map(|field| match std::str::from_utf8(field) {
            Ok(name) => Ok(name.trim_matches('\u{feff}').trim().to_string()),
            Err(_) => Err(TableError::row(
                self.path,
                1,
                "text in UTF-8",
                input::not_utf8(field),
            )),
        });
        names.collect()
    }

    fn rows_text(&self) -> &[u8] {
        self.text
            .bytes
            .get(self.dialect.start..)
            .unwrap_or_default()
    }

    /// Goes over the rows once; bad ones are told later, by whoever reads them.
    fn survey(&self, width: usize) -> Vec<Survey> {
        let mut survey = vec![Survey::default(); width];
        let mut reader = self.dialect.reader(self.rows_text());
        let mut record = ByteRecord::new();
        let mut first = true;
        while matches!(reader.read_byte_record(&mut record), Ok(true)) {
            if record.iter().all(<[u8]>::is_empty) {
                continue;
            }
            if std::mem::take(&mut first) {
                continue;
            }
            for (column, field) in survey.iter_mut().zip(record.iter()) {
                column.add(std::str::from_utf8(field).unwrap_or("?"));
            }
        }
        survey
    }

    /// Leaves out what is no column: one without a name that has no values, or counts the rows, or nobody asked for.
    fn keep_columns(&mut self, written: &[String], header: Vec<String>, survey: &[Survey]) {
        let place = self.path.display();
        for (i, name) in header.into_iter().enumerate() {
            let unnamed = name.starts_with("Unnamed: ");
            let survey = &survey[i];
            if unnamed && survey.counts() {
                self.notes.push(format!(
                    "{place}: column {} counts the rows and is passed over",
                    i + 1
                ));
                continue;
            }
            if unnamed && written[i].is_empty() {
                if survey.filled {
                    let mut note =
                        format!("{place}: column {} has no name and is passed over", i + 1);
                    if i == 0 {
                        note += "; --column VideoName=\"Unnamed: 0\" takes it for the clips";
                    }
                    self.notes.push(note);
                }
                continue;
            }
            self.header.push(name);
            self.places.push(i);
            self.numeric
                .push(!survey.text && (survey.points || survey.commas));
        }
    }

    /// Columns whose numbers have a decimal comma: told, or evident where no comma separates the fields: every value of
    /// the column is a number, some with a comma, and no column of the table has numbers with a point.
    fn recognise_decimals(&mut self, survey: &[Survey]) {
        let comma = |column: &Survey| column.commas && !column.points && !column.text;
        let point = |column: &Survey| column.points && !column.commas && !column.text;
        let told = match self.dialect.decimal {
            Some(Decimal::Point) => return,
            Some(Decimal::Comma) => true,
            None => false,
        };
        let evident = self.dialect.delimiter != Delimiter::Comma && !survey.iter().any(point);
        if told {
            let all = survey
                .iter()
                .enumerate()
                .filter(|(_, column)| column.commas);
            self.dialect.decimal_commas = all.map(|(i, _)| i).collect();
        } else if evident {
            let all = survey
                .iter()
                .enumerate()
                .filter(|(_, column)| comma(column));
            self.dialect.decimal_commas = all.map(|(i, _)| i).collect();
        }
    }

    /// Hands over every row: the fields of the columns `keep` (places in the header), or why it cannot be used. Rows
    /// without any value are passed over, and told of in the notes where others follow.
    pub(crate) fn rows(
        &mut self,
        keep: &[usize],
        mut sink: impl FnMut(Result<(u64, &[String]), RowProblem>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let places: Vec<usize> = keep.iter().map(|&i| self.places[i]).collect();
        let commas: Vec<bool> = places
            .iter()
            .map(|place| self.dialect.decimal_commas.contains(place))
            .collect();
        // a list in brackets at the end may hold commas without being quoted
        let open_ended = self.dialect.delimiter == Delimiter::Comma
            && self.header.last().is_some_and(|name| {
                ["probabilities", "vector", "embedding"].contains(&name.as_str())
            });
        let mut reader = self.dialect.reader(self.rows_text());
        let mut lines = Lines::new(self.rows_text(), &self.text.bytes[..self.dialect.start]);
        let mut record = ByteRecord::new();
        let mut fields = vec![String::new(); places.len()];
        let mut blank = Blank::default();
        let mut first = true;
        loop {
            let more = reader.read_byte_record(&mut record);
            if !more.map_err(|error| self.csv_error(&error))? {
                break;
            }
            let start = record.position().map_or(0, csv::Position::byte);
            let row = lines.at(start);
            if record.iter().all(<[u8]>::is_empty) {
                blank.add(row);
                continue;
            }
            if std::mem::take(&mut first) {
                continue;
            }
            blank.row();
            let checked = self.check(&record, open_ended);
            let taken = checked.and_then(|()| {
                for (i, &place) in places.iter().enumerate() {
                    fields[i].clear();
                    let open = open_ended && place + 1 == self.width;
                    let tail = record
                        .iter()
                        .skip(place)
                        .take(if open { record.len() } else { 1 });
                    for (n, field) in tail.enumerate() {
                        let text = std::str::from_utf8(field)
                            .map_err(|_| ("text in UTF-8".to_string(), input::not_utf8(field)))?;
                        if n > 0 {
                            fields[i].push(' ');
                        }
                        fields[i].push_str(text);
                    }
                    if commas[i] && Number::of(&fields[i]) == Number::Comma {
                        fields[i] = fields[i].replace(',', ".");
                    }
                }
                Ok(())
            });
            match taken {
                Ok(()) => sink(Ok((row, &fields)))?,
                Err((expected, found)) => sink(Err(RowProblem {
                    row,
                    expected,
                    found,
                }))?,
            }
        }
        self.notes.extend(blank.note(self.path));
        Ok(())
    }

    fn check(&self, record: &ByteRecord, open_ended: bool) -> Result<(), (String, String)> {
        if let Some(long) = record.iter().find(|field| field.len() > self.field_limit) {
            let found = format!("{} bytes (a quote that is never closed?)", long.len());
            return Err((
                format!("fields of at most {} bytes", self.field_limit),
                found,
            ));
        }
        let surplus = || {
            record
                .iter()
                .skip(self.width)
                .any(|field| !field.is_empty())
        };
        if record.len() < self.width || (!open_ended && surplus()) {
            let expected = format!("{} fields as in the header", self.width);
            let mut found = record.len().to_string();
            // an open quote swallows the lines after it
            if record.iter().any(|field| field.contains(&b'\n')) {
                found += " (a quote that is never closed?)";
            }
            return Err((expected, found));
        }
        match record
            .iter()
            .find(|field| std::str::from_utf8(field).is_err())
        {
            Some(field) => Err(("text in UTF-8".into(), input::not_utf8(field))),
            None => Ok(()),
        }
    }

    fn csv_error(&self, error: &csv::Error) -> TableError {
        let row = error.position().map_or(1, csv::Position::line);
        TableError::row(self.path, row, "a row of text", error.to_string())
    }
}

/// The line on which a record begins. The `csv` crate gives the position at which the record before it ended: with empty
/// lines between them, or with CRLF line ends, that is another line than the record's own.
struct Lines<'a> {
    rows: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn new(rows: &'a [u8], before: &'a [u8]) -> Self {
        let mut lines = Self {
            rows: before,
            at: 0,
            line: 1,
        };
        lines.advance(before.len());
        Self {
            rows,
            at: 0,
            line: lines.line,
        }
    }

    /// Line of the first byte at or after `byte` that is no line end; questions come in ascending order.
    fn at(&mut self, byte: u64) -> u64 {
        let from = usize::try_from(byte).unwrap_or(usize::MAX);
        let rest = self.rows.get(from..).unwrap_or_default();
        let ends = rest.iter().take_while(|&&b| b == b'\n' || b == b'\r');
        self.advance(from.saturating_add(ends.count()));
        self.line
    }

    /// LF, CRLF and CR alone each end a line.
    fn advance(&mut self, to: usize) {
        let to = to.min(self.rows.len());
        for i in self.at..to {
            let next = self.rows.get(i + 1);
            match self.rows[i] {
                b'\n' => self.line += 1,
                b'\r' if next != Some(&b'\n') => self.line += 1,
                _ => {}
            }
        }
        self.at = self.at.max(to);
    }
}

/// Rows of separators alone, where other rows follow them.
#[derive(Default)]
struct Blank {
    waiting: Vec<u64>,
    first: Option<u64>,
    count: u64,
}

impl Blank {
    fn add(&mut self, row: u64) {
        self.waiting.push(row);
    }

    fn row(&mut self) {
        self.first = self.first.or(self.waiting.first().copied());
        self.count += self.waiting.len() as u64;
        self.waiting.clear();
    }

    fn note(&self, path: &Path) -> Option<String> {
        let first = self.first?;
        let path = path.display();
        Some(match self.count {
            1 => format!("{path}: row {first} is empty and passed over"),
            n => format!("{path}: {n} rows are empty and passed over, the first is row {first}"),
        })
    }
}
