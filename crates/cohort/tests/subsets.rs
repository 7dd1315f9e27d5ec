//! A run's models answer for any subset of a clip's picture, sound and words, and for media that got worse.

mod common;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common::{cohort, corpus, finish};
use serde_json::Value;

/// A finished run on [`corpus`], made once.
fn run() -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let (code, _, stderr) = finish(
            cohort()
                .arg("run")
                .arg(corpus())
                .args(["--epochs", "3", "--out"])
                .arg(&path),
        );
        assert_eq!(code, 0, "{stderr}");
        (folder, path)
    });
    path
}

fn json(arguments: &[&Path]) -> Value {
    let (code, stdout, stderr) = finish(
        cohort()
            .arg("predict")
            .arg(run())
            .args(arguments)
            .arg("--json"),
    );
    assert_eq!(code, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|v| v.as_f64().unwrap()).collect()
}

/// `VideoName` and probabilities of each row.
fn table(path: &Path) -> Vec<(String, Vec<f64>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let p = cells[3..].iter().map(|cell| cell.parse().unwrap());
        (cells[0].to_string(), p.collect())
    });
    rows.collect()
}

/// Picture, sound and words of a test clip.
fn media() -> [PathBuf; 3] {
    let folders = std::fs::read_dir(corpus().join("test")).unwrap();
    let mut files: Vec<PathBuf> = folders
        .filter_map(|folder| std::fs::read_dir(folder.unwrap().path()).ok())
        .flatten()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let sound = files
        .iter()
        .find(|f| f.extension().unwrap() == "wav")
        .unwrap();
    let of = |endings: &[&str]| {
        let mut candidates = endings.iter().map(|e| sound.with_extension(e));
        candidates.find(|f| f.exists()).unwrap()
    };
    [of(&["jpg", "png"]), sound.clone(), of(&["pkl", "txt"])]
}

#[test]
fn predictions_of_the_test_split_are_those_of_the_run() {
    let found = json(&[
        Path::new("--data"),
        corpus(),
        Path::new("--split"),
        Path::new("test"),
    ]);
    for (key, file) in [
        ("probabilities", "predictions.csv"),
        ("joint_probabilities", "joint/predictions.csv"),
    ] {
        let expected = table(&run().join(file));
        let clips = found["clips"].as_array().unwrap();
        assert_eq!(clips.len(), expected.len());
        for (name, p) in expected {
            let clip = clips
                .iter()
                .find(|c| name.starts_with(c["clip"].as_str().unwrap()))
                .unwrap();
            for (a, b) in numbers(&clip[key]).iter().zip(&p) {
                assert!((a - b).abs() < 1e-5, "{key} {name}: {a} {b}");
            }
        }
    }
}

#[test]
fn every_subset_is_answered_and_the_shares_sum_to_what_is_gained_over_the_prior() {
    let fusion = std::fs::read_to_string(run().join("fused/fusion.json")).unwrap();
    let fusion: Value = serde_json::from_str(&fusion).unwrap();
    let prior = numbers(&fusion["model"]["prior"]);
    let files = media();
    let mut answers = Vec::new();
    for mask in 1..8 {
        let given: Vec<&Path> = (0..3)
            .filter(|m| mask >> m & 1 == 1)
            .map(|m| files[m].as_path())
            .collect();
        let found = json(&given);
        let clip = &found["clips"][0];
        assert_eq!(found["clips"].as_array().unwrap().len(), 1);
        assert_eq!(clip["modalities"].as_array().unwrap().len(), given.len());
        let p = numbers(&clip["probabilities"]);
        let classes = found["classes"].as_array().unwrap();
        let at = classes.iter().position(|c| *c == clip["class"]).unwrap();
        let shares = clip["shares"].as_object().unwrap();
        let sum: f64 = shares.values().map(|v| v.as_f64().unwrap()).sum();
        assert!(
            (sum - (p[at] / prior[at]).ln()).abs() < 1e-9,
            "{mask}: {clip}"
        );
        let joint = numbers(&clip["joint_probabilities"]);
        assert!((joint.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        answers.push((p, joint));
    }
    for (i, a) in answers.iter().enumerate() {
        assert!(answers[..i].iter().all(|b| a != b), "subsets differ");
    }
}

#[test]
fn files_that_are_no_clips_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.md");
    std::fs::write(&notes, "x").unwrap();
    let broken = folder.path().join("a.wav");
    std::fs::write(&broken, "x").unwrap();
    for (arguments, expected) in [
        (vec![notes.as_path()], "notes.md: expected a picture"),
        (vec![broken.as_path()], "found none; a, audio: "),
        (vec![], "expected pictures, sounds, videos or transcripts"),
    ] {
        let (code, stdout, stderr) = finish(cohort().arg("predict").arg(run()).args(arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
    let (code, _, stderr) = finish(cohort().arg("predict").arg(folder.path()).arg(&broken));
    assert_eq!(code, 2);
    assert!(stderr.contains("no fused/fusion.json in it"), "{stderr}");
}

#[test]
fn degradations_begin_with_the_run_s_own_answers_and_stand_in_the_report() {
    let copy = tempfile::tempdir().unwrap();
    let own = copy.path().join("run");
    common::copy_folder(run(), &own);
    let (code, stdout, stderr) = finish(
        cohort()
            .arg("degrade")
            .arg(&own)
            .arg("--data")
            .arg(corpus())
            .args([
                "--only",
                "blur,dropped-words",
                "--resamples",
                "100",
                "--json",
            ]),
    );
    assert_eq!(code, 0, "{stderr}");
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["schema"], "cohort.degradation/1");
    let ablation = std::fs::read_to_string(run().join("ablation.json")).unwrap();
    let ablation: Value = serde_json::from_str(&ablation).unwrap();
    let rows = ablation["rows"].as_array().unwrap();
    let nll = |row: &Value, key: &str| {
        let figures = row["figures"].as_array().unwrap();
        let figure = figures.iter().find(|f| f["metric"] == "nll").unwrap();
        figure[key]["value"].as_f64().unwrap()
    };
    for (model, row) in [
        ("late", "audio + image + text"),
        ("joint attention", "joint attention: audio + image + text"),
    ] {
        let row = rows.iter().find(|r| r["name"] == row).unwrap();
        let points: Vec<&Value> = found["points"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|p| p["model"] == model && p["severity"] == 0.0)
            .collect();
        assert_eq!(points.len(), 2);
        for point in points {
            let (a, b) = (nll(point, "interval"), nll(row, "value"));
            assert!((a - b).abs() < 1e-5, "{model}: {a} {b}");
        }
    }
    let page = std::fs::read_to_string(own.join("report.html")).unwrap();
    assert!(page.contains("What is left when media get worse"));
    assert!(own.join("degradation.csv").is_file());
    let (code, _, stderr) = finish(cohort().arg("degrade").arg(&own).args(["--only", "smell"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("found smell"), "{stderr}");
}
