//! The towers' tensors by their published names.

use std::collections::BTreeMap;

use cohort_weights::{Array, Weights};

use super::open_clip;

/// A checkpoint's tensors by tower, without `text_model.` or `vision_model.`.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) text: BTreeMap<String, Array>,
    pub(super) picture: BTreeMap<String, Array>,
    pub(super) scale: Option<Array>,
    pub(super) bias: Option<Array>,
}

/// Sorts a checkpoint's tensors; projections stand beside their tower's as `projection.weight`. Numbers of positions, which old
/// files hold and later ones do not, are passed over.
pub(super) fn parts(weights: Weights) -> Parts {
    let weights = match open_clip::is_one(&weights) {
        true => open_clip::renamed(weights),
        false => weights,
    };
    let mut parts = Parts::default();
    for (name, array) in weights.0 {
        if name.ends_with("position_ids") {
            continue;
        }
        match name.as_str() {
            "logit_scale" => parts.scale = Some(array),
            "logit_bias" => parts.bias = Some(array),
            "text_projection.weight" => {
                parts.text.insert("projection.weight".to_owned(), array);
            }
            "visual_projection.weight" => {
                parts.picture.insert("projection.weight".to_owned(), array);
            }
            _ => match name.strip_prefix("vision_model.") {
                Some(short) => {
                    parts.picture.insert(short.to_owned(), array);
                }
                // a tower of words by itself may lack the prefix
                None => {
                    let short = name.strip_prefix("text_model.").unwrap_or(&name);
                    parts.text.insert(short.to_owned(), array);
                }
            },
        }
    }
    parts
}
