//! WebP, by way of the `image` crate.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image::codecs::webp::WebPDecoder;
use image::{ImageDecoder, ImageError};

use super::budget::Share;
use super::guard::guarded;
use super::orientation::orientation;
use super::pixels::{Pixels, check_size};
use crate::error::{Format, VisionError};
use crate::picture::Picture;

/// Most bytes a pixel that decoding takes (measured): the picture with alpha, and the decoder's own copy or planes.
const BYTES: u64 = 10;

/// Width and height by the header.
pub(super) fn size(bytes: &[u8]) -> Option<(u64, u64)> {
    guarded(|| {
        let (width, height) = WebPDecoder::new(Cursor::new(bytes)).ok()?.dimensions();
        Some((width.into(), height.into()))
    })
    .flatten()
}

/// Decodes a WebP; an animated one gives its first frame. Alpha is dropped.
pub(super) fn decode(bytes: &[u8], name: &Path) -> Result<Pixels, VisionError> {
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
    let (picture, share) = guarded(|| read(bytes, name)).unwrap_or_else(|| {
        Err(VisionError::Corrupt {
            path: name.to_owned(),
            format: Format::WebP,
            reason: "its parts contradict each other".to_owned(),
        })
    })?;
    let (exif, xmp) = metadata(&bytes[..declared as usize + 8]);
    Ok(Pixels {
        picture,
        orientation: orientation(exif, xmp),
        warning: None,
        share,
    })
}

fn read(bytes: &[u8], name: &Path) -> Result<(Picture, Share), VisionError> {
    let failed = |error| translate(error, name, bytes.len());
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into(), name)?;
    let pixels = width as usize * height as usize;
    let share = Share::take(pixels as u64 * BYTES);
    let channels = usize::from(decoder.color_type().channel_count());
    let mut samples = vec![0; pixels * channels];
    decoder.read_image(&mut samples).map_err(failed)?;
    if channels == 4 {
        // In place, since a second buffer would be as large as the first.
        for i in 0..pixels {
            samples.copy_within(4 * i..4 * i + 3, 3 * i);
        }
        samples.truncate(3 * pixels);
        samples.shrink_to_fit();
    }
    let picture = Picture::new(width as usize, height as usize, samples)?;
    Ok((picture, share))
}

/// EXIF and XMP, which only a file with an extended header has that announces them.
fn metadata(bytes: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    const EXIF: u8 = 1 << 3;
    const XMP: u8 = 1 << 2;
    let (mut exif, mut xmp) = (None, None);
    let flags = match bytes.get(12..21) {
        Some([b'V', b'P', b'8', b'X', _, _, _, _, flags]) => *flags,
        _ => 0,
    };
    let mut at = 12;
    while let Some(&[a, b, c, d, l0, l1, l2, l3]) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let Some(body) = bytes.get(at + 8..).and_then(|rest| rest.get(..length)) else {
            break;
        };
        match &[a, b, c, d] {
            b"EXIF" if flags & EXIF != 0 => exif = exif.or(Some(body)),
            b"XMP " if flags & XMP != 0 => xmp = xmp.or(Some(body)),
            _ => {}
        }
        // Chunks are padded to an even length.
        at += 8 + length + length % 2;
    }
    (exif, xmp)
}

/// An error of the `image` crate in our words.
fn translate(error: ImageError, name: &Path, length: usize) -> VisionError {
    let path = name.to_owned();
    let format = Format::WebP;
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
