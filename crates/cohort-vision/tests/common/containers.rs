//! Files made from the golden ones: a JPEG, a PNG and a WebP with given metadata.

use std::path::Path;

/// A file that scripts/golden_decode.py wrote.
pub fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode");
    std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A small JPEG with that EXIF and XMP, each where it is not empty.
pub fn jpeg(exif: &[u8], xmp: &[u8]) -> Vec<u8> {
    let base = golden("jpeg_444.jpg");
    let mut out = base[..2].to_vec();
    for (mark, body) in [
        (&b"Exif\0\0"[..], exif),
        (b"http://ns.adobe.com/xap/1.0/\0", xmp),
    ] {
        if !body.is_empty() {
            let length = (2 + mark.len() + body.len()) as u16;
            out.extend([0xff, 0xe1]);
            out.extend(length.to_be_bytes());
            out.extend([mark, body].concat());
        }
    }
    out.extend(&base[2..]);
    out
}

/// A chunk with length and checksum.
pub fn png_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [&kind[..], body].concat();
    let crc = super::crc32(named.iter().copied());
    [
        &(body.len() as u32).to_be_bytes()[..],
        &named,
        &crc.to_be_bytes(),
    ]
    .concat()
}

/// A small PNG, likewise.
pub fn png(exif: &[u8], xmp: &[u8]) -> Vec<u8> {
    let base = golden("png_rgb.png");
    let mut out = base[..33].to_vec();
    if !exif.is_empty() {
        out.extend(png_chunk(b"eXIf", exif));
    }
    if !xmp.is_empty() {
        out.extend(png_chunk(
            b"iTXt",
            &[b"XML:com.adobe.xmp\0\0\0\0\0", xmp].concat(),
        ));
    }
    out.extend(&base[33..]);
    out
}

/// A small WebP, likewise, without some flags in its extended header.
pub fn webp(exif: &[u8], xmp: &[u8], without: u8) -> Vec<u8> {
    let base = golden("webp_lossless.webp");
    let chunk = |kind: &[u8], body: &[u8]| {
        let mut out = [kind, &(body.len() as u32).to_le_bytes(), body].concat();
        out.resize(out.len().next_multiple_of(2), 0);
        out
    };
    let flags = (u8::from(!exif.is_empty()) << 3 | u8::from(!xmp.is_empty()) << 2) & !without;
    // 35 x 19, each less one.
    let header = chunk(b"VP8X", &[flags, 0, 0, 0, 34, 0, 0, 18, 0, 0]);
    let mut body = [b"WEBP", &header[..], &base[12..]].concat();
    if !exif.is_empty() {
        body.extend(chunk(b"EXIF", exif));
    }
    if !xmp.is_empty() {
        body.extend(chunk(b"XMP ", xmp));
    }
    chunk(b"RIFF", &body)
}

/// A zlib stream that holds the bytes as they are.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u16).to_le_bytes();
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let sum = (b << 16 | a).to_be_bytes();
    let header = [
        0x78, 0x01, 0x01, length[0], length[1], !length[0], !length[1],
    ];
    [&header[..], bytes, &sum].concat()
}
