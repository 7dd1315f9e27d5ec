//! How transcripts become vectors.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use cohort_nn::{EncoderChanges, Pooling};
use cohort_text::NgramSettings;
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;

/// What turns a transcript into a vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextEncoder {
    /// Hashed n-grams, which need no weights; the head learns a vector a bucket.
    #[default]
    Ngrams,
    /// A frozen BERT; the head is trained on its sentence vectors.
    Bert,
    /// Word vectors that fastText made; the head is trained on their means.
    FastText,
}

impl fmt::Display for TextEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ngrams => "ngrams",
            Self::Bert => "bert",
            Self::FastText => "fasttext",
        })
    }
}

impl FromStr for TextEncoder {
    type Err = PipelineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "ngrams" => Ok(Self::Ngrams),
            "bert" => Ok(Self::Bert),
            "fasttext" => Ok(Self::FastText),
            _ => Err(PipelineError::Setting {
                name: "text encoder",
                expected: "ngrams, bert or fasttext",
                found: name.to_string(),
            }),
        }
    }
}

/// Word features of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextFeatureConfig {
    /// `ngrams` (default), `bert` or `fasttext`.
    pub encoder: TextEncoder,
    /// Folder of the model (`bert`), in the Hugging Face or the sentence-transformers layout, or `hf:org/name`; or a file of
    /// word vectors (`fasttext`; `.vec` or `.bin`), or `hf:org/name:file`. A relative path starts at the folder of the
    /// configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// How token vectors become one (`bert`): `mean`, `cls` or `max`; none: as the model's folder says, else `mean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Whether vectors are scaled to length 1 (`bert`); none: as the model's folder says, else not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalise: Option<bool>,
    /// Longest transcript in tokens (`bert`), the marks at both ends included; none: as the model's folder says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// Last layers (`bert`) that are trained together with the head. Default 0: the model stays as it is, and its vectors
    /// are computed once.
    pub tuned_layers: usize,
    /// As in [`NgramSettings`].
    pub buckets: usize,
    /// As in [`NgramSettings`].
    pub words: usize,
    /// As in [`NgramSettings`].
    pub chars_min: usize,
    /// As in [`NgramSettings`].
    pub chars_max: usize,
}

impl Default for TextFeatureConfig {
    fn default() -> Self {
        let ngrams = NgramSettings::default();
        Self {
            encoder: TextEncoder::default(),
            weights: None,
            pooling: None,
            normalise: None,
            max_tokens: None,
            tuned_layers: 0,
            buckets: ngrams.buckets,
            words: ngrams.words,
            chars_min: ngrams.chars_min,
            chars_max: ngrams.chars_max,
        }
    }
}

impl TextFeatureConfig {
    /// The n-grams' part.
    pub fn ngrams(&self) -> NgramSettings {
        NgramSettings {
            buckets: self.buckets,
            words: self.words,
            chars_min: self.chars_min,
            chars_max: self.chars_max,
        }
    }

    /// The BERT's part.
    pub(crate) fn changes(&self) -> EncoderChanges {
        EncoderChanges {
            pooling: self.pooling,
            normalise: self.normalise,
            max_tokens: self.max_tokens,
        }
    }

    /// Checks what can be checked without the weights.
    ///
    /// # Errors
    /// A setting out of its range; an encoder that needs weights without any, or the other way round.
    pub fn validate(&self) -> Result<(), PipelineError> {
        self.ngrams().validate()?;
        let needed = self.encoder != TextEncoder::Ngrams;
        if needed != self.weights.is_some() {
            return Err(PipelineError::Setting {
                name: "features.text.weights",
                expected: match self.encoder {
                    TextEncoder::Bert => "a model's folder for the encoder bert (--text-weights)",
                    TextEncoder::FastText => {
                        "a file of word vectors for the encoder fasttext (--text-weights)"
                    }
                    TextEncoder::Ngrams => {
                        "none for the encoder ngrams (--text-encoder bert or fasttext uses weights)"
                    }
                },
                found: match &self.weights {
                    Some(path) => path.display().to_string(),
                    None => "none".to_string(),
                },
            });
        }
        if self.tuned_layers > 0 && self.encoder != TextEncoder::Bert {
            return Err(PipelineError::Setting {
                name: "features.text.tuned_layers",
                expected: "0 for an encoder other than bert",
                found: format!("{} for {}", self.tuned_layers, self.encoder),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_checked() {
        let read = |text: &str| toml::from_str::<TextFeatureConfig>(text).unwrap();
        let bert = read("encoder = \"bert\"\nweights = \"m\"\npooling = \"cls\"\nnormalise = true");
        bert.validate().unwrap();
        assert_eq!(bert.changes().pooling, Some(Pooling::Cls));
        assert_eq!(
            toml::from_str::<TextFeatureConfig>(&toml::to_string(&bert).unwrap()).unwrap(),
            bert
        );
        assert_eq!(read("buckets = 64").ngrams().buckets, 64);
        for (text, part) in [
            ("encoder = \"bert\"", "a model's folder"),
            ("encoder = \"fasttext\"", "a file of word vectors"),
            ("weights = \"m\"", "found m"),
            ("buckets = 1", "buckets"),
            ("tuned_layers = 1", "found 1 for ngrams"),
        ] {
            let error = read(text).validate().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        for encoder in [
            TextEncoder::Ngrams,
            TextEncoder::Bert,
            TextEncoder::FastText,
        ] {
            assert_eq!(encoder.to_string().parse::<TextEncoder>().unwrap(), encoder);
        }
        assert!("elmo".parse::<TextEncoder>().is_err());
    }
}
