//! Pictures in, tensors out: decoding, resizing, augmentation.
//!
//! ```no_run
//! use cohort_vision::{Transform, decode};
//!
//! let transform = Transform::trivial(224);
//! let picture = decode("face.jpg".as_ref())?;
//! let mut tensor = vec![0.0; transform.output_len()];
//! transform.apply(&picture, Some(1), &mut tensor)?;
//! # Ok::<(), cohort_vision::VisionError>(())
//! ```
//!
//! Every operation gives what Pillow and torchvision give, so that weights
//! trained there see the same pixels here: bit for bit, but for JPEG and lossy WebP (their
//! standards leave the last bits open).
//! Nothing here knows a network or a data set.

mod align;
pub mod augment;
pub mod colour;
mod crop;
mod decode;
mod degrade;
mod encode;
mod error;
mod geometry;
mod hash;
mod picture;
mod prepare;
mod quality;
mod random;
mod recipe;
mod resize;
mod tensor;
mod transform;
mod wide;

pub use align::align_face;
pub use augment::{ColourJitter, Op, light_augment, resized_crop, trivial_augment_wide};
pub use crop::{crop, crop_centre, crop_face};
pub use decode::{
    DECODE_BUDGET, Decoded, MAX_FILE_BYTES, MAX_PIXELS, declared_pixels, decode, decode_bytes,
    decode_bytes_warned, decode_warned, read_file,
};
pub use degrade::{Degradation, darken, gaussian_blur, gaussian_noise, occlude_centre};
pub use encode::{encode_jpeg, encode_png, small};
pub use error::{Format, VisionError};
pub use geometry::{
    Affine, Interpolation, affine, flip_horizontal, flip_vertical, rotate, rotate_90, rotate_180,
    rotate_270, transform_affine,
};
pub use hash::{hash_distance, perceptual_hash};
pub use picture::Picture;
pub use prepare::{Cut, Preparation, Sizing};
pub use quality::{brightness, sharpness};
pub use recipe::Recipe;
pub use resize::{Filter, resize, resize_with};
pub use tensor::{IMAGENET_MEAN, IMAGENET_STD, normalise};
pub use transform::{Augment, Transform};
