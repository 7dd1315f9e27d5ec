//! JSON documents that a later command computes with: the last entry of each is a checksum of all bytes before it, so that
//! a changed one is told.

use crate::content_hash;

/// What stands before the checksum.
const KEY: &str = ",\n  \"checksum\": \"";
/// What stands after it.
const END: &str = "\"\n}\n";

/// The document, an indented object with at least one entry, with its checksum.
///
/// # Panics
/// When the text is no such object: a mistake of the caller.
pub fn seal(document: &str) -> String {
    let body = document
        .strip_suffix("\n}")
        .expect("an indented object ends with a line of its own");
    format!("{body}{KEY}{}{END}", content_hash(body.as_bytes()))
}

/// The document that [`seal`] made; `None` when any byte is another one, or there is no checksum.
pub fn unseal(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let body = &text[..text.rfind(KEY)?];
    let expected = format!("{KEY}{}{END}", content_hash(body.as_bytes()));
    (text[body.len()..] == expected).then_some(text)
}
