//! Words to the token ids of a pretrained BERT.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::TextError;
use crate::bert_text::{Cleaning, pieces_of};

/// Words longer than this are unknown, as in every published BERT.
const LONGEST_WORD: usize = 100;

/// WordPiece (Wu et al. 2016) with BERT's cleaning, from a model's `tokenizer.json` or `vocab.txt`.
///
/// Gives the ids that Hugging Face's tokenizers give; it is written out here because that package brings some thirty
/// others, none of which a BERT needs. Files of other kinds of tokenisers (BPE, Unigram) are refused.
#[derive(Debug, Clone)]
pub struct Tokeniser {
    vocabulary: HashMap<String, u32>,
    cleaning: Cleaning,
    prefix: String,
    longest_word: usize,
    unknown: u32,
    start: u32,
    end: u32,
    /// Marks that stand for themselves in a text, as `[MASK]`.
    marks: Vec<(String, u32)>,
    max_tokens: usize,
    /// The file that it was read from.
    pub file: PathBuf,
}

/// A text as token ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Ids, the model's marks at both ends included, without padding.
    pub ids: Vec<u32>,
    /// Tokens that were left out at the end because the model takes no longer text.
    pub cut: usize,
}

/// The parts of `tokenizer.json` that are used.
#[derive(Deserialize)]
struct File {
    model: Model,
    #[serde(default)]
    normalizer: Option<Cleaning>,
    #[serde(default)]
    pre_tokenizer: Option<Kind>,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    vocab: serde_json::Value,
    #[serde(default)]
    unk_token: Option<String>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    max_input_chars_per_word: Option<usize>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

impl Tokeniser {
    /// Reads the tokeniser of a model's folder: `tokenizer.json`, else `vocab.txt` with BERT's cleaning (lower case unless
    /// `tokenizer_config.json` says `"do_lower_case": false`). Texts are cut at `max_tokens` ids, at least 2, the marks
    /// at both ends included; truncation and padding that the file asks for are left out.
    ///
    /// # Errors
    /// [`TextError::Tokeniser`] naming the file.
    pub fn open(folder: &Path, max_tokens: usize) -> Result<Self, TextError> {
        let json = folder.join("tokenizer.json");
        let words = folder.join("vocab.txt");
        if json.is_file() {
            Self::from_json(json, max_tokens)
        } else if words.is_file() {
            Self::from_vocabulary(folder, words, max_tokens)
        } else {
            Err(bad(
                folder,
                "expected tokenizer.json or vocab.txt, found neither",
            ))
        }
    }

    /// Longest text in tokens, the marks at both ends included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn from_json(path: PathBuf, max_tokens: usize) -> Result<Self, TextError> {
        let bytes = std::fs::read(&path).map_err(|e| bad(&path, e))?;
        let file: File = serde_json::from_slice(&bytes).map_err(|e| bad(&path, e))?;
        let words = file
            .pre_tokenizer
            .map_or_else(|| "none".to_owned(), |kind| kind.kind);
        let model = file.model.kind.as_deref().unwrap_or("WordPiece");
        if model != "WordPiece" || words != "BertPreTokenizer" {
            let found = format!("{model} and {words}");
            return Err(bad(
                &path,
                format!("expected WordPiece and BertPreTokenizer, found {found}"),
            ));
        }
        let vocabulary: HashMap<String, u32> =
            serde_json::from_value(file.model.vocab).map_err(|e| bad(&path, e))?;
        let mut made = Self::new(vocabulary, max_tokens, path)?;
        made.cleaning = file.normalizer.unwrap_or(Cleaning::NONE);
        made.marks = file
            .added_tokens
            .into_iter()
            .map(|added| (added.content, added.id))
            .collect();
        made.marks.retain(|(mark, _)| !mark.is_empty());
        if let Some(unknown) = file.model.unk_token {
            made.unknown = made.id(&unknown)?;
        }
        made.prefix = file.model.continuing_subword_prefix.unwrap_or(made.prefix);
        made.longest_word = file
            .model
            .max_input_chars_per_word
            .unwrap_or(made.longest_word);
        Ok(made)
    }

    fn from_vocabulary(folder: &Path, path: PathBuf, max_tokens: usize) -> Result<Self, TextError> {
        let text = std::fs::read_to_string(&path).map_err(|e| bad(&path, e))?;
        let words = text.lines().enumerate();
        let words = words
            .map(|(id, word)| (word.to_owned(), id as u32))
            .collect();
        let mut made = Self::new(words, max_tokens, path)?;
        let settings = folder.join("tokenizer_config.json");
        if settings.is_file() {
            let bytes = std::fs::read(&settings).map_err(|e| bad(&settings, e))?;
            let read: serde_json::Value =
                serde_json::from_slice(&bytes).map_err(|e| bad(&settings, e))?;
            let lower = read
                .get("do_lower_case")
                .and_then(serde_json::Value::as_bool);
            made.cleaning.lowercase = lower != Some(false);
        }
        for mark in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] {
            if let Some(&id) = made.vocabulary.get(mark) {
                made.marks.push((mark.to_owned(), id));
            }
        }
        Ok(made)
    }

    fn new(
        vocabulary: HashMap<String, u32>,
        max_tokens: usize,
        file: PathBuf,
    ) -> Result<Self, TextError> {
        let mut made = Self {
            vocabulary,
            cleaning: Cleaning::BERT,
            prefix: "##".to_owned(),
            longest_word: LONGEST_WORD,
            unknown: 0,
            start: 0,
            end: 0,
            marks: Vec::new(),
            max_tokens: max_tokens.max(2),
            file,
        };
        made.unknown = made.id("[UNK]")?;
        made.start = made.id("[CLS]")?;
        made.end = made.id("[SEP]")?;
        Ok(made)
    }

    fn id(&self, word: &str) -> Result<u32, TextError> {
        let found = self.vocabulary.get(word).copied();
        found.ok_or_else(|| bad(&self.file, format!("expected the token {word}, found none")))
    }

    /// The ids of a text.
    pub fn encode(&self, text: &str) -> Tokens {
        let mut ids = vec![self.start];
        let mut rest = text;
        while let Some((at, length, id)) = self.next_mark(rest) {
            self.words(&rest[..at], &mut ids);
            ids.push(id);
            rest = &rest[at + length..];
        }
        self.words(rest, &mut ids);
        let cut = (ids.len() + 1).saturating_sub(self.max_tokens);
        ids.truncate(self.max_tokens - 1);
        ids.push(self.end);
        Tokens { ids, cut }
    }

    /// The first mark in a text: where, how long, which; of two at one place the longer.
    fn next_mark(&self, text: &str) -> Option<(usize, usize, u32)> {
        let found = self.marks.iter().filter_map(|(mark, id)| {
            let at = text.find(mark.as_str())?;
            Some((at, mark.len(), *id))
        });
        found.min_by_key(|&(at, length, _)| (at, std::cmp::Reverse(length)))
    }

    fn words(&self, text: &str, ids: &mut Vec<u32>) {
        for word in pieces_of(&self.cleaning.apply(text)) {
            self.word(&word, ids);
        }
    }

    /// The longest pieces of a word from the left; a word that is not all known pieces is unknown as a whole.
    fn word(&self, word: &str, ids: &mut Vec<u32>) {
        if word.chars().count() > self.longest_word {
            ids.push(self.unknown);
            return;
        }
        let first = ids.len();
        let (mut start, mut piece) = (0, String::new());
        while start < word.len() {
            let mut ends = word[start..]
                .char_indices()
                .rev()
                .map(|(at, c)| start + at + c.len_utf8());
            let found = ends.find_map(|end| {
                piece.clear();
                if start > 0 {
                    piece.push_str(&self.prefix);
                }
                piece.push_str(&word[start..end]);
                self.vocabulary.get(&piece).map(|&id| (id, end))
            });
            let Some((id, end)) = found else {
                ids.truncate(first);
                ids.push(self.unknown);
                return;
            };
            ids.push(id);
            start = end;
        }
    }
}

fn bad(path: &Path, reason: impl std::fmt::Display) -> TextError {
    TextError::Tokeniser {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vocabulary_file_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let error = Tokeniser::open(path, 8).unwrap_err().to_string();
        assert!(error.contains("found neither"), "{error}");
        let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nhe\n##llo\n,\nworld\nWorld\n[MASK]\n";
        std::fs::write(path.join("vocab.txt"), words).unwrap();
        let plain = Tokeniser::open(path, 9).unwrap();
        let ids = |text: &str| plain.encode(text).ids;
        assert_eq!(ids("Hello, wörld qq"), [2, 4, 5, 6, 7, 1, 3]);
        assert_eq!(ids("a [MASK],hello"), [2, 1, 9, 6, 4, 5, 3]);
        assert_eq!(ids(""), [2, 3]);
        assert_eq!(ids(&"x".repeat(200)), [2, 1, 3]);
        let short = Tokeniser::open(path, 4).unwrap().encode("hello, world");
        assert_eq!((short.ids, short.cut), (vec![2, 4, 5, 3], 2));
        std::fs::write(
            path.join("tokenizer_config.json"),
            "{\"do_lower_case\": false}",
        )
        .unwrap();
        let cased = Tokeniser::open(path, 8).unwrap();
        assert_eq!(cased.encode("World").ids, [2, 8, 3]);
        std::fs::write(path.join("vocab.txt"), "[CLS]\n[SEP]\n").unwrap();
        let error = Tokeniser::open(path, 8).unwrap_err().to_string();
        assert!(error.contains("the token [UNK]"), "{error}");
    }

    #[test]
    fn other_kinds_of_tokenisers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (json, part) in [
            ("{", "tokenizer.json"),
            (
                r#"{"model": {"type": "BPE", "vocab": {}}}"#,
                "found BPE and none",
            ),
            (
                r#"{"model": {"vocab": {"a": 0}}, "pre_tokenizer": {"type": "BertPreTokenizer"}}"#,
                "the token [UNK]",
            ),
        ] {
            std::fs::write(folder.path().join("tokenizer.json"), json).unwrap();
            let error = Tokeniser::open(folder.path(), 8).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
