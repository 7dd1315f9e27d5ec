//! One room a modality. The jobs go through [`Branch`] alone: what is done with pictures, sounds and words stands in here.

mod audio;
mod branch;
mod clip_media;
mod damage;
mod decoded;
mod image;
mod table;
mod text;
mod vectors;
mod video;

use crate::config::{FaceFeatureConfig, RunConfig};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::watch::Watch;

pub use clip_media::ClipMedia;
pub use damage::Damage;
pub use table::{Features, Skipped};
pub use video::VideoSeen;

pub(crate) use branch::{Branch, Part, Purpose, Samples};
pub(crate) use clip_media::chunks;
pub(crate) use decoded::{Content, DecodedMedia};
pub(crate) use image::decode_pictures;
pub(crate) use table::{Recipe, make_table};
pub(crate) use vectors::table_samples;
pub(crate) use video::{Looked, Videos, pooled};

/// The branch of a modality, with a run's settings.
///
/// # Errors
/// Settings and weights that cannot be used.
pub(crate) fn open(
    modality: Modality,
    config: &RunConfig,
    watch: &dyn Watch,
) -> Result<Box<dyn Branch>, PipelineError> {
    Ok(match modality {
        Modality::Image => Box::new(image::ImageBranch::open(config, watch)?),
        Modality::Audio => Box::new(audio::AudioBranch::open(config)),
        Modality::Text => Box::new(text::TextBranch::open(config, watch)?),
    })
}

/// Pictures as a frozen network sees them, whatever the run's settings say of networks.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_network(
    config: &RunConfig,
    network: &FaceFeatureConfig,
    watch: &dyn Watch,
) -> Result<Box<dyn Branch>, PipelineError> {
    let branch = image::ImageBranch::open_frozen(config, network, watch)?;
    Ok(Box::new(branch))
}

/// Every way in which clips are made worse, one modality after the other.
pub fn damages() -> Vec<Damage> {
    [&audio::DAMAGES[..], &image::DAMAGES, &text::DAMAGES].concat()
}
