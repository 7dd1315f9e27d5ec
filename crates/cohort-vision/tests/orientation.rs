//! Pictures turned upright as Pillow 13.0 does it. golden/orientation.txt (by scripts/golden_orientation.py) holds EXIF and XMP
//! as they are found and the orientation that Pillow reads from them; the files around them are made here.

mod common;

use std::path::Path;

use cohort_vision::{Picture, decode_bytes_warned};
use common::containers::{golden, jpeg, png, png_chunk, stored, webp};

/// The picture as Pillow's transpose turns it, by definition.
fn turned(picture: &Picture, orientation: u8) -> Picture {
    let (w, h) = (picture.width(), picture.height());
    let (width, height) = if orientation >= 5 { (h, w) } else { (w, h) };
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (column, row) = match orientation {
                1 => (x, y),
                2 => (w - 1 - x, y),
                3 => (w - 1 - x, h - 1 - y),
                4 => (x, h - 1 - y),
                5 => (y, x),
                6 => (y, h - 1 - x),
                7 => (w - 1 - y, h - 1 - x),
                _ => (w - 1 - y, x),
            };
            rgb.extend(picture.pixel(column, row).expect("it is inside"));
        }
    }
    Picture::new(width, height, rgb).expect("it fits")
}

fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.trim_start_matches('-').as_bytes();
    digits
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn picture(bytes: &[u8], what: &str) -> Picture {
    let decoded =
        decode_bytes_warned(bytes, Path::new(what)).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(decoded.warnings.is_empty(), "{what}");
    decoded.picture
}

/// The same metadata in a JPEG, a PNG and a WebP.
fn containers(exif: &[u8], xmp: &[u8]) -> [(&'static str, Vec<u8>); 3] {
    [
        ("JPEG", jpeg(exif, xmp)),
        ("PNG", png(exif, xmp)),
        ("WebP", webp(exif, xmp, 0)),
    ]
}

#[test]
fn every_form_of_exif_and_xmp_turns_as_in_pillow() {
    let upright = containers(b"", b"").map(|(kind, bytes)| picture(&bytes, kind));
    let mut wrong = Vec::new();
    let lines: Vec<&str> = include_str!("golden/orientation.txt").lines().collect();
    assert!(lines.len() > 120);
    for line in lines {
        let [name, exif, xmp, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a line of the table: {line}");
        };
        let expected: u8 = expected.parse().expect("a number");
        for ((kind, bytes), upright) in containers(&hex(exif), &hex(xmp)).iter().zip(&upright) {
            if picture(bytes, name) != turned(upright, expected) {
                wrong.push(format!("{name} in {kind}: expected {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A little-endian EXIF block with that orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [&b"II\x2a\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat()
}

fn xmp(orientation: u8) -> Vec<u8> {
    format!("<a tiff:Orientation=\"{orientation}\"/>").into_bytes()
}

/// Places where only one format keeps metadata; each with what Pillow 13.0 gives.
#[test]
fn metadata_in_unusual_places_count_as_in_pillow() {
    let base = golden("png_rgb.png");
    let upright = picture(&base, "PNG");
    let with = |at: usize, chunk: &[u8]| [&base[..at], chunk, &base[at..]].concat();
    let (head, tail) = (33, base.len() - 12);
    let profile = |n| {
        let data = [b"Exif\0\0".to_vec(), exif(n)].concat();
        let digits: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        let (first, second) = digits.split_at(36);
        format!("\nexif\n{:8}\n{first}\n{second}\n", data.len())
    };
    let keyword = |kind: &[u8; 4], keyword: &str, between: &[u8], text: &[u8]| {
        png_chunk(kind, &[keyword.as_bytes(), b"\0", between, text].concat())
    };
    let key = "XML:com.adobe.xmp";
    let raw = "Raw profile type exif";
    let pngs: [(&str, Vec<u8>, u8); 9] = [
        (
            "eXIf after the pixels",
            with(tail, &png_chunk(b"eXIf", &exif(6))),
            6,
        ),
        (
            "eXIf that begins with its mark",
            with(
                head,
                &png_chunk(b"eXIf", &[b"Exif\0\0".to_vec(), exif(8)].concat()),
            ),
            8,
        ),
        (
            "iTXt after the pixels",
            with(tail, &keyword(b"iTXt", key, &[0; 4], &xmp(6))),
            6,
        ),
        (
            "iTXt, packed",
            with(
                head,
                &keyword(b"iTXt", key, &[1, 0, 0, 0], &stored(&xmp(5))),
            ),
            5,
        ),
        ("tEXt", with(head, &keyword(b"tEXt", key, b"", &xmp(7))), 7),
        (
            "zTXt",
            with(head, &keyword(b"zTXt", key, &[0], &stored(&xmp(3)))),
            3,
        ),
        (
            "ImageMagick's profile",
            with(head, &keyword(b"tEXt", raw, b"", profile(6).as_bytes())),
            6,
        ),
        (
            "ImageMagick's profile, packed",
            with(
                head,
                &keyword(b"zTXt", raw, &[0], &stored(profile(8).as_bytes())),
            ),
            8,
        ),
        (
            "another keyword",
            with(head, &keyword(b"iTXt", "XML", &[0; 4], &xmp(6))),
            1,
        ),
    ];
    for (name, bytes, expected) in pngs {
        assert_eq!(picture(&bytes, name), turned(&upright, expected), "{name}");
    }
    // EXIF before XMP, whichever stands first.
    let both = with(
        head,
        &[
            keyword(b"iTXt", key, &[0; 4], &xmp(6)),
            png_chunk(b"eXIf", &exif(1)),
        ]
        .concat(),
    );
    assert_eq!(picture(&both, "both"), upright);

    let upright = picture(&jpeg(b"", b""), "JPEG");
    // An EXIF block in two segments.
    let (first, second) = (&exif(6)[..14], &exif(6)[14..]);
    let one = jpeg(second, b"");
    let split = [
        &one[..2],
        &[0xff, 0xe1, 0, 2 + 6 + 14],
        b"Exif\0\0",
        first,
        &one[2..],
    ]
    .concat();
    assert_eq!(picture(&split, "split EXIF"), turned(&upright, 6));
    // Of two packets the last counts; what stands after the scan does not.
    let one = jpeg(b"", &xmp(6));
    let length = one.len() - jpeg(b"", b"").len();
    let two = [&jpeg(b"", &xmp(3))[..2 + length], &one[2..]].concat();
    assert_eq!(picture(&two, "two packets"), turned(&upright, 6));

    // A WebP whose header does not announce its metadata has none.
    let upright = picture(&webp(b"", b"", 0), "WebP");
    assert_eq!(
        picture(&webp(&exif(6), b"", 1 << 3), "not announced"),
        upright
    );
    assert_eq!(
        picture(&webp(b"", &xmp(6), 1 << 2), "not announced"),
        upright
    );
}
