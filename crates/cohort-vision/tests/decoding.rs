//! Every kind of file against what Pillow 12.3 makes of it; scripts/golden_decode.py wrote both.

mod common;

use std::path::{Path, PathBuf};

use cohort_vision::{
    Format, MAX_PIXELS, Picture, VisionError, declared_pixels, decode, decode_bytes,
};
use common::crc32;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode")
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Name, width, height and checksum of every file.
fn index() -> Vec<(String, usize, usize, u32)> {
    include_str!("golden/decode/index.txt")
        .lines()
        .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [name, w, h, crc] => (
                name.to_owned(),
                w.parse().expect("width"),
                h.parse().expect("height"),
                u32::from_str_radix(crc, 16).expect("checksum"),
            ),
            _ => panic!("not a line of the index: {line}"),
        })
        .collect()
}

#[test]
fn every_kind_of_file_is_read_as_pillow_reads_it() {
    let files = index();
    assert!(files.len() > 50);
    let mut wrong = Vec::new();
    for (name, w, h, crc) in &files {
        let picture = match decode(&folder().join(name)) {
            Ok(picture) => picture,
            Err(e) => {
                wrong.push(format!("{name}: {e}"));
                continue;
            }
        };
        let declared = declared_pixels(&folder().join(name));
        if declared != (w * h) as u64 {
            wrong.push(format!("{name}: {declared} pixels by its header"));
        }
        if (picture.width(), picture.height()) != (*w, *h) {
            wrong.push(format!("{name}: {picture:?}, expected {w} x {h}"));
        } else if let Ok(expected) = std::fs::read(folder().join(format!("{name}.rgb"))) {
            let off: Vec<u8> = picture
                .rgb()
                .iter()
                .zip(&expected)
                .map(|(a, b)| a.abs_diff(*b))
                .collect();
            let worst = off.iter().max().copied().unwrap_or(0);
            let mean = off.iter().map(|&d| f64::from(d)).sum::<f64>() / off.len() as f64;
            // JPEG by the same arithmetic; WebP's chroma is spread by other rules
            let (most, on_average) = if name.ends_with(".webp") {
                (3, 0.5)
            } else {
                (0, 0.0)
            };
            if worst > most || mean > on_average {
                wrong.push(format!(
                    "{name}: off by up to {worst}, {mean:.3} on average"
                ));
            }
        } else if crc32(picture.rgb().iter().copied()) != *crc {
            wrong.push(format!("{name}: other pixels"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What decoding these bytes fails with.
fn failure(bytes: &[u8]) -> VisionError {
    match decode_bytes(bytes, Path::new("some/clip.jpg")) {
        Ok(picture) => panic!("decoded to {picture:?}"),
        Err(e) => e,
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_that_says_so() {
    // What stands between the last pixel and the end may be cut: a JPEG's end marker, a PNG's IEND.
    let kinds = [
        ("jpeg_420.jpg", Format::Jpeg, 2),
        ("jpeg_progressive.jpg", Format::Jpeg, 2),
        ("jpeg_restart.jpg", Format::Jpeg, 2),
        ("jpeg_exif6.jpg", Format::Jpeg, 2),
        ("png_rgb.png", Format::Png, 12),
        ("png_interlaced.png", Format::Png, 12),
        ("png_palette4.png", Format::Png, 12),
        ("webp_lossy.webp", Format::WebP, 0),
        ("webp_lossless.webp", Format::WebP, 0),
        ("webp_animated.webp", Format::WebP, 0),
    ];
    for (name, expected, spare) in kinds {
        let bytes = golden(name);
        for length in 12..bytes.len() - spare {
            match failure(&bytes[..length]) {
                VisionError::Truncated { format, .. } => {
                    assert_eq!(format, expected, "{name} at {length}")
                }
                other => panic!("{name} cut to {length} of {} bytes: {other}", bytes.len()),
            }
        }
    }
}

#[test]
fn errors_name_the_file_and_what_was_found() {
    let png_of = |w: u32, h: u32| {
        let mut bytes = golden("png_rgb.png");
        bytes[16..20].copy_from_slice(&w.to_be_bytes());
        bytes[20..24].copy_from_slice(&h.to_be_bytes());
        let crc = crc32(bytes[12..29].iter().copied());
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        bytes
    };
    let jpeg_of = |w: u16, h: u16| {
        let mut bytes = golden("jpeg_444.jpg");
        let frame = bytes
            .windows(2)
            .position(|b| b == [0xff, 0xc0])
            .expect("a frame header");
        bytes[frame + 5..frame + 7].copy_from_slice(&h.to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&w.to_be_bytes());
        bytes
    };
    let arithmetic = {
        let mut bytes = golden("jpeg_444.jpg");
        let frame = bytes
            .windows(2)
            .position(|b| b == [0xff, 0xc0])
            .expect("a frame header");
        bytes[frame + 1] = 0xc9;
        bytes
    };
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("empty", vec![], "found an empty file (0 bytes)"),
        ("one byte", vec![0xff], "found bytes ff"),
        (
            "signature cut",
            vec![0xff, 0xd8],
            "JPEG is truncated: it ends after 2 bytes",
        ),
        (
            "PNG signature cut",
            b"\x89PNG\r".to_vec(),
            "PNG is truncated: it ends after 5 bytes",
        ),
        ("gif", b"GIF89a\x01\0\x01\0".to_vec(), "found a GIF"),
        (
            "page",
            b"<html>not found</html>".to_vec(),
            "found a text (HTML, XML or SVG)",
        ),
        (
            "heic",
            b"\0\0\0\x18ftypheic\0\0\0\0".to_vec(),
            "brand \"heic\"",
        ),
        (
            "sound",
            b"RIFF\x24\0\0\0WAVEfmt ".to_vec(),
            "found a RIFF file other than WebP",
        ),
        (
            "noise",
            (0..64).collect(),
            "found bytes 00 01 02 03 04 05 06 07",
        ),
        (
            "png bomb",
            png_of(100_000, 100_000),
            "expected at most 89478485 pixels, found 100000 x 100000",
        ),
        ("png of no width", png_of(0, 5), "PNG is corrupt"),
        (
            "jpeg bomb",
            jpeg_of(65_000, 65_000),
            "expected at most 89478485 pixels, found 65000 x 65000",
        ),
        ("jpeg of no height", jpeg_of(5, 0), "JPEG is corrupt"),
        (
            "arithmetic coding",
            arithmetic,
            "JPEG is not supported: arithmetic coding",
        ),
    ];
    for (name, bytes, expected) in cases {
        let message = failure(&bytes).to_string();
        assert!(message.contains("some/clip.jpg"), "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
    }
    let message = decode(Path::new("no/such/picture.jpg"))
        .expect_err("there is none")
        .to_string();
    assert!(
        message.starts_with("read picture no/such/picture.jpg: "),
        "{message}"
    );
    assert!(decode(&folder()).is_err(), "a folder is no picture");
}

#[test]
fn the_pixel_limit_is_pillows() {
    // PIL.Image.MAX_IMAGE_PIXELS
    assert_eq!(MAX_PIXELS, 89_478_485);
}

#[test]
fn orientation_is_undone_the_same_in_every_format() {
    // The eight JPEGs hold one picture; turned by their orientation they differ, turned back by
    // hand they are one again.
    let upright = decode(&folder().join("jpeg_exif1.jpg")).expect("it decodes");
    let turned = decode(&folder().join("jpeg_exif6.jpg")).expect("it decodes");
    assert_eq!(cohort_vision::rotate_270(&upright), turned);
    let mirrored: Picture = decode(&folder().join("jpeg_exif2.jpg")).expect("it decodes");
    assert_eq!(cohort_vision::flip_horizontal(&upright), mirrored);
}
