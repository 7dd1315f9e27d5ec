//! The log-mel spectrogram against transformers' WhisperFeatureExtractor (scripts/log_mel.py): of a sound by formula, and of
//! real voices of the evaluation data (COHORT_SHARED or ../shared), which are skipped where it is absent.

use std::path::{Path, PathBuf};

use cohort_audio::{decode, log_mel};
use serde_json::Value;

fn formula(length: usize) -> Vec<f32> {
    let value =
        |n: f64| 0.3 * (0.05 * n).sin() + 0.2 * (2e-5 * n * n).sin() + 0.01 * (2.1 * n).sin();
    (0..length).map(|n| value(n as f64) as f32).collect()
}

fn samples(name: &str) -> Option<Vec<f32>> {
    match name {
        "formula" => return Some(formula(40_123)),
        "formula, long" => return Some(formula(500_000)),
        _ => {}
    }
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = shared.join("data/audio-reference").join(name);
    if !path.is_file() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    Some(decode(&path).unwrap().samples)
}

#[test]
fn log_mels_equal_the_reference() {
    let golden: Value = serde_json::from_str(include_str!("log_mel.json")).unwrap();
    for (name, entry) in golden.as_object().unwrap() {
        let Some(samples) = samples(name) else {
            continue;
        };
        let mels = entry["mels"].as_u64().unwrap() as usize;
        let found = log_mel(&samples, 480_000, mels).unwrap();
        assert_eq!(found.len(), 3_000 * mels);
        let frames: Vec<usize> = serde_json::from_value(entry["frames"].clone()).unwrap();
        let values: Vec<Vec<f32>> = serde_json::from_value(entry["values"].clone()).unwrap();
        let mut largest = 0.0f32;
        for (t, row) in frames.iter().zip(&values) {
            assert_eq!(row.len(), mels);
            for (a, b) in found[t * mels..].iter().zip(row) {
                largest = largest.max((a - b).abs());
            }
        }
        assert!(largest < 1e-4, "{name}: {largest}");
    }
}
