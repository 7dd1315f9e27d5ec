//! XML and HTML written so that text from data cannot become markup.
//!
//! Tag and attribute names, and raw markup, must be literals of this program; every other string goes through
//! [`escape`]. So a page stays safe whatever ids and names a data set holds, by construction.

use std::fmt::Write as _;

/// Markup under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Markup(String);

impl Markup {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Starts a tag; finish it with [`Tag::open`], [`Tag::empty`] or [`Tag::text`].
    pub(crate) fn tag(&mut self, name: &'static str) -> Tag<'_> {
        self.0.push('<');
        self.0.push_str(name);
        Tag {
            out: &mut self.0,
            name,
        }
    }

    /// Opens a tag that has no attributes.
    pub(crate) fn open(&mut self, name: &'static str) -> &mut Self {
        self.tag(name).open();
        self
    }

    pub(crate) fn close(&mut self, name: &'static str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// An element that holds text only.
    pub(crate) fn element(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.tag(name).text(text);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        escape(text, &mut self.0);
        self
    }

    /// Markup of this program's own, never of data.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// A picture that this crate has drawn: its text was escaped when it was written.
    pub(crate) fn chart(&mut self, svg: &str) -> &mut Self {
        self.0.push_str(svg);
        self
    }

    /// Style that this crate has written, from constants alone.
    pub(crate) fn style(&mut self, css: &str) -> &mut Self {
        self.0.push_str(css);
        self
    }

    /// A value as JSON inside a `script` element that holds data: `<`, `>` and `&` are written as escapes, so nothing
    /// in it can end the element.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> &mut Self {
        for c in value.to_string().chars() {
            match c {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    let _ = write!(self.0, "\\u{:04x}", c as u32);
                }
                c => self.0.push(c),
            }
        }
        self
    }

    pub(crate) fn append(&mut self, other: &Markup) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// A tag whose attributes are being written.
pub(crate) struct Tag<'a> {
    out: &'a mut String,
    name: &'static str,
}

impl Tag<'_> {
    pub(crate) fn attr(self, name: &'static str, value: &str) -> Self {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        escape(value, self.out);
        self.out.push('"');
        self
    }

    /// A coordinate or length, written with at most two decimals; a value that is not finite is written as 0.
    pub(crate) fn num(self, name: &'static str, value: f64) -> Self {
        let _ = write!(self.out, " {name}=\"{}\"", coordinate(value));
        self
    }

    pub(crate) fn open(self) {
        self.out.push('>');
    }

    pub(crate) fn empty(self) {
        self.out.push_str("/>");
    }

    pub(crate) fn text(self, text: &str) {
        self.out.push('>');
        escape(text, self.out);
        self.out.push_str("</");
        self.out.push_str(self.name);
        self.out.push('>');
    }
}

/// Writes `text` with the five significant characters as entities and characters that XML forbids as U+FFFD.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
}

/// A number as SVG attributes hold it: at most two decimals, no trailing zeros, no `-0`.
pub(crate) fn coordinate(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn coordinates() {
        for (value, expected) in [
            (1.0, "1"),
            (1.005, "1"),
            (-0.001, "0"),
            (12.3456, "12.35"),
            (100.0, "100"),
            (-2.5, "-2.5"),
            (f64::NAN, "0"),
            (f64::INFINITY, "0"),
        ] {
            assert_eq!(coordinate(value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_as_text(text in any::<String>(), value in any::<String>()) {
            let mut m = Markup::new();
            m.tag("a").attr("title", &value).text(&text);
            let xml = m.into_string();
            let document = roxmltree::Document::parse(&xml).unwrap();
            let clean = |s: &str| -> String {
                s.chars()
                    .map(|c| match c {
                        '\t' | '\n' | '\r' => ' ',
                        c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => '\u{FFFD}',
                        c => c,
                    })
                    .collect()
            };
            prop_assert_eq!(document.root_element().text().unwrap_or(""), clean(&text));
            prop_assert_eq!(document.root_element().attribute("title").unwrap(), clean(&value));
            prop_assert_eq!(document.root_element().children().filter(|n| n.is_element()).count(), 0);
        }
    }
}
