//! Files in, pictures out.

mod budget;
mod guard;
mod jpeg;
mod jpeg_walk;
mod orientation;
mod pixels;
mod png;
mod sniff;
mod webp;

use std::io::Read;
use std::path::Path;

use image::metadata::Orientation;

pub use budget::DECODE_BUDGET;
pub use pixels::MAX_PIXELS;

use crate::error::{Format, VisionError};
use crate::geometry::{flip_horizontal, flip_vertical, rotate_90, rotate_180, rotate_270};
use crate::picture::Picture;

/// The most bytes a file may hold: 512 MiB.
pub const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// A picture, and what was read otherwise than it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The picture, upright.
    pub picture: Picture,
    /// For whoever asked for the file: one line each, with the name of the file, where something in it is not as it should
    /// be and the picture is whole even so.
    pub warnings: Vec<String>,
}

/// Reads a picture file: JPEG, PNG or WebP, told apart by content and not by extension.
///
/// What comes out is what Pillow's `ImageOps.exif_transpose(Image.open(path)).convert("RGB")`
/// gives: grey levels are repeated, palettes resolved, alpha dropped without blending,
/// CMYK and YCCK (always taken as Adobe's inverted values) multiplied out, the first frame of
/// an animation taken, the orientation of EXIF (where it has none, of XMP) applied. Colour profiles are ignored, as there.
/// Two differences: 16-bit grey keeps its high byte (Pillow clips it at 255, which
/// turns nearly every pixel white), and JPEG's data must be sound up to their end. Where only the end marker is missing, as in files
/// of phones that write something else in its place, there is a warning.
///
/// All threads together hold at most [`DECODE_BUDGET`] bytes while they decode; one that would go beyond waits. A pixel takes
/// at most 6 bytes in a PNG, 9 in a JPEG, 12 in a progressive one (of four components 12 and 16) and 10 in a WebP.
///
/// # Errors
/// [`VisionError`] naming the file: unreadable, not a regular file, empty, of no known format, truncated, corrupt,
/// or larger than [`MAX_PIXELS`] or [`MAX_FILE_BYTES`].
pub fn decode_warned(path: &Path) -> Result<Decoded, VisionError> {
    decode_bytes_warned(&read_file(path)?, path)
}

/// [`decode_warned`] where there is nobody to warn.
///
/// # Errors
/// As [`decode_warned`].
pub fn decode(path: &Path) -> Result<Picture, VisionError> {
    decode_warned(path).map(|decoded| decoded.picture)
}

/// [`decode_bytes_warned`] where there is nobody to warn.
///
/// # Errors
/// As [`decode_bytes_warned`].
pub fn decode_bytes(bytes: &[u8], name: &Path) -> Result<Picture, VisionError> {
    decode_bytes_warned(bytes, name).map(|decoded| decoded.picture)
}

/// The bytes of a picture file, for [`decode_bytes_warned`].
///
/// # Errors
/// [`VisionError`] naming the file: unreadable; a folder, pipe, socket or device, since reading one may never end; larger than
/// [`MAX_FILE_BYTES`].
pub fn read_file(path: &Path) -> Result<Vec<u8>, VisionError> {
    let read_error = |source| VisionError::Read {
        path: path.to_owned(),
        source,
    };
    let metadata = std::fs::metadata(path).map_err(read_error)?;
    if !metadata.is_file() {
        return Err(VisionError::NotAFile {
            path: path.to_owned(),
            found: match metadata.is_dir() {
                true => "a folder",
                false => "a pipe, socket or device",
            },
        });
    }
    let file = std::fs::File::open(path).map_err(read_error)?;
    let mut bytes = Vec::with_capacity(metadata.len().min(MAX_FILE_BYTES) as usize + 1);
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(read_error)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_many_bytes(path));
    }
    Ok(bytes)
}

/// Decodes a picture that is already in memory; `name` stands in messages.
///
/// # Errors
/// As [`decode_warned`], but for reading.
pub fn decode_bytes_warned(bytes: &[u8], name: &Path) -> Result<Decoded, VisionError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_many_bytes(name));
    }
    let pixels = match sniff::sniff(bytes, name)? {
        Format::Jpeg => jpeg::decode(bytes, name)?,
        Format::Png => png::decode(bytes, name)?,
        Format::WebP => webp::decode(bytes, name)?,
    };
    let picture = orient(pixels.picture, pixels.orientation);
    drop(pixels.share);
    Ok(Decoded {
        picture,
        warnings: pixels.warning.into_iter().collect(),
    })
}

/// Pixels that a picture file declares, by its header alone: decoded they take three bytes each, which [`DECODE_BUDGET`] does not
/// count once decoding has ended. 0 where the header cannot be read, which decoding tells.
pub fn declared_pixels(path: &Path) -> u64 {
    let Ok(bytes) = read_file(path) else {
        return 0;
    };
    let size = match sniff::sniff(&bytes, path) {
        Ok(Format::Jpeg) => jpeg::size(&bytes),
        Ok(Format::Png) => png::size(&bytes),
        Ok(Format::WebP) => webp::size(&bytes),
        Err(_) => None,
    };
    let pixels = size.map_or(0, |(width, height)| width.saturating_mul(height));
    // more are refused
    if pixels > MAX_PIXELS { 0 } else { pixels }
}

fn too_many_bytes(path: &Path) -> VisionError {
    VisionError::TooManyBytes {
        path: path.to_owned(),
        limit: MAX_FILE_BYTES,
    }
}

/// Undoes the camera's turn, as Pillow's `exif_transpose`.
fn orient(picture: Picture, orientation: Orientation) -> Picture {
    match orientation {
        Orientation::NoTransforms => picture,
        Orientation::FlipHorizontal => flip_horizontal(&picture),
        Orientation::Rotate180 => rotate_180(&picture),
        Orientation::FlipVertical => flip_vertical(&picture),
        // Quarter turns are counted counter-clockwise here and clockwise in EXIF.
        Orientation::Rotate90FlipH => flip_horizontal(&rotate_270(&picture)),
        Orientation::Rotate90 => rotate_270(&picture),
        Orientation::Rotate270FlipH => flip_horizontal(&rotate_90(&picture)),
        Orientation::Rotate270 => rotate_90(&picture),
    }
}
