//! Word vectors that fastText, word2vec or GloVe made, and sentence vectors of them (Bojanowski et al. 2017).

mod binary;
mod source;
mod subwords;
mod text;
mod word2vec;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::TextError;
use source::{Source, unusable};

/// A file of word vectors, in one of four formats; which it is, its content says, not its name:
///
/// - text with a first line `count dim`, then a word and its numbers a line (fastText's `.vec`, word2vec's text format);
/// - the same without the first line, as GloVe's files are; a line has at least two numbers then;
/// - word2vec's binary format: the first line, then each word, a space and its numbers as 32-bit floats;
/// - fastText's binary format of version 12 (`.bin`), as trained without labels and not quantised.
///
/// In the text formats the last `dim` fields of a line are the numbers, so a word may hold spaces; a byte order mark and
/// ends of lines of other systems are passed over. All but fastText's binary format are read compressed with gzip too.
///
/// Files of two million words and some gigabytes are common, so only what the texts at hand need is kept: a file is
/// read once from end to end, of fastText's binary format its dictionary and the rows needed.
#[derive(Debug)]
pub struct FastText {
    path: PathBuf,
    dim: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text(text::Header),
    Word2Vec(word2vec::Header),
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
        let mut source = Source::open(path)?;
        let start = source.start()?;
        let (dim, kind) = if start.starts_with(&binary::MAGIC.to_le_bytes()) {
            let header = binary::Header::read(&mut source)?;
            (header.dim, Kind::Binary(header))
        } else {
            let header = text::Header::read(&mut source)?;
            match header.count {
                Some(count) if word2vec::follows(&mut source, header.dim)? => {
                    let header = word2vec::Header::new(count, header.dim);
                    (header.dim, Kind::Word2Vec(header))
                }
                _ => (header.dim, Kind::Text(header)),
            }
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
            Kind::Word2Vec(header) => word2vec::read(header, &mut reader, &needed, go_on)?,
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
