//! fastText's binary format, version 12: settings, dictionary, input matrix (`FastText::saveModel` of fastText 0.9).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, Read, Seek, SeekFrom};

use super::source::{MAX_DIM, MAX_WORD, STEP, Source};
use super::subwords;
use crate::TextError;

/// The number at the start of a file.
pub(super) const MAGIC: i32 = 793_712_314;
/// The version of the format.
const VERSION: i32 = 12;
/// The kind of model that is trained with labels.
const SUPERVISED: i32 = 3;
/// Longest n-gram in characters; what is longer is damage.
const MAX_GRAM: i32 = 64;
/// Words whose rows are in memory at once.
const WORDS: usize = 256;

/// What the file says before the dictionary's words.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) dim: u64,
    buckets: u32,
    shortest: u32,
    longest: u32,
    words: u64,
    labels: u64,
    /// Where the dictionary's words begin.
    start: u64,
}

impl Header {
    pub(super) fn read(source: &mut Source) -> Result<Self, TextError> {
        let expect = |source: &Source, what: &str, found: i64, holds: bool, expected: &str| {
            if holds {
                return Ok(());
            }
            Err(source.error(format!("{what}: expected {expected}, found {found}")))
        };
        source.file()?;
        let magic = source.i32("number")?;
        expect(source, "number", magic.into(), magic == MAGIC, "fastText's")?;
        let version = source.i32("version")?;
        expect(source, "version", version.into(), version == VERSION, "12")?;
        // dim, window, epochs, least count, negatives, word n-grams, loss, model, buckets, minn, maxn, update rate
        let mut settings = [0; 12];
        for value in &mut settings {
            *value = source.i32("settings")?;
        }
        let [dim, _, _, _, _, _, _, model, bucket, minn, maxn, _] = settings;
        source.i64("settings")?; // sampling threshold, a double
        let dims = 1..=MAX_DIM as i32;
        expect(source, "dim", dim.into(), dims.contains(&dim), "1 to 65536")?;
        let unlabelled = model != SUPERVISED && (1..3).contains(&model);
        let expected = "1 or 2, trained without labels (3 is a classifier)";
        expect(source, "model", model.into(), unlabelled, expected)?;
        let holds = bucket >= 0 && (bucket > 0 || maxn == 0);
        expect(source, "buckets", bucket.into(), holds, "a positive number")?;
        let range = "0 to 64";
        expect(
            source,
            "minn",
            minn.into(),
            (0..=MAX_GRAM).contains(&minn),
            range,
        )?;
        expect(
            source,
            "maxn",
            maxn.into(),
            (0..=MAX_GRAM).contains(&maxn),
            range,
        )?;
        let [size, words, labels] = [
            source.i32("dictionary")?,
            source.i32("dictionary")?,
            source.i32("dictionary")?,
        ];
        source.i64("dictionary")?; // tokens seen in training
        let pruned = source.i64("dictionary")?;
        let whole = words > 0 && labels >= 0 && words.checked_add(labels) == Some(size);
        let expected = format!("words and labels to sum to it, found {words} and {labels};");
        expect(source, "dictionary size", size.into(), whole, &expected)?;
        let expected = "-1, a dictionary that was not pruned (quantised models are not read)";
        expect(source, "pruned entries", pruned, pruned == -1, expected)?;
        Ok(Self {
            dim: dim as u64,
            buckets: bucket as u32,
            shortest: minn as u32,
            longest: maxn as u32,
            words: words as u64,
            labels: labels as u64,
            start: source.at()?,
        })
    }

    /// Rows whose mean is the vector of a word; `row` is its own when the dictionary has it.
    fn rows(&self, word: &str, row: Option<u64>) -> Vec<u64> {
        let mut rows: Vec<u64> = row.into_iter().collect();
        // the mark of a sentence's end is no word with characters
        if word != "</s>" {
            let grams = subwords::buckets(word, self.shortest, self.longest, self.buckets);
            rows.extend(grams.into_iter().map(|bucket| self.words + bucket));
        }
        rows
    }
}

/// Vectors of `needed`: means of the word's own row and those of its n-grams; a word without either is left out.
pub(super) fn read(
    header: &Header,
    source: &mut Source,
    needed: &BTreeSet<&str>,
    go_on: &dyn Fn(usize, usize) -> bool,
) -> Result<BTreeMap<String, Vec<f32>>, TextError> {
    let entries = header.words + header.labels;
    let total = entries as usize + needed.len();
    let own = dictionary(header, source, needed, &|done| go_on(done, total))?;
    let matrix = matrix(header, source)?;
    let mut found = BTreeMap::new();
    let words: Vec<&str> = needed.iter().copied().collect();
    for (part, some) in words.chunks(WORDS).enumerate() {
        if !go_on(entries as usize + part * WORDS, total) {
            return Err(TextError::Stopped);
        }
        let rows: Vec<(&str, Vec<u64>)> = some
            .iter()
            .map(|&word| (word, header.rows(word, own.get(word).copied())))
            .collect();
        // each once and in the file's order, so that the disk is read forwards
        let wanted: BTreeSet<u64> = rows.iter().flat_map(|(_, rows)| rows).copied().collect();
        let mut values = HashMap::new();
        for row in wanted {
            values.insert(row, source.row(matrix, row, header.dim)?);
        }
        for (word, rows) in rows {
            if rows.is_empty() {
                continue;
            }
            let mut vector = vec![0.0f32; header.dim as usize];
            for row in rows.iter().filter_map(|row| values.get(row)) {
                vector.iter_mut().zip(row).for_each(|(v, r)| *v += r);
            }
            let scale = (1.0 / rows.len() as f64) as f32;
            vector.iter_mut().for_each(|v| *v *= scale);
            found.insert(word.to_string(), vector);
        }
    }
    Ok(found)
}

/// Rows of those of `needed` that the dictionary has.
fn dictionary(
    header: &Header,
    source: &mut Source,
    needed: &BTreeSet<&str>,
    go_on: &dyn Fn(usize) -> bool,
) -> Result<HashMap<String, u64>, TextError> {
    source.seek(header.start)?;
    let mut own = HashMap::new();
    let mut word = Vec::new();
    for entry in 0..header.words + header.labels {
        if entry % STEP == 0 && !go_on(entry as usize) {
            return Err(TextError::Stopped);
        }
        word.clear();
        let mut reader = source.inner.by_ref().take(MAX_WORD);
        let read = reader.read_until(0, &mut word);
        read.map_err(|error| source.error(error))?;
        if word.pop() != Some(0) {
            return Err(source.error(format!(
                "word {entry} of the dictionary: expected at most {MAX_WORD} bytes and a 0, found none"
            )));
        }
        source.i64("dictionary")?; // how often it was seen
        let [kind] = source.bytes("dictionary")?;
        // words come before labels
        if u64::from(kind) != u64::from(entry >= header.words) {
            return Err(source.error(format!(
                "word {entry} of the dictionary: expected kind {}, found {kind}",
                u8::from(entry >= header.words)
            )));
        }
        if let Ok(word) = std::str::from_utf8(&word)
            && kind == 0
            && needed.contains(word)
        {
            own.insert(word.to_string(), entry);
        }
    }
    Ok(own)
}

/// Where the matrix begins, after its size was checked against the file's.
fn matrix(header: &Header, source: &mut Source) -> Result<u64, TextError> {
    let [quantised] = source.bytes("matrix")?;
    if quantised != 0 {
        return Err(source.error(
            "expected a model that is not quantised, found a quantised one (.ftz); the model it was made of can be used",
        ));
    }
    let (rows, columns) = (source.i64("matrix")?, source.i64("matrix")?);
    let expected = header.words + u64::from(header.buckets);
    if rows != expected as i64 || columns != header.dim as i64 {
        return Err(source.error(format!(
            "matrix: expected {expected} rows of {} values, found {rows} of {columns}",
            header.dim
        )));
    }
    let start = source.at()?;
    let end = start + expected * header.dim * 4;
    if end > source.len {
        return Err(source.error(format!(
            "cut short: expected at least {end} bytes, found {}",
            source.len
        )));
    }
    Ok(start)
}

impl Source {
    fn bytes<const N: usize>(&mut self, what: &str) -> Result<[u8; N], TextError> {
        let mut bytes = [0; N];
        match self.inner.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(self.error(format!("cut short within its {what}: {error}"))),
        }
    }

    fn i32(&mut self, what: &str) -> Result<i32, TextError> {
        Ok(i32::from_le_bytes(self.bytes(what)?))
    }

    fn i64(&mut self, what: &str) -> Result<i64, TextError> {
        Ok(i64::from_le_bytes(self.bytes(what)?))
    }

    fn at(&mut self) -> Result<u64, TextError> {
        let at = self.file()?.stream_position();
        at.map_err(|error| self.error(error))
    }

    fn seek(&mut self, to: u64) -> Result<(), TextError> {
        let moved = self.file()?.seek(SeekFrom::Start(to));
        moved.map(|_| ()).map_err(|error| self.error(error))
    }

    /// A row of the matrix that begins at `start`.
    fn row(&mut self, start: u64, row: u64, dim: u64) -> Result<Vec<f32>, TextError> {
        let wanted = start + row * dim * 4;
        // a near row is often in the buffer already
        let ahead = wanted as i64 - self.at()? as i64;
        let moved = self.file()?.seek_relative(ahead);
        moved.map_err(|error| self.error(error))?;
        let mut bytes = vec![0; dim as usize * 4];
        let read = self.inner.read_exact(&mut bytes);
        read.map_err(|error| self.error(error))?;
        let values: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(self.error(format!(
                "row {row} of the matrix: expected finite numbers, found others"
            )));
        }
        Ok(values)
    }
}
