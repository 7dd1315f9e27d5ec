//! The size of a BERT, as its `config.json` says it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::model::{at_least, share};

/// What follows the wide linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x times the normal distribution function.
    Gelu,
    /// The same by a hyperbolic tangent.
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluNew,
    /// max(x, 0).
    Relu,
}

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

/// Fields that tell another architecture from BERT.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    model_type: Option<String>,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

impl BertConfig {
    /// Reads the text of a `config.json`; `path` names it in errors.
    ///
    /// # Errors
    /// [`NnError::Format`] when it is no JSON, lacks a size, or describes another architecture; [`NnError::Config`] when
    /// the sizes contradict each other.
    pub fn from_json(text: &str, path: &Path) -> Result<Self, NnError> {
        let bad = |reason: String| NnError::Format {
            path: path.to_owned(),
            reason,
        };
        let kind: Kind = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        for (field, expected, found) in [
            ("model_type", "bert", kind.model_type),
            (
                "position_embedding_type",
                "absolute",
                kind.position_embedding_type,
            ),
        ] {
            if let Some(found) = found.filter(|found| found != expected) {
                return Err(bad(format!(
                    "{field}: expected {expected:?}, found {found:?}"
                )));
            }
        }
        let config: Self = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        config.validate()?;
        Ok(config)
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// [`NnError::Config`] for the first that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        at_least("vocab_size", self.vocab_size, 1)?;
        at_least("hidden_size", self.hidden_size, 1)?;
        at_least("num_attention_heads", self.num_attention_heads, 1)?;
        at_least("intermediate_size", self.intermediate_size, 1)?;
        at_least("max_position_embeddings", self.max_position_embeddings, 2)?;
        at_least("type_vocab_size", self.type_vocab_size, 1)?;
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
            (",", "config.json"),
        ] {
            let error = read(rest).unwrap_err().to_string();
            assert!(error.contains(part), "{rest}: {error}");
        }
        let odd = SMALL.replace("\"num_attention_heads\": 2", "\"num_attention_heads\": 3");
        let error = BertConfig::from_json(&(odd + "}"), Path::new("c")).unwrap_err();
        assert!(
            error.to_string().contains("a multiple of the 3 heads"),
            "{error}"
        );
    }
}
