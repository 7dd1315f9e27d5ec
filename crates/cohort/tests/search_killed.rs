//! What a killed process or a failing disk leaves of an index: the old one whole, or the new one.
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cohort_search::{Index, quiet};
use cohort_tables::{EmbeddingTable, Provenance};
use common::{cohort, copy_folder, finish, fixed_files};

const DIM: usize = 24;

/// Clips `PREFIX0`, .. with vectors of their own.
fn table(path: &Path, prefix: &str, rows: usize) {
    let seed = prefix.len() * 7919 + rows;
    let value = |i: usize| ((i * 7919 + seed * 104_729) as f32 * 0.618_034).fract() - 0.5;
    let table = EmbeddingTable {
        clips: (0..rows).map(|i| format!("{prefix}{i}")).collect(),
        sources: vec![String::new(); rows],
        dim: DIM,
        values: (0..rows * DIM).map(value).collect(),
        provenance: Provenance {
            producer: "test".into(),
            ..Provenance::default()
        },
    };
    table.write(path).unwrap();
}

/// Neighbours of fixed queries, to the bit.
type Answers = Vec<Vec<(String, u64)>>;

fn answers(index: &Path) -> Answers {
    let index = Index::open(index).unwrap_or_else(|error| panic!("{error}"));
    let queries: Vec<f32> = (0..5 * DIM).map(|i| (i as f32).sin()).collect();
    let found = index.search(&queries, 400, None, &quiet).unwrap();
    let named = |own: &Vec<cohort_search::Hit>| {
        let hits = own.iter();
        hits.map(|hit| (index.id(hit.row).to_string(), hit.distance.to_bits()))
            .collect()
    };
    found.iter().map(named).collect()
}

/// A change of an index, as its arguments in a folder.
struct Change {
    name: &'static str,
    arguments: fn(&Path) -> Vec<PathBuf>,
    /// The index that it is about.
    index: &'static str,
}

fn words(words: &[&str], folder: &Path) -> Vec<PathBuf> {
    let path = |word: &&str| match word.strip_prefix('@') {
        Some(name) => folder.join(name),
        None => PathBuf::from(word),
    };
    words.iter().map(path).collect()
}

const CHANGES: [Change; 4] = [
    Change {
        name: "add",
        arguments: |folder| words(&["search", "add", "@x.index", "@more.parquet"], folder),
        index: "x.index",
    },
    Change {
        name: "delete",
        arguments: |folder| words(&["search", "delete", "@x.index", "g1", "h7"], folder),
        index: "x.index",
    },
    Change {
        name: "compact",
        arguments: |folder| words(&["search", "compact", "@x.index"], folder),
        index: "x.index",
    },
    Change {
        name: "index",
        arguments: |folder| {
            let all = [
                "search",
                "index",
                "@more.parquet",
                "@g.parquet",
                "--out",
                "@n.index",
            ];
            words(&all, folder)
        },
        index: "n.index",
    },
];

/// A folder with an index of two files of which one has deletions, and tables.
fn start() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, prefix, rows) in [("g", "g", 300), ("h", "h", 60), ("more", "mm", 250)] {
        table(&folder.path().join(format!("{name}.parquet")), prefix, rows);
    }
    for arguments in [
        &[
            "search",
            "index",
            "@g.parquet",
            "@h.parquet",
            "--out",
            "@x.index",
        ][..],
        &["search", "delete", "@x.index", "g5", "g6", "g290"],
    ] {
        let (code, _, err) = finish(cohort().args(words(arguments, folder.path())));
        assert_eq!(code, 0, "{err}");
    }
    folder
}

/// What there is before a change (none: no index) and after it.
struct Sides {
    before: Option<Answers>,
    after: Answers,
}

fn sides(start: &Path, change: &Change) -> Sides {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(start, folder.path());
    let index = folder.path().join(change.index);
    let before = index.exists().then(|| answers(&index));
    let (code, _, err) = finish(cohort().args((change.arguments)(folder.path())));
    assert_eq!(code, 0, "{err}");
    let after = answers(&index);
    if change.name != "compact" {
        assert!(
            before.as_ref() != Some(&after),
            "{} changes answers",
            change.name
        );
    }
    Sides { before, after }
}

/// Holds what an interrupted change left against both sides, then does the change again.
fn check(folder: &Path, change: &Change, sides: &Sides, what: &str) {
    let index = folder.join(change.index);
    let found = index.exists().then(|| answers(&index));
    let is_after = found.as_ref() == Some(&sides.after);
    assert!(
        is_after || found == sides.before,
        "{} {what}: neither the old index nor the new one",
        change.name
    );
    let (code, _, err) = finish(cohort().args((change.arguments)(folder)));
    match (change.name, code) {
        // done already, and said to be
        ("add", 2) => assert!(
            is_after && err.contains("which the index holds"),
            "{what}: {err}"
        ),
        ("delete", 2) => assert!(
            is_after && err.contains("found none called"),
            "{what}: {err}"
        ),
        ("index", 2) => assert!(
            is_after && err.contains("found one; `cohort"),
            "{what}: {err}"
        ),
        (_, code) => assert_eq!(code, 0, "{} {what}: {err}", change.name),
    }
    assert!(answers(&index) == sides.after, "{} {what}", change.name);
    // nothing half written stays
    let left: Vec<String> = fixed_files(folder)
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.contains(".cohort-") || name.contains(".making"))
        .collect();
    if code == 0 {
        assert!(left.is_empty(), "{} {what}: {left:?}", change.name);
    }
}

#[test]
fn a_writer_that_is_killed_at_any_time_leaves_one_whole_index() {
    let start = start();
    for change in &CHANGES {
        let sides = sides(start.path(), change);
        let mut killed = 0;
        for moment in 0..24 {
            let folder = tempfile::tempdir().unwrap();
            copy_folder(start.path(), folder.path());
            let mut child = Command::new(assert_cmd::cargo::cargo_bin!("cohort"))
                .args((change.arguments)(folder.path()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(2 * moment));
            child.kill().unwrap();
            killed += usize::from(!child.wait().unwrap().success());
            check(
                folder.path(),
                change,
                &sides,
                &format!("after {} ms", 2 * moment),
            );
        }
        assert!(
            killed > 0,
            "{}: every call was over before it was killed",
            change.name
        );
    }
}

/// Calls to the system by which files come and go.
const CALLS: [&str; 14] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "ftruncate",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "rmdir",
    "flock",
    "mmap",
];

fn strace(log: &Path, more: &[String]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-qq", "-y", "-o"]).arg(log);
    let calls = CALLS.map(|call| format!("?{call}")).join(",");
    command.arg("-e").arg(format!("trace={calls}")).args(more);
    command
        .arg(assert_cmd::cargo::cargo_bin!("cohort"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The calls of a change that touch its folder: name, and which of its kind it is (from 1).
fn operations(start: &Path, change: &Change) -> Vec<(String, usize)> {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(start, folder.path());
    let log = folder.path().with_extension("log");
    let mut command = strace(&log, &[]);
    assert!(
        command
            .args((change.arguments)(folder.path()))
            .status()
            .unwrap()
            .success()
    );
    let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
    std::fs::remove_file(&log).unwrap();
    let place = folder.path().display().to_string();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut touching = Vec::new();
    for line in text.lines() {
        let Some((call, rest)) = line.split_once('(') else {
            continue;
        };
        let count = counts.entry(call).or_default();
        *count += 1;
        let inside = [
            format!("\"{place}/"),
            format!("<{place}/"),
            format!("\"{place}\""),
        ];
        if inside.iter().any(|place| rest.contains(place)) {
            touching.push((call.to_string(), *count));
        }
    }
    touching
}

#[test]
fn a_kill_or_a_fault_at_every_file_operation_leaves_one_whole_index() {
    let works = Command::new("strace")
        .args(["-qq", "-e", "inject=?openat:error=EIO:when=9999", "true"])
        .stderr(Stdio::null())
        .status();
    if !works.is_ok_and(|status| status.success()) {
        println!("skipped: no strace here that may inject faults");
        return;
    }
    let start = start();
    for change in &CHANGES {
        let sides = sides(start.path(), change);
        let operations = operations(start.path(), change);
        assert!(operations.len() > 10, "{}: {operations:?}", change.name);
        let (mut killed, mut failed) = (0, 0);
        for (call, which) in &operations {
            // a full disk where something is written, a failing one else
            let error = match call.as_str() {
                "write" | "pwrite64" | "ftruncate" | "mkdir" => "error=ENOSPC",
                _ => "error=EIO",
            };
            for how in ["signal=KILL", error] {
                let folder = tempfile::tempdir().unwrap();
                copy_folder(start.path(), folder.path());
                let log = folder.path().with_extension("log");
                let inject = format!("inject={call}:{how}:when={which}");
                let mut command = strace(&log, &["-e".to_string(), inject.clone()]);
                let status = command
                    .args((change.arguments)(folder.path()))
                    .status()
                    .unwrap();
                let _ = std::fs::remove_file(&log);
                match status.code() {
                    Some(0) => {}
                    Some(code) => {
                        assert_eq!(code, 2, "{} {inject}", change.name);
                        failed += 1;
                    }
                    None => killed += 1,
                }
                check(folder.path(), change, &sides, &inject);
            }
        }
        assert!(
            killed > 10 && failed > 10,
            "{}: {killed} {failed}",
            change.name
        );
    }
}
