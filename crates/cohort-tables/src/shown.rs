//! Names and messages of unknown origin, as a terminal may show them.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character does something to a terminal, or to the order or sight of what stands around it, instead of being
/// seen: controls (C0, C1, delete), line and paragraph separators, and what turns the direction of writing.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harmful = |c: char| acts(c) && !keep(c);
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmful(c) {
            // writing to a string cannot fail
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A name (an id, a file, a title) for one line of text: whatever would act on a terminal, line ends included, is written
/// as Rust writes it, e.g. `\u{1b}` and `\n`.
pub fn shown(name: &str) -> Cow<'_, str> {
    escaped(name, |_| false)
}

/// As [`shown`], of a text whose lines and tabulators are its own.
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_seen_instead() {
        let name = "a\u{1b}[2J\r\n\u{9b}1m\u{7f}\u{202e}b\u{2028}é ж";
        let expected = "a\\u{1b}[2J\\r\\n\\u{9b}1m\\u{7f}\\u{202e}b\\u{2028}é ж";
        assert_eq!(shown(name), expected);
        assert_eq!(shown_lines("a\tb\nc\u{7}"), "a\tb\nc\\u{7}");
        for harmless in ["", "clip.000.mp4", "ünï ж 年 👩\u{fe0f}"] {
            assert!(matches!(shown(harmless), Cow::Borrowed(_)), "{harmless}");
        }
        for c in '\0'..=char::MAX {
            assert!(!c.is_control() || shown(&c.to_string()).len() > 1);
        }
    }
}
