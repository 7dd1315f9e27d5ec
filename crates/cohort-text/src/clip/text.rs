//! How a text is cleaned and cut into words before its bytes are paired.

use unicode_normalization::UnicodeNormalization;

use crate::letters::is_letter;

/// A step of cleaning, as `normalizer` in `tokenizer.json` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Canonical composition.
    Nfc,
    /// Runs of white space become a blank.
    Blanks,
    /// Small letters, a character at a time.
    Lowercase,
}

/// The steps of every published CLIP.
pub(super) const STEPS: [Step; 3] = [Step::Nfc, Step::Blanks, Step::Lowercase];

/// The cleaned text.
pub(super) fn clean(steps: &[Step], text: &str) -> String {
    let mut text = text.to_owned();
    for step in steps {
        text = match step {
            Step::Nfc => text.nfc().collect(),
            Step::Blanks => {
                let mut kept = String::with_capacity(text.len());
                for c in text.chars() {
                    match c.is_whitespace() {
                        true if kept.ends_with(' ') => {}
                        true => kept.push(' '),
                        false => kept.push(c),
                    }
                }
                kept
            }
            Step::Lowercase => text.chars().flat_map(char::to_lowercase).collect(),
        };
    }
    text
}

/// How a cleaned text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cutting {
    /// The marks that are words where they are spelled out in a text.
    pub(super) marks: bool,
    /// Whether such a word is cut once more by kinds of characters.
    pub(super) again: bool,
}

const MARKS: [&str; 2] = ["<|startoftext|>", "<|endoftext|>"];
const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// Calls `word` with each word: an English ending after an apostrophe, a run of letters, one digit, or a run of anything
/// else that is not white space.
pub(super) fn words(cutting: Cutting, text: &str, word: &mut dyn FnMut(&str)) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let starts = |known: &[&str]| {
            let found = known.iter().find(|known| rest.starts_with(**known));
            found.map(|known| known.len())
        };
        let run = |inside: fn(char) -> bool| rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let mark = if cutting.marks { starts(&MARKS) } else { None };
        let length = match c {
            _ if mark.is_some() && cutting.again => {
                let length = mark.unwrap_or_default();
                let inner = Cutting {
                    marks: false,
                    ..cutting
                };
                words(inner, &rest[..length], word);
                rest = &rest[length..];
                continue;
            }
            _ if mark.is_some() => mark.unwrap_or_default(),
            '\'' if starts(&ENDINGS).is_some() => starts(&ENDINGS).unwrap_or_default(),
            _ if is_letter(c) => run(is_letter),
            _ if c.is_numeric() => c.len_utf8(),
            _ => run(|c| !c.is_whitespace() && !is_letter(c) && !c.is_numeric()),
        };
        word(&rest[..length]);
        rest = &rest[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(marks: bool, again: bool, text: &str) -> String {
        let mut found = Vec::new();
        words(Cutting { marks, again }, text, &mut |word| {
            found.push(word.to_owned());
        });
        found.join(" ")
    }

    #[test]
    fn words_are_letters_single_digits_and_runs_of_the_rest() {
        for (text, expected) in [
            ("they're 12 o'clock!!", "they 're 1 2 o ' clock !!"),
            ("x'st !'s", "x 's t !' s"),
            ("a\u{a0}b\u{3000}c", "a b c"),
            ("ⅻ①½", "ⅻ ① ½"),
            ("ª\u{301}ⓐ", "ª \u{301}ⓐ"),
        ] {
            assert_eq!(cut(false, true, text), expected);
        }
        let text = "<|endoftext|>!!";
        assert_eq!(cut(false, true, text), "<| endoftext |>!!");
        assert_eq!(cut(true, true, text), "<| endoftext |> !!");
        assert_eq!(cut(true, false, text), "<|endoftext|> !!");
    }

    #[test]
    fn each_step_of_cleaning_does_what_it_is_named_for() {
        let text = "E\u{301}\t\n İΣ";
        assert_eq!(clean(&STEPS, text), "é i\u{307}σ");
        assert_eq!(clean(&[Step::Nfc], text), "É\t\n İΣ");
        assert_eq!(clean(&[Step::Blanks], text), "E\u{301} İΣ");
        assert_eq!(clean(&[], text), text);
    }
}
