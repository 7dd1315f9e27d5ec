//! How the run was made.

use serde_json::Value;

use super::layout::Section;
use super::read;
use crate::markup::Markup;

/// The section, or `None` when nothing is known.
pub(super) fn section(provenance: &Value) -> Option<Section> {
    let object = provenance.as_object().filter(|o| !o.is_empty())?;
    let mut section = Section::new("made", "Provenance", "How it was made");
    section.lead("The same data, settings and seed give the same bytes of this page again.");
    list(&mut section.body, object, 0);
    Some(section)
}

/// Levels of nesting that are shown as lists; what lies deeper is shown as JSON.
const DEEPEST: usize = 4;

fn list(out: &mut Markup, object: &serde_json::Map<String, Value>, depth: usize) {
    out.open("dl");
    for (key, value) in object {
        out.element("dt", &read::words(key));
        out.open("dd");
        match value {
            Value::Object(inner) if !inner.is_empty() && depth < DEEPEST => {
                list(out, inner, depth + 1)
            }
            Value::Object(_) => {
                out.element("code", &value.to_string());
            }
            Value::Array(items) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
                let items: Vec<String> = items.iter().map(read::plain).collect();
                out.text(&items.join(", "));
            }
            Value::Array(_) => {
                out.element("code", &value.to_string());
            }
            // Hashes and versions are copied, not read.
            Value::String(text) if text.len() >= 16 && !text.contains(' ') => {
                out.element("code", text);
            }
            other => {
                out.text(&read::plain(other));
            }
        }
        out.close("dd");
    }
    out.close("dl");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn any_depth_is_shown() {
        let mut value = json!(1);
        for _ in 0..50 {
            value = json!({ "settings": value });
        }
        let section = section(&value).unwrap();
        let html = section.body.into_string();
        assert!(html.contains("<code>{&quot;settings&quot;"));
        assert!(super::section(&json!({})).is_none() && super::section(&Value::Null).is_none());
    }
}
