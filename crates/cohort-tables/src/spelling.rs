//! One rule for what is the same code and the same id: in label tables, in predictions, on disk.
//!
//! People see neither a zero-width space nor whether an é is one character or two, and a spreadsheet writes `1.0` for `1`
//! as soon as one value is missing. What differs in nothing else is the same; what differs in letter case is not, but is
//! told.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Words for a missing value: those that pandas takes for one when it reads a table, in any mix of case for `nan`.
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaT", "None", "n/a", "<null>", "null", "Null", "<na>",
];

/// Whether a field holds no value: it is empty, or one of the usual words for that (`nan`, `NaN`, `None`, `NA`, `N/A`,
/// `null`, `<NA>`, `#N/A`, ...).
pub fn is_missing(text: &str) -> bool {
    let text = tidy(text);
    let word = text.strip_prefix('-').unwrap_or(&text);
    MISSING.contains(&text.as_ref()) || word.eq_ignore_ascii_case("nan")
}

/// Characters that leave no mark: soft hyphen, zero-width and joining marks, marks of direction, byte order mark,
/// variation selectors, control characters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e01ef}')
        || (c.is_control() && !c.is_whitespace())
}

/// An id as it is compared: composed characters (Unicode NFC), no invisible ones, no white space around it, one plain
/// space for any white space within. Letter case stays, since ids such as YouTube's differ by it.
pub fn tidy(text: &str) -> Cow<'_, str> {
    let plain = |text: &str| {
        text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
            && !text.starts_with(' ')
            && !text.ends_with(' ')
            && !text.contains("  ")
    };
    if plain(text) {
        return Cow::Borrowed(text);
    }
    let visible: String = text.chars().filter(|&c| !is_invisible(c)).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    let spaced = words.join(" ");
    Cow::Owned(match is_nfc_quick(spaced.chars()) {
        IsNormalized::Yes => spaced,
        IsNormalized::No | IsNormalized::Maybe => spaced.nfc().collect(),
    })
}

/// A code as it is compared: [`tidy`], and a whole number without the zeros that a floating point column puts behind it,
/// so that `1`, `1.0`, ` 1 ` and `1.00` are one code. `01` is another, since codes with leading zeros are names.
///
/// Words for a missing value stay as they are; see [`is_missing`].
pub fn code(text: &str) -> Cow<'_, str> {
    match tidy(text) {
        Cow::Borrowed(text) => Cow::Borrowed(whole(text)),
        Cow::Owned(text) => Cow::Owned(whole(&text).to_string()),
    }
}

/// `3` for `3.0`, `0` for `-0.0`; anything else as it is.
fn whole(text: &str) -> &str {
    let Some((number, zeros)) = text.split_once('.') else {
        return text;
    };
    let digits = number.strip_prefix('-').unwrap_or(number);
    let canonical = digits == "0" || !digits.starts_with('0');
    if digits.is_empty()
        || !canonical
        || !digits.bytes().all(|b| b.is_ascii_digit())
        || !zeros.bytes().all(|b| b == b'0')
    {
        return text;
    }
    if number == "-0" { "0" } else { number }
}

/// What is left of an id when letter case, all white space and a number's leading zeros are taken away: ids that are
/// equal in this and not in [`tidy`] are most likely one id that two people typed.
pub fn fold(text: &str) -> String {
    let folded: String = tidy(text)
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect();
    match folded.trim_start_matches('0') {
        number if !number.is_empty() && folded.bytes().all(|b| b.is_ascii_digit()) => number.into(),
        _ => folded,
    }
}

/// How the values of one column were spelt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spellings {
    /// Values that occur in more than one spelling which differ in white space, invisible or decomposed characters, or
    /// in the zeros behind a whole number, and were taken for one.
    pub joined: usize,
    /// The first such value, in two of its spellings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_example: Option<(String, String)>,
    /// Sets of values that differ in letter case, inner white space or leading zeros only. They were **not** taken for one.
    pub by_case: usize,
    /// The first such set's first two values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_case_example: Option<(String, String)>,
}

impl Spellings {
    /// Looks at the values of a column, whose equality `key` gives ([`tidy`] or [`code`]).
    pub fn of<'a>(
        values: impl IntoIterator<Item = &'a str>,
        key: impl Fn(&'a str) -> Cow<'a, str>,
    ) -> Self {
        let distinct: BTreeSet<&str> = values.into_iter().collect();
        let mut by_key: BTreeMap<Cow<'_, str>, Vec<&str>> = BTreeMap::new();
        for value in distinct {
            if !is_missing(value) {
                by_key.entry(key(value)).or_default().push(value);
            }
        }
        let mut by_fold: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut found = Self::default();
        for (key, spellings) in &by_key {
            if let [first, second, ..] = spellings.as_slice() {
                found.joined += 1;
                let example = || ((*first).to_string(), (*second).to_string());
                found.joined_example.get_or_insert_with(example);
            }
            by_fold.entry(fold(key)).or_default().push(key);
        }
        for keys in by_fold.values() {
            if let [first, second, ..] = keys.as_slice() {
                found.by_case += 1;
                let example = || ((*first).to_string(), (*second).to_string());
                found.by_case_example.get_or_insert_with(example);
            }
        }
        found
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.joined == 0 && self.by_case == 0
    }

    /// What to tell of the column of subjects, a sentence each; `column` is its name.
    pub fn subject_notes(&self, column: &str) -> Vec<String> {
        self.notes(
            column,
            "ids",
            "intervals are too narrow and splits may leak",
        )
    }

    /// What to tell of an attribute's column.
    pub fn attribute_notes(&self, column: &str) -> Vec<String> {
        self.notes(column, "values", "they are one group")
    }

    fn notes(&self, column: &str, what: &str, then: &str) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((a, b)) = &self.joined_example {
            notes.push(format!(
                "{column}: {} in more than one spelling, taken for one where only white space, invisible or decomposed characters, or .0 behind a whole number differ ({} and {})",
                counted(self.joined, "value"),
                spelled_out(a),
                spelled_out(b)
            ));
        }
        if let Some((a, b)) = &self.by_case_example {
            notes.push(format!(
                "warning: {column}: {what} differ by case only, or by white space inside or leading zeros, in {} ({} and {}): kept apart; if they are one, {then}",
                counted(self.by_case, "place"),
                spelled_out(a),
                spelled_out(b)
            ));
        }
        notes
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// A value in quotes with everything invisible in it written out, for messages: `"s00\u{200b}"`.
pub fn spelled_out(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        let combining = unicode_normalization::char::is_combining_mark(c);
        if is_invisible(c) || c.is_control() || combining || (c.is_whitespace() && c != ' ') {
            quoted.extend(c.escape_unicode());
        } else {
            quoted.push(c);
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_is_one_code_however_it_was_typed() {
        for same in [
            "1",
            "1.0",
            " 1 ",
            "1.00",
            "1.",
            "\u{a0}1\t",
            "1\u{200b}",
            "\u{feff}1",
            "\u{ad}1.0",
        ] {
            assert_eq!(code(same), "1", "{same:?}");
        }
        for (other, expected) in [
            ("01", "01"),
            ("01.0", "01.0"),
            ("1.5", "1.5"),
            ("1.0.0", "1.0.0"),
            ("-1.0", "-1"),
            ("-0.0", "0"),
            ("0.0", "0"),
            ("+1", "+1"),
            (".0", ".0"),
            ("Female", "Female"),
            ("female", "female"),
        ] {
            assert_eq!(code(other), expected);
        }
    }

    #[test]
    fn ids_are_the_same_in_composed_and_decomposed_letters_and_without_what_is_not_seen() {
        // é as one character and as e with a mark; spaces of any kind; marks of direction, joiners, soft hyphen
        for (a, b) in [
            ("Jos\u{e9}_\u{dc}n.000", "Jose\u{301}_U\u{308}n.000"),
            ("s00", "s00\u{200b}"),
            ("s00", "\u{feff}s00\u{a0}"),
            ("s00", "\u{200e}s\u{ad}00\u{202c}"),
            ("Anna  B", "Anna\u{2009}B"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
            ("\u{212b}", "A\u{30a}"),
        ] {
            assert_eq!(tidy(a), tidy(b));
        }
        assert_ne!(tidy("s00"), tidy("S00"));
        assert_ne!(tidy("s 00"), tidy("s00"));
        assert_eq!(fold("S 00"), fold("s00"));
        assert_eq!(
            (fold("007"), fold("0"), fold("00"), fold("0a")),
            ("7".into(), "0".into(), "00".into(), "0a".into())
        );
        // compatibility forms are other characters: a full-width digit is none of ours to change
        assert_ne!(tidy("\u{ff11}"), tidy("1"));
    }

    #[test]
    fn the_usual_words_are_missing_and_no_other() {
        for word in [
            "", " ", "nan", "NaN", "NAN", "-nan", "None", "NA", "N/A", "n/a", "null", "NULL",
            "<NA>", "#N/A", "NaT", "\u{a0}", "nan ",
        ] {
            assert!(is_missing(word), "{word:?}");
        }
        for word in [
            "0",
            "-",
            "unknown",
            "Nan Goldin",
            "Nana",
            "none of these",
            "no",
            "Namibia",
            "?",
        ] {
            assert!(!is_missing(word), "{word:?}");
        }
    }

    #[test]
    fn spellings_are_counted_once_a_value_with_an_example() {
        let values = [
            "s00",
            "s00\u{200b}",
            "s00",
            "S00",
            "s01",
            "nan",
            "S 01",
            "7.0",
            "7",
        ];
        let found = Spellings::of(values, code);
        assert_eq!((found.joined, found.by_case), (2, 2));
        assert_eq!(found.joined_example, Some(("7".into(), "7.0".into())));
        assert_eq!(found.by_case_example, Some(("S00".into(), "s00".into())));
        let notes = found.subject_notes("UserID");
        assert!(notes[1].starts_with("warning: UserID: ids differ by case only"));
        assert_eq!(spelled_out("s00\u{200b}"), "\"s00\\u{200b}\"");
        assert!(Spellings::of(["a", "b"], tidy).is_empty());
    }
}
