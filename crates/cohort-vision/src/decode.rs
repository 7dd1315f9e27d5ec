//! Files in, pictures out.

mod guard;
mod jpeg;
mod png_webp;

use std::io::Read;
use std::path::Path;

use image::metadata::Orientation;

use crate::error::{Format, VisionError};
use crate::geometry::{flip_horizontal, flip_vertical, rotate_90, rotate_180, rotate_270};
use crate::picture::Picture;

/// The most pixels a picture may declare: 89,478,485, the figure at which Pillow warns of a
/// decompression bomb (a quarter of a gigabyte at three bytes a pixel).
pub const MAX_PIXELS: u64 = 1024 * 1024 * 1024 / 4 / 3;

/// The most bytes a file may hold: 512 MiB.
pub const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// Reads a picture file: JPEG, PNG or WebP, told apart by content and not by extension.
///
/// What comes out is what Pillow's `ImageOps.exif_transpose(Image.open(path)).convert("RGB")`
/// gives: grey levels are repeated, palettes resolved, alpha dropped without blending,
/// CMYK and YCCK (always taken as Adobe's inverted values) multiplied out, the first frame of
/// an animation taken, the EXIF orientation applied. Colour profiles are ignored, as there.
/// Two differences: 16-bit grey keeps its high byte (Pillow clips it at 255, which
/// turns nearly every pixel white), and JPEG's data must be sound up to its end marker.
///
/// # Errors
/// [`VisionError`] naming the file: unreadable, empty, of no known format, truncated, corrupt,
/// or larger than [`MAX_PIXELS`] or [`MAX_FILE_BYTES`].
pub fn decode(path: &Path) -> Result<Picture, VisionError> {
    let read_error = |source| VisionError::Read {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(read_error)?;
    let mut bytes =
        Vec::with_capacity(file.metadata().map_or(0, |m| m.len().min(MAX_FILE_BYTES)) as usize + 1);
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(read_error)?;
    decode_bytes(&bytes, path)
}

/// Decodes a picture that is already in memory; `name` stands in error messages.
///
/// # Errors
/// As [`decode`], but for reading.
pub fn decode_bytes(bytes: &[u8], name: &Path) -> Result<Picture, VisionError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(VisionError::TooManyBytes {
            path: name.to_owned(),
            limit: MAX_FILE_BYTES,
        });
    }
    let (picture, orientation) = match sniff(bytes, name)? {
        Format::Jpeg => jpeg::decode(bytes, name)?,
        Format::Png => png_webp::decode_png(bytes, name)?,
        Format::WebP => png_webp::decode_webp(bytes, name)?,
    };
    Ok(orient(picture, orientation))
}

/// The format by its first bytes.
fn sniff(bytes: &[u8], name: &Path) -> Result<Format, VisionError> {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    const JPEG: &[u8] = b"\xff\xd8\xff";
    let truncated = |format| VisionError::Truncated {
        path: name.to_owned(),
        format,
        detail: format!("it ends after {} bytes, within the signature", bytes.len()),
    };
    if bytes.is_empty() {
        return Err(VisionError::Empty {
            path: name.to_owned(),
        });
    }
    if bytes.starts_with(JPEG) {
        return Ok(Format::Jpeg);
    }
    if bytes.starts_with(PNG) {
        return Ok(Format::Png);
    }
    if bytes.len() >= 12 && bytes.starts_with(b"RIFF") && bytes[8..12] == *b"WEBP" {
        return Ok(Format::WebP);
    }
    // Two bytes are enough to know a JPEG or PNG that breaks off within its signature.
    if bytes.len() > 1 && JPEG.starts_with(bytes) {
        return Err(truncated(Format::Jpeg));
    }
    if bytes.len() > 1 && PNG.starts_with(bytes) {
        return Err(truncated(Format::Png));
    }
    let known: [(&[u8], &str); 8] = [
        (b"GIF8", "a GIF"),
        (b"BM", "a BMP"),
        (b"II*\0", "a TIFF"),
        (b"MM\0*", "a TIFF"),
        (b"%PDF", "a PDF"),
        (b"RIFF", "a RIFF file other than WebP"),
        (b"<", "a text (HTML, XML or SVG)"),
        (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    ];
    let found = known
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map(|(_, what)| (*what).to_owned())
        .or_else(|| {
            let brand = bytes.get(4..12)?;
            brand.starts_with(b"ftyp").then(|| {
                let brand = String::from_utf8_lossy(&brand[4..]);
                format!(
                    "an ISO media file of brand {:?} (HEIC, AVIF or video)",
                    brand.trim()
                )
            })
        })
        .unwrap_or_else(|| {
            let hex: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("bytes {}", hex.join(" "))
        });
    Err(VisionError::UnknownFormat {
        path: name.to_owned(),
        found,
    })
}

/// Fails when the declared size is over the limit.
fn check_size(width: u64, height: u64, name: &Path) -> Result<(), VisionError> {
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
