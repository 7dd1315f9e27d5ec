//! What the tests against Pillow and torchvision share: pictures made by formula (as
//! scripts/patterns.py makes them) and operations read from a line of text.
#![allow(dead_code, missing_docs)]

pub mod containers;

use cohort_vision::{
    Affine, IMAGENET_MEAN, IMAGENET_STD, Interpolation, Op, Picture, affine, colour,
    flip_horizontal, flip_vertical, normalise, resize, rotate,
};

/// The picture of that name and size; see scripts/patterns.py.
pub fn pattern(name: &str, w: usize, h: usize) -> Picture {
    let mut state = 12345u32;
    let mut rgb = Vec::with_capacity(w * h * 3);
    let (wi, hi) = (w as i64, h as i64);
    for y in 0..hi {
        for x in 0..wi {
            let mut random = || {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                i64::from(state >> 24)
            };
            let d = (2 * x - wi).pow(2) + (2 * y - hi).pow(2);
            let pixel = match name {
                "noise" => [random(), random(), random()],
                "dark" => [random(), random(), random()].map(|v| v / 8 + 20),
                "smooth" => [
                    x * 255 / (wi - 1).max(1),
                    y * 255 / (hi - 1).max(1),
                    (x + y) * 255 / (wi + hi - 2).max(1),
                ],
                "rings" => [d / 5 % 256, d / 11 % 256, d / 3 % 256],
                other => panic!("no pattern {other}"),
            };
            rgb.extend(pixel.map(|v| v as u8));
        }
    }
    Picture::new(w, h, rgb).expect("a pattern has a size")
}

/// CRC-32 as zlib computes it.
pub fn crc32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    !bytes.into_iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| {
            (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg())
        })
    })
}

fn interpolation(name: &str) -> Interpolation {
    match name {
        "nearest" => Interpolation::Nearest,
        "bilinear" => Interpolation::Bilinear,
        other => panic!("no interpolation {other}"),
    }
}

fn num<T: std::str::FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("not a number: {text}"))
}

/// The picture after the operation that `words` name.
pub fn operate(p: &Picture, words: &[&str]) -> Picture {
    match *words {
        ["trivial", index, bin, negative] => {
            Op::from_bin(num(index), num(bin), negative == "1").apply(p.clone())
        }
        ["rotate", degrees, mode] => rotate(p, num(degrees), interpolation(mode)),
        ["affine", angle, tx, ty, scale, sx, sy, mode] => {
            let map = Affine {
                angle: num(angle),
                translate: [num(tx), num(ty)],
                scale: num(scale),
                shear: [num(sx), num(sy)],
                centre: None,
            };
            affine(p, &map, interpolation(mode))
        }
        ["brightness", f] => colour::brightness(p.clone(), num(f)),
        ["contrast", f] => colour::contrast(p.clone(), num(f)),
        ["saturation", f] => colour::saturation(p.clone(), num(f)),
        ["sharpness", f] => colour::sharpness(p.clone(), num(f)),
        ["hue", f] => colour::hue(p.clone(), num(f)),
        ["hflip"] => flip_horizontal(p),
        ["vflip"] => flip_vertical(p),
        ["resize", w, h] => resize(p, num(w), num(h)).expect("a valid size"),
        _ => panic!("no operation {words:?}"),
    }
}

/// The tensor's bytes, little-endian.
pub fn tensor_bytes(p: &Picture) -> Vec<u8> {
    let mut out = vec![0.0; p.rgb().len()];
    normalise(p, IMAGENET_MEAN, IMAGENET_STD, &mut out).expect("it fits");
    out.iter().flat_map(|v| v.to_le_bytes()).collect()
}
