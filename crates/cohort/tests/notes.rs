//! What was read otherwise than it was written is said by every command that reads tables, and stands in its documents.
#![cfg(feature = "networks")]

mod common;

use std::path::Path;

use common::{cohort, copy, finish, first_media};
use serde_json::Value;

/// What is said of a table between semicolons.
const SAID: &str = "semicolon";

/// Writes a table of the data set between semicolons.
fn with_semicolons(root: &Path, name: &str) {
    let path = root.join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains([';', '"']), "{name}");
    std::fs::write(path, text.replace(',', ";")).unwrap();
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[track_caller]
fn holds(document: &Value, tables: &[&str]) {
    let notes: Vec<&str> = document["notes"]
        .as_array()
        .expect("notes")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for table in tables {
        let told = |note: &&&str| note.contains(table) && note.contains(SAID);
        assert_eq!(notes.iter().filter(told).count(), 1, "{table}: {notes:?}");
    }
}

#[test]
fn every_command_says_its_notes_once_and_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (data, run) = (at("data"), at("run"));
    copy(&data);
    let labels = ["train", "valid", "test"].map(|split| format!("{split}_set_age_labels.csv"));
    let labels: [&str; 3] = [&labels[0], &labels[1], &labels[2]];
    labels.iter().for_each(|name| with_semicolons(&data, name));
    let call = |arguments: &[&Path], more: &[&str], tables: &[&str]| {
        let (code, stdout, err) = finish(cohort().args(arguments).args(more));
        assert!(code == 0 || code == 1, "{arguments:?}: {err}");
        for table in tables {
            let told = |line: &&str| line.contains(table) && line.contains(SAID);
            let count = err.lines().filter(told).count();
            assert_eq!(count, 1, "{arguments:?}: {table}: {err}");
        }
        stdout
    };
    let p = |name: &'static str| Path::new(name);
    for what in ["stats", "words"] {
        let out = call(&[p("data"), p(what), &data], &["--json"], &labels);
        holds(&document(&out), &labels);
    }
    let short = ["--modalities", "audio,text", "--epochs", "2", "--out"];
    let run_name = run.to_str().unwrap();
    call(
        &[p("run"), &data],
        &[&short[..], &[run_name]].concat(),
        &labels,
    );
    for name in [
        "stats.json",
        "run.json",
        "audit.json",
        "text/audit.json",
        "ablation.json",
        "fused/fusion.json",
    ] {
        let text = std::fs::read_to_string(run.join(name)).unwrap();
        holds(&document(&text), &labels);
        assert!(
            !text.contains(data.to_str().unwrap()),
            "{name} says where the data lie"
        );
    }
    let out = call(
        &[p("sweep"), &data, p("text")],
        &[
            "--epochs",
            "1",
            "--json",
            "--out",
            at("sweep").to_str().unwrap(),
        ],
        &labels,
    );
    holds(&document(&out), &labels);
    let features = at("features");
    let out = call(
        &[p("features"), &data, p("--out"), &features],
        &["--json"],
        &labels,
    );
    holds(&document(&out), &labels);
    let out = call(
        &[p("predict"), &run, p("--data"), &data],
        &["--split", "test", "--json"],
        &labels,
    );
    holds(&document(&out), &labels);
    let sound = first_media(&data, "test", "wav");
    let out = call(&[p("predict"), &run, &sound], &["--json"], &labels);
    holds(&document(&out), &labels);

    // a sound whose header promises a few bytes more than there are
    let mut bytes = std::fs::read(&sound).unwrap();
    let length = u32::from_le_bytes(bytes[40..44].try_into().unwrap());
    assert_eq!(length as usize, bytes.len() - 44, "a plain WAV");
    bytes[40..44].copy_from_slice(&(length + 44).to_le_bytes());
    std::fs::write(&sound, bytes).unwrap();
    let degrade = ["--resamples", "100", "--only", "cut-sound", "--json"];
    let (code, out, err) = finish(cohort().arg("degrade").arg(&run).args(degrade));
    assert_eq!(code, 0, "{err}");
    holds(&document(&out), &labels);
    let name = sound.file_name().unwrap().to_str().unwrap();
    let told = |line: &&str| line.starts_with("warning: ") && line.contains(name);
    assert_eq!(err.lines().filter(told).count(), 1, "{err}");

    // tables of predictions, and all labels as one table
    let test = run.join("predictions.csv");
    let text = std::fs::read_to_string(&test).unwrap();
    let (valid, test) = (at("v.csv"), at("t.csv"));
    std::fs::write(&test, text.replace(',', ";")).unwrap();
    let text = std::fs::read_to_string(run.join("text/predictions-valid.csv")).unwrap();
    std::fs::write(&valid, text.replace(',', ";")).unwrap();
    let tables = ["t.csv", labels[2]];
    let labels_file = data.join(labels[2]);
    let with_labels = [p("--labels"), &labels_file];
    let few = ["--resamples", "100", "--permutations", "100", "--json"];
    let out = call(
        &[&[p("audit"), &test][..], &with_labels].concat(),
        &few,
        &tables,
    );
    holds(&document(&out), &tables);
    let pair = format!("a={},{}", valid.display(), test.display());
    let all = at("all.csv");
    let mut rows = String::new();
    for name in labels {
        let text = std::fs::read_to_string(data.join(name)).unwrap();
        let skipped = usize::from(!rows.is_empty());
        text.lines()
            .skip(skipped)
            .for_each(|line| rows += &format!("{line}\n"));
    }
    std::fs::write(&all, rows).unwrap();
    let tables = ["t.csv", "v.csv", "all.csv"];
    let fused = at("fused");
    let out = call(
        &[
            p("fuse"),
            Path::new(&pair),
            p("--by"),
            p("UserID"),
            p("--labels"),
            &all,
            p("--out"),
            &fused,
        ],
        &["--json"],
        &tables,
    );
    holds(&document(&out), &tables);
    for name in ["fusion.json", "aggregation.json"] {
        holds(
            &document(&std::fs::read_to_string(fused.join(name)).unwrap()),
            &tables,
        );
    }
    let out = call(
        &[p("ablate"), Path::new(&pair), p("--labels"), &all],
        &["--resamples", "100", "--json"],
        &tables,
    );
    holds(&document(&out), &tables);
    let vectors = at("e.csv");
    let rows: String = text_ids(&all)
        .iter()
        .enumerate()
        .map(|(i, id)| format!("{id};{}.5;{}.25\n", i % 7, i % 5))
        .collect();
    std::fs::write(&vectors, format!("clip;e0;e1\n{rows}")).unwrap();
    let out = call(
        &[
            p("map"),
            &vectors,
            p("--labels"),
            &all,
            p("--predictions"),
            &test,
        ],
        &["--method", "pca", "--json"],
        &["e.csv", "all.csv", "t.csv"],
    );
    holds(&document(&out), &["e.csv", "all.csv", "t.csv"]);
    let out = call(
        &[p("map"), &vectors, p("--labels"), &data],
        &["--method", "pca", "--json"],
        &labels,
    );
    holds(&document(&out), &labels);
}

/// The clips of a label table between semicolons.
fn text_ids(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().skip(1);
    rows.map(|row| {
        row.split(';')
            .next()
            .unwrap()
            .trim_end_matches(".mp4")
            .to_string()
    })
    .collect()
}
