//! PNG and WebP, by way of the `image` crate.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use super::{MAX_PIXELS, check_size};
use crate::error::{Format, VisionError};
use crate::picture::Picture;

/// Decodes a PNG; an animated one gives its default picture.
pub(super) fn decode_png(bytes: &[u8], name: &Path) -> Result<(Picture, Orientation), VisionError> {
    // Room for the pixels at the most bytes that one can take (16-bit RGBA) and for metadata.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_PIXELS * 8 + (64 << 20));
    let failed = |error| translate(error, Format::Png, name, bytes.len());
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(failed)?;
    finish(decoder, Format::Png, name, bytes.len())
}

/// Decodes a WebP; an animated one gives its first frame.
pub(super) fn decode_webp(
    bytes: &[u8],
    name: &Path,
) -> Result<(Picture, Orientation), VisionError> {
    // RIFF declares its length; the caller has seen that the header is there.
    let declared = bytes
        .get(4..8)
        .and_then(|b| b.try_into().ok())
        .map_or(0, u32::from_le_bytes);
    if u64::from(declared) + 8 > bytes.len() as u64 {
        return Err(VisionError::Truncated {
            path: name.to_owned(),
            format: Format::WebP,
            detail: format!(
                "it declares {} bytes and ends after {}",
                u64::from(declared) + 8,
                bytes.len()
            ),
        });
    }
    let failed = |error| translate(error, Format::WebP, name, bytes.len());
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(failed)?;
    finish(decoder, Format::WebP, name, bytes.len())
}

/// Size check, orientation, pixels.
fn finish(
    mut decoder: impl ImageDecoder,
    format: Format,
    name: &Path,
    length: usize,
) -> Result<(Picture, Orientation), VisionError> {
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into(), name)?;
    // A broken EXIF chunk is no reason to refuse sound pixels.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let decoded =
        DynamicImage::from_decoder(decoder).map_err(|e| translate(e, format, name, length))?;
    let rgb = to_rgb(decoded);
    Ok((
        Picture::new(width as usize, height as usize, rgb)?,
        orientation,
    ))
}

/// Three bytes a pixel: alpha dropped, the high byte of 16 bits kept, grey repeated.
fn to_rgb(decoded: DynamicImage) -> Vec<u8> {
    let high = |v: u16| (v >> 8) as u8;
    match decoded {
        DynamicImage::ImageRgb8(p) => p.into_raw(),
        DynamicImage::ImageRgba8(p) => p.pixels().flat_map(|p| [p[0], p[1], p[2]]).collect(),
        DynamicImage::ImageLuma8(p) => p.pixels().flat_map(|p| [p[0]; 3]).collect(),
        DynamicImage::ImageLumaA8(p) => p.pixels().flat_map(|p| [p[0]; 3]).collect(),
        DynamicImage::ImageRgb16(p) => p
            .pixels()
            .flat_map(|p| [high(p[0]), high(p[1]), high(p[2])])
            .collect(),
        DynamicImage::ImageRgba16(p) => p
            .pixels()
            .flat_map(|p| [high(p[0]), high(p[1]), high(p[2])])
            .collect(),
        DynamicImage::ImageLuma16(p) => p.pixels().flat_map(|p| [high(p[0]); 3]).collect(),
        DynamicImage::ImageLumaA16(p) => p.pixels().flat_map(|p| [high(p[0]); 3]).collect(),
        other => other.into_rgb8().into_raw(),
    }
}

/// An error of the `image` crate in our words.
fn translate(error: ImageError, format: Format, name: &Path, length: usize) -> VisionError {
    let path = name.to_owned();
    match error {
        ImageError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => VisionError::Truncated {
            path,
            format,
            detail: format!("it ends after {length} bytes, within the data"),
        },
        ImageError::Unsupported(e) => VisionError::Unsupported {
            path,
            format,
            reason: e.to_string(),
        },
        other => VisionError::Corrupt {
            path,
            format,
            reason: other.to_string(),
        },
    }
}
