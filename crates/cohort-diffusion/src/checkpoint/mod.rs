//! Checkpoints of latent diffusion in one file: which family they are of, what their tensors are called in a folder, what they do not say.
//!
//! A file of the families below holds the networks under the names of the first published code; folders have a file for each
//! network under diffusers' names. Both directions are tables here, complete for the three families.

mod family;
mod kind;
mod licence;
mod names;
mod recognise;
mod tensors;
mod text;
mod unet;
mod vae;

pub use family::{Part, SINGLE_FILE_FAMILIES, SingleFile};
pub use kind::{Assumption, Kind};
pub use licence::{Licence, Source, licence_of, licences};
pub use names::{Names, canonical_folder_name};
pub use recognise::{Found, is_unused, recognise};
pub use tensors::{Change, Tensor};
