//! The text formats: a word and its numbers a line, under a line `count dim` (fastText, word2vec) or without it (GloVe).

use std::collections::{BTreeMap, BTreeSet};

use super::source::{MAX_DIM, MAX_WORD, STEP, Source, line};
use crate::TextError;

/// Longest number in bytes; what is longer is none.
const MAX_NUMBER: u64 = 48;
/// Longest first line in bytes, which may hold a vector.
const FIRST: u64 = MAX_WORD + MAX_DIM * MAX_NUMBER;

/// What the first line says.
#[derive(Debug)]
pub(super) struct Header {
    /// Words of the file; none where no line says it.
    pub(super) count: Option<u64>,
    pub(super) dim: u64,
}

impl Header {
    /// Reads the first line: the sizes, or the first word and its numbers, which are counted.
    pub(super) fn read(source: &mut Source) -> Result<Self, TextError> {
        let line = line(source, FIRST, 1)?;
        let text = String::from_utf8_lossy(&line);
        let sizes: Vec<Option<u64>> = text
            .split_ascii_whitespace()
            .take(3)
            .map(|n| n.parse().ok())
            .collect();
        let fields: Vec<&[u8]> = fields(line.trim_ascii_end()).collect();
        let numbers = trailing_numbers(&fields) as u64;
        match sizes[..] {
            [Some(count), Some(dim)] if count > 0 && (1..=MAX_DIM).contains(&dim) => Ok(Self {
                count: Some(count),
                dim,
            }),
            // one number a word is no vector but a list of counts
            [_, _, _] if (2..=MAX_DIM).contains(&numbers) => Ok(Self {
                count: None,
                dim: numbers,
            }),
            _ if line.contains(&0) => Err(source.error(format!(
                "expected fastText's number {} at its start or text, found neither",
                super::binary::MAGIC
            ))),
            _ => {
                let start: String = text.trim_end().chars().take(60).collect();
                Err(source.error(format!(
                    "line 1: expected the number of words and of values a word (1 to {MAX_DIM}), or a word and its 2 to \
                     {MAX_DIM} values, found {start:?}"
                )))
            }
        }
    }
}

/// The vectors of those of `needed` that the file has; of a word that is there twice, the first.
pub(super) fn read(
    header: &Header,
    source: &mut Source,
    needed: &BTreeSet<&str>,
    go_on: &dyn Fn(usize, usize) -> bool,
) -> Result<BTreeMap<String, Vec<f32>>, TextError> {
    source.pass_mark()?;
    // number of the first word's line
    let first = match header.count {
        Some(_) => line(source, FIRST, 1).map(|_| 2)?,
        None => 1,
    };
    let dim = header.dim as usize;
    let limit = MAX_WORD + header.dim * MAX_NUMBER;
    let mut found: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    let mut word = 0u64;
    while header.count.is_none_or(|count| word < count) {
        if word % STEP == 0 {
            let (done, of) = match header.count {
                Some(count) => (word, count),
                None => (source.consumed(), source.len),
            };
            if !go_on(done as usize, of as usize) {
                return Err(TextError::Stopped);
            }
        }
        let number = word.saturating_add(first);
        let bytes = line(source, limit, number)?;
        if bytes.is_empty() {
            let Some(count) = header.count else { break };
            return Err(source.error(format!(
                "expected {count} words as line 1 says, found {word}"
            )));
        }
        word += 1;
        let bytes = bytes.trim_ascii_end();
        if bytes.is_empty() && header.count.is_none() && at_end(source)? {
            break;
        }
        // every line is looked at, so that a file that contradicts its head is not half believed
        let all = fields(bytes).count();
        let values = match all.saturating_sub(1) {
            // a word that holds spaces: what precedes the last values is no number
            more if more > dim => {
                let all: Vec<&[u8]> = fields(bytes).collect();
                match is_number(all[all.len() - dim - 1]) {
                    true => trailing_numbers(&all),
                    false => dim,
                }
            }
            exact => exact,
        };
        if values != dim {
            return Err(source.error(format!(
                "line {number}: expected a word and {dim} values, found {values} values"
            )));
        }
        let split = position_of_values(bytes, dim);
        let (name, numbers) = bytes.split_at(split);
        let Some(name) = std::str::from_utf8(name)
            .ok()
            .filter(|n| needed.contains(n))
        else {
            continue;
        };
        if found.contains_key(name) {
            continue;
        }
        let mut vector = Vec::with_capacity(dim);
        for field in fields(numbers).skip(1) {
            match number_of(field).filter(|value| value.is_finite()) {
                Some(value) => vector.push(value),
                None => {
                    return Err(source.error(format!(
                        "line {number}: expected a finite number, found {:?}",
                        String::from_utf8_lossy(field)
                    )));
                }
            }
        }
        found.insert(name.to_string(), vector);
    }
    if let Some(count) = header.count {
        let more = line(source, limit, count.saturating_add(2))?;
        if !more.trim_ascii().is_empty() {
            return Err(source.error(format!("expected {count} words as line 1 says, found more")));
        }
    }
    Ok(found)
}

/// Whether nothing but white space follows.
fn at_end(source: &mut Source) -> Result<bool, TextError> {
    loop {
        let more = line(source, MAX_WORD, 0)?;
        if more.is_empty() || !more.trim_ascii().is_empty() {
            return Ok(more.is_empty());
        }
    }
}

/// What stands between single spaces or tabs.
fn fields(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| matches!(byte, b' ' | b'\t'))
}

/// Where the separator before the last `dim` fields is.
fn position_of_values(bytes: &[u8], dim: usize) -> usize {
    let separators = bytes.iter().enumerate().rev();
    let mut separators = separators.filter(|(_, byte)| matches!(byte, b' ' | b'\t'));
    separators.nth(dim - 1).map_or(0, |(at, _)| at)
}

fn number_of(field: &[u8]) -> Option<f32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Whether digits make it a number: words such as `nan` and `inf` are words.
fn is_number(field: &[u8]) -> bool {
    field.iter().any(u8::is_ascii_digit) && number_of(field).is_some()
}

/// How many of the fields at the end are numbers; the first is a word in any case.
fn trailing_numbers(fields: &[&[u8]]) -> usize {
    let rest = fields.get(1..).unwrap_or_default();
    rest.iter().rev().take_while(|f| is_number(f)).count()
}
