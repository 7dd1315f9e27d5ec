//! BERT's cleaning of a text and its cutting into words, character by character as Hugging Face does both.

use serde::Deserialize;
use unicode_categories::UnicodeCategories;
use unicode_normalization::UnicodeNormalization;

/// How a text is cleaned; fields as in `tokenizer.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Cleaning {
    pub(crate) clean_text: bool,
    pub(crate) handle_chinese_chars: bool,
    /// None: as `lowercase`.
    pub(crate) strip_accents: Option<bool>,
    pub(crate) lowercase: bool,
}

#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "yes")]
    clean_text: bool,
    #[serde(default = "yes")]
    handle_chinese_chars: bool,
    #[serde(default)]
    strip_accents: Option<bool>,
    #[serde(default = "yes")]
    lowercase: bool,
}

fn yes() -> bool {
    true
}

impl TryFrom<Written> for Cleaning {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        if written.kind != "BertNormalizer" {
            return Err(format!(
                "normalizer: expected BertNormalizer, found {}",
                written.kind
            ));
        }
        Ok(Self {
            clean_text: written.clean_text,
            handle_chinese_chars: written.handle_chinese_chars,
            strip_accents: written.strip_accents,
            lowercase: written.lowercase,
        })
    }
}

impl Cleaning {
    /// As the uncased BERTs are cleaned.
    pub(crate) const BERT: Self = Self {
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: None,
        lowercase: true,
    };
    /// Nothing is changed.
    pub(crate) const NONE: Self = Self {
        clean_text: false,
        handle_chinese_chars: false,
        strip_accents: Some(false),
        lowercase: false,
    };

    /// The cleaned text.
    pub(crate) fn apply(self, text: &str) -> String {
        let mut text = text.to_owned();
        if self.clean_text {
            let kept = text
                .chars()
                .filter(|&c| !(c == '\0' || c == '\u{fffd}' || is_control(c)));
            text = kept
                .map(|c| if c.is_whitespace() { ' ' } else { c })
                .collect();
        }
        if self.handle_chinese_chars {
            let mut spaced = String::with_capacity(text.len());
            for c in text.chars() {
                if is_chinese(c) {
                    spaced.extend([' ', c, ' ']);
                } else {
                    spaced.push(c);
                }
            }
            text = spaced;
        }
        if self.strip_accents.unwrap_or(self.lowercase) {
            text = text.nfd().filter(|c| !c.is_mark_nonspacing()).collect();
        }
        if self.lowercase {
            // a character at a time: the end of a word changes nothing
            text = text.chars().flat_map(char::to_lowercase).collect();
        }
        text
    }
}

/// The words of a cleaned text: cut at white space, each punctuation mark a word of its own.
pub(crate) fn pieces_of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in text.split(char::is_whitespace) {
        let mut word = String::new();
        for c in part.chars() {
            if is_punctuation(c) {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                words.push(c.to_string());
            } else {
                word.push(c);
            }
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    words
}

fn is_control(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r') && c.is_other()
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || c.is_punctuation()
}

/// The blocks of CJK unified ideographs; kana and hangul are written in words.
fn is_chinese(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x2_0000..=0x2_A6DF
            | 0x2_A700..=0x2_B73F
            | 0x2_B740..=0x2_B81F
            | 0x2_B920..=0x2_CEAF
            | 0xF900..=0xFAFF
            | 0x2_F800..=0x2_FA1F
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cleaned_and_cut() {
        let words = |text: &str| pieces_of(&Cleaning::BERT.apply(text)).join("|");
        assert_eq!(
            words(" Don't stop—Él dijo: «sí»\u{200b}!"),
            "don|'|t|stop|—|el|dijo|:|«|si|»|!"
        );
        assert_eq!(words("中文ab\tÅ\u{0}c"), "中|文|ab|ac");
        assert_eq!(pieces_of(&Cleaning::NONE.apply("Él")), ["Él"]);
    }
}
