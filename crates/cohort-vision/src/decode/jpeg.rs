//! JPEG: a walk over the markers that finds what is missing, then libjpeg-turbo's arithmetic in Rust, so that every value is
//! the one that Pillow gives.

use std::path::Path;

use image::metadata::Orientation;
use libjpeg_turbo_rs::{Decoder, JpegError, PixelFormat};

use super::check_size;
use super::guard::guarded;
use crate::error::{Format, VisionError};
use crate::picture::Picture;

/// The frame header, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    /// The low half of the marker: 0 to 2 for what can be decoded.
    process: u8,
    /// Bits a sample.
    precision: u8,
    width: u16,
    height: u16,
}

/// What a walk over the segments finds.
#[derive(Debug, PartialEq, Eq)]
enum Walk {
    /// The end-of-image marker after at least one scan.
    Complete(Frame),
    /// The bytes end first; the frame where it was seen.
    EndsEarly(Option<Frame>),
    /// An end-of-image marker, but no scan before it.
    NoScan,
}

/// Walks the segments (T.81 annex B) without decoding anything. Embedded thumbnails lie inside
/// a segment with a length and are stepped over with it.
fn walk(bytes: &[u8]) -> Walk {
    let mut frame = None;
    let mut scanned = false;
    let mut at = 2;
    loop {
        // The next marker: 0xFF followed by neither a stuffed zero, a fill byte nor a restart.
        let Some(step) = bytes.get(at..).and_then(|rest| memchr::memchr(0xff, rest)) else {
            return Walk::EndsEarly(frame);
        };
        at += step + 1;
        let Some(&marker) = bytes.get(at) else {
            return Walk::EndsEarly(frame);
        };
        match marker {
            0xff => continue,
            0x00 | 0x01 | 0xd0..=0xd8 => {
                at += 1;
                continue;
            }
            0xd9 => {
                return match frame {
                    Some(frame) if scanned => Walk::Complete(frame),
                    _ => Walk::NoScan,
                };
            }
            _ => {}
        }
        let Some(&[l1, l0]) = bytes.get(at + 1..at + 3) else {
            return Walk::EndsEarly(frame);
        };
        let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if is_frame && let Some(&[precision, h1, h0, w1, w0]) = bytes.get(at + 3..at + 8) {
            frame = Some(Frame {
                process: marker & 0x0f,
                precision,
                width: u16::from_be_bytes([w1, w0]),
                height: u16::from_be_bytes([h1, h0]),
            });
        }
        scanned |= marker == 0xda;
        at += 1 + usize::from(u16::from_be_bytes([l1, l0])).max(2);
    }
}

/// Decodes to RGB; also gives the EXIF orientation.
pub(super) fn decode(bytes: &[u8], name: &Path) -> Result<(Picture, Orientation), VisionError> {
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
    let frame = match walk(bytes) {
        Walk::Complete(frame) => frame,
        Walk::EndsEarly(frame) => {
            let within = match frame {
                Some(f) => format!("the data of a {} x {} picture", f.width, f.height),
                None => "the header".to_owned(),
            };
            return Err(VisionError::Truncated {
                path: name.to_owned(),
                format: Format::Jpeg,
                detail: format!("it ends after {} bytes, within {within}", bytes.len()),
            });
        }
        Walk::NoScan => return Err(corrupt("it ends before any picture data".to_owned())),
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

    let failed = |error: JpegError| corrupt(error.to_string());
    // Where fields of the header contradict each other (a component that gets no plane, for one) the
    // decoder panics.
    guarded(|| {
        let mut decoder = Decoder::new(bytes).map_err(failed)?;
        let (width, height) = decoder.header().dimensions();
        // The decoder's frame is the one that counts: a file may hold several.
        check_size(width as u64, height as u64, name)?;
        let orientation = decoder
            .exif_orientation()
            .and_then(Orientation::from_exif)
            .unwrap_or(Orientation::NoTransforms);
        decoder.set_output_format(PixelFormat::Rgb);
        decoder.set_stop_on_warning(true);
        let rgb = decoder.decode_image().map_err(failed)?.data;
        Ok((Picture::new(width, height, rgb)?, orientation))
    })
    .unwrap_or_else(|| Err(corrupt("its header contradicts itself".to_owned())))
}
