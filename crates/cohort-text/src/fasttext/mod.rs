//! Word vectors that fastText made, and sentence vectors of them (Bojanowski et al. 2017).

mod binary;
mod subwords;
mod text;

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::TextError;

/// Longest vector that a file may announce.
const MAX_DIM: u64 = 1 << 16;
/// Longest word in bytes.
const MAX_WORD: u64 = 1 << 16;
/// Words between two looks at whether to go on.
const STEP: u64 = 4096;

/// A file of word vectors: fastText's text format (`.vec`: a line `count dim`, then a word and its numbers a line) or its
/// binary format of version 12 (`.bin`), as trained without labels and not quantised. Which of the two it is, its first
/// bytes say, not its name.
///
/// Files of two million words and some gigabytes are common, so only what the texts at hand need is kept: a text file is
/// read once from end to end, of a binary file its dictionary and the rows needed.
#[derive(Debug)]
pub struct FastText {
    path: PathBuf,
    dim: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text(text::Header),
    Binary(binary::Header),
}

/// Vectors of length 1 of the words of some texts.
#[derive(Debug)]
pub struct WordVectors {
    dim: usize,
    words: HashMap<String, Vec<f32>>,
}

impl FastText {
    /// Reads and checks the head of a file.
    ///
    /// # Errors
    /// [`TextError::WordVectors`] when it is neither of the formats, or one that is not supported.
    pub fn open(path: &Path) -> Result<Self, TextError> {
        let mut reader = Source::open(path)?;
        let mut first = Vec::new();
        let read = reader.inner.by_ref().take(4).read_to_end(&mut first);
        read.map_err(|error| unusable(path, error))?;
        let mut reader = Source::open(path)?;
        let (dim, kind) = if first == binary::MAGIC.to_le_bytes() {
            let header = binary::Header::read(&mut reader)?;
            (header.dim, Kind::Binary(header))
        } else if path.extension().is_some_and(|e| e == "bin" || e == "ftz") {
            let reason = format!("expected fastText's number {} at its start", binary::MAGIC);
            return Err(unusable(path, reason));
        } else {
            let header = text::Header::read(&mut reader)?;
            (header.dim, Kind::Text(header))
        };
        Ok(Self {
            path: path.to_path_buf(),
            dim: dim as usize,
            kind,
        })
    }

    /// Length of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Reads the vectors of the words of `texts`. `go_on` is told now and then how many steps of how many are done, and
    /// ends the reading when it returns false.
    ///
    /// # Errors
    /// [`TextError::WordVectors`] for a file that is damaged, cut short or contradicts its head;
    /// [`TextError::Stopped`].
    pub fn read<'a>(
        &self,
        texts: impl IntoIterator<Item = &'a str>,
        go_on: &dyn Fn(usize, usize) -> bool,
    ) -> Result<WordVectors, TextError> {
        let needed: BTreeSet<&str> = texts.into_iter().flat_map(words_of_line).collect();
        let mut reader = Source::open(&self.path)?;
        let found = match &self.kind {
            Kind::Text(header) => text::read(header, &mut reader, &needed, go_on)?,
            Kind::Binary(header) => binary::read(header, &mut reader, &needed, go_on)?,
        };
        let mut words = HashMap::new();
        for (word, mut vector) in found {
            let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            if !norm.is_finite() {
                let reason = format!("the vector of {word:?}: expected a finite length");
                return Err(unusable(&self.path, reason));
            }
            if norm > 0.0 {
                vector.iter_mut().for_each(|v| *v *= 1.0 / norm);
                words.insert(word, vector);
            }
        }
        Ok(WordVectors {
            dim: self.dim,
            words,
        })
    }
}

impl WordVectors {
    /// The vector of a text as fastText's `get_sentence_vector` makes it, and of how many words it is the mean: words are
    /// what stands between white space, as they are written; those without a vector, or with one of length 0, are left
    /// out. Zeros when none is left.
    ///
    /// A word that was not among the texts given to [`FastText::read`] has no vector.
    pub fn sentence(&self, text: &str) -> (Vec<f32>, usize) {
        let (mut sum, mut count) = (vec![0.0f32; self.dim], 0);
        for vector in words_of_line(text).filter_map(|word| self.words.get(word)) {
            sum.iter_mut().zip(vector).for_each(|(s, v)| *s += v);
            count += 1;
        }
        if count > 0 {
            sum.iter_mut().for_each(|s| *s *= 1.0 / count as f32);
        }
        (sum, count)
    }
}

/// What C calls words: fastText knows no white space beyond ASCII.
fn words_of_line(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n', '\x0b', '\x0c', '\r'])
        .filter(|word| !word.is_empty())
}

fn unusable(path: &Path, reason: impl ToString) -> TextError {
    TextError::WordVectors {
        path: path.to_path_buf(),
        reason: reason.to_string(),
    }
}

/// A file that is read from its start, with its name and length for the messages.
struct Source {
    path: PathBuf,
    inner: BufReader<File>,
    len: u64,
}

impl Source {
    fn open(path: &Path) -> Result<Self, TextError> {
        let file = File::open(path).map_err(|error| unusable(path, error))?;
        let about = file.metadata().map_err(|error| unusable(path, error))?;
        if !about.is_file() {
            return Err(unusable(
                path,
                "expected a file of word vectors (.vec or .bin)",
            ));
        }
        Ok(Self {
            path: path.to_path_buf(),
            inner: BufReader::with_capacity(1 << 18, file),
            len: about.len(),
        })
    }

    fn error(&self, reason: impl ToString) -> TextError {
        unusable(&self.path, reason)
    }
}
