//! CLIP (Radford et al. 2021), OpenCLIP and SigLIP (Zhai et al. 2023): a tower for words and a tower for pictures, whose vectors
//! are compared. Frozen; on the CPU sequences stand one after another without padding, on a GPU the layers are tensors.
//!
//! Published layouts are those of Hugging Face (with and without `text_model.` in front) and OpenCLIP's own; names and sizes of the
//! second are turned into the first's. What a file says that is not known here is refused by name.

mod config;
mod folder;
mod layer;
mod names;
mod on_device;
mod open_clip;
mod picture;
mod text;
mod tower;

pub use config::{ClipConfig, ClipFamily, EndToken, PictureConfig, TextConfig, TowerConfig};
pub use folder::ClipFolder;
pub use picture::PictureTower;
pub use text::TextTower;

use cohort_weights::Weights;

use crate::{DeviceChoice, NnError};

/// Both towers, and how their products become scores.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The tower of words.
    pub text: TextTower,
    /// The tower of pictures.
    pub picture: PictureTower,
    /// Factor of the cosine: the exponential of the published `logit_scale`.
    pub scale: f32,
    /// What is added to the scaled cosine; 0 but for SigLIP.
    pub bias: f32,
}

impl Clip {
    /// Both towers with the weights of a checkpoint.
    ///
    /// # Errors
    /// [`NnError::Config`] for sizes that contradict each other, [`NnError::Weights`] for a tensor that is missing, left over
    /// or of another shape, a device that is not there.
    pub fn load(
        config: &ClipConfig,
        weights: Weights,
        device: DeviceChoice,
    ) -> Result<Self, NnError> {
        config.validate()?;
        let mut parts = names::parts(weights);
        let one =
            |values: Option<cohort_weights::Array>| values.and_then(|a| a.values.first().copied());
        let scale = one(parts.scale.take()).ok_or_else(|| NnError::Weights {
            name: "logit_scale".to_owned(),
            expected: "a number".to_owned(),
            found: "no such tensor".to_owned(),
        })?;
        Ok(Self {
            text: TextTower::from_parts(config, parts.text, device)?,
            picture: PictureTower::from_parts(config, parts.picture, device)?,
            scale: scale.exp(),
            bias: one(parts.bias.take()).unwrap_or(0.0),
        })
    }
}
