//! Long lines of prose on a terminal.

use unicode_width::UnicodeWidthStr;

/// The text with every line that is wider than `width` columns broken at spaces; what follows is indented by two more than the
/// line itself. A word that is wider stays whole.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        match line.width() > width {
            true => wrap_line(line, width, &mut out),
            false => out.push_str(line),
        }
    }
    out
}

fn wrap_line(line: &str, width: usize, out: &mut String) {
    let own = line.len() - line.trim_start().len();
    // a deep indent would leave no room
    let indent = (own + 2).min(width / 2);
    let (mut used, mut fresh) = (0, true);
    for word in line.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        if !fresh && used + bare.width() > width {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            (used, fresh) = (indent, true);
            if bare.is_empty() {
                continue;
            }
        }
        out.push_str(word);
        used += word.width();
        fresh &= bare.is_empty();
    }
    out.truncate(out.trim_end_matches(' ').len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_lose_nothing() {
        let text = "short\n  the quick brown fox jumps over the lazy dog\n\na  table  row";
        let found = wrapped(text, 20);
        assert_eq!(
            found,
            "short\n  the quick brown\n    fox jumps over\n    the lazy dog\n\na  table  row"
        );
        assert!(found.lines().all(|line| line.width() <= 20));
        let words = |text: &str| {
            text.split_whitespace()
                .map(String::from)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&found), words(text));
        // wide characters take two columns; a word that is too wide stays whole
        assert_eq!(wrapped("日本 日本 日本", 9), "日本 日本\n  日本");
        assert_eq!(
            wrapped("a/very/long/path/to/a/file is", 10),
            "a/very/long/path/to/a/file\n  is"
        );
    }
}
