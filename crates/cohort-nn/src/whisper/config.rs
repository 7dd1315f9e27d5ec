//! The size of a Whisper, as its `config.json` says it.

use std::path::Path;

use serde::Deserialize;

use crate::checks::within;
use crate::{Activation, NnError};

/// Size of a Whisper. Fields are named as in `config.json`; others there are passed over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WhisperConfig {
    /// Number of tokens known.
    pub vocab_size: usize,
    /// Mel bands of the input, 80 or 128 in the published models.
    pub num_mel_bins: usize,
    /// Width of a vector; a multiple of the heads of both sides.
    pub d_model: usize,
    /// Layers of the encoder.
    pub encoder_layers: usize,
    /// Attention heads of an encoder's layer.
    pub encoder_attention_heads: usize,
    /// Width of the encoder's feed-forward layers.
    pub encoder_ffn_dim: usize,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Attention heads of a decoder's layer.
    pub decoder_attention_heads: usize,
    /// Width of the decoder's feed-forward layers.
    pub decoder_ffn_dim: usize,
    /// Vectors that the encoder makes of a window; each stands for two frames (20 ms). 1,500 in the published models.
    pub max_source_positions: usize,
    /// Most tokens of a window's text, marks included. 448 in the published models.
    pub max_target_positions: usize,
    /// Activation of the feed-forward layers. Default GELU.
    #[serde(default = "gelu")]
    pub activation_function: Activation,
    /// Whether token vectors are multiplied by the root of the width. Default no.
    #[serde(default)]
    pub scale_embedding: bool,
}

fn gelu() -> Activation {
    Activation::Gelu
}

/// Tells another architecture from Whisper.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    model_type: Option<String>,
    #[serde(default)]
    tie_word_embeddings: Option<bool>,
}

impl WhisperConfig {
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
        if kind.model_type.as_deref() != Some("whisper") {
            let found = kind
                .model_type
                .map_or("none".to_owned(), |k| format!("{k:?}"));
            return Err(bad(format!(
                "model_type: expected \"whisper\", found {found}"
            )));
        }
        if kind.tie_word_embeddings == Some(false) {
            return Err(bad(
                "tie_word_embeddings: expected true, found false, which is not supported"
                    .to_owned(),
            ));
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
        within("vocab_size", self.vocab_size, 1, 1 << 24)?;
        within("num_mel_bins", self.num_mel_bins, 1, 1 << 12)?;
        within("d_model", self.d_model, 1, 1 << 16)?;
        within("encoder_layers", self.encoder_layers, 0, 1000)?;
        within("decoder_layers", self.decoder_layers, 0, 1000)?;
        for (field, heads) in [
            ("encoder_attention_heads", self.encoder_attention_heads),
            ("decoder_attention_heads", self.decoder_attention_heads),
        ] {
            within(field, heads, 1, 1 << 12)?;
        }
        within("encoder_ffn_dim", self.encoder_ffn_dim, 1, 1 << 18)?;
        within("decoder_ffn_dim", self.decoder_ffn_dim, 1, 1 << 18)?;
        // 20 ms each: a window of an hour
        let positions = self.max_source_positions;
        within("max_source_positions", positions, 1, 180_000)?;
        // four marks may stand before the text
        let positions = self.max_target_positions;
        within("max_target_positions", positions, 5, 1 << 20)?;
        for heads in [self.encoder_attention_heads, self.decoder_attention_heads] {
            if self.d_model % heads != 0 {
                return Err(NnError::Config {
                    field: "d_model",
                    expected: format!("a multiple of the {heads} heads"),
                    found: self.d_model.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Least number of values of the layers' and tokens' tensors.
    pub(crate) fn values(&self) -> u128 {
        let [width, tokens] = [self.d_model, self.vocab_size].map(|n| n as u128);
        let layers = |layers: usize, attentions: u128, wide: usize| {
            layers as u128 * (attentions * 4 * width * width + 2 * width * wide as u128)
        };
        tokens * width
            + layers(self.encoder_layers, 1, self.encoder_ffn_dim)
            + layers(self.decoder_layers, 2, self.decoder_ffn_dim)
    }

    /// Frames of the log-mel spectrogram of a window.
    pub fn frames(&self) -> usize {
        2 * self.max_source_positions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_other_architectures_refused() {
        let text = |kind: &str, width: usize| {
            format!(
                r#"{{"model_type": "{kind}", "vocab_size": 9, "num_mel_bins": 80, "d_model": {width},
                "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 4,
                "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 4,
                "max_source_positions": 50, "max_target_positions": 8, "suppress_tokens": null}}"#
            )
        };
        let read = |text: &str| WhisperConfig::from_json(text, Path::new("config.json"));
        let config = read(&text("whisper", 8)).unwrap();
        assert_eq!((config.frames(), config.scale_embedding), (100, false));
        for (text, part) in [
            (text("bert", 8), "expected \"whisper\", found \"bert\""),
            (text("whisper", 7), "a multiple of the 2 heads"),
            ("{}".to_owned(), "found none"),
            (
                text("whisper", 8)
                    .replace("\"decoder_layers\": 1", "\"decoder_layers\": 1000000000"),
                "config.json: decoder_layers: expected 0 to 1000, found 1000000000",
            ),
            (r#"{"model_type": "whisper"}"#.to_owned(), "vocab_size"),
            ("[".to_owned(), "config.json"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
