//! `python/tests` against the library as it was just built, in a folder that holds nothing else of the project.
//!
//! Needs a Python (`python3`, or what `COHORT_PYTHON` names) with numpy, pyarrow, pandas and pytest; where one of these is
//! missing nothing is tested, and it is said which. `cargo xtask wheel` does the same with a wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder that this test was built in, `target/debug` say.
fn profile_folder() -> PathBuf {
    let own = std::env::current_exe().expect("a test has a path");
    let deps = own.parent().expect("a test lies in a folder");
    deps.parent().expect("deps lies in a folder").to_path_buf()
}

fn python() -> Command {
    let named = std::env::var_os("COHORT_PYTHON");
    Command::new(named.unwrap_or_else(|| "python3".into()))
}

/// Why nothing can be tested, if so.
fn lacking() -> Option<String> {
    let version = "import sys; assert sys.version_info >= (3, 10), 'a Python older than 3.10'";
    for code in [
        version,
        "import numpy",
        "import pyarrow",
        "import pandas",
        "import pytest",
    ] {
        match python().args(["-c", code]).output() {
            Err(error) => return Some(format!("no python3 ({error})")),
            Ok(done) if !done.status.success() => {
                let said = String::from_utf8_lossy(&done.stderr);
                let last = said.lines().last().unwrap_or("no reason").to_owned();
                return Some(last);
            }
            Ok(_) => {}
        }
    }
    None
}

/// Copies the package's own files, and no library that a builder left among them.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the package is there") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() && !path.ends_with("__pycache__") {
            copy(&path, &target);
        } else if matches!(ending, Some("py" | "pyi" | "typed")) {
            std::fs::copy(&path, &target).expect("a file can be copied");
        }
    }
}

#[test]
fn the_package_passes_its_own_tests() {
    if let Some(reason) = lacking() {
        eprintln!("skipped: the Python package is not tested: {reason}");
        return;
    }
    let (root, built) = (workspace(), profile_folder());
    let place = tempfile::tempdir().expect("a temporary folder");
    let package = place.path().join("cohort");
    copy(&root.join("python/cohort"), &package);
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = built.join(format!("examples/{prefix}cohort_native{suffix}"));
    let ending = if cfg!(windows) { "pyd" } else { "abi3.so" };
    std::fs::copy(&library, package.join(format!("_native.{ending}")))
        .unwrap_or_else(|error| panic!("{}: {error}", library.display()));
    let tests = python()
        .args([
            "-m",
            "pytest",
            "-q",
            "-rs",
            "-p",
            "no:cacheprovider",
            "python/tests",
        ])
        .env("PYTHONPATH", place.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env(
            "CARGO_TARGET_DIR",
            built.parent().expect("a profile lies in target"),
        )
        .current_dir(&root)
        .status();
    assert!(tests.expect("pytest runs").success());
}
