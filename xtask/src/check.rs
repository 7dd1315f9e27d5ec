//! `cargo xtask check`: every check of the project, the cheapest first, exactly as CI runs them; with names, some of them only.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

/// A named check: a cargo call with its environment.
struct Check {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// In order of cost. The GPU back end is type-checked only: running it needs a GPU. Whisper, off in what users build by
/// default, is on in what is linted and tested: it is our own code alone, and "vulkan" checks the build without it and
/// without downloads.
const CHECKS: [Check; 7] = [
    Check {
        name: "fmt",
        arguments: &["fmt", "--all", "--check"],
        environment: &[],
    },
    Check {
        name: "deny",
        arguments: &[
            "deny",
            "--log-level",
            "error",
            "check",
            "licenses",
            "bans",
            "sources",
        ],
        environment: &[],
    },
    Check {
        name: "clippy",
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            "cohort/whisper",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    // whoever holds predictions alone need not build the networks
    Check {
        name: "bare",
        arguments: &[
            "clippy",
            "--package",
            "cohort",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Check {
        name: "doc",
        arguments: &[
            "doc",
            "--workspace",
            "--no-deps",
            "--features",
            "cohort/whisper",
        ],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Check {
        name: "vulkan",
        arguments: &[
            "check",
            "--package",
            "cohort",
            "--no-default-features",
            "--features",
            "vulkan",
        ],
        environment: &[],
    },
    Check {
        name: "test",
        arguments: &["test", "--workspace", "--features", "cohort/whisper"],
        environment: &[],
    },
];

/// Names of the checks, in order; `book` is no call of cargo.
pub(crate) const NAMES: [&str; 8] = [
    "fmt", "deny", "book", "clippy", "bare", "doc", "vulkan", "test",
];

/// Runs the checks of these names, all of them where none is named.
pub(crate) fn check(wanted: &[&str]) -> anyhow::Result<()> {
    if let Some(unknown) = wanted.iter().find(|name| !NAMES.contains(name)) {
        bail!(
            "no check is called {unknown:?}; there are {}",
            NAMES.join(", ")
        );
    }
    for name in NAMES {
        if !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        match CHECKS.iter().find(|check| check.name == name) {
            Some(check) => run(check)?,
            None => run_book()?,
        }
    }
    Ok(())
}

/// The book is not stale, its links lead somewhere, and it builds where there is an mdbook.
fn run_book() -> anyhow::Result<()> {
    let started = Instant::now();
    eprintln!("== book: generated pages, links");
    crate::book::check()?;
    let built = Command::new("mdbook").args(["build", "docs"]).status();
    match built {
        Ok(status) if !status.success() => bail!("mdbook build docs failed"),
        Ok(_) => {}
        Err(_) => {
            eprintln!("== book: not built, mdbook is not installed (cargo install mdbook --locked)")
        }
    }
    eprintln!("== book: ok, {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn run(check: &Check) -> anyhow::Result<()> {
    if check.name == "deny" && !has_deny() {
        if std::env::var_os("CI").is_some() {
            bail!("cargo-deny is not installed: cargo install cargo-deny --locked");
        }
        eprintln!(
            "== deny: skipped, cargo-deny is not installed (cargo install cargo-deny --locked)"
        );
        return Ok(());
    }
    eprintln!("== {}: cargo {}", check.name, check.arguments.join(" "));
    let started = Instant::now();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let status = Command::new(cargo)
        .args(check.arguments)
        .envs(check.environment.iter().copied())
        .status()
        .with_context(|| format!("cannot start cargo {}", check.arguments.join(" ")))?;
    if !status.success() {
        bail!("{} failed", check.name);
    }
    eprintln!(
        "== {}: ok, {:.0} s",
        check.name,
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn has_deny() -> bool {
    Command::new("cargo")
        .args(["deny", "--version"])
        .output()
        .is_ok_and(|out| out.status.success())
}
