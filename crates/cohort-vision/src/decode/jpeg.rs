//! JPEG: a walk over the markers that finds what is missing, then libjpeg-turbo's arithmetic in Rust, so that every value is
//! the one that Pillow gives.

use std::path::Path;

use libjpeg_turbo_rs::{Decoder, JpegError, PixelFormat};

use super::budget::Share;
use super::guard::guarded;
use super::jpeg_walk::{End, walk};
use super::orientation::orientation;
use super::pixels::{Pixels, check_size};
use crate::error::{Format, VisionError};
use crate::picture::Picture;

/// Most bytes a pixel that decoding takes for a component (measured: 2.1 and 3.2): in one scan, and in several, whose
/// coefficients are kept.
const BYTES: [u64; 2] = [3, 4];

/// Width and height by the header.
pub(super) fn size(bytes: &[u8]) -> Option<(u64, u64)> {
    guarded(|| {
        let (width, height) = Decoder::new(bytes).ok()?.header().dimensions();
        Some((width as u64, height as u64))
    })
    .flatten()
}

/// Decodes to RGB.
///
/// A file whose end marker is missing, or has other data in its place, is read with a warning where the entropy-coded data hold
/// every bit of every coefficient: the decoder is then given those data and an end marker.
pub(super) fn decode(bytes: &[u8], name: &Path) -> Result<Pixels, VisionError> {
    let corrupt = |reason: String| VisionError::Corrupt {
        path: name.to_owned(),
        format: Format::Jpeg,
        reason,
    };
    let unsupported = |reason: String| VisionError::Unsupported {
        path: name.to_owned(),
        format: Format::Jpeg,
        reason,
    };
    let found = walk(bytes);
    let within = match found.frame {
        Some(f) => format!("the data of a {} x {} picture", f.width, f.height),
        None => "the header".to_owned(),
    };
    let truncated = || VisionError::Truncated {
        path: name.to_owned(),
        format: Format::Jpeg,
        detail: format!("it ends after {} bytes, within {within}", bytes.len()),
    };
    let frame = match (found.end, found.frame) {
        (End::NoScan, _) => return Err(corrupt("it ends before any picture data".to_owned())),
        (End::Marker | End::Early, Some(frame)) => frame,
        (End::Marker | End::Early, None) => return Err(truncated()),
    };
    match frame.process {
        0..=2 => {}
        3 => return Err(unsupported("lossless coding".to_owned())),
        5..=7 => return Err(unsupported("hierarchical coding".to_owned())),
        _ => return Err(unsupported("arithmetic coding".to_owned())),
    }
    if frame.precision != 8 {
        return Err(unsupported(format!("{} bits a sample", frame.precision)));
    }
    check_size(frame.width.into(), frame.height.into(), name)?;
    let exif = Some(&found.exif[..]).filter(|exif| !exif.is_empty());
    let pixels = |(picture, share), warning| Pixels {
        picture,
        orientation: orientation(exif, found.xmp),
        warning,
        share,
    };
    if let Some(end) = found.unmarked_end {
        let closed = [&bytes[..end], b"\xff\xd9"].concat();
        if let Ok(whole) = to_rgb(&closed, name) {
            let warning = format!(
                "{}: this JPEG has no end marker; its picture data are complete and were read",
                name.display()
            );
            return Ok(pixels(whole, Some(warning)));
        }
    }
    if found.end == End::Early {
        return Err(truncated());
    }
    Ok(pixels(to_rgb(bytes, name)?, None))
}

/// A whole JPEG to RGB.
fn to_rgb(bytes: &[u8], name: &Path) -> Result<(Picture, Share), VisionError> {
    let corrupt = |reason: String| VisionError::Corrupt {
        path: name.to_owned(),
        format: Format::Jpeg,
        reason,
    };
    let failed = |error: JpegError| corrupt(error.to_string());
    // Where fields of the header contradict each other (a component that gets no plane, for one) the
    // decoder panics.
    guarded(|| {
        let mut decoder = Decoder::new(bytes).map_err(failed)?;
        let (width, height) = decoder.header().dimensions();
        // The decoder's frame is the one that counts: a file may hold several.
        check_size(width as u64, height as u64, name)?;
        let bytes_a_pixel = BYTES[usize::from(decoder.has_multiple_scans())];
        let components = decoder.header().components.len().max(3) as u64;
        let share = Share::take(width as u64 * height as u64 * components * bytes_a_pixel);
        decoder.set_output_format(PixelFormat::Rgb);
        decoder.set_stop_on_warning(true);
        let rgb = decoder.decode_image().map_err(failed)?.data;
        Ok((Picture::new(width, height, rgb)?, share))
    })
    .unwrap_or_else(|| Err(corrupt("its header contradicts itself".to_owned())))
}
