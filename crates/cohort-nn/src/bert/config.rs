//! The size of a BERT, as its `config.json` says it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checks::{share, within};
use crate::{Activation, NnError};

/// Size of a BERT. Fields are named as in `config.json`; others there are passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    /// Number of tokens known.
    pub vocab_size: usize,
    /// Width of a token's vector; a multiple of the heads.
    pub hidden_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads a layer.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Longest text, in tokens.
    pub max_position_embeddings: usize,
    /// Kinds of segments. Default 2.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    /// Added to the variance in every norm. Default 1e-12.
    #[serde(default = "tiny")]
    pub layer_norm_eps: f64,
    /// Activation of the feed-forward layer. Default GELU.
    #[serde(default = "gelu")]
    pub hidden_act: Activation,
    /// Dropout of what each half of a layer adds, in [0, 1), where layers are trained. Default 0.1.
    #[serde(default = "tenth")]
    pub hidden_dropout_prob: f64,
}

fn two() -> usize {
    2
}

fn tiny() -> f64 {
    1e-12
}

fn tenth() -> f64 {
    0.1
}

fn gelu() -> Activation {
    Activation::Gelu
}

/// Fields that say something else than a plain BERT encoder when they have another value than this one.
const PLAIN: [(&str, &str); 7] = [
    ("model_type", "\"bert\""),
    ("position_embedding_type", "\"absolute\""),
    ("is_decoder", "false"),
    ("add_cross_attention", "false"),
    ("is_encoder_decoder", "false"),
    ("pruned_heads", "{}"),
    ("quantization_config", "null"),
];

/// Names of activations that are known.
const ACTIVATIONS: [&str; 5] = [
    "gelu",
    "gelu_python",
    "gelu_new",
    "gelu_pytorch_tanh",
    "relu",
];

impl BertConfig {
    /// Reads the text of a `config.json`; `path` names it in errors.
    ///
    /// # Errors
    /// [`NnError::Format`] when it is no JSON, lacks a size, describes another architecture or one that is not supported,
    /// or when the sizes contradict each other or are beyond every model's.
    pub fn from_json(text: &str, path: &Path) -> Result<Self, NnError> {
        let bad = |reason: String| NnError::Format {
            path: path.to_owned(),
            reason,
        };
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        for (field, expected) in PLAIN {
            let found = fields.get(field).filter(|found| !found.is_null());
            if let Some(found) = found.map(ToString::to_string)
                && found != expected
            {
                return Err(bad(format!(
                    "{field}: expected {expected}, found {found}, which is not supported"
                )));
            }
        }
        if let Some(found) = fields.get("hidden_act")
            && !ACTIVATIONS.iter().any(|name| found == name)
        {
            let expected = ACTIVATIONS.join(", ");
            return Err(bad(format!(
                "hidden_act: expected one of {expected}, found {found}, which is not supported"
            )));
        }
        let config: Self = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        config.validate().map_err(|e| e.in_file(path))?;
        Ok(config)
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// [`NnError::Config`] for the first that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        // beyond every model that was published, and near enough for lists of all parts
        within("vocab_size", self.vocab_size, 1, 1 << 24)?;
        within("hidden_size", self.hidden_size, 1, 1 << 16)?;
        within("num_hidden_layers", self.num_hidden_layers, 0, 1000)?;
        within("num_attention_heads", self.num_attention_heads, 1, 1 << 12)?;
        within("intermediate_size", self.intermediate_size, 1, 1 << 18)?;
        let positions = self.max_position_embeddings;
        within("max_position_embeddings", positions, 2, 1 << 20)?;
        within("type_vocab_size", self.type_vocab_size, 1, 1 << 16)?;
        if self.hidden_size % self.num_attention_heads != 0 {
            return Err(NnError::Config {
                field: "hidden_size",
                expected: format!("a multiple of the {} heads", self.num_attention_heads),
                found: self.hidden_size.to_string(),
            });
        }
        if !(0.0..1.0).contains(&self.layer_norm_eps) {
            return Err(NnError::Config {
                field: "layer_norm_eps",
                expected: "0 <= value < 1".to_owned(),
                found: self.layer_norm_eps.to_string(),
            });
        }
        share("hidden_dropout_prob", self.hidden_dropout_prob)
    }

    /// Number of values of the encoder's tensors.
    pub(crate) fn values(&self) -> u128 {
        let [h, wide] = [self.hidden_size, self.intermediate_size].map(|n| n as u128);
        let rows = [
            self.vocab_size,
            self.max_position_embeddings,
            self.type_vocab_size,
        ];
        let rows: u128 = rows.iter().map(|n| *n as u128).sum();
        let layer = 4 * (h * h + h) + (h * wide + wide) + (h * wide + h) + 4 * h;
        rows * h + 2 * h + self.num_hidden_layers as u128 * layer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 12"#;

    #[test]
    fn sizes_are_read_and_other_architectures_refused() {
        let read = |rest: &str| {
            BertConfig::from_json(&format!("{SMALL}{rest}}}"), Path::new("config.json"))
        };
        let config = read(r#", "hidden_act": "gelu_new", "more": [1]"#).unwrap();
        assert_eq!(config.hidden_act, Activation::GeluNew);
        assert_eq!((config.type_vocab_size, config.layer_norm_eps), (2, 1e-12));
        for (rest, part) in [
            (
                r#", "model_type": "roberta""#,
                "model_type: expected \"bert\", found \"roberta\"",
            ),
            (
                r#", "position_embedding_type": "relative_key""#,
                "expected \"absolute\"",
            ),
            (r#", "hidden_act": "silu""#, "silu"),
            (r#", "layer_norm_eps": 2"#, "layer_norm_eps"),
            (
                r#", "is_decoder": true"#,
                "is_decoder: expected false, found true",
            ),
            (
                r#", "pruned_heads": {"0": [1]}"#,
                "pruned_heads: expected {}",
            ),
            (",", "config.json"),
        ] {
            let error = read(rest).unwrap_err().to_string();
            assert!(error.contains(part), "{rest}: {error}");
        }
        for (key, value, limit) in [
            ("num_hidden_layers", 1_000_000_000_u64, "0 to 1000"),
            ("vocab_size", 1_000_000_000, "1 to 16777216"),
            ("hidden_size", 1_000_000_000, "1 to 65536"),
            ("num_attention_heads", 1_000_000_000, "1 to 4096"),
            ("intermediate_size", u64::MAX, "1 to 262144"),
            ("max_position_embeddings", 1_000_000_000, "2 to 1048576"),
        ] {
            let mut text: serde_json::Value = serde_json::from_str(&format!("{SMALL}}}")).unwrap();
            text[key] = value.into();
            let error = BertConfig::from_json(&text.to_string(), Path::new("config.json"));
            let error = error.unwrap_err().to_string();
            let told = format!("config.json: {key}: expected {limit}, found {value}");
            assert!(error.contains(&told), "{error}");
        }
        let odd = SMALL.replace("\"num_attention_heads\": 2", "\"num_attention_heads\": 3");
        let error = BertConfig::from_json(&(odd + "}"), Path::new("c")).unwrap_err();
        assert!(
            error.to_string().contains("a multiple of the 3 heads"),
            "{error}"
        );
    }
}
