//! Ids equal to those of Hugging Face's tokenizers (scripts/tokeniser_reference.py), with the real vocabulary of
//! all-MiniLM-L6-v2 in the folder COHORT_MINILM (scripts/fetch_minilm.sh).

use std::path::PathBuf;

use cohort_text::Tokeniser;
use serde_json::Value;

fn minilm() -> Option<PathBuf> {
    let folder = std::env::var_os("COHORT_MINILM").map(PathBuf::from);
    if folder.is_none() {
        eprintln!(
            "skipped: COHORT_MINILM names no folder of all-MiniLM-L6-v2 (scripts/fetch_minilm.sh)"
        );
    }
    folder
}

#[test]
fn every_kind_of_character_gives_the_same_ids() {
    let Some(folder) = minilm() else { return };
    let both = folder.join("vocab.txt");
    let alone = tempfile::tempdir().unwrap();
    std::fs::copy(both, alone.path().join("vocab.txt")).unwrap();
    let text = include_str!("tokeniser_reference.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    for path in [folder.as_path(), alone.path()] {
        let tokeniser = Tokeniser::open(path, 100_000).unwrap();
        let mut wrong = 0;
        for case in &cases {
            let text = case["text"].as_str().unwrap();
            let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
            let found = tokeniser.encode(text).ids;
            if found != expected {
                wrong += 1;
                eprintln!(
                    "{text:?}: {:x?}\n {found:?}\n {expected:?}",
                    text.chars().map(u32::from).collect::<Vec<_>>()
                );
            }
        }
        assert_eq!(wrong, 0, "of {}", cases.len());
    }
}
