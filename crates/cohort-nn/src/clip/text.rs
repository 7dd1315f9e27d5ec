//! The tower of words.

use std::collections::BTreeMap;

use cohort_kernels::dense::Norm;
use cohort_weights::{Array, Weights};
use rayon::prelude::*;

use super::config::{ClipConfig, ClipFamily, EndToken, TextConfig};
use super::layer::norm;
use super::names::parts;
use super::tower::Tower;
use crate::packed::{Frozen, Linear, Named};
use crate::{DeviceChoice, NnError};

/// Texts that are computed together by one thread, and on a GPU.
const TOGETHER: usize = 8;
const TOGETHER_ON_DEVICE: usize = 64;

/// Token ids in, one vector a text out.
#[derive(Debug, Clone)]
pub struct TextTower {
    config: TextConfig,
    words: Vec<f32>,
    positions: Vec<f32>,
    tower: Tower,
    norm: Norm,
    projection: Frozen,
    dimension: usize,
}

impl TextTower {
    /// The tower of words of a checkpoint, which may hold that of pictures too.
    ///
    /// # Errors
    /// As [`super::Clip::load`].
    pub fn load(
        config: &ClipConfig,
        weights: Weights,
        device: DeviceChoice,
    ) -> Result<Self, NnError> {
        config.validate()?;
        Self::from_parts(config, parts(weights).text, device)
    }

    pub(super) fn from_parts(
        config: &ClipConfig,
        found: BTreeMap<String, Array>,
        device: DeviceChoice,
    ) -> Result<Self, NnError> {
        let (text, dimension) = (config.text, config.dimension);
        let width = text.tower.width;
        let mut expected = Tower::expected(&text.tower);
        let mut one = |name: &str, shape: Vec<usize>| expected.push((name.to_owned(), shape));
        one(
            "embeddings.token_embedding.weight",
            vec![text.vocabulary, width],
        );
        one(
            "embeddings.position_embedding.weight",
            vec![text.positions, width],
        );
        one("final_layer_norm.weight", vec![width]);
        one("final_layer_norm.bias", vec![width]);
        match config.family {
            ClipFamily::Clip => one("projection.weight", vec![dimension, width]),
            ClipFamily::Siglip => {
                one("head.weight", vec![dimension, width]);
                one("head.bias", vec![dimension]);
            }
        }
        let mut named = Named::new(expected, found, "tower of words")?;
        let projection = match config.family {
            ClipFamily::Clip => Linear {
                weight: named.take("projection.weight"),
                bias: vec![0.0; dimension],
            },
            ClipFamily::Siglip => Linear::take(&mut named, "head"),
        };
        let causal = config.family == ClipFamily::Clip;
        Ok(Self {
            words: named.take("embeddings.token_embedding.weight"),
            positions: named.take("embeddings.position_embedding.weight"),
            tower: Tower::take(&text.tower, causal, &mut named, device)?,
            norm: norm(&mut named, "final_layer_norm", text.tower.epsilon),
            projection: projection.frozen(),
            config: text,
            dimension,
        })
    }

    /// Length of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Longest text in tokens.
    pub fn positions(&self) -> usize {
        self.config.positions
    }

    /// The vector of each text, as published: not scaled to length 1. A text is its token ids with the marks at both ends, with
    /// or without padding.
    ///
    /// CLIP reads from front to back, so what stands after the end token changes nothing and is not computed. SigLIP looks at the
    /// padding too: its texts must be padded to [`Self::positions`].
    ///
    /// # Errors
    /// [`NnError::Config`] for a token beyond the vocabulary, a text that is empty, too long, without its end token, or (SigLIP)
    /// not padded.
    pub fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, NnError> {
        if self.tower.is_on_device() {
            let chunks = texts.chunks(TOGETHER_ON_DEVICE);
            let chunks: Result<Vec<_>, NnError> =
                chunks.map(|some| self.embed_some(some)).collect();
            return Ok(chunks?.concat());
        }
        let chunks = texts.par_chunks(TOGETHER);
        let chunks: Result<Vec<_>, NnError> = chunks.map(|some| self.embed_some(some)).collect();
        Ok(chunks?.concat())
    }

    fn embed_some(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, NnError> {
        let width = self.config.tower.width;
        let mut lengths = Vec::with_capacity(texts.len());
        let mut x = Vec::new();
        for ids in texts {
            let end = self.end(ids)?;
            lengths.push(end + 1);
            for (&id, position) in ids[..=end].iter().zip(self.positions.chunks_exact(width)) {
                let word = &self.words[id as usize * width..][..width];
                x.extend(word.iter().zip(position).map(|(a, b)| a + b));
            }
        }
        self.tower.forward(&mut x, &lengths);
        let mut ends = Vec::with_capacity(texts.len() * width);
        let mut first = 0;
        for length in lengths {
            first += length;
            ends.extend_from_slice(&x[(first - 1) * width..first * width]);
        }
        self.norm.apply(&mut ends);
        let vectors = self.projection.apply(&ends);
        Ok(vectors
            .chunks_exact(self.dimension)
            .map(<[f32]>::to_vec)
            .collect())
    }

    /// Position of the token that stands for the text.
    fn end(&self, ids: &[u32]) -> Result<usize, NnError> {
        let TextConfig {
            positions,
            vocabulary,
            end,
            ..
        } = self.config;
        let bad = |field: &'static str, expected: String, found: String| NnError::Config {
            field,
            expected,
            found,
        };
        if ids.is_empty() || ids.len() > positions {
            return Err(bad(
                "max_position_embeddings",
                format!("texts of 1 to {positions} tokens"),
                format!("{} tokens", ids.len()),
            ));
        }
        if let Some(id) = ids.iter().find(|&&id| id as usize >= vocabulary) {
            return Err(bad(
                "vocab_size",
                format!("tokens below {vocabulary}"),
                format!("token {id}; the tokeniser is another model's"),
            ));
        }
        match end {
            EndToken::Largest => {
                let largest = ids.iter().max();
                Ok(ids.iter().position(|id| Some(id) == largest).unwrap_or(0))
            }
            EndToken::Id(end) => ids.iter().position(|&id| id == end).ok_or_else(|| {
                bad(
                    "eos_token_id",
                    format!("a text with the end token {end}"),
                    "none; the tokeniser is another model's".to_owned(),
                )
            }),
            EndToken::Last if ids.len() == positions => Ok(positions - 1),
            EndToken::Last => Err(bad(
                "max_position_embeddings",
                format!("texts padded to {positions} tokens"),
                format!("{} tokens", ids.len()),
            )),
        }
    }
}
