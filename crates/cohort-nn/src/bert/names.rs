//! A BERT's tensors by their published names, checked against its size.

use std::collections::BTreeMap;

use crate::packed::{Named, transposed};
use crate::{BertConfig, NnError};
use cohort_weights::Weights;

/// The encoder's tensors out of a checkpoint's, named as Hugging Face does but without a prefix: one such as `bert.` is
/// found by itself, heads for other tasks are passed over, and `gamma` and `beta` of old files are read as `weight` and
/// `bias`.
pub(crate) fn named(config: &BertConfig, weights: Weights) -> Result<Named, NnError> {
    const MARK: &str = "embeddings.word_embeddings.weight";
    let prefix = weights.0.keys().find_map(|name| name.strip_suffix(MARK));
    let prefix = prefix.unwrap_or_default().to_owned();
    let mut found = BTreeMap::new();
    for (name, array) in weights.0 {
        let Some(name) = name.strip_prefix(&prefix) else {
            continue;
        };
        if !(name.starts_with("embeddings.") || name.starts_with("encoder."))
            || name.ends_with("position_ids")
        {
            continue;
        }
        let name = match name.rsplit_once('.') {
            Some((layer, "gamma")) => format!("{layer}.weight"),
            Some((layer, "beta")) => format!("{layer}.bias"),
            _ => name.to_owned(),
        };
        found.insert(name, array);
    }
    Named::new(expected(config), found, "BERT")
}

/// The tensors as the Burn module names and lays them out.
pub(crate) fn for_module(named: Named) -> Weights {
    let arrays = named.into_arrays().map(|(name, array)| {
        let norm = name.contains("LayerNorm");
        let linear = array.shape.len() == 2 && name.starts_with("encoder.");
        let name = MODULE
            .iter()
            .fold(name, |name, (published, own)| name.replace(published, own));
        let name = match name.rsplit_once('.') {
            Some((layer, "weight")) if norm => format!("{layer}.gamma"),
            Some((layer, "bias")) if norm => format!("{layer}.beta"),
            _ => name,
        };
        (name, if linear { transposed(&array) } else { array })
    });
    Weights(arrays.collect())
}

/// Published parts of names and the module's.
const MODULE: [(&str, &str); 11] = [
    ("encoder.layer.", "layers."),
    ("attention.self.", "attention."),
    ("attention.output.LayerNorm", "attention_norm"),
    ("attention.output.dense", "attention.output"),
    ("intermediate.dense", "up"),
    ("output.dense", "down"),
    ("output.LayerNorm", "norm"),
    ("embeddings.LayerNorm", "embeddings.norm"),
    ("word_embeddings", "words"),
    ("position_embeddings", "positions"),
    ("token_type_embeddings", "kinds"),
];

/// Every tensor of an encoder of this size, with its shape.
pub(crate) fn expected(config: &BertConfig) -> Vec<(String, Vec<usize>)> {
    let (h, wide) = (config.hidden_size, config.intermediate_size);
    let mut all = vec![
        (
            "embeddings.word_embeddings.weight".to_owned(),
            vec![config.vocab_size, h],
        ),
        (
            "embeddings.position_embeddings.weight".to_owned(),
            vec![config.max_position_embeddings, h],
        ),
        (
            "embeddings.token_type_embeddings.weight".to_owned(),
            vec![config.type_vocab_size, h],
        ),
        ("embeddings.LayerNorm.weight".to_owned(), vec![h]),
        ("embeddings.LayerNorm.bias".to_owned(), vec![h]),
    ];
    for layer in 0..config.num_hidden_layers {
        for (part, inputs, outputs) in [
            ("attention.self.query", h, h),
            ("attention.self.key", h, h),
            ("attention.self.value", h, h),
            ("attention.output.dense", h, h),
            ("intermediate.dense", h, wide),
            ("output.dense", wide, h),
        ] {
            let name = |kind: &str| format!("encoder.layer.{layer}.{part}.{kind}");
            all.push((name("weight"), vec![outputs, inputs]));
            all.push((name("bias"), vec![outputs]));
        }
        for part in ["attention.output", "output"] {
            for kind in ["weight", "bias"] {
                all.push((
                    format!("encoder.layer.{layer}.{part}.LayerNorm.{kind}"),
                    vec![h],
                ));
            }
        }
    }
    all
}
