//! `cohort sweep`: every combination once, finished runs left alone, three forms of one table.
#![cfg(feature = "networks")]

mod common;

use std::path::Path;

use common::{assert_same_files, cohort, copy_folder, corpus, finish};

/// Sweeps the words' model with few epochs.
fn sweep(out: &Path, grid: &[&str]) -> (i32, String, String) {
    finish(
        cohort()
            .arg("sweep")
            .arg(corpus())
            .args(["text", "--epochs", "2", "--out"])
            .arg(out)
            .args(grid),
    )
}

const GRID: [&str; 6] = [
    "--batch-size",
    "16,32",
    "--learning-rate",
    "0.005",
    "--seeds",
    "1,2",
];

#[test]
fn finished_runs_are_not_run_again_and_a_stopped_sweep_ends_as_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("whole"), folder.path().join("part"));
    let (code, table, stderr) = sweep(&whole, &GRID);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("run 4 of 4: batch32-rate0.005-seed2"),
        "{stderr}"
    );
    for words in [
        "batch",
        "test accuracy",
        "test MAE",
        "on validation",
        "most frequent",
    ] {
        assert!(table.contains(words), "{words} in {table}");
    }
    let written = std::fs::read_to_string(whole.join("sweep.txt")).unwrap();
    assert_eq!(written.trim_end(), table.trim_end());
    let svg = std::fs::read_to_string(whole.join("curves.svg")).unwrap();
    assert!(svg.starts_with("<svg"), "{svg:.60}");

    // Killed in the third run: its checkpoint is there, its cell is not, the fourth has not begun.
    copy_folder(&whole, &part);
    std::fs::remove_file(part.join("batch32-rate0.005-seed1/cell.json")).unwrap();
    std::fs::remove_dir_all(part.join("batch32-rate0.005-seed2")).unwrap();
    let (code, again, stderr) = sweep(&part, &GRID);
    assert_eq!((code, again), (0, table), "{stderr}");
    assert!(!stderr.contains("batch16"), "{stderr}");
    assert!(stderr.contains("run 3 of 4"), "{stderr}");
    assert_same_files(&whole, &part);

    // A grid may grow; the other forms are of the same runs.
    let larger = [
        "--batch-size",
        "16,32,64",
        "--learning-rate",
        "0.005",
        "--seeds",
        "1,2",
    ];
    let (code, json, stderr) = sweep(&whole, &[&larger[..], &["--json"]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("batch64") && !stderr.contains("batch32"),
        "{stderr}"
    );
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["schema"], "cohort.sweep/2");
    assert_eq!(document["cells"].as_array().unwrap().len(), 6);
    let settings = document["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 3);
    // The chosen one is the best on validation, whatever the test says.
    let merit = |s: &serde_json::Value| s["merit"].as_f64().unwrap();
    let best = settings.iter().map(merit).fold(f64::NEG_INFINITY, f64::max);
    let chosen = document["chosen"].as_u64().unwrap() as usize;
    assert_eq!(merit(&settings[chosen]), best);
    let majority = &document["data_sets"][0]["majority"]["accuracy"]["value"];
    assert!(majority.as_f64().unwrap() > 0.2, "{majority}");
    let (_, csv, _) = sweep(&whole, &[&larger[..], &["--csv"]].concat());
    let rows: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(rows, [22; 8], "{csv}");
}

#[test]
fn cells_of_other_media_or_labels_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    common::copy(&data);
    let run = |rates: &str| {
        finish(
            cohort()
                .arg("sweep")
                .arg(&data)
                .args(["text", "--epochs", "2", "--learning-rate", rates, "--out"])
                .arg(&out),
        )
    };
    let (code, table, stderr) = run("0.005");
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(run("0.005"), (0, table, String::new()));
    let written = std::fs::read(out.join("sweep.json")).unwrap();
    let refused = |changed: &str| {
        let (code, stdout, stderr) = run("0.005,0.01");
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(changed), "{stderr}");
        assert_eq!(std::fs::read(out.join("sweep.json")).unwrap(), written);
    };
    // other words
    let [first, second] = ["train", "test"].map(|split| common::first_media(&data, split, "pkl"));
    let (words, others) = (
        std::fs::read(&second).unwrap(),
        std::fs::read(&first).unwrap(),
    );
    std::fs::write(&second, others).unwrap();
    refused("batch64-rate0.005-seed1/inputs.json: expected the media, labels and weights");
    refused("(test changed)");
    std::fs::write(&second, words).unwrap();
    assert_eq!(run("0.005").0, 0);
    // half of the test rows; then other subjects, on which the intervals rest
    let table = data.join("test_set_age_labels.csv");
    let text = std::fs::read_to_string(&table).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&table, lines[..lines.len() / 2].join("\n")).unwrap();
    refused("(test changed)");
    let one = |line: &&str| {
        let fields: Vec<&str> = line.split(',').collect();
        let subject = if fields[1] == "UserID" {
            "UserID"
        } else {
            "one"
        };
        [&[fields[0], subject], &fields[2..]].concat().join(",")
    };
    let other: Vec<String> = lines.iter().map(one).collect();
    std::fs::write(&table, other.join("\n")).unwrap();
    refused("expected the subjects of the test clips");
}

#[test]
fn another_configuration_or_a_bad_grid_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = sweep(folder.path(), &["--batch-size", "1"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("batch_size must be at least 2 and at most 1000000, found 1"),
        "{stderr}"
    );
    let (code, _, stderr) = sweep(folder.path(), &["--batch-size", "16"]);
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = sweep(folder.path(), &["--batch-size", "16", "--skip-bad"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("skip_bad: expected false as the run has, found true"),
        "{stderr}"
    );
}
