//! `cargo xtask wheel`: the Python package as people get it: a wheel in a fresh environment, and its own tests against it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// What the tests use, beside what the wheel itself asks for.
const TESTED_WITH: [&str; 6] = [
    "pytest",
    "pandas",
    "polars",
    "scikit-learn",
    "fairlearn",
    "mypy",
];

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

/// Builds the wheel as `pip install .` does, into an environment below `target/wheel`, and runs `python/tests` there.
///
/// # Errors
/// Where there is no Python 3.10 or later (`python3`, or what `COHORT_PYTHON` names), no network for its packages, or a
/// test fails.
pub(crate) fn check() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let place = target.unwrap_or_else(|| root.join("target")).join("wheel");
    if place.exists() {
        std::fs::remove_dir_all(&place)
            .with_context(|| format!("cannot empty {}", place.display()))?;
    }
    let named = std::env::var_os("COHORT_PYTHON");
    let python = named.unwrap_or_else(|| "python3".into());
    run(Command::new(&python).args(["-m", "venv"]).arg(&place))?;
    let inside = ["bin/python", "Scripts/python.exe"].map(|python| place.join(python));
    let Some(inside) = inside.into_iter().find(|python| python.exists()) else {
        bail!("{}: expected an environment, found none", place.display());
    };
    let pip = || {
        let mut pip = Command::new(&inside);
        pip.args(["-m", "pip", "install", "--quiet"])
            .current_dir(&root);
        pip
    };
    run(pip().arg("."))?;
    run(pip().args(TESTED_WITH))?;
    run(Command::new(&inside)
        .args(["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"])
        .arg("python/tests")
        .env_remove("PYTHONPATH")
        .current_dir(&root))
}
