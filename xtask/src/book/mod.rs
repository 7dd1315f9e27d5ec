//! The book: pages and schemas that are made from the types, and links that lead somewhere.

mod configuration;
mod documents;
mod links;
mod schema;
mod types;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use types::Types;

/// The workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every generated file below the root, with its text.
fn pages() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let root = root();
    let types = Types::read(&root)?;
    let mut pages = documents::pages(&types)?;
    let defaults = std::fs::read_to_string(root.join("docs/defaults.toml"))
        .context("docs/defaults.toml is written by the test `book` of cohort-pipeline")?;
    pages.push((
        "docs/configuration.md".into(),
        configuration::page(&types, &defaults)?,
    ));
    Ok(pages)
}

/// Writes what is generated here, and has the tests of the crates write what is generated there.
pub(crate) fn write_all() -> anyhow::Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let mut tests = Command::new(cargo);
    // with the features of all, so that nothing is compiled twice
    let arguments = "test --workspace --features cohort/whisper --test book -- fresh";
    tests.args(arguments.split(' ')).env("COHORT_BOOK", "write");
    if !tests.current_dir(root()).status()?.success() {
        bail!("cargo {arguments} failed");
    }
    write()
}

/// Writes what is generated here.
fn write() -> anyhow::Result<()> {
    for (path, text) in pages()? {
        let path = root().join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// An error where a generated file is not what would be written, or a link of a page leads nowhere.
pub(crate) fn check() -> anyhow::Result<()> {
    let stale = pages()?.into_iter().filter(|(path, text)| {
        !std::fs::read_to_string(root().join(path)).is_ok_and(|old| old == *text)
    });
    let stale: Vec<String> = stale.map(|(path, _)| path.display().to_string()).collect();
    if !stale.is_empty() {
        bail!(
            "stale: {}; `cargo xtask book` writes them",
            stale.join(", ")
        );
    }
    links::check(&root())
}

#[cfg(test)]
mod tests {
    #[test]
    fn generated_pages_are_fresh_and_links_lead_somewhere() {
        if std::env::var_os("COHORT_BOOK").is_some_and(|what| what == "write") {
            super::write().unwrap();
        }
        super::check().unwrap();
    }
}
