//! word2vec's binary format (`word2vec -binary 1`): a line `count dim`, then each word, a space and `dim` 32-bit floats,
//! most writers with an end of line after them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read};

use super::source::{MAX_WORD, STEP, Source, line};
use crate::TextError;

/// What the first line says.
#[derive(Debug)]
pub(super) struct Header {
    count: u64,
    pub(super) dim: u64,
}

impl Header {
    pub(super) fn new(count: u64, dim: u64) -> Self {
        Self { count, dim }
    }
}

/// Whether numbers in binary follow a first line of sizes, which was read: what comes after the first word's space is no
/// text.
pub(super) fn follows(source: &mut Source, dim: u64) -> Result<bool, TextError> {
    let mut word = Vec::new();
    let mut reader = source.inner.by_ref().take(MAX_WORD);
    let read = reader.read_until(b' ', &mut word);
    read.map_err(|error| source.unread(&error))?;
    let mut values = Vec::new();
    let read = source.inner.by_ref().take(4 * dim).read_to_end(&mut values);
    read.map_err(|error| source.unread(&error))?;
    // the file may end within a character of text
    let text = match std::str::from_utf8(&values) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    Ok(!text || values.iter().any(control))
}

/// The vectors of those of `needed` that the file has; of a word that is there twice, the first.
pub(super) fn read(
    header: &Header,
    source: &mut Source,
    needed: &BTreeSet<&str>,
    go_on: &dyn Fn(usize, usize) -> bool,
) -> Result<BTreeMap<String, Vec<f32>>, TextError> {
    source.pass_mark()?;
    line(source, MAX_WORD, 1)?;
    let Header { count, dim } = *header;
    let mut found = BTreeMap::new();
    let mut name = Vec::new();
    let mut row = vec![0; 4 * dim as usize];
    for word in 0..count {
        if word % STEP == 0 && !go_on(word as usize, count as usize) {
            return Err(TextError::Stopped);
        }
        let cut = |source: &Source| {
            source.error(format!(
                "cut short: expected {count} words of {dim} values as line 1 says, found {word}"
            ))
        };
        name.clear();
        let mut reader = source.inner.by_ref().take(MAX_WORD);
        let read = reader.read_until(b' ', &mut name);
        read.map_err(|error| source.unread(&error))?;
        if name.last() != Some(&b' ') {
            return Err(match name.len() as u64 {
                MAX_WORD => source.error(format!(
                    "word {}: expected at most {MAX_WORD} bytes and a space, found more",
                    word + 1
                )),
                _ => cut(source),
            });
        }
        name.pop();
        match source.inner.read_exact(&mut row) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(cut(source));
            }
            Err(error) => return Err(source.unread(&error)),
        }
        // the end of line that the writer put after the row before
        let name = name.trim_ascii_start();
        let Some(name) = std::str::from_utf8(name)
            .ok()
            .filter(|n| needed.contains(n))
        else {
            continue;
        };
        if found.contains_key(name) {
            continue;
        }
        let (values, _) = row.as_chunks::<4>();
        let vector: Vec<f32> = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
        if vector.iter().any(|value| !value.is_finite()) {
            return Err(source.error(format!(
                "word {} ({name:?}): expected finite numbers, found others",
                word + 1
            )));
        }
        found.insert(name.to_string(), vector);
    }
    let mut more = Vec::new();
    let read = source.inner.by_ref().take(2).read_to_end(&mut more);
    read.map_err(|error| source.unread(&error))?;
    if !more.trim_ascii().is_empty() {
        return Err(source.error(format!("expected {count} words as line 1 says, found more")));
    }
    Ok(found)
}
