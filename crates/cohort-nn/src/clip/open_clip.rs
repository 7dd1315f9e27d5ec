//! OpenCLIP's own layout: `open_clip_config.json` and the names of its tensors.

use std::collections::BTreeMap;
use std::path::Path;

use cohort_weights::{Array, Weights};
use serde_json::{Map, Value};

use super::config::{ClipConfig, ClipFamily, EndToken, PictureConfig, TextConfig, TowerConfig};
use crate::packed::transposed;
use crate::{Activation, NnError};

/// Settings that are read, by table.
const READ: [(&str, &[&str]); 3] = [
    (
        "model_cfg",
        &["embed_dim", "quick_gelu", "vision_cfg", "text_cfg"],
    ),
    (
        "model_cfg.vision_cfg",
        &[
            "image_size",
            "layers",
            "width",
            "patch_size",
            "head_width",
            "mlp_ratio",
        ],
    ),
    (
        "model_cfg.text_cfg",
        &[
            "context_length",
            "vocab_size",
            "width",
            "heads",
            "layers",
            "mlp_ratio",
        ],
    ),
];
/// Settings that are passed over, as they change nothing of a trained network at work.
const NO_MATTER: [&str; 6] = [
    "custom_text",
    "init_logit_scale",
    "patch_dropout",
    "output_tokens",
    "attn_pooler_queries",
    "attn_pooler_heads",
];
/// Settings that must be as they are by default, and that.
fn plain(field: &str) -> Option<Value> {
    Some(match field {
        "pool_type" => return None,
        "pos_embed_type" => "learnable".into(),
        "proj_type" => "linear".into(),
        "pad_id" => 0.into(),
        _ => false.into(),
    })
}

/// Reads the text of an `open_clip_config.json`; `path` names it in errors.
///
/// # Errors
/// [`NnError::Format`] when it is no JSON, or describes a network that is not built: ResNets and timm's for pictures, Hugging
/// Face's for words, other forms of pooling.
pub(super) fn config(text: &str, path: &Path) -> Result<ClipConfig, NnError> {
    let fields: Map<String, Value> =
        serde_json::from_str(text).map_err(|e| NnError::format(path, e))?;
    let bad = |field: String, expected: &str, found: &Value| {
        NnError::format(path, format!("{field}: expected {expected}, found {found}"))
    };
    let table = |within: &Map<String, Value>, field: &str| match within.get(field) {
        Some(Value::Object(table)) => Ok(table.clone()),
        other => Err(bad(
            field.to_owned(),
            "a table",
            other.unwrap_or(&Value::Null),
        )),
    };
    let model = table(&fields, "model_cfg")?;
    let [picture, words] = [table(&model, "vision_cfg")?, table(&model, "text_cfg")?];
    if let Some(layers) = picture.get("layers").filter(|l| l.is_array()) {
        return Err(bad(
            "model_cfg.vision_cfg.layers".to_owned(),
            "a number; CLIP's ResNets are not supported, its vision transformers are",
            layers,
        ));
    }
    for (table, (name, read)) in [&model, &picture, &words].into_iter().zip(READ) {
        for (field, found) in table {
            if found.is_null() || read.contains(&&**field) || NO_MATTER.contains(&&**field) {
                continue;
            }
            let expected = match (name, &**field) {
                ("model_cfg.vision_cfg", "pool_type") => Some("tok".into()),
                (_, "pool_type") => Some("argmax".into()),
                _ => plain(field),
            };
            let usual = expected.clone().unwrap_or(Value::Null);
            if *found != usual {
                return Err(bad(
                    format!("{name}.{field}"),
                    &format!("{usual}, the only form that is supported"),
                    found,
                ));
            }
        }
    }
    let number = |table: &Map<String, Value>, name: &str, field: &str, default: f64| match table
        .get(field)
    {
        None | Some(Value::Null) => Ok(default),
        Some(found) => {
            let number = found.as_f64().filter(|n| *n > 0.0 && *n < 1e9);
            number.ok_or_else(|| bad(format!("{name}.{field}"), "a number above 0", found))
        }
    };
    let of_picture = |field: &str, default: f64| number(&picture, READ[1].0, field, default);
    let of_words = |field: &str, default: f64| number(&words, READ[2].0, field, default);
    let activation = match model.get("quick_gelu") {
        Some(Value::Bool(true)) => Activation::QuickGelu,
        _ => Activation::Gelu,
    };
    let tower = |width: f64, layers: f64, heads: f64, ratio: f64| TowerConfig {
        width: width as usize,
        layers: layers as usize,
        heads: heads as usize,
        // as Python's int()
        wide: (width * ratio) as usize,
        activation,
        epsilon: 1e-5,
    };
    let width = of_picture("width", 768.0)?;
    let heads = (width / of_picture("head_width", 64.0)?).floor();
    let config = ClipConfig {
        family: ClipFamily::Clip,
        text: TextConfig {
            tower: tower(
                of_words("width", 512.0)?,
                of_words("layers", 12.0)?,
                of_words("heads", 8.0)?,
                of_words("mlp_ratio", 4.0)?,
            ),
            vocabulary: of_words("vocab_size", 49408.0)? as usize,
            positions: of_words("context_length", 77.0)? as usize,
            end: EndToken::Largest,
        },
        picture: PictureConfig {
            tower: tower(
                width,
                of_picture("layers", 12.0)?,
                heads,
                of_picture("mlp_ratio", 4.0)?,
            ),
            size: of_picture("image_size", 224.0)? as usize,
            patch: of_picture("patch_size", 16.0)? as usize,
        },
        dimension: number(&model, READ[0].0, "embed_dim", 512.0)? as usize,
    };
    config.validate().map_err(|e| e.in_file(path))?;
    Ok(config)
}

/// Whether tensors are named as OpenCLIP does.
pub(super) fn is_one(weights: &Weights) -> bool {
    let marks = ["visual.conv1.weight", "positional_embedding"];
    let stem = |name: &str| {
        let name = name.strip_prefix("module.").unwrap_or(name);
        name.strip_prefix("text.").unwrap_or(name).to_owned()
    };
    weights.0.keys().any(|name| marks.contains(&&*stem(name)))
}

/// Parts of names within a layer, OpenCLIP's and Hugging Face's.
const LAYER: [(&str, &str); 5] = [
    ("attn.out_proj.", "self_attn.out_proj."),
    ("ln_1.", "layer_norm1."),
    ("ln_2.", "layer_norm2."),
    ("mlp.c_fc.", "mlp.fc1."),
    ("mlp.c_proj.", "mlp.fc2."),
];

/// OpenCLIP's tensors as Hugging Face names and lays them out.
pub(super) fn renamed(weights: Weights) -> Weights {
    let mut all = BTreeMap::new();
    for (name, array) in weights.0 {
        let name = name.strip_prefix("module.").unwrap_or(&name);
        // a tower of words that is a module of its own
        let name = name.strip_prefix("text.").unwrap_or(name);
        if name == "attn_mask" {
            continue;
        }
        let (tower, short) = match name.strip_prefix("visual.") {
            Some(short) => ("vision_model", short),
            None => ("text_model", name),
        };
        let layer = short.strip_prefix("transformer.resblocks.");
        if let Some((number, rest)) = layer.and_then(|rest| rest.split_once('.')) {
            let place = format!("{tower}.encoder.layers.{number}");
            if let Some(kind) = rest.strip_prefix("attn.in_proj_") {
                for (part, array) in ["q", "k", "v"].iter().zip(thirds(array)) {
                    all.insert(format!("{place}.self_attn.{part}_proj.{kind}"), array);
                }
                continue;
            }
            let known = LAYER.iter().find(|(theirs, _)| rest.starts_with(theirs));
            let rest = match known {
                Some((theirs, ours)) => rest.replacen(theirs, ours, 1),
                None => rest.to_owned(),
            };
            all.insert(format!("{place}.{rest}"), array);
            continue;
        }
        let is_matrix = array.shape.len() == 2;
        let (name, array) = match (tower, short) {
            ("vision_model", "conv1.weight") => {
                ("vision_model.embeddings.patch_embedding.weight", array)
            }
            ("vision_model", "class_embedding") => {
                ("vision_model.embeddings.class_embedding", array)
            }
            ("vision_model", "positional_embedding") => {
                ("vision_model.embeddings.position_embedding.weight", array)
            }
            ("vision_model", "ln_pre.weight") => ("vision_model.pre_layrnorm.weight", array),
            ("vision_model", "ln_pre.bias") => ("vision_model.pre_layrnorm.bias", array),
            ("vision_model", "ln_post.weight") => ("vision_model.post_layernorm.weight", array),
            ("vision_model", "ln_post.bias") => ("vision_model.post_layernorm.bias", array),
            ("vision_model", "proj") if is_matrix => {
                ("visual_projection.weight", transposed(&array))
            }
            ("text_model", "token_embedding.weight") => {
                ("text_model.embeddings.token_embedding.weight", array)
            }
            ("text_model", "positional_embedding") => {
                ("text_model.embeddings.position_embedding.weight", array)
            }
            ("text_model", "ln_final.weight") => ("text_model.final_layer_norm.weight", array),
            ("text_model", "ln_final.bias") => ("text_model.final_layer_norm.bias", array),
            ("text_model", "text_projection") if is_matrix => {
                ("text_projection.weight", transposed(&array))
            }
            _ => {
                all.insert(name.to_owned(), array);
                continue;
            }
        };
        all.insert(name.to_owned(), array);
    }
    Weights(all)
}

/// An array in three parts along its first side; one that has no three equal parts is given as it is, and does not fit then.
fn thirds(array: Array) -> Vec<Array> {
    let outputs = array.shape.first().copied().unwrap_or(0);
    if outputs == 0 || outputs % 3 != 0 || array.values.len() % 3 != 0 {
        return vec![array];
    }
    let mut shape = array.shape;
    shape[0] = outputs / 3;
    let parts = array.values.chunks_exact(array.values.len() / 3);
    let parts = parts.map(|values| Array {
        shape: shape.clone(),
        values: values.to_vec(),
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ClipConfig, NnError> {
        config(text, Path::new("open_clip_config.json"))
    }

    #[test]
    fn sizes_are_read_and_other_networks_refused() {
        let found = read(
            r#"{"model_cfg": {"embed_dim": 1024, "quick_gelu": false, "custom_text": false,
                "vision_cfg": {"image_size": 224, "layers": 32, "width": 1280, "head_width": 80, "patch_size": 14},
                "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 1024, "heads": 16, "layers": 24}}}"#,
        );
        let found = found.unwrap();
        assert_eq!(
            (found.picture.tower.heads, found.picture.tower.wide),
            (16, 5120)
        );
        assert_eq!(found.text.tower.activation, Activation::Gelu);
        assert_eq!((found.text.end, found.dimension), (EndToken::Largest, 1024));
        let with = |vision: &str, text: &str| {
            read(&format!(
                r#"{{"model_cfg": {{"embed_dim": 8, "vision_cfg": {{{vision}}}, "text_cfg": {{{text}}}}}}}"#
            ))
        };
        assert!(with(r#""pool_type": "tok""#, r#""pool_type": "argmax""#).is_ok());
        for (vision, text, told) in [
            (r#""layers": [3, 4, 6, 3]"#, "", "ResNets are not supported"),
            (
                r#""timm_model_name": "x""#,
                "",
                "model_cfg.vision_cfg.timm_model_name",
            ),
            (
                "",
                r#""hf_model_name": "roberta""#,
                "model_cfg.text_cfg.hf_model_name",
            ),
            ("", r#""pool_type": "last""#, "expected \"argmax\""),
            (r#""pool_type": "avg""#, "", "expected \"tok\""),
            ("", r#""no_causal_mask": true"#, "no_causal_mask"),
            (r#""width": -1"#, "", "model_cfg.vision_cfg.width"),
        ] {
            let error = with(vision, text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(read("{}").unwrap_err().to_string().contains("model_cfg"));
    }
}
