//! Tensors made from their names, as `model-reference/deterministic_weights.py` makes them.

use std::collections::BTreeMap;
use std::path::Path;

use cohort_weights::{Array, Checkpoint, Weights};
use serde_json::Value;

use super::{indices, number, numbers};

/// CRC-32 as zlib computes it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg())
        })
    })
}

/// A tensor of numbers that its name begins.
pub fn filled(name: &str, shape: &[usize]) -> Array {
    let fan: usize = shape.iter().skip(1).product();
    let hash = u64::from(crc32(name.as_bytes()));
    let count: usize = shape.iter().product();
    let values = (0..count as u64).map(|k| {
        let mut x = (hash + (k + 1) * 2_654_435_761) & 0xffff_ffff;
        x ^= x >> 16;
        x = (x * 0x85eb_ca6b) & 0xffff_ffff;
        x ^= x >> 13;
        x = (x * 0xc2b2_ae35) & 0xffff_ffff;
        x ^= x >> 16;
        let u = x as f64 / 4_294_967_296.0 * 2.0 - 1.0;
        let value = if name.ends_with("running_var") {
            1.0 + 0.5 * u
        } else if name.ends_with("running_mean") || name.ends_with("bias") {
            0.1 * u
        } else if shape.len() >= 2 {
            u * (3.0 / fan as f64).sqrt()
        } else {
            1.0 + 0.1 * u
        };
        value as f32
    });
    Array {
        shape: shape.to_vec(),
        values: values.collect(),
    }
}

/// The weights of a golden network: filled from names, some times a gain, the classes' biases from a list.
pub fn golden_weights(tensors: &Value, gains: &Value, class_bias: &Value) -> Weights {
    let gains = gains.as_object().unwrap();
    let mut arrays = BTreeMap::new();
    for (name, shape) in tensors.as_object().unwrap() {
        let mut array = filled(name, &indices(shape));
        if let Some(gain) = gains.get(name) {
            let gain = number(gain) as f32;
            array.values.iter_mut().for_each(|v| *v *= gain);
        }
        if name == "roi_heads.box_predictor.cls_score.bias" {
            array.values = numbers(class_bias);
        }
        arrays.insert(name.clone(), array);
    }
    Weights(arrays)
}

pub fn checkpoint(weights: Weights) -> Checkpoint {
    Checkpoint::from_weights(weights, Path::new("made-from-names.pth"))
}

/// The weights under other names.
pub fn renamed(weights: &Weights, name: impl Fn(&str) -> String) -> Weights {
    let each = weights.0.iter();
    Weights(each.map(|(n, a)| (name(n), a.clone())).collect())
}
