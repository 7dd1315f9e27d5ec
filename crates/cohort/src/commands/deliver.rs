//! Where documents of figures go: to a file, to a terminal.

use std::path::Path;

use cohort_tables::write_atomic;
use serde::Serialize;

use crate::shell::{Outcome, Shell};

/// Writes a document to `out` where one is asked for, and prints it: as JSON, or what `text` says of it.
pub(super) fn deliver<T: Serialize>(
    document: &T,
    text: impl FnOnce() -> String,
    (out, json): (Option<&Path>, bool),
    shell: &Shell,
) -> anyhow::Result<Outcome> {
    if let Some(out) = out {
        write_json(out, document, shell)?;
    }
    print(document, text, json, shell)
}

/// Writes a document as JSON.
pub(super) fn write_json<T: Serialize>(
    out: &Path,
    document: &T,
    shell: &Shell,
) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(document)? + "\n";
    write_atomic(out, json.as_bytes())?;
    shell.say(&format!("wrote {}", out.display()));
    Ok(())
}

/// Prints a document.
pub(super) fn print<T: Serialize>(
    document: &T,
    text: impl FnOnce() -> String,
    json: bool,
    shell: &Shell,
) -> anyhow::Result<Outcome> {
    match json {
        true => shell.print_json(document)?,
        false => shell.print(&text())?,
    }
    Ok(Outcome::Done)
}
