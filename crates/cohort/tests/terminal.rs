//! What a terminal of 80 columns shows: nothing wraps, stages are counted, talk can be turned off.
#![cfg(all(feature = "networks", unix))]

mod common;

use std::path::Path;
use std::process::Command;

use common::{cohort, corpus, finish};

/// Whether there is the program that runs a command on a terminal of its own.
fn has_script() -> bool {
    let found = Command::new("script").arg("--version").output();
    let there = found.is_ok_and(|found| found.status.success());
    if !there {
        println!("skipped: no script(1) to open a terminal with");
    }
    there
}

/// What a terminal of 80 columns gets from `cohort` with these arguments: exit code and lines, each as it was last and every
/// state that a bar drew.
fn on_a_terminal(arguments: &[&str], folder: &Path) -> (i32, Vec<String>) {
    let quoted = |word: &&str| format!("'{}'", word.replace('\'', "'\\''"));
    let words: Vec<String> = arguments.iter().map(quoted).collect();
    let binary = assert_cmd::cargo::cargo_bin!("cohort");
    let command = format!(
        "stty cols 80 rows 24; '{}' {}",
        binary.display(),
        words.join(" ")
    );
    let found = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(folder)
        .env_remove("COLUMNS")
        .env("TERM", "xterm")
        .env("HF_HUB_OFFLINE", "1")
        .env_remove("COHORT_SHARED")
        .output()
        .unwrap();
    let text = without_escapes(&String::from_utf8_lossy(&found.stdout));
    let lines = text
        .split(['\n', '\r'])
        .map(|line| line.trim_end().to_string());
    let lines = lines.filter(|line| !line.is_empty()).collect();
    (found.status.code().unwrap_or(-1), lines)
}

/// The text without the terminal's control sequences.
fn without_escapes(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        if chars.next() == Some('[') {
            // a sequence ends with a letter
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
            // whatever moved the cursor begins a line of its own
            out.push('\n');
        }
    }
    out
}

#[test]
fn nothing_is_wider_than_a_terminal_of_eighty_columns() {
    if !has_script() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let data = corpus().display().to_string();
    std::os::unix::fs::symlink(corpus(), here.join("corpus")).unwrap();
    let run = ["run", "corpus", "--epochs", "3", "--out", "run"];
    let (code, lines) = on_a_terminal(&run, here);
    assert_eq!(code, 0, "{lines:#?}");
    let stages: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("[9/10] audit"))
        .collect();
    assert!(stages.iter().any(|line| line.ends_with("s)")), "{lines:#?}");
    let labels = "corpus/test_set_age_labels.csv";
    let valid = "corpus/valid_set_age_labels.csv";
    let tables = ["image=run/image", "audio=run/audio", "text=run/text"];
    let all: [(&[&str], &str); 11] = [
        (&run, "run --resume"),
        (
            &["audit", "run/predictions.csv", "--labels", labels],
            "audit",
        ),
        (
            &[
                "audit",
                "run/audio/predictions.csv",
                "--labels",
                labels,
                "--against",
                "run/predictions.csv",
            ],
            "audit against",
        ),
        (
            &[
                &[
                    "fuse", "--labels", labels, "--labels", valid, "--by", "UserID", "--out",
                    "fused",
                ][..],
                &tables[..],
            ]
            .concat(),
            "fuse",
        ),
        (
            &[
                &[
                    "ablate", "--labels", labels, "--labels", valid, "--group", "Gender",
                ][..],
                &tables[..],
            ]
            .concat(),
            "ablate",
        ),
        (&["data", "stats", "corpus"], "stats"),
        (&["data", "check", "corpus"], "check"),
        (&["data", "words", "corpus"], "words"),
        (
            &["predict", "run", "--data", "corpus", "--split", "test"],
            "predict",
        ),
        (&["degrade", "run"], "degrade"),
        (
            &[
                "sweep",
                "corpus",
                "text",
                "--epochs",
                "2",
                "--learning-rate",
                "0.001,0.002",
                "--out",
                "sweep",
            ],
            "sweep",
        ),
    ];
    let mut wide = Vec::new();
    for (arguments, name) in all {
        let arguments: Vec<&str> = match name {
            "run --resume" => [arguments, &["--resume", "-v"]].concat(),
            _ => arguments.to_vec(),
        };
        let (code, lines) = on_a_terminal(&arguments, here);
        assert!(code == 0 || code == 1, "{name}: {lines:#?}");
        assert!(lines.len() > 2, "{name}: {lines:#?}");
        for line in lines {
            // a path that is longer than the terminal cannot be broken
            let width = line.chars().count();
            if width > 80 && !line.contains(&data) {
                wide.push(format!("{name}, {width}: {line}"));
            }
        }
    }
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn talk_can_be_turned_off_and_up() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, talk: &[&str]| {
        let out = folder.path().join(name);
        finish(
            cohort()
                .args(["train", "text"])
                .arg(corpus())
                .args(["--epochs", "2", "--out"])
                .arg(out)
                .args(talk),
        )
    };
    let (code, usual, said) = train("usual", &[]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("epoch 1:"), "{said}");
    let (_, quiet, none) = train("quiet", &["-q"]);
    assert_eq!((quiet.as_str(), none.as_str()), (usual.as_str(), ""));
    let (_, verbose, more) = train("verbose", &["-v", "--no-progress"]);
    assert_eq!(verbose, usual);
    assert!(more.contains("text epoch 1: "), "{more}");
    // a mistake is told even so
    let (code, _, error) = finish(cohort().args(["data", "check", "nowhere", "-q"]));
    assert_eq!(code, 2);
    assert!(error.contains("nowhere"), "{error}");
    let (code, ..) = finish(cohort().args(["data", "stats", "nowhere", "-q", "-v"]));
    assert_eq!(code, 2);
}
