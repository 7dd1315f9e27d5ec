//! The tower of pictures: a vision transformer.

use std::collections::BTreeMap;

use cohort_kernels::dense::{Matrix, Norm, add_rows, product, softmax};
use cohort_weights::{Array, Weights};
use rayon::prelude::*;

use super::config::{ClipConfig, ClipFamily, PictureConfig};
use super::layer::norm;
use super::names::parts;
use super::tower::Tower;
use crate::packed::{Frozen, Linear, Named};
use crate::{Activation, DeviceChoice, NnError};

/// Pictures that are computed together by one thread, and on a GPU.
const TOGETHER: usize = 4;
const TOGETHER_ON_DEVICE: usize = 32;

/// Pixels in, one vector a picture out.
#[derive(Debug, Clone)]
pub struct PictureTower {
    config: PictureConfig,
    /// `[width, 3 patch patch]`
    patches: Frozen,
    /// Added to the rows: `[patches (and the class token first), width]`.
    positions: Vec<f32>,
    tower: Tower,
    end: End,
    dimension: usize,
}

/// How rows become a vector.
#[derive(Debug, Clone)]
enum End {
    /// The class token's row, normed and projected.
    Class {
        token: Vec<f32>,
        before: Norm,
        after: Norm,
        projection: Frozen,
    },
    /// A learnt query over all rows.
    Probe { after: Norm, pool: Box<Pool> },
}

/// SigLIP's attention pooling.
#[derive(Debug, Clone)]
struct Pool {
    /// The query, projected.
    query: Vec<f32>,
    /// Keys and values one below another.
    mixed: Frozen,
    output: Frozen,
    norm: Norm,
    up: Frozen,
    down: Frozen,
    heads: usize,
    activation: Activation,
}

impl PictureTower {
    /// The tower of pictures of a checkpoint, which may hold that of words too.
    ///
    /// # Errors
    /// As [`super::Clip::load`].
    pub fn load(
        config: &ClipConfig,
        weights: Weights,
        device: DeviceChoice,
    ) -> Result<Self, NnError> {
        config.validate()?;
        Self::from_parts(config, parts(weights).picture, device)
    }

    pub(super) fn from_parts(
        config: &ClipConfig,
        found: BTreeMap<String, Array>,
        device: DeviceChoice,
    ) -> Result<Self, NnError> {
        let (picture, dimension) = (config.picture, config.dimension);
        let (width, wide, patch) = (picture.tower.width, picture.tower.wide, picture.patch);
        let is_clip = config.family == ClipFamily::Clip;
        let rows = (picture.size / patch).pow(2) + usize::from(is_clip);
        let mut expected = Tower::expected(&picture.tower);
        let mut one = |name: &str, shape: Vec<usize>| expected.push((name.to_owned(), shape));
        one(
            "embeddings.patch_embedding.weight",
            vec![width, 3, patch, patch],
        );
        one("embeddings.position_embedding.weight", vec![rows, width]);
        one("post_layernorm.weight", vec![width]);
        one("post_layernorm.bias", vec![width]);
        match config.family {
            ClipFamily::Clip => {
                one("embeddings.class_embedding", vec![width]);
                // the spelling is the published one
                one("pre_layrnorm.weight", vec![width]);
                one("pre_layrnorm.bias", vec![width]);
                one("projection.weight", vec![dimension, width]);
            }
            ClipFamily::Siglip => {
                one("embeddings.patch_embedding.bias", vec![width]);
                one("head.probe", vec![1, 1, width]);
                one("head.attention.in_proj_weight", vec![3 * width, width]);
                one("head.attention.in_proj_bias", vec![3 * width]);
                one("head.attention.out_proj.weight", vec![width, width]);
                one("head.attention.out_proj.bias", vec![width]);
                one("head.layernorm.weight", vec![width]);
                one("head.layernorm.bias", vec![width]);
                one("head.mlp.fc1.weight", vec![wide, width]);
                one("head.mlp.fc1.bias", vec![wide]);
                one("head.mlp.fc2.weight", vec![width, wide]);
                one("head.mlp.fc2.bias", vec![width]);
            }
        }
        let mut named = Named::new(expected, found, "tower of pictures")?;
        let epsilon = picture.tower.epsilon;
        let patches = Linear {
            weight: named.take("embeddings.patch_embedding.weight"),
            bias: match is_clip {
                true => vec![0.0; width],
                false => named.take("embeddings.patch_embedding.bias"),
            },
        };
        let after = norm(&mut named, "post_layernorm", epsilon);
        let end = match config.family {
            ClipFamily::Clip => End::Class {
                token: named.take("embeddings.class_embedding"),
                before: norm(&mut named, "pre_layrnorm", epsilon),
                after,
                projection: Linear {
                    weight: named.take("projection.weight"),
                    bias: vec![0.0; dimension],
                }
                .frozen(),
            },
            ClipFamily::Siglip => End::Probe {
                after,
                pool: Box::new(Pool::take(&picture, &mut named)),
            },
        };
        Ok(Self {
            patches: patches.frozen(),
            positions: named.take("embeddings.position_embedding.weight"),
            tower: Tower::take(&picture.tower, false, &mut named, device)?,
            end,
            config: picture,
            dimension,
        })
    }

    /// Length of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Side of the pictures, in pixels.
    pub fn size(&self) -> usize {
        self.config.size
    }

    /// The vector of each picture, as published: not scaled to length 1. A picture is `[3, size, size]`, prepared as the model's
    /// own file says.
    ///
    /// # Errors
    /// [`NnError::Config`] for a picture of another size.
    pub fn embed(&self, pictures: &[&[f32]]) -> Result<Vec<Vec<f32>>, NnError> {
        let expected = 3 * self.config.size.pow(2);
        if let Some(other) = pictures.iter().find(|pixels| pixels.len() != expected) {
            return Err(NnError::Config {
                field: "image_size",
                expected: format!("pictures of {expected} values"),
                found: other.len().to_string(),
            });
        }
        let vectors: Vec<_> = match self.tower.is_on_device() {
            true => {
                let parts = pictures.chunks(TOGETHER_ON_DEVICE);
                parts.map(|some| self.embed_some(some)).collect()
            }
            false => {
                let parts = pictures.par_chunks(TOGETHER);
                parts.map(|some| self.embed_some(some)).collect()
            }
        };
        Ok(vectors.concat())
    }

    fn embed_some(&self, pictures: &[&[f32]]) -> Vec<Vec<f32>> {
        let width = self.config.tower.width;
        let rows = self.positions.len() / width;
        let mut x = Vec::with_capacity(pictures.len() * rows * width);
        for pixels in pictures {
            let begin = x.len();
            if let End::Class { token, .. } = &self.end {
                x.extend_from_slice(token);
            }
            x.extend(self.patches.apply(&self.cut(pixels)));
            for (v, p) in x[begin..].iter_mut().zip(&self.positions) {
                *v += p;
            }
        }
        if let End::Class { before, .. } = &self.end {
            before.apply(&mut x);
        }
        self.tower.forward(&mut x, &vec![rows; pictures.len()]);
        let vectors = match &self.end {
            End::Class {
                after, projection, ..
            } => {
                let pictures = x.chunks_exact(rows * width);
                let mut firsts: Vec<f32> = pictures.flat_map(|p| p[..width].to_vec()).collect();
                after.apply(&mut firsts);
                projection.apply(&firsts)
            }
            End::Probe { after, pool } => {
                after.apply(&mut x);
                let pictures = x.chunks_exact(rows * width);
                pictures.flat_map(|rows| pool.apply(rows)).collect()
            }
        };
        let vectors = vectors.chunks_exact(self.dimension);
        vectors.map(<[f32]>::to_vec).collect()
    }

    /// The patches as rows `[patches, 3 patch patch]`, line by line.
    fn cut(&self, pixels: &[f32]) -> Vec<f32> {
        let PictureConfig { size, patch, .. } = self.config;
        let grid = size / patch;
        let mut rows = Vec::with_capacity(grid * grid * 3 * patch * patch);
        for line in 0..grid {
            for column in 0..grid {
                for channel in 0..3 {
                    for y in 0..patch {
                        let begin = (channel * size + line * patch + y) * size + column * patch;
                        rows.extend_from_slice(&pixels[begin..begin + patch]);
                    }
                }
            }
        }
        rows
    }
}

impl Pool {
    fn take(picture: &PictureConfig, named: &mut Named) -> Self {
        let width = picture.tower.width;
        let mut weight = named.take("head.attention.in_proj_weight");
        let mut bias = named.take("head.attention.in_proj_bias");
        let mixed = Linear {
            weight: weight.split_off(width * width),
            bias: bias.split_off(width),
        };
        let query = Linear { weight, bias };
        Self {
            query: query.frozen().apply(&named.take("head.probe")),
            mixed: mixed.frozen(),
            output: Linear::take(named, "head.attention.out_proj").frozen(),
            norm: norm(named, "head.layernorm", picture.tower.epsilon),
            up: Linear::take(named, "head.mlp.fc1").frozen(),
            down: Linear::take(named, "head.mlp.fc2").frozen(),
            heads: picture.tower.heads,
            activation: picture.tower.activation,
        }
    }

    /// Rows `[rows, width]` to one of `width`.
    fn apply(&self, rows: &[f32]) -> Vec<f32> {
        let width = self.query.len();
        let count = rows.len() / width;
        let mixed = self.mixed.apply(rows);
        let own = width / self.heads;
        let mut seen = vec![0.0; width];
        let mut scores = vec![0.0; count];
        for head in 0..self.heads {
            let at = head * own;
            product(
                [1, own, count],
                1.0 / (own as f32).sqrt(),
                Matrix::rows(&self.query[at..], width),
                Matrix::columns(&mixed[at..], 2 * width),
                &mut scores,
                count,
                false,
            );
            softmax(&mut scores, count);
            product(
                [1, count, own],
                1.0,
                Matrix::rows(&scores, count),
                Matrix::rows(&mixed[width + at..], 2 * width),
                &mut seen[at..],
                width,
                false,
            );
        }
        let mut x = self.output.apply(&seen);
        let mut normed = x.clone();
        self.norm.apply(&mut normed);
        let mut wide = Vec::new();
        self.up.product(&normed, &mut wide);
        self.activation.of_rows(&mut wide, &self.up.bias);
        let mut narrow = Vec::new();
        self.down.product(&wide, &mut narrow);
        add_rows(&mut x, &narrow, &self.down.bias);
        x
    }
}
