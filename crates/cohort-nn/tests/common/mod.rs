//! What the tests of networks share: the evaluation data, and weights made from names.
#![allow(dead_code)] // each test file uses a part

#[path = "../../../cohort-weights/tests/support/filled.rs"]
pub mod made;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cohort_nn::burn::tensor::{Device, Tensor, TensorData};
use cohort_weights::{Array, Checkpoint, Weights};

/// Folder of the evaluation data (`$COHORT_SHARED` or `../shared` beside the workspace); none, and
/// a line that says so, where it is absent.
pub fn shared() -> Option<PathBuf> {
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

/// A tensor filled from its own name.
pub fn filled(name: &str, shape: &[usize]) -> Array {
    Array {
        shape: shape.to_vec(),
        values: made::filled(name, shape),
    }
}

/// A file of tensors filled from their names, in PyTorch's layout.
pub fn filled_checkpoint(tensors: &BTreeMap<String, Vec<usize>>) -> Checkpoint {
    let floats = tensors
        .iter()
        .filter(|(name, _)| !name.ends_with("num_batches_tracked"));
    let arrays = floats.map(|(name, shape)| (name.clone(), filled(name, shape)));
    Checkpoint::from_weights(Weights(arrays.collect()), Path::new("made from names"))
}

/// Smooth pictures in [0, 1], flat: `[batch, 3 * size * size]`.
pub fn pictures(size: usize, batch: usize, device: &Device) -> Tensor<2> {
    let mut values = Vec::with_capacity(batch * 3 * size * size);
    for b in 0..batch {
        for channel in 0..3 {
            for y in 0..size {
                for x in 0..size {
                    let phase = 0.05 * x as f32 * (channel + 1) as f32 + 0.07 * y as f32 + b as f32;
                    values.push(0.5 + 0.5 * phase.sin());
                }
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [batch, 3 * size * size]), device)
}

/// Rows of a tensor.
pub fn rows(tensor: Tensor<2>) -> Vec<Vec<f32>> {
    let width = tensor.dims()[1];
    let values: Vec<f32> = tensor.into_data().try_to_vec().unwrap();
    values.chunks(width).map(<[f32]>::to_vec).collect()
}

/// Largest difference over the values that `expected` holds of each row.
pub fn difference(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected).flat_map(|(f, e)| {
        assert!(f.len() >= e.len());
        f.iter().zip(e)
    });
    pairs.fold(0.0, |most, (f, e)| {
        assert!(f.is_finite());
        f32::max(most, (f - e).abs())
    })
}
