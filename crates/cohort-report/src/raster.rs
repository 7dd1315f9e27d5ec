//! Pixels: charts as PNG, and pixels as an address that an SVG can hold.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use resvg::{tiny_skia, usvg};

use crate::ReportError;
use crate::font::FONTS;

/// Pixels that one picture may have: 400 MB of memory.
const MOST_PIXELS: f64 = 1e8;

/// Draws an SVG of this crate as PNG, `scale` times its natural size (1 is 96 dots an inch; 3 suits print).
///
/// The result does not depend on the machine: its text is set in a font that comes with this crate, which holds Latin
/// and Greek; other scripts are drawn as empty boxes. Pictures that the SVG refers to are read from `data:` addresses
/// only, never from files.
///
/// # Errors
/// [`ReportError::Raster`] when the text is not an SVG, `scale` is not positive, or the picture would have more than 10^8 pixels.
pub fn svg_to_png(svg: &str, scale: f64) -> Result<Vec<u8>, ReportError> {
    static FONT_DATABASE: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let fonts = FONT_DATABASE.get_or_init(|| {
        let mut database = usvg::fontdb::Database::new();
        for font in FONTS {
            database.load_font_data(font.to_vec());
        }
        database.set_sans_serif_family("Roboto");
        Arc::new(database)
    });
    let options = usvg::Options {
        fontdb: Arc::clone(fonts),
        font_family: "Roboto".to_owned(),
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_string: Box::new(|_, _| None),
            ..usvg::ImageHrefResolver::default()
        },
        ..usvg::Options::default()
    };
    let failed = |operation, reason: String| ReportError::Raster { operation, reason };
    let tree =
        usvg::Tree::from_str(svg, &options).map_err(|e| failed("read SVG", e.to_string()))?;
    let (width, height) = (
        f64::from(tree.size().width()) * scale,
        f64::from(tree.size().height()) * scale,
    );
    if !(scale > 0.0 && width * height <= MOST_PIXELS) {
        return Err(failed(
            "draw SVG",
            format!("expected at most 10^8 pixels, found {width:.0} x {height:.0}"),
        ));
    }
    let (columns, rows) = (width.ceil().max(1.0) as u32, height.ceil().max(1.0) as u32);
    let mut pixels = tiny_skia::Pixmap::new(columns, rows).ok_or_else(|| {
        failed(
            "draw SVG",
            format!("no picture of {columns} x {rows} pixels"),
        )
    })?;
    let transform = tiny_skia::Transform::from_scale(scale as f32, scale as f32);
    resvg::render(&tree, transform, &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|e| failed("encode PNG", e.to_string()))
}

/// A JPEG as a `data:` address.
pub fn jpeg_address(jpeg: &[u8]) -> String {
    "data:image/jpeg;base64,".to_owned() + &base64::engine::general_purpose::STANDARD.encode(jpeg)
}

/// Pixels (8 bit RGB, rows from the top) as a PNG in a `data:` address.
pub(crate) fn data_address(width: u32, height: u32, rgb: &[u8]) -> Result<String, ReportError> {
    let failed = |e: png::EncodingError| ReportError::Raster {
        operation: "encode PNG",
        reason: e.to_string(),
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok("data:image/png;base64,".to_owned()
        + &base64::engine::general_purpose::STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    const HEAD: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"10\">";

    #[test]
    fn shapes_and_text_become_pixels() {
        let svg = format!("{HEAD}<rect width=\"20\" height=\"10\" fill=\"#ff0000\"/></svg>");
        let (width, height, pixels) = decode(&svg_to_png(&svg, 2.0).unwrap());
        assert_eq!((width, height), (40, 20));
        assert!(pixels.chunks(4).all(|p| p == [255, 0, 0, 255]));
        let text =
            format!("{HEAD}<text x=\"2\" y=\"9\" font-family=\"Arial, sans-serif\">0</text></svg>");
        let (_, _, pixels) = decode(&svg_to_png(&text, 1.0).unwrap());
        assert!(pixels.chunks(4).any(|p| p[3] > 100), "text leaves ink");
    }

    #[test]
    fn a_picture_survives_the_address() {
        let rgb: Vec<u8> = (0..8 * 4 * 3).map(|i| (i * 7 % 256) as u8).collect();
        let address = data_address(8, 4, &rgb).unwrap();
        let code = address.strip_prefix("data:image/png;base64,").unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(code)
            .unwrap();
        assert_eq!(decode(&bytes), (8, 4, rgb));
    }

    #[test]
    fn bad_input_is_an_error() {
        for (svg, scale, words) in [
            ("no svg".to_owned(), 1.0, "read SVG"),
            (format!("{HEAD}</svg>"), 0.0, "draw SVG"),
            (format!("{HEAD}</svg>"), f64::NAN, "draw SVG"),
            (format!("{HEAD}</svg>"), 1e6, "draw SVG"),
        ] {
            let error = svg_to_png(&svg, scale).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }

    #[test]
    fn files_are_never_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fonts/LICENSE-Roboto.txt");
        let svg = format!("{HEAD}<image href=\"{path}\" width=\"20\" height=\"10\"/></svg>");
        let (_, _, pixels) = decode(&svg_to_png(&svg, 1.0).unwrap());
        assert!(pixels.iter().all(|p| *p == 0));
    }
}
