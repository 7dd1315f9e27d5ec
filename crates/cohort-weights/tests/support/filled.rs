//! Tensors that are made of their names, as the reference values' `deterministic_weights.py` makes them; the tests of several crates
//! take this file.
#![allow(dead_code)] // each takes a part

/// CRC-32 as zlib computes it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg())
        })
    })
}

/// Numbers on [-1, 1): a hash of the name, then of each position.
pub fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let hash = crc32(name.as_bytes());
    (0..count as u32).map(move |k| {
        let mut x = hash.wrapping_add((k + 1).wrapping_mul(2_654_435_761));
        x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
        x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
        f64::from(x ^ (x >> 16)) / 4_294_967_296.0 * 2.0 - 1.0
    })
}

/// A tensor's values by the kind that its name and shape tell.
pub fn filled(name: &str, shape: &[usize]) -> Vec<f32> {
    let fan: usize = shape.iter().skip(1).product();
    let each = uniform(name, shape.iter().product()).map(|u| {
        let value = if name.ends_with("running_var") {
            1.0 + 0.5 * u
        } else if name.ends_with("running_mean") || name.ends_with("bias") {
            0.1 * u
        } else if shape.len() >= 2 {
            u * (3.0 / fan as f64).sqrt()
        } else {
            1.0 + 0.1 * u
        };
        value as f32
    });
    each.collect()
}

/// Inputs on [-1.5, 1.5), as `generation/common.py` draws them.
pub fn inputs(name: &str, count: usize) -> Vec<f32> {
    let each = uniform(name, count).map(|u| (0.1 * u) as f32 * 15.0);
    each.collect()
}
