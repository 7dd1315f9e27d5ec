//! Words to the token ids of a pretrained BERT.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::TextError;
use crate::bert_text::{Cleaning, pieces_of};
use crate::tokeniser_settings::{MARKS, Settings, added_word};

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
    /// Files beside a `vocab.txt` whose settings are heeded.
    pub settings: Vec<PathBuf>,
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
    post_processor: Option<Marking>,
    #[serde(default)]
    added_tokens: Vec<serde_json::Value>,
}

/// What is put around a text.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Marking {
    BertProcessing {
        sep: (String, u32),
        cls: (String, u32),
    },
    TemplateProcessing {
        single: Vec<serde_json::Value>,
        special_tokens: HashMap<String, Special>,
    },
}

#[derive(Deserialize)]
pub(crate) struct Special {
    ids: Vec<u32>,
}

impl Marking {
    /// The marks at both ends, with their ids.
    pub(crate) fn ends(self) -> Result<[(String, u32); 2], String> {
        let (single, tokens) = match self {
            Self::BertProcessing { sep, cls } => return Ok([cls, sep]),
            Self::TemplateProcessing {
                single,
                special_tokens,
            } => (single, special_tokens),
        };
        let name = |piece: &serde_json::Value| {
            let name = piece.pointer("/SpecialToken/id")?.as_str()?.to_owned();
            let first_kind = piece.pointer("/SpecialToken/type_id")? == 0;
            match tokens.get(&name)?.ids.as_slice() {
                [id] if first_kind => Some((name, *id)),
                _ => None,
            }
        };
        let text = |piece: &serde_json::Value| {
            piece
                .pointer("/Sequence/type_id")
                .is_some_and(|kind| kind == 0)
        };
        let ends = match single.as_slice() {
            [first, middle, last] if text(middle) => name(first).zip(name(last)),
            _ => None,
        };
        let ends = ends.map(|(first, last)| [first, last]);
        ends.ok_or_else(|| {
            "post_processor: expected a mark, the text and a mark, found another template, which is not supported"
                .to_owned()
        })
    }
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

impl Tokeniser {
    /// Reads the tokeniser of a model's folder: `tokenizer.json`, else `vocab.txt` with BERT's cleaning and what
    /// `tokenizer_config.json` says of it (`do_lower_case`, `strip_accents`, `tokenize_chinese_chars`, the names of marks,
    /// `added_tokens_decoder`), `special_tokens_map.json` and `added_tokens.json`. Texts are cut at `max_tokens` ids, at least 2, the marks
    /// at both ends included; truncation and padding that the file asks for are left out.
    ///
    /// # Errors
    /// [`TextError::Tokeniser`] naming the file, and the key that asks for what is not supported or says otherwise than
    /// `tokenizer.json`.
    pub fn open(folder: &Path, max_tokens: usize) -> Result<Self, TextError> {
        let json = folder.join("tokenizer.json");
        let words = folder.join("vocab.txt");
        let settings = Settings::read(folder)?;
        if json.is_file() {
            Self::from_json(json, &settings, max_tokens)
        } else if words.is_file() {
            Self::from_vocabulary(words, settings, max_tokens)
        } else {
            Err(TextError::tokeniser(
                folder,
                "expected tokenizer.json or vocab.txt, found neither",
            ))
        }
    }

    /// Longest text in tokens, the marks at both ends included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn from_json(path: PathBuf, settings: &Settings, max_tokens: usize) -> Result<Self, TextError> {
        let bytes = std::fs::read(&path).map_err(|e| TextError::tokeniser(&path, e))?;
        let file: File =
            serde_json::from_slice(&bytes).map_err(|e| TextError::tokeniser(&path, e))?;
        let words = file
            .pre_tokenizer
            .map_or_else(|| "none".to_owned(), |kind| kind.kind);
        let model = file.model.kind.as_deref().unwrap_or("WordPiece");
        if model != "WordPiece" || words != "BertPreTokenizer" {
            let found = format!("{model} and {words}");
            return Err(TextError::tokeniser(
                &path,
                format!("expected WordPiece and BertPreTokenizer, found {found}"),
            ));
        }
        let vocabulary: HashMap<String, u32> =
            serde_json::from_value(file.model.vocab).map_err(|e| TextError::tokeniser(&path, e))?;
        let refused = |reason: String| TextError::tokeniser(&path, reason);
        let marking = file.post_processor.ok_or_else(|| {
            refused(
                "post_processor: expected BertProcessing or TemplateProcessing, found none"
                    .to_owned(),
            )
        })?;
        let [cls, sep] = marking.ends().map_err(refused)?;
        let unknown = file.model.unk_token.unwrap_or_else(|| "[UNK]".to_owned());
        let cleaning = file.normalizer.unwrap_or(Cleaning::NONE);
        settings.check_against(cleaning, [&unknown, &cls.0, &sep.0], &path)?;
        let mut marks = Vec::new();
        for token in &file.added_tokens {
            let id = token.get("id").and_then(serde_json::Value::as_u64);
            let id = id.and_then(|id| u32::try_from(id).ok());
            let id =
                id.ok_or_else(|| refused("added_tokens: expected ids, found none".to_owned()))?;
            marks.push((added_word(token).map_err(refused)?, id));
        }
        let mut made = Self::new(vocabulary, max_tokens, path.clone());
        made.cleaning = cleaning;
        made.marks = marks;
        made.marks.retain(|(mark, _)| !mark.is_empty());
        made.unknown = made.id(&unknown)?;
        (made.start, made.end) = (cls.1, sep.1);
        made.prefix = file.model.continuing_subword_prefix.unwrap_or(made.prefix);
        made.longest_word = file
            .model
            .max_input_chars_per_word
            .unwrap_or(made.longest_word);
        Ok(made)
    }

    fn from_vocabulary(
        path: PathBuf,
        settings: Settings,
        max_tokens: usize,
    ) -> Result<Self, TextError> {
        settings.check_class()?;
        let text = std::fs::read_to_string(&path).map_err(|e| TextError::tokeniser(&path, e))?;
        let words = text.lines().enumerate();
        let words = words
            .map(|(id, word)| (word.to_owned(), id as u32))
            .collect();
        let mut made = Self::new(words, max_tokens, path);
        made.cleaning = settings.cleaning();
        made.settings = settings.files;
        let plain = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"];
        let names = settings.names.each_ref().map(|name| name.as_deref());
        let names: [&str; MARKS.len()] = std::array::from_fn(|i| names[i].unwrap_or(plain[i]));
        for name in names {
            if let Some(&id) = made.vocabulary.get(name) {
                made.marks.push((name.to_owned(), id));
            }
        }
        for (word, id) in settings.added {
            if !word.is_empty() && made.marks.iter().all(|(mark, _)| *mark != word) {
                made.marks.push((word, id));
            }
        }
        made.unknown = made.id(names[0])?;
        made.start = made.id(names[1])?;
        made.end = made.id(names[2])?;
        Ok(made)
    }

    fn new(vocabulary: HashMap<String, u32>, max_tokens: usize, file: PathBuf) -> Self {
        Self {
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
            settings: Vec::new(),
        }
    }

    fn id(&self, word: &str) -> Result<u32, TextError> {
        let found = self.vocabulary.get(word).copied();
        found.ok_or_else(|| {
            TextError::tokeniser(&self.file, format!("expected the token {word}, found none"))
        })
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

    const WORDS: &str = "[PAD] [UNK] [CLS] [SEP] [MASK] i am fur für muller müller Muller Müller 日 本 日本 hello Hello ! \
                         cafe café ##s I";
    const TEXTS: [&str; 4] = [
        "I am für Müller",
        "日本 hello!",
        "Cafés Hello fur Muller",
        "Café [MASK] hellos",
    ];

    fn write(folder: &Path, name: &str, text: &str) {
        std::fs::write(folder.join(name), text).unwrap();
    }

    #[test]
    fn the_settings_beside_a_vocabulary_are_heeded() {
        // ids of transformers 5.24 (AutoTokenizer of a folder with these files)
        let cases: [(&str, [&[u32]; 4]); 7] = [
            (
                "{}",
                [
                    &[2, 5, 6, 7, 9, 3],
                    &[2, 13, 14, 16, 18, 3],
                    &[2, 19, 21, 16, 7, 9, 3],
                    &[2, 19, 4, 16, 21, 3],
                ],
            ),
            (
                r#"{"strip_accents": false}"#,
                [
                    &[2, 5, 6, 8, 10, 3],
                    &[2, 13, 14, 16, 18, 3],
                    &[2, 20, 21, 16, 7, 9, 3],
                    &[2, 20, 4, 16, 21, 3],
                ],
            ),
            (
                r#"{"tokenize_chinese_chars": false}"#,
                [
                    &[2, 5, 6, 7, 9, 3],
                    &[2, 15, 16, 18, 3],
                    &[2, 19, 21, 16, 7, 9, 3],
                    &[2, 19, 4, 16, 21, 3],
                ],
            ),
            (
                r#"{"do_lower_case": false}"#,
                [
                    &[2, 22, 6, 8, 12, 3],
                    &[2, 13, 14, 16, 18, 3],
                    &[2, 1, 17, 7, 11, 3],
                    &[2, 1, 4, 16, 21, 3],
                ],
            ),
            (
                r#"{"do_lower_case": false, "strip_accents": true}"#,
                [
                    &[2, 22, 6, 7, 11, 3],
                    &[2, 13, 14, 16, 18, 3],
                    &[2, 1, 17, 7, 11, 3],
                    &[2, 1, 4, 16, 21, 3],
                ],
            ),
            (
                r#"{"do_lower_case": false, "strip_accents": false, "tokenize_chinese_chars": false}"#,
                [
                    &[2, 22, 6, 8, 12, 3],
                    &[2, 15, 16, 18, 3],
                    &[2, 1, 17, 7, 11, 3],
                    &[2, 1, 4, 16, 21, 3],
                ],
            ),
            (
                r#"{"strip_accents": null, "do_lower_case": true, "tokenizer_class": "BertTokenizerFast"}"#,
                [
                    &[2, 5, 6, 7, 9, 3],
                    &[2, 13, 14, 16, 18, 3],
                    &[2, 19, 21, 16, 7, 9, 3],
                    &[2, 19, 4, 16, 21, 3],
                ],
            ),
        ];
        let words: Vec<&str> = WORDS.split(' ').collect();
        let vocabulary: HashMap<&str, usize> = words.iter().copied().zip(0..).collect();
        for (settings, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), "vocab.txt", &words.join("\n"));
            write(folder.path(), "tokenizer_config.json", settings);
            let made = Tokeniser::open(folder.path(), 99).unwrap();
            let fields: serde_json::Value = serde_json::from_str(settings).unwrap();
            // the same in tokenizer.json
            let json = serde_json::json!({
                "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": vocabulary},
                "normalizer": {
                    "type": "BertNormalizer",
                    "lowercase": fields.get("do_lower_case").unwrap_or(&true.into()),
                    "handle_chinese_chars": fields.get("tokenize_chinese_chars").unwrap_or(&true.into()),
                    "strip_accents": fields.get("strip_accents"),
                },
                "pre_tokenizer": {"type": "BertPreTokenizer"},
                "post_processor": {
                    "type": "TemplateProcessing",
                    "single": [
                        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                    ],
                    "special_tokens": {"[CLS]": {"ids": [2]}, "[SEP]": {"ids": [3]}},
                },
                "added_tokens": [{"id": 4, "content": "[MASK]", "special": true, "normalized": false}],
            });
            write(folder.path(), "tokenizer.json", &json.to_string());
            let same = Tokeniser::open(folder.path(), 99).unwrap();
            for (text, expected) in TEXTS.iter().zip(expected) {
                assert_eq!(made.encode(text).ids, expected, "{settings} {text}");
                assert_eq!(same.encode(text).ids, expected, "{settings} {text}");
            }
        }
    }

    #[test]
    fn what_is_not_supported_or_contradicts_itself_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        write(path, "vocab.txt", &WORDS.replace(' ', "\n"));
        let error = |name: &str, text: &str| {
            write(path, name, text);
            let found = Tokeniser::open(path, 9).map(drop).unwrap_err().to_string();
            std::fs::remove_file(path.join(name)).unwrap();
            assert!(found.contains(name), "{found}");
            found
        };
        for (text, part) in [
            (
                r#"{"do_basic_tokenize": false}"#,
                "do_basic_tokenize: expected true, found false",
            ),
            (r#"{"never_split": ["a"]}"#, "never_split: expected []"),
            (
                r#"{"truncation_side": "left"}"#,
                "truncation_side: expected \"right\"",
            ),
            (
                r#"{"do_lower_case": "yes"}"#,
                "do_lower_case: expected true or false",
            ),
            (
                r#"{"tokenizer_class": "BertJapaneseTokenizer"}"#,
                "found \"BertJapaneseTokenizer\", which is not supported",
            ),
            (
                r#"{"added_tokens_decoder": {"30": {"content": "ab", "normalized": true}}}"#,
                "added token \"ab\": normalized: expected false",
            ),
        ] {
            let found = error("tokenizer_config.json", text);
            assert!(found.contains(part), "{found}");
        }
        // names of marks, and words beside the vocabulary
        write(
            path,
            "special_tokens_map.json",
            r#"{"unk_token": "hello", "cls_token": {"content": "am"}}"#,
        );
        write(path, "added_tokens.json", r#"{"[NEW]": 23}"#);
        let made = Tokeniser::open(path, 9).unwrap();
        assert_eq!(made.encode("zzz [NEW]fur").ids, [6, 16, 23, 7, 3]);
        for name in ["special_tokens_map.json", "added_tokens.json"] {
            std::fs::remove_file(path.join(name)).unwrap();
        }
        let json = r####"{"model": {"vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}},
            "normalizer": {"type": "BertNormalizer", "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}}"####;
        write(path, "tokenizer.json", json);
        for (text, part) in [
            (
                r#"{"do_lower_case": false}"#,
                "do_lower_case: expected true, as tokenizer.json",
            ),
            (
                r#"{"strip_accents": false}"#,
                "strip_accents: expected true, as tokenizer.json",
            ),
            (
                r#"{"cls_token": "<s>"}"#,
                "cls_token: expected \"[CLS]\", as tokenizer.json",
            ),
        ] {
            let found = error("tokenizer_config.json", text);
            assert!(found.contains(part), "{found}");
        }
        let two = json.replace("BertProcessing", "RobertaProcessing");
        let found = error("tokenizer.json", &two);
        assert!(found.contains("RobertaProcessing"), "{found}");
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
                r#"{"model": {"vocab": {"a": 0}}, "pre_tokenizer": {"type": "BertPreTokenizer"},
                    "post_processor": {"type": "BertProcessing", "sep": ["a", 0], "cls": ["a", 0]}}"#,
                "the token [UNK]",
            ),
            (
                r#"{"model": {"vocab": {"a": 0}}, "pre_tokenizer": {"type": "BertPreTokenizer"}}"#,
                "post_processor: expected BertProcessing",
            ),
            (
                r#"{"model": {"vocab": {}}, "pre_tokenizer": {"type": "BertPreTokenizer"},
                    "normalizer": {"type": "Lowercase"}}"#,
                "normalizer: expected BertNormalizer, found Lowercase",
            ),
        ] {
            std::fs::write(folder.path().join("tokenizer.json"), json).unwrap();
            let error = Tokeniser::open(folder.path(), 8).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
