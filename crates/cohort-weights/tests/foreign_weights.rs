//! Real checkpoints against what torch reads from them (`scripts/foreign_weights.py` made the values).

use std::path::PathBuf;

use cohort_weights::Checkpoint;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    file: String,
    zip: bool,
    floats: usize,
    tensors: Vec<Tensor>,
}

#[derive(Deserialize)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    first: f64,
    sum: f64,
}

/// Folder of the evaluation data (`$COHORT_SHARED` or `../shared` beside the workspace); none, and
/// a line that says so, where it is absent.
fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("COHORT_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let data = root.join("data");
    if !data.join("weights").is_dir() {
        println!("skipped: no evaluation data at {}", data.display());
        return None;
    }
    Some(data)
}

#[test]
fn tensors_equal_what_torch_reads() {
    let Some(data) = shared() else {
        return;
    };
    let golden: Golden = serde_json::from_str(include_str!("foreign_weights.json")).unwrap();
    let zips = golden.files.iter().filter(|f| f.zip).count();
    assert!(
        zips >= 3 && golden.files.len() - zips >= 4,
        "both containers"
    );
    for file in golden.files {
        let checkpoint = Checkpoint::open(&data.join("weights").join(&file.file)).unwrap();
        let floats = checkpoint.names().filter(|n| checkpoint.is_float(n));
        assert_eq!(floats.count(), file.floats, "{}", file.file);
        for tensor in file.tensors {
            let name = format!("{} {}", file.file, tensor.name);
            let array = checkpoint.read(&tensor.name).unwrap();
            assert_eq!(array.shape, tensor.shape, "{name}");
            assert_eq!(f64::from(array.values[0]), tensor.first, "{name}");
            let sum: f64 = array.values.iter().map(|v| f64::from(*v)).sum();
            let scale: f64 = array.values.iter().map(|v| f64::from(v.abs())).sum();
            assert!((sum - tensor.sum).abs() <= 1e-9 * scale, "{name}: {sum}");
        }
    }
}
