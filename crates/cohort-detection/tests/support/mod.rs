//! Where the evaluation data lie, and golden files.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file or folder of the evaluation data (`$COHORT_SHARED`, or `shared` beside the repository); none, and said so, where it is absent.
pub fn shared(inside: &str) -> Option<PathBuf> {
    let root = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join("data").join(inside);
    if !path.exists() {
        eprintln!("skipped: {} is absent (set COHORT_SHARED)", path.display());
        return None;
    }
    Some(path)
}

pub fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}
