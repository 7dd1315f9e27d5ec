//! Where the evaluation data lie, golden numbers, and tensors and pictures made from names.
#![allow(dead_code)] // each test file uses a part

#[path = "../../../cohort-weights/tests/support/filled.rs"]
pub mod made;
pub mod stages;
pub mod weights;

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

/// A file of golden numbers.
pub fn golden(name: &str) -> Option<Value> {
    let path = shared(&format!("model-reference/detection/{name}"))?;
    let text = std::fs::read_to_string(path).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

pub fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

pub fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

pub fn index(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

pub fn indices(value: &Value) -> Vec<usize> {
    list(value).iter().map(index).collect()
}

/// Numbers of a list, or of lists of them one after another.
pub fn numbers(value: &Value) -> Vec<f32> {
    let each = |v: &Value| match v {
        Value::Array(_) => numbers(v),
        other => vec![number(other) as f32],
    };
    list(value).iter().flat_map(each).collect()
}

/// `[height, width]`.
pub fn pair(value: &Value) -> [usize; 2] {
    [index(&value[0]), index(&value[1])]
}

pub fn corners(value: &Value) -> Vec<[f32; 4]> {
    let of = |v: &Value| <[f32; 4]>::try_from(numbers(v)).unwrap();
    list(value).iter().map(of).collect()
}

/// Holds every value within `tolerance`, absolute, or relative where the value is above 1.
#[track_caller]
pub fn assert_near(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let bound = tolerance * e.abs().max(1.0);
        assert!(
            (f - e).abs() <= bound,
            "{what}: value {i}: {f}, expected {e}"
        );
    }
}

/// Smooth planes `[channel, row, column]` in [0, 1], as `deterministic_weights.py` makes them.
pub fn waves(channels: usize, height: usize, width: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(channels * height * width);
    for channel in 0..channels {
        for y in 0..height {
            for x in 0..width {
                // a 32-bit sum of 32-bit products, as torch computes with Python's factors
                let phase = 0.05_f32 * x as f32 * (channel + 1) as f32 + 0.07_f32 * y as f32;
                values.push(0.5 + 0.5 * phase.sin());
            }
        }
    }
    values
}
