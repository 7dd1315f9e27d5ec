//! PNG, row by row: at no time is there more than the RGB picture and a row of the file's samples.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use png::{ColorType, Decoder, DecodingError, InterlaceInfo, Limits, Reader, Transformations};

use super::budget::Share;
use super::guard::guarded;
use super::orientation::orientation;
use super::pixels::{Pixels, check_size};
use crate::error::{Format, VisionError};
use crate::picture::Picture;

/// Most bytes a pixel that decoding takes: the picture, and once more while it is turned upright.
const BYTES: u64 = 6;
/// Most bytes of chunks other than picture data, and of a row.
const CHUNKS: usize = 128 << 20;

/// Width and height by the header.
pub(super) fn size(bytes: &[u8]) -> Option<(u64, u64)> {
    guarded(|| {
        let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: CHUNKS });
        let header = decoder.read_header_info().ok()?;
        Some((u64::from(header.width), u64::from(header.height)))
    })
    .flatten()
}

/// Decodes a PNG; an animated one gives its default picture. Alpha is dropped, of 16 bits the high byte kept, grey repeated.
///
/// A file that ends early is read with a warning where all its picture data are there: where it decodes with an end chunk
/// behind its last whole one.
pub(super) fn decode(bytes: &[u8], name: &Path) -> Result<Pixels, VisionError> {
    const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
    let read = |bytes: &[u8]| {
        guarded(|| read(bytes, name)).unwrap_or_else(|| {
            Err(VisionError::Corrupt {
                path: name.to_owned(),
                format: Format::Png,
                reason: "its parts contradict each other".to_owned(),
            })
        })
    };
    match read(bytes) {
        Err(error @ VisionError::Truncated { .. }) => {
            let closed = [&bytes[..whole_chunks(bytes)], END].concat();
            let pixels = read(&closed).map_err(|_| error)?;
            Ok(Pixels {
                warning: Some(ends_early(name)),
                ..pixels
            })
        }
        other => other,
    }
}

fn ends_early(name: &Path) -> String {
    let name = name.display();
    format!(
        "{name}: this PNG ends without its end chunk; its picture data are complete and were read"
    )
}

/// Where the last whole chunk ends.
fn whole_chunks(bytes: &[u8]) -> usize {
    let mut at = 8.min(bytes.len());
    while let Some(&[a, b, c, d]) = bytes.get(at..at + 4) {
        let next = at + 12 + u32::from_be_bytes([a, b, c, d]) as usize;
        if next > bytes.len() {
            break;
        }
        at = next;
    }
    at
}

fn read(bytes: &[u8], name: &Path) -> Result<Pixels, VisionError> {
    let failed = |error| translate(error, name, bytes.len());
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: CHUNKS });
    // Colour profiles are not looked at, so that none is unpacked.
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let header = decoder.read_header_info().map_err(failed)?;
    let (width, height) = (header.width as usize, header.height as usize);
    check_size(width as u64, height as u64, name)?;
    let mut reader = decoder.read_info().map_err(failed)?;
    let (colour, _) = reader.output_color_type();
    let share = Share::take(width as u64 * height as u64 * BYTES);
    let stride = width * 3;
    let interlaced = reader.info().interlaced;
    let mut rgb = Vec::with_capacity(stride * height);
    let mut spread = Vec::new();
    if interlaced {
        rgb.resize(stride * height, 0);
    }
    while let Some(row) = reader.next_interlaced_row().map_err(failed)? {
        match row.interlace() {
            InterlaceInfo::Null(_) => append(&mut rgb, row.data(), colour),
            InterlaceInfo::Adam7(pass) => {
                spread.clear();
                append(&mut spread, row.data(), colour);
                png::expand_interlaced_row(&mut rgb, stride, &spread, pass, 24);
            }
        }
    }
    // What stands after the picture data may be missing or damaged, but if it is there its metadata count.
    let warning = match reader.finish() {
        Err(DecodingError::IoError(e)) if e.kind() == ErrorKind::UnexpectedEof => {
            Some(ends_early(name))
        }
        _ => None,
    };
    let (exif, xmp) = metadata(&reader);
    Ok(Pixels {
        picture: Picture::new(width, height, rgb)?,
        orientation: orientation(exif.as_deref(), xmp.as_deref()),
        warning,
        share,
    })
}

/// Samples of a row, 8 bits each, as RGB.
fn append(rgb: &mut Vec<u8>, row: &[u8], colour: ColorType) {
    match colour {
        ColorType::Rgb => rgb.extend_from_slice(row),
        ColorType::Rgba => rgb.extend(row.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]])),
        ColorType::GrayscaleAlpha => rgb.extend(row.chunks_exact(2).flat_map(|p| [p[0]; 3])),
        // Palettes have been resolved.
        ColorType::Grayscale | ColorType::Indexed => rgb.extend(row.iter().flat_map(|p| [*p; 3])),
    }
}

/// EXIF (an eXIf chunk, else ImageMagick's text in hexadecimal) and XMP (a text).
fn metadata(reader: &Reader<Cursor<&[u8]>>) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    const PROFILE: &str = "Raw profile type exif";
    let info = reader.info();
    // Of several texts with one keyword the last counts.
    let text = |keyword: &str| -> Option<String> {
        let plain = info.uncompressed_latin1_text.iter().rev();
        let mut plain = plain.filter(|text| text.keyword == keyword);
        let packed = info.compressed_latin1_text.iter().rev();
        let mut packed = packed.filter(|text| text.keyword == keyword);
        let wide = info.utf8_text.iter().rev();
        let mut wide = wide.filter(|text| text.keyword == keyword);
        wide.find_map(|text| text.get_text().ok())
            .or_else(|| packed.find_map(|text| text.get_text().ok()))
            .or_else(|| plain.next().map(|text| text.text.clone()))
    };
    let profile = || {
        let text = text(PROFILE)?;
        // An empty line, the kind, the length, then the bytes.
        let digits: Vec<u8> = text
            .split('\n')
            .skip(3)
            .flat_map(|line| line.bytes().filter(|byte| !byte.is_ascii_whitespace()))
            .collect();
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let pairs = digits.chunks_exact(2);
        pairs
            .map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8))
            .collect::<Option<Vec<u8>>>()
    };
    let exif = info.exif_metadata.as_ref().map(|exif| exif.to_vec());
    let xmp = text("XML:com.adobe.xmp").map(String::into_bytes);
    (exif.or_else(profile), xmp)
}

/// An error of the decoder in our words.
fn translate(error: DecodingError, name: &Path, length: usize) -> VisionError {
    let path = name.to_owned();
    let format = Format::Png;
    match error {
        DecodingError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            VisionError::Truncated {
                path,
                format,
                detail: format!("it ends after {length} bytes, within the data"),
            }
        }
        DecodingError::LimitsExceeded => VisionError::Corrupt {
            path,
            format,
            reason: format!("its chunks beside the picture data take more than {CHUNKS} bytes"),
        },
        other => VisionError::Corrupt {
            path,
            format,
            reason: other.to_string(),
        },
    }
}
