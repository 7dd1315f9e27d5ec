//! Words of topics against BERTopic and scikit-learn (`topics.json` of the shared reference data), and names in real captions.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use cohort_text::{ClassWord, ClassWordSettings, WordSubset, class_words, english_stop_words};
use serde::Deserialize;
use serde_json::Value;

fn shared(file: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join("data").join(file);
    let found = std::fs::read(&path).ok();
    if found.is_none() {
        println!("skipped: {} is absent (set COHORT_SHARED)", path.display());
    }
    found
}

#[derive(Deserialize)]
struct Caption {
    #[serde(default)]
    animal: String,
    caption: String,
}

fn settings(name: &str) -> ClassWordSettings {
    let plain = ClassWordSettings::default();
    if name == "plain" {
        return plain;
    }
    ClassWordSettings {
        stop_words: english_stop_words(),
        longest_run: if name == "bigrams" { 2 } else { 1 },
        bm25: name == "bm25",
        reduce_frequent: name == "reduce",
    }
}

#[test]
fn tables_are_those_of_bertopic() {
    let Some(bytes) = shared("model-reference/generation/topics.json") else {
        return;
    };
    let golden: Value = serde_json::from_slice(&bytes).unwrap();
    let captions: Vec<Caption> = serde_json::from_value(golden["captions"].clone()).unwrap();
    let mut animals: Vec<&str> = Vec::new();
    for caption in &captions {
        if !animals.contains(&caption.animal.as_str()) {
            animals.push(&caption.animal);
        }
    }
    let texts = || {
        captions.iter().map(|c| {
            let class = animals.iter().position(|animal| *animal == c.animal);
            (class.unwrap(), c.caption.as_str())
        })
    };
    let tables = golden["ctfidf"].as_object().unwrap();
    assert!(tables.len() >= 4);
    for (name, table) in tables {
        let found = class_words(texts(), animals.len(), &settings(name)).unwrap();
        let all = || found.iter().flatten();
        let uses: HashMap<&str, u64> = all().fold(HashMap::new(), |mut uses, word| {
            *uses.entry(&word.word).or_default() += word.uses;
            uses
        });
        assert_eq!(uses.len() as u64, table["words"], "{name}");
        let mean = uses.values().sum::<u64>() / animals.len() as u64;
        assert_eq!(mean, table["average_words_per_class"], "{name}");
        let sum: f64 = all().map(|word| word.weight).sum();
        let expected = table["sum"].as_f64().unwrap();
        assert!(
            (sum / expected - 1.0).abs() < 1e-12,
            "{name}: {sum}, {expected}"
        );
        for (animal, words) in animals.iter().zip(&found) {
            let top: Vec<(String, f64)> =
                serde_json::from_value(table["top"][*animal].clone()).unwrap();
            assert_eq!(top.len(), 12);
            for (word, (expected, weight)) in words.iter().zip(&top) {
                assert_eq!(&word.word, expected, "{name} {animal}");
                assert!(
                    (word.weight / weight - 1.0).abs() < 1e-12,
                    "{name} {animal} {expected}"
                );
            }
        }
    }
    // names of the communities
    let communities: Vec<Vec<usize>> =
        serde_json::from_value(golden["communities"]["0.6/5"].clone()).unwrap();
    let texts = communities.iter().enumerate().flat_map(|(class, rows)| {
        let rows = rows.iter();
        rows.map(move |row| (class, *row))
    });
    let texts = texts.map(|(class, row)| (class, captions[row].caption.as_str()));
    let found = class_words(texts, communities.len(), &settings("english")).unwrap();
    let names = |words: &Vec<ClassWord>| -> Vec<String> {
        words.iter().take(5).map(|w| w.word.clone()).collect()
    };
    let found: Vec<Vec<String>> = found.iter().map(names).collect();
    let expected: Vec<Vec<String>> =
        serde_json::from_value(golden["community_names_0.6/5"].clone()).unwrap();
    assert_eq!(found, expected);
}

/// Counts of Python's `re`: captions with `\b(horse|horses)\b` and so on.
#[test]
fn animals_are_found_in_real_captions_and_cowboys_are_not() {
    let Some(bytes) = shared("captions/animal_captions.json.gz") else {
        return;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    let captions: HashMap<String, Vec<Caption>> = serde_json::from_str(&text).unwrap();
    for (animal, all, expected) in [
        ("horse", 9153, 8953),
        ("zebra", 6328, 6328),
        ("cow", 4817, 4633),
        ("elephant", 7336, 7336),
        ("sheep", 3840, 3810),
        ("giraffe", 8665, 8649),
    ] {
        let subset = WordSubset::new(&[animal]).unwrap();
        let rows = &captions[animal];
        assert_eq!(rows.len(), all);
        let found = rows
            .iter()
            .filter(|row| !subset.found(&row.caption).is_empty());
        assert_eq!(found.count(), expected, "{animal}");
    }
}
