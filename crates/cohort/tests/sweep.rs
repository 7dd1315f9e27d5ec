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

/// Searches settings of the words' model.
fn search(out: &Path, space: &Path, how: &[&str]) -> (i32, String, String) {
    finish(
        cohort()
            .arg("sweep")
            .arg(corpus())
            .args(["text", "--epochs", "10", "--space"])
            .arg(space)
            .arg("--out")
            .arg(out)
            .args(how),
    )
}

const SPACE: &str = "
    [text]
    dropout = { low = 0.0, high = 0.5 }
    hidden = [[], [16]]
    [text.train]
    learning_rate = { low = 1e-5, high = 1e-1, scale = 'log' }
    batch_size = { low = 8, high = 64, step = 8 }
    ";

#[test]
fn a_search_that_was_killed_or_grew_ends_as_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("whole"), folder.path().join("part"));
    let space = folder.path().join("space.toml");
    std::fs::write(&space, SPACE).unwrap();
    let (code, table, stderr) = search(&whole, &space, &["--trials", "16"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("trial 16 of 16: "), "{stderr}");
    let json = std::fs::read_to_string(whole.join("search.json")).unwrap();
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["schema"], "cohort.tuning/1");
    let trials = found["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 16);
    // the chosen one is the best on validation of those that were trained to their end, whatever the test says
    let finished: Vec<(u64, f64)> = (trials.iter())
        .filter(|trial| trial["end"] == "finished")
        .map(|trial| {
            (
                trial["number"].as_u64().unwrap(),
                trial["valid"].as_f64().unwrap(),
            )
        })
        .collect();
    let best = finished
        .iter()
        .map(|f| f.1)
        .fold(f64::NEG_INFINITY, f64::max);
    let chosen = finished.iter().find(|f| f.1 == best).unwrap();
    assert_eq!(found["chosen"].as_u64(), Some(chosen.0));
    assert_eq!(found["found"]["valid"].as_f64(), Some(best));
    // rates of 1e-5 learn nothing in ten epochs: some trial is given up, and none before a fifth of the epochs
    let pruned = trials.iter().filter(|trial| trial["end"] == "pruned");
    let epochs: Vec<u64> = pruned
        .map(|trial| trial["epochs"].as_u64().unwrap())
        .collect();
    assert!(
        !epochs.is_empty() && epochs.iter().all(|&n| (2..10).contains(&n)),
        "{epochs:?}"
    );
    for trial in trials {
        let (values, epochs) = (&trial["values"], &trial["epochs"]);
        assert_eq!(
            trial["curve"].as_array().unwrap().len() as u64,
            epochs.as_u64().unwrap()
        );
        let rate = values["text.train.learning_rate"].as_f64().unwrap();
        let batch = values["text.train.batch_size"].as_u64().unwrap();
        assert!((1e-5..=1e-1).contains(&rate) && batch % 8 == 0 && (8..=64).contains(&batch));
        // what a trial trained with is what it says
        let name = format!(
            "trials/{:04}/config.toml",
            trial["number"].as_u64().unwrap()
        );
        let config = std::fs::read_to_string(whole.join(name)).unwrap();
        let config: toml::Table = config.parse().unwrap();
        let text = format!("{config:?}");
        assert!(
            text.contains(&format!("\"batch_size\": Integer({batch})")),
            "{text}"
        );
    }
    // the configuration that was found trains to the same model
    let again = folder.path().join("again");
    let best_file = whole.join("best.toml");
    let (code, _, stderr) = finish(
        cohort()
            .arg("train")
            .arg("text")
            .arg(&best_file)
            .arg("--out")
            .arg(&again),
    );
    assert_eq!(code, 0, "{stderr}");
    let predictions = |folder: &Path| std::fs::read(folder.join("predictions.csv")).unwrap();
    let own = whole.join(format!("trials/{:04}", chosen.0));
    assert_eq!(predictions(&again), predictions(&own));

    // begun with fewer trials, then killed in the middle of one
    let (code, _, stderr) = search(&part, &space, &["--trials", "9"]);
    assert_eq!(code, 0, "{stderr}");
    std::fs::remove_file(part.join("trials/0009/trial.json")).unwrap();
    let (code, again, stderr) = search(&part, &space, &["--trials", "16"]);
    assert_eq!((code, &again), (0, &table), "{stderr}");
    assert_same_files(&whole, &part);

    // another search is not mixed with it
    std::fs::write(&space, SPACE.replace("0.5", "0.6")).unwrap();
    let (code, _, stderr) = search(&part, &space, &["--trials", "16"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("the space that this search began with"),
        "{stderr}"
    );
}

#[test]
fn trials_in_processes_of_their_own_give_the_same_whatever_is_quick() {
    let folder = tempfile::tempdir().unwrap();
    let space = folder.path().join("space.toml");
    std::fs::write(&space, SPACE).unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let (code, csv, stderr) = search(&one, &space, &["--trials", "7", "--jobs", "3", "--csv"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(csv.lines().count(), 8);
    // as after a kill: the third trial has ended, the others of its time have not
    let (code, _, stderr) = search(&two, &space, &["--trials", "3", "--jobs", "3"]);
    assert_eq!(code, 0, "{stderr}");
    std::fs::remove_dir_all(two.join("trials/0001")).unwrap();
    std::fs::remove_file(two.join("trials/0002/trial.json")).unwrap();
    let (code, again, stderr) = search(&two, &space, &["--trials", "7", "--jobs", "3", "--csv"]);
    assert_eq!((code, again), (0, csv), "{stderr}");
}

#[test]
fn a_space_that_cannot_be_searched_is_told_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let space = folder.path().join("space.toml");
    let out = folder.path().join("out");
    for (text, expected) in [
        (
            "[text.train]\nlearning_rat = [1e-3]",
            "unknown field `learning_rat`",
        ),
        (
            "[audio.train]\nlearning_rate = [1e-3]",
            "keys of the text model",
        ),
        ("[text.train]\nseed = [1, 2]", "not its seed or device"),
        (
            "[text.train]\nbatch_size = [1, 8]",
            "batch_size must be at least 2",
        ),
        (
            "[text.train]\nbatch_size = { low = 8, high = 4 }",
            "low at most high",
        ),
        ("[text.train]\nbatch_size = 8", "expected a list of values"),
        ("[text.train\n", "TOML parse error"),
        ("", "at least one parameter"),
    ] {
        std::fs::write(&space, text).unwrap();
        let (code, stdout, stderr) = search(&out, &space, &[]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{text}: {stderr}");
        assert!(stderr.contains(expected), "{text}: {stderr}");
        assert!(stderr.contains("space"), "{stderr}");
        assert!(!out.join("reference").exists());
    }
}

#[test]
fn what_a_search_finds_can_be_used_where_it_lies_and_trials_are_measured_alike() {
    let folder = tempfile::tempdir().unwrap();
    common::copy(&folder.path().join("data"));
    std::fs::write(folder.path().join("space.toml"), SPACE).unwrap();
    let here = |arguments: &[&str]| finish(cohort().current_dir(folder.path()).args(arguments));
    let sweep = [
        "sweep",
        "data",
        "text",
        "--epochs",
        "2",
        "--space",
        "space.toml",
        "--trials",
        "2",
    ];
    // relative paths, one of them in another folder
    let (code, _, stderr) = here(&[&sweep[..], &["--out", "far/away"]].concat());
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = here(&["train", "text", "far/away/best.toml", "--out", "again"]);
    assert_eq!(code, 0, "{stderr}");
    for (space, expected) in [
        (
            "[text.train]\nselection = ['loss', 'balanced_accuracy']",
            "text.train.selection",
        ),
        (
            "[text.train]\nlabel_smoothing = [0.0, 0.1]",
            "text.train.label_smoothing",
        ),
    ] {
        std::fs::write(folder.path().join("space.toml"), space).unwrap();
        let config = "data = \"data\"\n[text.train]\nselection = \"loss\"\n";
        std::fs::write(folder.path().join("by-loss.toml"), config).unwrap();
        let (code, _, stderr) = here(&[
            "sweep",
            "by-loss.toml",
            "text",
            "--space",
            "space.toml",
            "--out",
            "no",
        ]);
        assert_eq!(code, 2, "{stderr}");
        assert!(
            stderr.contains(expected) && stderr.contains("measured alike"),
            "{stderr}"
        );
    }
    // whole ends of a real setting are told
    std::fs::write(
        folder.path().join("space.toml"),
        "[text]\ndropout = { low = 0, high = 1 }",
    )
    .unwrap();
    let (_, _, stderr) = here(&[&sweep[..], &["--out", "whole"]].concat());
    assert!(stderr.contains("text.dropout"), "{stderr}");
}

#[test]
fn a_class_that_the_test_split_lacks_does_not_end_a_sweep() {
    let folder = tempfile::tempdir().unwrap();
    for (split, kinds) in [
        ("train", &["dark", "light", "rare"][..]),
        ("test", &["dark", "light"]),
    ] {
        for (shade, kind) in kinds.iter().enumerate() {
            let place = folder.path().join("data").join(split).join(kind);
            std::fs::create_dir_all(&place).unwrap();
            for k in 0..8_u8 {
                let grey = 20 + 80 * shade as u8 + 2 * k + u8::from(split == "test");
                let picture = image::RgbImage::from_fn(16, 16, |x, y| {
                    image::Rgb([grey, grey + (x * k as u32 % 7) as u8, grey + (y % 5) as u8])
                });
                picture
                    .save(place.join(format!("{split}-{kind}-{k}.png")))
                    .unwrap();
            }
        }
    }
    std::fs::write(
        folder.path().join("space.toml"),
        "[image.train]\nlearning_rate = [1e-3, 1e-2]",
    )
    .unwrap();
    for how in [
        &["--space", "space.toml", "--trials", "2"][..],
        &["--learning-rate", "1e-3"],
    ] {
        let out = how[0].trim_start_matches('-');
        let (code, table, stderr) = finish(
            cohort()
                .current_dir(folder.path())
                .args([
                    "sweep",
                    "data",
                    "image",
                    "--epochs",
                    "1",
                    "--image-size",
                    "16",
                ])
                .args(["--out", out])
                .args(how),
        );
        assert_eq!(code, 0, "{stderr}");
        assert!(table.contains("most frequent class"), "{table}");
    }
}
