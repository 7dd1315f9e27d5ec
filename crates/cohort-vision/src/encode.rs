//! Pictures as files.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::error::VisionError;
use crate::picture::Picture;
use crate::resize::resize;

/// A picture made so small that its longer side has at most `side` pixels (at least 1), in its own proportions; a smaller one as it is.
///
/// # Errors
/// As [`resize`], for a `side` that is too large.
pub fn small(picture: &Picture, side: usize) -> Result<Picture, VisionError> {
    let (width, height) = (picture.width(), picture.height());
    let longer = width.max(height).max(side);
    let of = |length: usize| (length * side / longer).max(1);
    resize(picture, of(width), of(height))
}

/// A picture as a baseline JPEG without chroma subsampling, of a quality from 1 to 100 (libjpeg's scale): the same bytes for the
/// same pixels.
///
/// # Errors
/// A side above 65,535 pixels, which JPEG has no number for.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, VisionError> {
    let refused = |expected: &str| VisionError::Argument {
        operation: "encode as JPEG",
        expected: expected.to_string(),
        found: format!("{} x {}", picture.width(), picture.height()),
    };
    let sides = [picture.width(), picture.height()].map(u16::try_from);
    let [Ok(width), Ok(height)] = sides else {
        return Err(refused("1 to 65,535 pixels a side"));
    };
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
        .encode(
            picture.rgb(),
            width.into(),
            height.into(),
            ExtendedColorType::Rgb8,
        )
        .map_err(|error| refused(&error.to_string()))?;
    Ok(bytes)
}

/// A picture as a PNG: the same bytes for the same pixels, and the same pixels again.
///
/// # Errors
/// A picture that PNG cannot hold.
pub fn encode_png(picture: &Picture) -> Result<Vec<u8>, VisionError> {
    let (width, height) = (picture.width(), picture.height());
    let refused = |found: String| VisionError::Argument {
        operation: "encode as PNG",
        expected: "a picture that PNG can hold".into(),
        found,
    };
    let sides = [width, height].map(u32::try_from);
    let [Ok(columns), Ok(rows)] = sides else {
        return Err(refused(format!("{width} x {height}")));
    };
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    let written = encoder.write_image(picture.rgb(), columns, rows, ExtendedColorType::Rgb8);
    written.map_err(|error| refused(format!("{width} x {height}: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_png_is_read_again() {
        let rgb: Vec<u8> = (0..7 * 5 * 3).map(|i| (i * 37 % 251) as u8).collect();
        let picture = Picture::new(7, 5, rgb).unwrap();
        let bytes = encode_png(&picture).unwrap();
        let read = crate::decode_bytes(&bytes, "a.png".as_ref()).unwrap();
        assert!(read == picture);
    }

    #[test]
    fn small_pictures_keep_their_proportions_and_never_grow() {
        for (size, side, expected) in [
            ([400, 200], 100, [100, 50]),
            ([30, 300], 100, [10, 100]),
            ([1, 5000], 100, [1, 100]),
            ([40, 20], 100, [40, 20]),
        ] {
            let picture = Picture::solid(size[0], size[1], [9, 99, 200]);
            let made = small(&picture, side).unwrap();
            assert_eq!([made.width(), made.height()], expected);
            assert_eq!(&made.rgb()[..3], [9, 99, 200]);
        }
    }
}
