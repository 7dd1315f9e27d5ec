//! The wheel is built, installed into a folder of its own, and `python/tests` run against it.
//!
//! Needs a Python (`python3`, or what `COHORT_PYTHON` names) with maturin, numpy, pyarrow, pandas and pytest; where one of
//! these is missing nothing is tested, and it is said which.

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
    const NEEDED: [&str; 5] = ["maturin", "numpy", "pyarrow", "pandas", "pytest"];
    let imports = NEEDED.map(|name| format!("import {name}"));
    let version = "import sys; assert sys.version_info >= (3, 10), 'a Python older than 3.10'";
    for code in imports.iter().map(String::as_str).chain([version]) {
        match python().args(["-c", code]).output() {
            Err(error) => return Some(format!("no python3 ({error})")),
            Ok(done) if !done.status.success() => {
                let said = String::from_utf8_lossy(&done.stderr);
                let last = said.lines().last().unwrap_or("no reason").to_owned();
                return Some(format!("{code}: {last}"));
            }
            Ok(_) => {}
        }
    }
    None
}

#[test]
fn the_wheel_passes_its_own_tests() {
    if let Some(reason) = lacking() {
        eprintln!("skipped: the Python package is not tested, {reason}");
        return;
    }
    let place = tempfile::tempdir().expect("a temporary folder");
    let target = profile_folder().parent().expect("a target").to_path_buf();
    let root = workspace();
    let built = python()
        .args(["-m", "maturin", "build", "--profile", "dev", "--out"])
        .arg(place.path())
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(&root)
        .status()
        .expect("maturin runs");
    assert!(built.success(), "maturin builds no wheel");
    let wheels = std::fs::read_dir(place.path()).expect("the folder is there");
    let wheels: Vec<PathBuf> = wheels.map(|entry| entry.expect("a file").path()).collect();
    assert_eq!(wheels.len(), 1, "{wheels:?}");
    let name = wheels[0].file_name().unwrap_or_default().to_string_lossy();
    assert!(name.contains("-cp310-abi3-"), "{name}");
    let site = place.path().join("site");
    let installed = python()
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
            "--target",
        ])
        .args([&site, &wheels[0]])
        .status()
        .expect("pip runs");
    assert!(installed.success(), "the wheel cannot be installed");
    let mut tests = python();
    tests
        .args([
            "-m",
            "pytest",
            "-q",
            "-rs",
            "-p",
            "no:cacheprovider",
            "python/tests",
        ])
        .env("PYTHONPATH", &site)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(&root);
    assert!(tests.status().expect("pytest runs").success());
}
