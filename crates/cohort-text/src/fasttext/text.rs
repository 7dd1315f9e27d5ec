//! fastText's text format: `count dim`, then a word and its numbers a line.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read};

use super::{MAX_DIM, MAX_WORD, STEP, Source};
use crate::TextError;

/// Longest number in bytes; what is longer is none.
const MAX_NUMBER: u64 = 48;

/// What the first line says.
#[derive(Debug)]
pub(super) struct Header {
    count: u64,
    pub(super) dim: u64,
}

impl Header {
    pub(super) fn read(source: &mut Source) -> Result<Self, TextError> {
        let line = line(source, 128, 1)?;
        let text = String::from_utf8_lossy(&line);
        let numbers: Vec<Option<u64>> = text.split_whitespace().map(|n| n.parse().ok()).collect();
        match numbers[..] {
            [Some(count), Some(dim)] if count > 0 && (1..=MAX_DIM).contains(&dim) => {
                Ok(Self { count, dim })
            }
            _ => {
                let start: String = text.trim_end().chars().take(60).collect();
                Err(source.error(format!(
                    "line 1: expected the number of words and of values a word (1 to {MAX_DIM}), found {start:?}"
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
    line(source, 128, 1)?;
    let limit = MAX_WORD + header.dim * MAX_NUMBER;
    let mut found: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for word in 0..header.count {
        if word % STEP == 0 && !go_on(word as usize, header.count as usize) {
            return Err(TextError::Stopped);
        }
        let number = word.saturating_add(2);
        let bytes = line(source, limit, number)?;
        if bytes.is_empty() {
            return Err(source.error(format!(
                "expected {} words as line 1 says, found {word}",
                header.count
            )));
        }
        let bytes = bytes.trim_ascii_end();
        // every line is counted, so that a file that contradicts its head is not half believed
        let values = bytes.iter().filter(|&&byte| byte == b' ').count() as u64;
        if values != header.dim {
            return Err(source.error(format!(
                "line {number}: expected a word and {} values, found {values} values",
                header.dim
            )));
        }
        let mut fields = bytes.split(|&byte| byte == b' ');
        let name = fields.next().unwrap_or_default();
        let Some(name) = std::str::from_utf8(name)
            .ok()
            .filter(|n| needed.contains(n))
        else {
            continue;
        };
        if found.contains_key(name) {
            continue;
        }
        let mut vector = Vec::with_capacity(header.dim as usize);
        for field in fields {
            let value = std::str::from_utf8(field).ok().and_then(|f| f.parse().ok());
            match value.filter(|value: &f32| value.is_finite()) {
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
    let more = line(source, limit, header.count.saturating_add(2))?;
    if !more.trim_ascii().is_empty() {
        return Err(source.error(format!(
            "expected {} words as line 1 says, found more",
            header.count
        )));
    }
    Ok(found)
}

/// The next line with its end; empty when there is none.
fn line(source: &mut Source, limit: u64, number: u64) -> Result<Vec<u8>, TextError> {
    let mut bytes = Vec::new();
    let mut reader = source.inner.by_ref().take(limit);
    let read = reader.read_until(b'\n', &mut bytes);
    read.map_err(|error| source.error(error))?;
    if bytes.len() as u64 == limit && bytes.last() != Some(&b'\n') {
        return Err(source.error(format!(
            "line {number}: expected at most {limit} bytes, found more"
        )));
    }
    Ok(bytes)
}
