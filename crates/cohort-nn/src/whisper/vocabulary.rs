//! Token ids to text: byte-level BPE, backwards.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::NnError;
use crate::json::read_json;

/// The tokens of a Whisper, from `tokenizer.json`, or from `vocab.json` with `added_tokens.json` if that is there.
///
/// Only what leads from ids to text is read: merges play no part in it.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// Bytes of each id's text; none for marks and for ids that are not used.
    pieces: Vec<Option<Vec<u8>>>,
    /// Ids of marks, by name.
    marks: BTreeMap<String, u32>,
    /// The files that it was read from.
    pub files: Vec<PathBuf>,
}

/// The parts of `tokenizer.json` that are used.
#[derive(Deserialize)]
struct File {
    model: Model,
    #[serde(default)]
    decoder: Option<Kind>,
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
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
}

/// Ids beyond this are taken for damage: the published models have some fifty thousand.
const MOST_TOKENS: u32 = 1 << 22;

impl Vocabulary {
    /// Reads the tokens of a model's folder.
    ///
    /// # Errors
    /// [`NnError::Format`] naming the file that is missing, damaged, or of another kind of tokeniser.
    pub fn open(folder: &Path) -> Result<Self, NnError> {
        let json = folder.join("tokenizer.json");
        if let Some(file) = read_json::<File>(&json)? {
            let kind = file.model.kind.as_deref().unwrap_or("BPE");
            let decoder = file.decoder.map_or("none".to_owned(), |d| d.kind);
            if kind != "BPE" || decoder != "ByteLevel" {
                let found = format!("{kind} with {decoder}");
                return Err(NnError::format(
                    &json,
                    format!("expected BPE with ByteLevel, found {found}"),
                ));
            }
            let words: HashMap<String, u32> =
                serde_json::from_value(file.model.vocab).map_err(|e| NnError::format(&json, e))?;
            return Self::new(words, file.added_tokens, vec![json]);
        }
        let words = folder.join("vocab.json");
        let Some(vocabulary) = read_json::<HashMap<String, u32>>(&words)? else {
            return Err(NnError::format(
                folder,
                "expected tokenizer.json or vocab.json, found neither",
            ));
        };
        let mut files = vec![words];
        let more = folder.join("added_tokens.json");
        let added = read_json::<BTreeMap<String, u32>>(&more)?;
        if added.is_some() {
            files.push(more);
        }
        let added = added.unwrap_or_default().into_iter();
        let added = added.map(|(content, id)| Added {
            id,
            content,
            special: false,
        });
        Self::new(vocabulary, added.collect(), files)
    }

    fn new(
        words: HashMap<String, u32>,
        added: Vec<Added>,
        files: Vec<PathBuf>,
    ) -> Result<Self, NnError> {
        let ids = words.values().chain(added.iter().map(|a| &a.id));
        let last = ids.max().copied().unwrap_or(0);
        if last >= MOST_TOKENS {
            let expected = format!("ids below {MOST_TOKENS}, found {last}");
            return Err(NnError::format(&files[0], format!("expected {expected}")));
        }
        let mut pieces = vec![None; last as usize + 1];
        let mut marks = BTreeMap::new();
        let bytes = byte_of_characters();
        for (word, id) in words {
            if is_mark(&word) {
                marks.insert(word, id);
            } else {
                let own = word.chars().map(|c| bytes.get(&c).copied());
                let own: Option<Vec<u8>> = own.collect();
                pieces[id as usize] = Some(own.unwrap_or_else(|| word.into_bytes()));
            }
        }
        for Added {
            id,
            content,
            special,
        } in added
        {
            let text = !special && !is_mark(&content);
            pieces[id as usize] = text.then(|| content.clone().into_bytes());
            if !text {
                marks.insert(content, id);
            }
        }
        Ok(Self {
            pieces,
            marks,
            files,
        })
    }

    /// Id of a mark, as `<|en|>`.
    pub fn mark(&self, name: &str) -> Option<u32> {
        self.marks.get(name).copied()
    }

    /// The text of some tokens, without spaces around it; marks are left out, and bytes that are no UTF-8 become U+FFFD.
    pub fn text(&self, ids: &[u32]) -> String {
        let pieces = ids.iter().filter_map(|&id| self.pieces.get(id as usize));
        let bytes: Vec<u8> = pieces.flatten().flatten().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Marks of languages by their code (`en`): names of two or three small letters.
    pub fn languages(&self) -> BTreeMap<&str, u32> {
        let all = self.marks.iter().filter_map(|(name, &id)| {
            let code = name.strip_prefix("<|")?.strip_suffix("|>")?;
            let small = code.bytes().all(|b| b.is_ascii_lowercase());
            ((2..=3).contains(&code.len()) && small).then_some((code, id))
        });
        all.collect()
    }
}

fn is_mark(text: &str) -> bool {
    text.starts_with("<|") && text.ends_with("|>")
}

/// The bytes that GPT-2's characters stand for: printable ones for themselves, the others, in order, for those from
/// U+0100 on.
fn byte_of_characters() -> HashMap<char, u8> {
    let mut next = 256u32;
    let all = (0..=255u8).filter_map(|byte| {
        let own = match byte {
            b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => u32::from(byte),
            _ => {
                next += 1;
                next - 1
            }
        };
        Some((char::from_u32(own)?, byte))
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_text_and_marks_are_left_out() {
        let words = [
            ("H", 0),
            ("i", 1),
            ("Ġthere", 2),
            ("Ã", 3),
            ("©", 4),
            ("<|end|>", 5),
        ];
        let words = words.map(|(word, id)| (word.to_owned(), id));
        let added = |content: &str, id, special| Added {
            id,
            content: content.to_owned(),
            special,
        };
        let added = vec![
            added("<|en|>", 6, true),
            added("<|0.00|>", 7, false),
            added(" plain", 9, false),
            added("<|yue|>", 10, false),
        ];
        let made = Vocabulary::new(words.into(), added, vec![PathBuf::from("f")]).unwrap();
        assert_eq!(
            made.text(&[6, 0, 1, 2, 3, 4, 5, 7, 8, 99, 9]),
            "Hi thereé plain"
        );
        assert_eq!(made.text(&[3, 0]), "\u{fffd}H");
        assert_eq!(made.text(&[]), "");
        assert_eq!(made.mark("<|end|>"), Some(5));
        let languages: Vec<(&str, u32)> = made.languages().into_iter().collect();
        assert_eq!(languages, [("en", 6), ("end", 5), ("yue", 10)]);
        assert_eq!(byte_of_characters().len(), 256);
        assert_eq!(byte_of_characters()[&'Ġ'], b' ');
    }

    #[test]
    fn other_tokenisers_and_wild_ids_are_refused() {
        let folder = std::env::temp_dir().join(format!("cohort-vocabulary-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let error = Vocabulary::open(&folder).unwrap_err().to_string();
        assert!(error.contains("found neither"), "{error}");
        for (name, text, part) in [
            ("vocab.json", r#"{"a": 4294967295}"#, "ids below"),
            ("vocab.json", "[]", "vocab.json"),
            (
                "tokenizer.json",
                r#"{"model": {"type": "WordPiece"}}"#,
                "found WordPiece with none",
            ),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
            let error = Vocabulary::open(&folder).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
