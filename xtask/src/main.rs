//! `cargo xtask check`: every check of the project, the cheapest first, exactly as CI runs them.
//!
//! `cargo xtask check NAME...` runs some of them only: fmt, deny, clippy, bare, doc, vulkan, test.

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

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(("check", wanted)) = arguments
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    else {
        bail!("usage: cargo xtask check [fmt] [deny] [clippy] [bare] [doc] [vulkan] [test]");
    };
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !CHECKS.iter().any(|check| check.name == name.as_str()))
    {
        bail!(
            "no check is called {unknown:?}; there are fmt, deny, clippy, bare, doc, vulkan, test"
        );
    }
    for check in CHECKS {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == check.name) {
            continue;
        }
        run(&check)?;
    }
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
