//! The project's own tasks.
//!
//! - `cargo xtask check [NAME...]`: every check of the project, the cheapest first, exactly as CI runs them
//! - `cargo xtask book`: writes the generated pages of `docs` and its JSON schemas anew
//! - `cargo xtask dist [--check ARCHIVE]`: a static binary with completions, manual pages and licences in one archive
//! - `cargo xtask wheel`: the Python package, built, installed into a fresh environment and tested there

mod book;
mod check;
mod dist;
mod wheel;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["check", wanted @ ..] => check::check(wanted),
        ["book"] => book::write_all(),
        ["dist"] => dist::make(),
        ["dist", "--check", archive] => dist::check(archive.as_ref()),
        ["wheel"] => wheel::check(),
        _ => bail!(
            "usage: cargo xtask check [{}] | book | dist [--check ARCHIVE] | wheel",
            check::NAMES.join("] [")
        ),
    }
}
