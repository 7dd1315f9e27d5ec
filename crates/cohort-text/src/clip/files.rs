//! CLIP's tokeniser from the files in which it is published.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::marks::{self, Mark};
use super::merges::{Merges, SUFFIX, byte_order, characters};
use super::text::{Cutting, STEPS, Step};
use super::{ClipTokeniser, LENGTH};
use crate::TextError;
use crate::tokeniser::Marking;
use crate::tokeniser_settings::object;

/// OpenCLIP's and OpenAI's file of pairs, and how many of its lines are used.
const PAIRS: (&str, usize) = ("bpe_simple_vocab_16e6.txt.gz", 49_152 - 256 - 2);
/// No file of pairs is read beyond this many bytes.
const LARGEST: u64 = 64 << 20;
/// A longer `model_max_length` is transformers' way to say nothing.
const LONGEST: u64 = 1 << 20;

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";
/// Keys of the marks' names, in the order in which transformers adds them.
const NAMES: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];
/// Settings that change the ids and are not supported: the value that changes nothing.
const PLAIN: [(&str, &str); 7] = [
    ("do_lower_case", "true"),
    ("add_prefix_space", "false"),
    ("add_bos_token", "true"),
    ("add_eos_token", "true"),
    ("split_special_tokens", "false"),
    ("truncation_side", "\"right\""),
    ("padding_side", "\"right\""),
];
const CLASSES: [&str; 4] = [
    "CLIPTokenizer",
    "CLIPTokenizerFast",
    "PreTrainedTokenizerFast",
    "TokenizersBackend",
];

/// The patterns by which published CLIPs cut a text: without and with the marks.
const PATTERNS: [&str; 2] = [
    r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
];

pub(super) fn open(path: &Path, max_tokens: Option<usize>) -> Result<ClipTokeniser, TextError> {
    if path.is_file() {
        return from_pairs(path, max_tokens);
    }
    let [json, words, merges, pairs] =
        ["tokenizer.json", "vocab.json", "merges.txt", PAIRS.0].map(|name| path.join(name));
    if json.is_file() {
        Folder::read(path)?.with_json(json, max_tokens)
    } else if words.is_file() && merges.is_file() {
        Folder::read(path)?.with_vocabulary(words, merges, max_tokens)
    } else if pairs.is_file() {
        from_pairs(&pairs, max_tokens)
    } else {
        Err(TextError::tokeniser(
            path,
            format!(
                "expected tokenizer.json, vocab.json with merges.txt, or {}, found none of them",
                PAIRS.0
            ),
        ))
    }
}

/// What the files beside a vocabulary say.
struct Folder {
    config: PathBuf,
    files: Vec<PathBuf>,
    /// The marks of [`NAMES`] that are named, and whether they are looked for in the cleaned text.
    names: Vec<(&'static str, String, bool)>,
    added: Vec<Mark>,
    length: Option<usize>,
}

impl Folder {
    fn read(folder: &Path) -> Result<Self, TextError> {
        let [config, map, added] = [
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
        ]
        .map(|name| folder.join(name));
        let fields = object(&config)?;
        let refused = |reason: String| TextError::tokeniser(&config, reason);
        for (key, plain) in PLAIN {
            if let Some(found) = fields.get(key).filter(|found| !found.is_null())
                && found.to_string().as_str() != plain
            {
                return Err(refused(format!(
                    "{key}: expected {plain}, found {found}, which is not supported"
                )));
            }
        }
        if let Some(class) = fields.get("tokenizer_class").filter(|c| !c.is_null())
            && !CLASSES.iter().any(|known| class == known)
        {
            return Err(refused(format!(
                "tokenizer_class: expected {}, found {class}, which is not supported",
                CLASSES[0]
            )));
        }
        let mut made = Self {
            files: [&config, &map, &added]
                .into_iter()
                .filter(|file| file.is_file())
                .cloned()
                .collect(),
            names: Vec::new(),
            added: Vec::new(),
            length: length(&fields).map_err(refused)?,
            config: config.clone(),
        };
        let decoder = match fields.get("added_tokens_decoder") {
            None | Some(Value::Null) => None,
            Some(Value::Object(tokens)) => Some(tokens),
            Some(other) => {
                return Err(refused(format!(
                    "added_tokens_decoder: expected ids and tokens, found {other}"
                )));
            }
        };
        if let Some(tokens) = decoder {
            for (id, token) in tokens {
                let id = id.parse().map_err(|_| {
                    refused(format!("added_tokens_decoder: expected ids, found {id:?}"))
                })?;
                let (text, cleaned) = marks::named(token)
                    .map_err(|e| refused(format!("added_tokens_decoder: {e}")))?;
                made.added.push(Mark { text, id, cleaned });
            }
            made.added.sort_by_key(|mark| mark.id);
        }
        // the map overrides what the settings say, unless these list the added tokens
        let more = if decoder.is_none() {
            object(&map)?
        } else {
            Map::new()
        };
        for key in NAMES {
            let own = fields.get(key).map(|own| (own, &config));
            let found = more.get(key).map(|own| (own, &map)).or(own);
            if let Some((value, file)) = found.filter(|(value, _)| !value.is_null()) {
                let (name, cleaned) = marks::named(value)
                    .map_err(|e| TextError::tokeniser(file, format!("{key}: {e}")))?;
                made.names.push((key, name, cleaned));
            }
        }
        for (text, id) in object(&added)? {
            let number = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let id = number.ok_or_else(|| {
                TextError::tokeniser(&added, format!("{text:?}: expected an id, found {id}"))
            })?;
            if made.added.iter().all(|mark| mark.text != text) {
                made.added.push(Mark {
                    text,
                    id,
                    cleaned: false,
                });
            }
        }
        Ok(made)
    }

    fn name(&self, key: &str) -> Option<&str> {
        let found = self.names.iter().find(|(own, ..)| *own == key);
        found.map(|(_, name, _)| name.as_str())
    }

    /// The marks in a text: those listed, then those that are named only. `listed` are those of `tokenizer.json`.
    fn marks(
        &self,
        listed: Vec<Mark>,
        vocabulary: &HashMap<String, u32>,
    ) -> Result<Vec<Mark>, TextError> {
        let mut marks = listed;
        for mark in &self.added {
            if vocabulary
                .get(&mark.text)
                .is_some_and(|&own| own != mark.id)
            {
                let reason = format!(
                    "added token {:?}: expected the vocabulary's id, found {}",
                    mark.text, mark.id
                );
                return Err(TextError::tokeniser(&self.config, reason));
            }
            marks.retain(|other| other.text != mark.text);
            marks.push(mark.clone());
        }
        let known = marks.len();
        let plain = [
            ("bos_token", START),
            ("eos_token", END),
            ("unk_token", END),
            ("pad_token", END),
        ];
        for key in NAMES {
            let named = self.names.iter().find(|(own, ..)| *own == key);
            let default = plain.iter().find(|(own, _)| *own == key);
            let (name, cleaned) = match (named, default) {
                (Some((_, name, cleaned)), _) => (name.as_str(), *cleaned),
                (None, Some((_, name))) => (*name, false),
                (None, None) => continue,
            };
            if marks[..known].iter().any(|mark| mark.text == name) {
                continue;
            }
            let Some(&id) = vocabulary.get(name) else {
                let reason = format!("{key}: expected a token of the vocabulary, found {name:?}");
                return Err(TextError::tokeniser(&self.config, reason));
            };
            // of one mark that is named twice the last naming counts
            if let Some(at) = marks.iter().position(|mark| mark.text == name) {
                marks.remove(at);
            }
            marks.push(Mark {
                text: name.to_owned(),
                id,
                cleaned,
            });
        }
        marks.retain(|mark| !mark.text.is_empty());
        Ok(marks)
    }

    fn id(&self, marks: &[Mark], key: &str, plain: &str) -> Result<u32, TextError> {
        let name = self.name(key).unwrap_or(plain);
        let found = marks.iter().find(|mark| mark.text == name);
        found.map(|mark| mark.id).ok_or_else(|| {
            let reason = format!("{key}: expected a token of the vocabulary, found {name:?}");
            TextError::tokeniser(&self.config, reason)
        })
    }

    fn with_vocabulary(
        mut self,
        words: PathBuf,
        merges: PathBuf,
        max_tokens: Option<usize>,
    ) -> Result<ClipTokeniser, TextError> {
        let vocabulary = vocabulary(&words, Value::Object(object(&words)?))?;
        let text = text_of(&merges)?;
        let mut lines = text.lines().enumerate();
        let header = lines.next().map(|(_, line)| line).unwrap_or_default();
        if !header.contains("#version") {
            let reason = format!("line 1: expected #version, found {header:?}");
            return Err(TextError::tokeniser(&merges, reason));
        }
        let pairs = pairs(lines, usize::MAX, &merges)?;
        let marks = self.marks(Vec::new(), &vocabulary)?;
        let unknown = self.id(&marks, "unk_token", END)?;
        let made = Merges::new(&vocabulary, pairs.into_iter(), Some(unknown))
            .map_err(|reason| TextError::tokeniser(&merges, reason))?;
        let [start, end, pad] = [("bos_token", START), ("eos_token", END), ("pad_token", END)]
            .map(|(key, plain)| self.id(&marks, key, plain));
        self.files.splice(0..0, [words, merges]);
        Ok(ClipTokeniser {
            merges: made,
            steps: STEPS.to_vec(),
            cutting: Cutting {
                marks: true,
                again: true,
            },
            start: start?,
            end: end?,
            pad: pad?,
            marks,
            max_tokens: max_tokens.or(self.length).unwrap_or(LENGTH).max(2),
            files: self.files,
        })
    }

    fn with_json(
        mut self,
        path: PathBuf,
        max_tokens: Option<usize>,
    ) -> Result<ClipTokeniser, TextError> {
        let refused = |reason: String| TextError::tokeniser(&path, reason);
        let file = File::open(&path).map_err(|e| TextError::tokeniser(&path, e))?;
        let json: Json = serde_json::from_reader(BufReader::new(file))
            .map_err(|e| TextError::tokeniser(&path, e))?;
        let model = json.model;
        let pieces = model.plain().map_err(refused)?;
        let vocabulary = vocabulary(&path, model.vocab)?;
        let steps = steps(json.normalizer.as_ref()).map_err(refused)?;
        let cutting = cutting(&json.pre_tokenizer).map_err(refused)?;
        let [start, end] = ends(json.post_processor).map_err(refused)?;
        let mut listed = Vec::new();
        for token in &json.added_tokens {
            let (text, cleaned) =
                marks::named(token).map_err(|e| refused(format!("added_tokens: {e}")))?;
            let id = token.get("id").and_then(Value::as_u64);
            let id = id.and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| {
                refused(format!("added token {text:?}: expected an id, found none"))
            })?;
            listed.push(Mark { text, id, cleaned });
        }
        let mut all = vocabulary.clone();
        all.extend(listed.iter().map(|mark| (mark.text.clone(), mark.id)));
        for (key, mark) in [("bos_token", &start), ("eos_token", &end)] {
            if let Some(own) = self.name(key).filter(|own| *own != mark.0) {
                let reason = format!(
                    "{key}: expected {:?}, as tokenizer.json beside it has it, found {own:?}",
                    mark.0
                );
                return Err(TextError::tokeniser(&self.config, reason));
            }
            if all.get(&mark.0) != Some(&mark.1) {
                let reason = format!(
                    "post_processor: expected an id of the vocabulary, found {:?} as {}",
                    mark.0, mark.1
                );
                return Err(refused(reason));
            }
        }
        let unknown = match &model.unk_token {
            None => None,
            Some(name) => Some(*all.get(name).ok_or_else(|| {
                refused(format!(
                    "unk_token: expected a token of the vocabulary, found {name:?}"
                ))
            })?),
        };
        for (key, name) in [
            ("bos_token", &start.0),
            ("eos_token", &end.0),
            ("unk_token", model.unk_token.as_ref().unwrap_or(&end.0)),
            ("pad_token", &end.0),
        ] {
            if self.name(key).is_none() {
                self.names.push((key, name.clone(), false));
            }
        }
        let marks = self.marks(listed, &all)?;
        let made = Merges::new(
            &vocabulary,
            pieces.iter().map(|(a, b)| (a.as_str(), b.as_str())),
            unknown,
        )
        .map_err(refused)?;
        let pad = self.id(&marks, "pad_token", END)?;
        self.files.insert(0, path);
        Ok(ClipTokeniser {
            merges: made,
            steps,
            cutting,
            start: start.1,
            end: end.1,
            pad,
            marks,
            max_tokens: max_tokens.or(self.length).unwrap_or(LENGTH).max(2),
            files: self.files,
        })
    }
}

/// The parts of `tokenizer.json` that are used.
#[derive(Deserialize)]
struct Json {
    model: Model,
    #[serde(default)]
    normalizer: Option<Value>,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    added_tokens: Vec<Value>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    vocab: Value,
    #[serde(default)]
    merges: Vec<Pair>,
    #[serde(default)]
    unk_token: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    Two(String, String),
    Line(String),
}

impl Model {
    /// The pairs, if everything else is as CLIP has it.
    fn plain(&self) -> Result<Vec<(String, String)>, String> {
        let kind = self.kind.as_deref().unwrap_or("none");
        let suffix = self.end_of_word_suffix.as_deref().unwrap_or_default();
        for (key, expected, found) in [
            ("type", "BPE", kind),
            ("end_of_word_suffix", SUFFIX, suffix),
        ] {
            if expected != found {
                return Err(format!(
                    "model: {key}: expected {expected}, found {found:?}, which is not supported"
                ));
            }
        }
        for (key, found) in &self.more {
            let plain = match found {
                Value::Null | Value::Bool(false) => true,
                Value::String(text) => text.is_empty(),
                Value::Number(number) => number.as_f64() == Some(0.0),
                _ => false,
            };
            if !plain {
                return Err(format!(
                    "model: {key}: expected nothing, found {found}, which is not supported"
                ));
            }
        }
        let pairs = self.merges.iter().zip(1..);
        let pairs = pairs.map(|(pair, number)| match pair {
            Pair::Two(first, second) => Ok((first.clone(), second.clone())),
            Pair::Line(line) => match line.split_once(' ') {
                Some((first, second)) if !second.contains(' ') => {
                    Ok((first.to_owned(), second.to_owned()))
                }
                _ => Err(format!(
                    "model: merge {number}: expected two pieces, found {line:?}"
                )),
            },
        });
        pairs.collect()
    }
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or("none")
}

/// The members of a sequence; or the one thing that there is.
fn members<'a>(value: &'a Value, key: &str) -> Result<Vec<&'a Value>, String> {
    if kind(value) != "Sequence" {
        return Ok(vec![value]);
    }
    let list = value.get(key).and_then(Value::as_array);
    let list = list.ok_or_else(|| format!("{key}: expected a list, found none"))?;
    Ok(list.iter().collect())
}

fn steps(normalizer: Option<&Value>) -> Result<Vec<Step>, String> {
    let Some(normalizer) = normalizer else {
        return Ok(Vec::new());
    };
    let steps = members(normalizer, "normalizers")?.into_iter();
    let steps = steps.map(|step| match kind(step) {
        "NFC" => Ok(Step::Nfc),
        "Lowercase" => Ok(Step::Lowercase),
        "Replace"
            if step.pointer("/pattern/Regex") == Some(&Value::from(r"\s+"))
                && step.get("content") == Some(&Value::from(" ")) =>
        {
            Ok(Step::Blanks)
        }
        _ => Err(format!(
            r"normalizer: expected NFC, Replace of \s+ by a blank, or Lowercase, found {step}, which is not supported"
        )),
    });
    steps.collect()
}

fn cutting(pre_tokenizer: &Value) -> Result<Cutting, String> {
    let refused = || {
        format!(
            "pre_tokenizer: expected CLIP's Split and ByteLevel, found {pre_tokenizer}, which is not supported"
        )
    };
    let members = members(pre_tokenizer, "pretokenizers")?;
    let [split, bytes] = members.as_slice() else {
        return Err(refused());
    };
    let pattern = split.pointer("/pattern/Regex").and_then(Value::as_str);
    let marks = PATTERNS.iter().position(|known| pattern == Some(*known));
    let off = |key: &str| matches!(bytes.get(key), None | Some(Value::Bool(false)));
    let plain = kind(split) == "Split"
        && split.get("behavior") == Some(&Value::from("Removed"))
        && split.get("invert") == Some(&Value::Bool(true))
        && kind(bytes) == "ByteLevel"
        && off("add_prefix_space");
    match marks.filter(|_| plain) {
        Some(marks) => Ok(Cutting {
            marks: marks == 1,
            again: bytes.get("use_regex") != Some(&Value::Bool(false)),
        }),
        None => Err(refused()),
    }
}

/// The marks put at both ends of a text.
fn ends(value: Value) -> Result<[(String, u32); 2], String> {
    let read = |key: &str| {
        let pair = value.get(key).cloned().unwrap_or_default();
        serde_json::from_value(pair).map_err(|e| format!("post_processor: {key}: {e}"))
    };
    match kind(&value) {
        "RobertaProcessing" => Ok([read("cls")?, read("sep")?]),
        "TemplateProcessing" => serde_json::from_value::<Marking>(value.clone())
            .map_err(|e| format!("post_processor: {e}"))?
            .ends(),
        found => Err(format!(
            "post_processor: expected RobertaProcessing or TemplateProcessing, found {found}"
        )),
    }
}

fn vocabulary(path: &Path, value: Value) -> Result<HashMap<String, u32>, TextError> {
    let reason = |e| TextError::tokeniser(path, format!("vocab: {e}"));
    let words: HashMap<String, u32> = serde_json::from_value(value).map_err(reason)?;
    match words.is_empty() {
        true => Err(TextError::tokeniser(path, "expected tokens, found none")),
        false => Ok(words),
    }
}

/// The tokeniser of a file of pairs alone, numbered as in OpenCLIP: bytes, bytes at the end of a word, pairs, two marks.
fn from_pairs(path: &Path, max_tokens: Option<usize>) -> Result<ClipTokeniser, TextError> {
    let text = text_of(path)?;
    let mut lines = text.lines().enumerate();
    let header = lines.next().map(|(_, line)| line).unwrap_or_default();
    if !header.contains("#version") {
        let reason = format!("line 1: expected #version, found {header:?}");
        return Err(TextError::tokeniser(path, reason));
    }
    let pairs = pairs(lines, PAIRS.1, path)?;
    let characters = characters();
    let plain: Vec<String> = byte_order()
        .map(|byte| characters[usize::from(byte)].to_string())
        .collect();
    let ending = plain.iter().map(|piece| format!("{piece}{SUFFIX}"));
    let made = pairs.iter().map(|(a, b)| format!("{a}{b}"));
    let marks = [START, END].map(str::to_owned);
    let pieces = plain.iter().cloned().chain(ending).chain(made).chain(marks);
    let vocabulary: HashMap<String, u32> = pieces.zip(0..).collect();
    let [start, end] = [START, END].map(|mark| vocabulary[mark]);
    let merges = Merges::new(&vocabulary, pairs.into_iter(), None)
        .map_err(|reason| TextError::tokeniser(path, reason))?;
    let mark = |text: &str, id| Mark {
        text: text.to_owned(),
        id,
        cleaned: false,
    };
    Ok(ClipTokeniser {
        merges,
        steps: STEPS.to_vec(),
        cutting: Cutting {
            marks: true,
            again: true,
        },
        marks: vec![mark(START, start), mark(END, end)],
        start,
        end,
        pad: 0,
        max_tokens: max_tokens.unwrap_or(LENGTH).max(2),
        files: vec![path.to_owned()],
    })
}

/// The text of a file of pairs, compressed or not.
fn text_of(path: &Path) -> Result<String, TextError> {
    let failed = |e| TextError::tokeniser(path, e);
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let mut text = String::new();
    let length = match path.extension().is_some_and(|end| end == "gz") {
        true => flate2::bufread::MultiGzDecoder::new(file)
            .take(LARGEST + 1)
            .read_to_string(&mut text),
        false => file.take(LARGEST + 1).read_to_string(&mut text),
    };
    if length.map_err(failed)? as u64 > LARGEST {
        let reason = format!("expected at most {LARGEST} bytes of pairs, found more");
        return Err(TextError::tokeniser(path, reason));
    }
    Ok(text)
}

/// At most `count` lines of two pieces each; an empty line may only be the last.
fn pairs<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    count: usize,
    path: &Path,
) -> Result<Vec<(&'a str, &'a str)>, TextError> {
    let mut pairs = Vec::new();
    let mut empty = None;
    for (number, line) in lines.take(count) {
        let mut pieces = line.split_whitespace();
        match (pieces.next(), pieces.next(), pieces.next(), empty) {
            (None, ..) => empty = Some(number),
            (Some(first), Some(second), None, None) => pairs.push((first, second)),
            _ => {
                let number = empty.unwrap_or(number) + 1;
                let reason =
                    format!("line {number}: expected two pieces and no empty line, found {line:?}");
                return Err(TextError::tokeniser(path, reason));
            }
        }
    }
    Ok(pairs)
}

/// `model_max_length`, unless it says that there is none.
fn length(fields: &Map<String, Value>) -> Result<Option<usize>, String> {
    match fields.get("model_max_length") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) if number.as_f64().is_some_and(|n| n > LONGEST as f64) => {
            Ok(None)
        }
        Some(value) => match value.as_u64().filter(|&length| length >= 2) {
            Some(length) => Ok(Some(length as usize)),
            None => Err(format!(
                "model_max_length: expected a whole number of at least 2, found {value}"
            )),
        },
    }
}
