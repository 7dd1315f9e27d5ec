//! What a letter is, and a word.

use unicode_normalization::char::is_combining_mark;

/// Whether a character is a letter (general category L): alphabetic, but neither a number, a mark nor a letter in a circle or
/// a square.
pub(crate) fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
        || c.is_alphabetic()
            && !c.is_numeric()
            && !is_combining_mark(c)
            && !matches!(u32::from(c), 0x24b6..=0x24e9 | 0x1_f130..=0x1_f149 | 0x1_f150..=0x1_f169 | 0x1_f170..=0x1_f189)
}

/// The words of a text in small letters: runs of letters, digits and low lines, as Python's `\w+` has them. Everything else,
/// apostrophes and hyphens among it, stands between words.
pub(crate) fn each_word(text: &str, mut word: impl FnMut(&str)) {
    let lower = text.to_lowercase();
    let inside = |c: char| is_letter(c) || c.is_numeric() || c == '_';
    for found in lower.split(|c| !inside(c)).filter(|word| !word.is_empty()) {
        word(found);
    }
}
