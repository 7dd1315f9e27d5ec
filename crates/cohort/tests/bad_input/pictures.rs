//! Pictures: what cannot be decoded is refused, skipped on demand and found; every kind of sound picture works.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};

use crate::bench::Bench;

/// A picture of 40 x 30 pixels in a format.
fn picture(format: ImageFormat) -> Vec<u8> {
    let pixel = |x: u32, y: u32| image::Rgb([(x * 6) as u8, (y * 8) as u8, ((x * y) % 251) as u8]);
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::from_fn(40, 30, pixel))
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// A picture among the decoder's own test files.
fn golden(name: &str) -> Vec<u8> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../cohort-vision/tests/golden/decode"
    );
    std::fs::read(format!("{folder}/{name}")).unwrap()
}

const TRAIN: &str = "train image data --epochs 1 --out";

#[test]
fn pictures_that_cannot_be_decoded_are_named_skipped_on_demand_and_found() {
    let jpeg = picture(ImageFormat::Jpeg);
    let png = picture(ImageFormat::Png);
    let cases: [(&[u8], &str); 8] = [
        (
            &jpeg[..700],
            "JPEG is truncated: it ends after 700 bytes, within the data of a 40 x 30 picture",
        ),
        (
            &jpeg[..10],
            "JPEG is truncated: it ends after 10 bytes, within the header",
        ),
        (
            &jpeg[..2],
            "JPEG is truncated: it ends after 2 bytes, within the signature",
        ),
        (
            &png[..500],
            "PNG is truncated: it ends after 500 bytes, within the data",
        ),
        (
            b"",
            "expected JPEG, PNG or WebP, found an empty file (0 bytes)",
        ),
        (b"GIF89a....", "expected JPEG, PNG or WebP, found a GIF"),
        (
            b"<html>404</html>",
            "expected JPEG, PNG or WebP, found a text (HTML, XML or SVG)",
        ),
        (
            b"\0\0\0\0\0\0",
            "expected JPEG, PNG or WebP, found bytes 00 00 00 00 00 00",
        ),
    ];
    let bench = Bench::with_media();
    let (id, stem) = bench.first_clip();
    let file = format!("{stem}.jpg");
    for (bytes, message) in cases {
        bench.write(&file, bytes);
        let hint = "(--skip-bad leaves such clips out and lists them)";
        bench.refuses(
            &format!("{TRAIN} model"),
            &format!("clip {id}: decode {file}: {message} {hint}"),
        );
        assert!(!bench.exists("model"));
        let shown = file.replace("data/", "");
        bench.check_finds(
            1,
            &format!(
                "error: undecodable-media (1)\n  train/{id} row 2  decode {shown}: {message}\n"
            ),
        );
    }
    let skipped = bench.run(&format!("{TRAIN} model --skip-bad"));
    assert_eq!(skipped.code, 0, "{}", skipped.err);
    assert!(bench.exists("model/predictions.csv"));
}

#[test]
fn grey_deep_cmyk_transparent_and_one_pixel_pictures_work() {
    let kinds = [
        "jpeg_grey.jpg",
        "jpeg_cmyk_adobe.jpg",
        "jpeg_cmyk_plain.jpg",
        "jpeg_ycck.jpg",
        "jpeg_progressive.jpg",
        "jpeg_one_pixel.jpg",
        "png_grey16.png",
        "png_rgb16.png",
        "png_rgba16.png",
        "png_rgba.png",
        "png_grey_alpha.png",
        "png_palette8_trns.png",
        "png_one_pixel.png",
        "webp_lossless_alpha.webp",
    ];
    let bench = Bench::with_media();
    let table = String::from_utf8(bench.read("data/train_set_age_labels.csv")).unwrap();
    let rows: Vec<Vec<String>> = table
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(String::from).collect())
        .collect();
    assert!(rows.len() >= kinds.len());
    for (kind, row) in kinds.iter().zip(&rows) {
        let stem = format!(
            "data/train/{}/{}",
            row[2],
            row[0].strip_suffix(".mp4").unwrap()
        );
        bench.remove(&format!("{stem}.jpg"));
        let extension = kind.rsplit_once('.').unwrap().1;
        bench.write(&format!("{stem}.{extension}"), golden(kind));
    }
    // nothing cannot be decoded; a single pixel is worth a warning
    let check = bench.run("data check data --json");
    assert_eq!(check.code, 1);
    assert!(!check.out.contains("undecodable-media"), "{}", check.out);
    assert_eq!(
        check.out.matches("\"kind\": \"blank-image\"").count(),
        2,
        "{}",
        check.out
    );
    let trained = bench.run(&format!("{TRAIN} model"));
    assert_eq!(trained.code, 0, "{}", trained.err);
    assert!(!trained.err.contains("left out"), "{}", trained.err);
}

#[test]
fn a_folder_in_the_place_of_a_picture_is_no_picture() {
    let bench = Bench::with_media();
    let (id, stem) = bench.first_clip();
    bench.remove(&format!("{stem}.jpg"));
    bench.make_folder(&format!("{stem}.jpg"));
    let finding = "expected a picture (jpg, jpeg, jpe, jfif, png, webp), found none";
    bench.check_finds(
        1,
        &format!("error: missing-media (1)\n  train/{id} row 2  {finding}\n"),
    );
}
