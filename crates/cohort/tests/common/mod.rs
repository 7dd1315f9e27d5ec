//! What the command's tests share: the binary, a small corpus, copies of it.
#![allow(dead_code)] // each test program uses a part

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use assert_cmd::Command;

/// The command under test, without a terminal, without colours and without a hub.
pub fn cohort() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("cohort"));
    command.env("NO_COLOR", "1").env_remove("COHORT_SHARED");
    command.env("HF_HUB_OFFLINE", "1");
    command
}

/// Exit code, stdout and stderr of a finished command.
pub fn finish(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// The document that a successful call printed.
pub fn printed_json((code, out, err): (i32, String, String)) -> serde_json::Value {
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

/// What a call was refused with: exit code 2 and nothing on stdout.
pub fn refusal((code, out, err): (i32, String, String)) -> String {
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    err
}

/// Clips of [`corpus`].
pub const CLIPS: usize = 90;

/// A small embedded corpus, made once a test program. Nobody may change it: see [`copy`].
pub fn corpus() -> &'static Path {
    static CORPUS: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = CORPUS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus");
        cohort()
            .args(["data", "synth"])
            .arg(&path)
            .args(["--clips", &CLIPS.to_string(), "--seed", "3"])
            .assert()
            .success();
        (folder, path)
    });
    path
}

/// A copy of [`corpus`] to be damaged.
pub fn copy(to: &Path) {
    copy_folder(corpus(), to);
}

/// Copies a folder with all below it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below `folder` whose bytes a seed fixes, by relative path: all but `run.json`, which holds times.
pub fn fixed_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "run.json" {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                files.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// Asserts that two run folders hold the same files with the same bytes.
pub fn assert_same_files(a: &Path, b: &Path) {
    let (a, b) = (fixed_files(a), fixed_files(b));
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&a), names(&b));
    for ((name, left), (_, right)) in a.iter().zip(&b) {
        assert!(left == right, "{name} differs");
    }
}

/// The media file of the first clip in a split whose name ends in `extension`, by sorted path.
pub fn first_media(root: &Path, split: &str, extension: &str) -> PathBuf {
    let mut files = Vec::new();
    for level in std::fs::read_dir(root.join(split)).unwrap() {
        for file in std::fs::read_dir(level.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files.into_iter().next().unwrap()
}

/// Folder of the evaluation data (`$COHORT_SHARED` or `../shared` beside the workspace); none, and a line that says so, where
/// it is absent.
pub fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("COHORT_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let data = root.join("data");
    if !data.join("weights").is_dir() {
        println!("skipped: no evaluation data at {}", data.display());
        return None;
    }
    Some(data)
}
