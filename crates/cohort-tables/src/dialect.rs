//! Recognising how a table of text is written.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::TableError;
use crate::columns::is_known;
use crate::format::{Decimal, Delimiter, TableFormat};
use crate::input::{Encoding, Text};

/// Bytes and rows by which the delimiter is recognised.
const SAMPLE_BYTES: usize = 256 << 10;
const SAMPLE_ROWS: usize = 100;

/// How a table of text is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: Delimiter,
    /// Whether a field may be in quotes; else a quote is a character like others.
    pub(crate) quotes: bool,
    /// What the table says of decimals, where it was told.
    pub(crate) decimal: Option<Decimal>,
    /// Columns whose numbers have a decimal comma; filled in by the survey of the rows.
    pub(crate) decimal_commas: Vec<usize>,
    encoding: Encoding,
    gzip: bool,
    /// Bytes of the spreadsheet's line `sep=;` before the header; 0 when there is none.
    pub(crate) start: usize,
}

impl Dialect {
    /// Recognises the dialect of a text, as far as it was not told.
    pub(crate) fn of(path: &Path, text: &Text, told: &TableFormat) -> Result<Self, TableError> {
        let (start, separator) = separator_line(path, &text.bytes)?;
        let rows = text.bytes.get(start..).unwrap_or_default();
        let delimiter = told
            .delimiter
            .or(separator)
            .unwrap_or_else(|| recognise(rows));
        Ok(Self {
            delimiter,
            quotes: !bare_quotes(rows, delimiter),
            decimal: told.decimal,
            decimal_commas: Vec::new(),
            encoding: text.encoding,
            gzip: text.gzip,
            start,
        })
    }

    /// A reader of the rows, the header among them.
    pub(crate) fn reader<'a>(&self, rows: &'a [u8]) -> csv::Reader<&'a [u8]> {
        reader(rows, self.delimiter, self.quotes)
    }

    /// What is to be said of it; `None` for fields between commas in UTF-8.
    pub(crate) fn note(&self, path: &Path) -> Option<String> {
        let mut said = Vec::new();
        if self.delimiter != Delimiter::Comma {
            said.push(format!("fields separated by {}s", self.delimiter));
        }
        if !self.quotes {
            said.push("quotes as plain characters".to_string());
        }
        if !self.decimal_commas.is_empty() {
            said.push("decimal commas".to_string());
        }
        match self.encoding {
            Encoding::Utf8 => {}
            Encoding::Utf16Little | Encoding::Utf16Big => said.push("UTF-16".to_string()),
        }
        if self.gzip {
            said.push("gzip".to_string());
        }
        if self.start > 0 {
            said.push("a first line sep=".to_string());
        }
        (!said.is_empty()).then(|| format!("{}: read with {}", path.display(), said.join(", ")))
    }
}

fn reader(rows: &[u8], delimiter: Delimiter, quotes: bool) -> csv::Reader<&[u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter.byte())
        .quoting(quotes)
        .from_reader(rows)
}

/// The line `sep=;` that spreadsheets write and heed: its length, and the delimiter.
fn separator_line(path: &Path, text: &[u8]) -> Result<(usize, Option<Delimiter>), TableError> {
    let end = text.iter().take(16).position(|&b| b == b'\n' || b == b'\r');
    let line = text
        .get(..end.unwrap_or(text.len().min(16)))
        .unwrap_or_default();
    let bare: Vec<u8> = line.iter().copied().filter(|&byte| byte != b'"').collect();
    if !bare
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"sep="))
    {
        return Ok((0, None));
    }
    let delimiter = match bare.get(4..) {
        Some([byte]) => Delimiter::ALL.into_iter().find(|d| d.byte() == *byte),
        _ => None,
    };
    match delimiter {
        Some(delimiter) => Ok((line.len(), Some(delimiter))),
        // a column may be called so; a line of its own is none
        None if bare.len() > 5 => Ok((0, None)),
        None => Err(TableError::row(
            path,
            1,
            "sep= with a comma, semicolon, tab or pipe",
            format!("{:?}", String::from_utf8_lossy(line)),
        )),
    }
}

/// The delimiter with which most of the first rows have as many fields as the header; of equals the one that gives more
/// known column names, then the one that gives more columns.
fn recognise(rows: &[u8]) -> Delimiter {
    let mut sample = rows.get(..SAMPLE_BYTES).unwrap_or(rows);
    if sample.len() < rows.len() {
        // not into the middle of a row
        let whole = sample.iter().rposition(|&byte| byte == b'\n');
        sample = sample
            .get(..whole.unwrap_or(sample.len()))
            .unwrap_or_default();
    }
    let mut best = (Delimiter::Comma, (0, 0, 1));
    for delimiter in Delimiter::ALL {
        let mut reader = reader(sample, delimiter, true);
        let mut record = ByteRecord::new();
        let (mut width, mut known, mut total, mut fitting) = (0, 0, 0, 0);
        while total <= SAMPLE_ROWS && matches!(reader.read_byte_record(&mut record), Ok(true)) {
            if record.iter().all(<[u8]>::is_empty) {
                continue;
            }
            if total == 0 {
                width = record.len();
                let names = record
                    .iter()
                    .filter_map(|name| std::str::from_utf8(name).ok());
                known = names.filter(|name| is_known(name)).count();
            }
            total += 1;
            fitting += usize::from(record.len() == width);
        }
        let score = (fitting * 1000 / total.max(1), known, width);
        if width > 1 && score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

/// Whether quotes are plain characters: a table between tabs or pipes whose lines all have the header's width when they
/// are split as they stand, and in which a field begins with a quote that does not enclose it (`"No," he said`).
fn bare_quotes(rows: &[u8], delimiter: Delimiter) -> bool {
    if !matches!(delimiter, Delimiter::Tab | Delimiter::Pipe) || !rows.contains(&b'"') {
        return false;
    }
    let mut width = None;
    let mut bare = false;
    for line in rows.split(|&byte| byte == b'\n' || byte == b'\r') {
        if line.is_empty() {
            continue;
        }
        let mut fields = 0;
        for field in line.split(|&byte| byte == delimiter.byte()) {
            fields += 1;
            bare |= field.trim_ascii().starts_with(b"\"") && !is_quoted(field.trim_ascii());
        }
        if *width.get_or_insert(fields) != fields {
            return false;
        }
    }
    bare
}

/// Whether a field is between quotes, with every quote inside doubled.
fn is_quoted(field: &[u8]) -> bool {
    let inner = field
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let Some(mut rest) = inner else { return false };
    while let Some(at) = rest.iter().position(|&byte| byte == b'"') {
        match rest.get(at + 1) {
            Some(b'"') => rest = rest.get(at + 2..).unwrap_or_default(),
            _ => return false,
        }
    }
    true
}

/// How a field looks as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// Digits alone, or a power of ten: `12`, `1E-05`.
    Whole,
    /// `0.5`
    Point,
    /// `0,5`
    Comma,
    /// A word for a missing or infinite value.
    Word,
    No,
}

impl Number {
    pub(crate) fn of(field: &str) -> Self {
        const WORDS: [&str; 9] = [
            "", "nan", "na", "n/a", "none", "null", "<na>", "inf", "-inf",
        ];
        if field.len() <= 4 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(field)) {
            return Self::Word;
        }
        let body = field.strip_prefix(['+', '-']).unwrap_or(field);
        let (body, power) = body.split_once(['e', 'E']).unwrap_or((body, "0"));
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if power.is_empty() || !digits(power) {
            return Self::No;
        }
        let with = |mark| {
            let (whole, rest) = body.split_once(mark)?;
            Some(digits(whole) && digits(rest) && !(whole.is_empty() && rest.is_empty()))
        };
        if !body.is_empty() && digits(body) {
            Self::Whole
        } else if with('.') == Some(true) {
            Self::Point
        } else if with(',') == Some(true) {
            Self::Comma
        } else {
            Self::No
        }
    }
}
