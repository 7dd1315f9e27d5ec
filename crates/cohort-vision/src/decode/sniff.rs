//! What kind of file it is, by its first bytes.

use std::path::Path;

use crate::error::{Format, VisionError};

/// The format of the bytes.
///
/// # Errors
/// [`VisionError`] for an empty file, one that ends within a signature, and one of a format that is not read, named.
pub(super) fn sniff(bytes: &[u8], name: &Path) -> Result<Format, VisionError> {
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
    let found = known(bytes).unwrap_or_else(|| {
        let hex: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("bytes {}", hex.join(" "))
    });
    Err(VisionError::UnknownFormat {
        path: name.to_owned(),
        found,
    })
}

/// The name of a format that is known and not read.
fn known(bytes: &[u8]) -> Option<String> {
    const MAGIC: [(&[u8], &str); 30] = [
        (b"GIF8", "a GIF"),
        (b"BM", "a BMP"),
        (b"II*\0", "a TIFF (or a camera's raw file)"),
        (b"MM\0*", "a TIFF (or a camera's raw file)"),
        (b"II+\0", "a BigTIFF"),
        (b"MM\0+", "a BigTIFF"),
        (b"\xff\x0a", "a JPEG XL"),
        (b"\0\0\0\x0cJXL ", "a JPEG XL"),
        (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
        (b"\xff\x4f\xff\x51", "a JPEG 2000"),
        (b"8BPS", "a Photoshop file"),
        (b"gimp xcf", "a GIMP file"),
        (b"\0\0\x01\0", "an icon (ICO)"),
        (b"icns", "an icon (ICNS)"),
        (b"qoif", "a QOI"),
        (b"DDS ", "a DDS"),
        (b"\x76\x2f\x31\x01", "an OpenEXR"),
        (b"#?RADIANCE", "a Radiance HDR"),
        (b"FUJIFILM", "a camera's raw file"),
        (b"%PDF", "a PDF"),
        (b"%!PS", "a PostScript file"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
        (
            b"\0\x05\x16\x07",
            "an AppleDouble file (what macOS keeps beside a picture, not the picture)",
        ),
        (
            b"version https://git-lfs",
            "a Git LFS pointer (the picture itself has not been fetched)",
        ),
        (b"RIFF", "a RIFF file other than WebP"),
        (b"ID3", "an MP3"),
        (b"<", "a text (HTML, XML or SVG)"),
        (b"\xef\xbb\xbf<", "a text (HTML, XML or SVG)"),
    ];
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some((*what).to_owned());
    }
    if let [b'P', b'1'..=b'7', space, ..] = bytes
        && space.is_ascii_whitespace()
    {
        return Some("a PBM, PGM or PPM".to_owned());
    }
    let brand = bytes.get(4..12)?.strip_prefix(b"ftyp")?;
    let what = match brand {
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => "a HEIC",
        b"avif" | b"avis" => "an AVIF",
        b"mif1" | b"msf1" => "a HEIF (HEIC or AVIF)",
        b"crx " => "a camera's raw file",
        _ => "a video, or another ISO media file",
    };
    let brand = String::from_utf8_lossy(brand);
    Some(format!("{what} of brand {:?}", brand.trim()))
}
