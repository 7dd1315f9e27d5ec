//! A decoded file before it is turned upright, and how large it may be.

use std::path::Path;

use image::metadata::Orientation;

use super::budget::Share;
use crate::error::VisionError;
use crate::picture::Picture;

/// The most pixels a picture may declare: 89,478,485, the figure at which Pillow warns of a
/// decompression bomb (a quarter of a gigabyte at three bytes a pixel).
pub const MAX_PIXELS: u64 = 1024 * 1024 * 1024 / 4 / 3;

/// A picture as its file holds it, before it is turned upright.
pub(super) struct Pixels {
    pub(super) picture: Picture,
    pub(super) orientation: Orientation,
    pub(super) warning: Option<String>,
    /// Of the memory, held until the picture is upright.
    pub(super) share: Share,
}

/// Fails when the declared size is over the limit.
pub(super) fn check_size(width: u64, height: u64, name: &Path) -> Result<(), VisionError> {
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(VisionError::TooManyPixels {
            path: name.to_owned(),
            width,
            height,
            limit: MAX_PIXELS,
        });
    }
    Ok(())
}
