//! Tensors made from their names, as `model-reference/deterministic_weights.py` makes them.

use std::collections::BTreeMap;
use std::path::Path;

use cohort_weights::{Array, Checkpoint, Weights};
use serde_json::Value;

use super::{indices, made, number, numbers};

/// A tensor of numbers that its name begins.
fn filled(name: &str, shape: &[usize]) -> Array {
    Array {
        shape: shape.to_vec(),
        values: made::filled(name, shape),
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
