//! fastText's word vectors as the encoder of transcripts, from the file to the answer for a clip.

mod common;

use std::path::{Path, PathBuf};

use common::{CLIPS, cohort, corpus, finish, first_media};
use serde_json::Value;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../cohort-text/tests/fasttext")
        .join(name)
}

fn features(weights: &Path, out: &Path) -> (i32, String, String) {
    finish(
        cohort()
            .arg("features")
            .arg(corpus())
            .arg("--text-weights")
            .arg(weights)
            .arg("--json")
            .arg("--out")
            .arg(out),
    )
}

fn words_table(stdout: &str) -> Value {
    let document: Value = serde_json::from_str(stdout).unwrap();
    let tables = document["tables"].as_array().unwrap();
    let found = tables.iter().find(|table| table["modality"] == "text");
    found.unwrap().clone()
}

#[test]
fn features_are_kept_until_the_vectors_change_and_count_transcripts_without_a_known_word() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("features");
    let (code, stdout, stderr) = features(&file("skipgram.bin"), &out);
    assert_eq!(code, 0, "{stderr}");
    let made = words_table(&stdout);
    assert_eq!(made["clips"], CLIPS);
    assert_eq!(made["dim"], 8);
    // every word has n-grams
    assert_eq!(made["wordless"], 0);
    let table = out.join("text.parquet");
    let first = std::fs::read(&table).unwrap();
    assert_eq!(features(&file("skipgram.bin"), &out).0, 0);
    assert_eq!(std::fs::read(&table).unwrap(), first);
    // vectors of one word that nobody says
    let other = folder.path().join("other.vec");
    std::fs::write(&other, "1 3\nqwertz 1 2 3\n").unwrap();
    let (code, stdout, stderr) = features(&other, &out);
    assert_eq!(code, 0, "{stderr}");
    let made = words_table(&stdout);
    assert_eq!(
        (&made["dim"], &made["wordless"]),
        (&3.into(), &CLIPS.into())
    );
    assert!(stderr.contains("their rows are zeros"), "{stderr}");
    // a file that ends too early
    std::fs::write(&other, "2 3\nqwertz 1 2 3\n").unwrap();
    let (code, _, stderr) = features(&other, &out);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("expected 2 words as line 1 says, found 1"),
        "{stderr}"
    );
}

#[test]
fn a_run_on_word_vectors_answers_for_new_words() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let (code, _, stderr) = finish(
        cohort()
            .arg("run")
            .arg(corpus())
            .args(["--modalities", "text", "--epochs", "2", "--text-weights"])
            .arg(file("words.vec"))
            .arg("--out")
            .arg(&run),
    );
    assert_eq!(code, 0, "{stderr}");
    let written = std::fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(written.contains("encoder = \"fasttext\""), "{written}");
    let clip = first_media(corpus(), "test", "pkl");
    let (code, stdout, stderr) = finish(cohort().arg("predict").arg(&run).arg(&clip).arg("--json"));
    assert_eq!(code, 0, "{stderr}");
    // the answer is the one that the run wrote for the clip
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let found = document["clips"][0]["probabilities"].clone();
    let table = std::fs::read_to_string(run.join("fused/predictions.csv")).unwrap();
    let name = clip.file_stem().unwrap().to_string_lossy().into_owned();
    let line = table.lines().find(|line| line.starts_with(&name)).unwrap();
    let expected: Vec<f64> = line
        .split(',')
        .skip(3)
        .map(|cell| cell.parse().unwrap())
        .collect();
    let found: Vec<f64> = serde_json::from_value(found).unwrap();
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-5, "{found:?} and {expected:?}");
    }
}
