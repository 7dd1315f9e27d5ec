//! Marks that stand for themselves in a text.

use serde_json::Value;

/// A mark and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) text: String,
    pub(super) id: u32,
    /// Looked for in the cleaned text, not in the text as it is written.
    pub(super) cleaned: bool,
}

/// A mark's name and whether it is looked for in the cleaned text, from a text or an object with its content.
///
/// # Errors
/// What is neither, and marks that only whole words are.
pub(super) fn named(value: &Value) -> Result<(String, bool), String> {
    if let Value::String(name) = value {
        return Ok((name.clone(), false));
    }
    let name = value.get("content").and_then(Value::as_str);
    let name = name.ok_or_else(|| format!("expected a token, found {value}"))?;
    let on = |key: &str| value.get(key) == Some(&Value::Bool(true));
    if on("single_word") {
        return Err(format!(
            "token {name:?}: single_word: expected false, found true, which is not supported"
        ));
    }
    Ok((name.to_owned(), on("normalized")))
}

/// Cuts a text at its marks: calls `part` with what stands before each and its id, and with what is left. Of two marks at
/// one place the longer counts.
pub(super) fn split(
    marks: &[Mark],
    cleaned: bool,
    text: &str,
    part: &mut dyn FnMut(&str, Option<u32>),
) {
    // where each mark is next, so that none is looked for twice
    let own = marks.iter().filter(|mark| mark.cleaned == cleaned);
    let mut next: Vec<(usize, &Mark)> = own
        .filter_map(|mark| Some((text.find(&mark.text)?, mark)))
        .collect();
    let mut from = 0;
    loop {
        next.retain_mut(|(at, mark)| {
            if *at < from {
                match text[from..].find(&mark.text) {
                    Some(found) => *at = from + found,
                    None => return false,
                }
            }
            true
        });
        let first = next
            .iter()
            .min_by_key(|(at, mark)| (*at, std::cmp::Reverse(mark.text.len())));
        let Some(&(at, mark)) = first else {
            return part(&text[from..], None);
        };
        part(&text[from..at], Some(mark.id));
        from = at + mark.text.len();
    }
}
