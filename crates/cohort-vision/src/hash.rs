//! A fingerprint that survives re-encoding and resizing.

use crate::picture::Picture;

/// Side of the picture that the transform is taken of.
const SIDE: usize = 32;
/// Side of the block of low frequencies that becomes bits.
const LOW: usize = 8;

/// The 64-bit perceptual hash of a picture, equal to `imagehash.phash(image)` of ImageHash 4.3
/// on Pillow 12 (Pillow 13 resizes some tall pictures in the other order, which moves a bit or two).
///
/// Grey levels, resized to 32 x 32 with a Lanczos filter; two-dimensional DCT-II; one bit for each
/// of the 8 x 8 lowest frequencies, set where it is above their median. Rows first, the highest bit
/// first, so that `format!("{:016x}")` prints what `str()` prints there.
///
/// Two hashes are compared with [`hash_distance`]. Measured on 7,688 faces and scenes: a picture
/// resized to 160 x 160 is at distance 0 (92 %) or 2 (8 %), at most 4; two different pictures are at 30.4 on
/// average, and of 29.5 million pairs 4 are at most 2 apart, 9 at most 4, 23 at most 6, 115 at most 8 and 667 at
/// most 10 (some are true duplicates). Distances are even, since half of the bits are set.
#[must_use]
pub fn perceptual_hash(picture: &Picture) -> u64 {
    let small = lanczos_square(&picture.luma(), picture.width(), picture.height());
    // cosines[k][n] = cos(pi k (2 n + 1) / 64): the DCT-II without its factor of 2, which
    // changes no comparison.
    let cosines: [[f64; SIDE]; LOW] = std::array::from_fn(|k| {
        std::array::from_fn(|n| {
            (std::f64::consts::PI * (k * (2 * n + 1)) as f64 / (2 * SIDE) as f64).cos()
        })
    });
    let dot = |a: &[f64; SIDE], b: &[f64; SIDE]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let rows: [[f64; SIDE]; LOW] = {
        let columns: [[f64; SIDE]; SIDE] =
            std::array::from_fn(|x| std::array::from_fn(|y| f64::from(small[y * SIDE + x])));
        cosines.map(|c| std::array::from_fn(|x| dot(&c, &columns[x])))
    };
    let mut low = [0.0; LOW * LOW];
    for (i, value) in low.iter_mut().enumerate() {
        let exact = dot(&rows[i / LOW], &cosines[i % LOW]);
        // What is zero by symmetry comes out as some 1e-12: no bit may hang on it.
        *value = if exact.abs() < 1e-7 { 0.0 } else { exact };
    }
    let mut sorted = low;
    sorted.sort_by(f64::total_cmp);
    let median = (sorted[LOW * LOW / 2 - 1] + sorted[LOW * LOW / 2]) / 2.0;
    low.iter()
        .fold(0, |bits, &v| bits << 1 | u64::from(v > median))
}

/// How many of the 64 bits differ.
#[must_use]
pub fn hash_distance(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

/// Pillow's `resize((32, 32), LANCZOS)` of an 8-bit grey picture, bit for bit: horizontally, then
/// vertically, 22-bit fixed-point weights, rounded to 8 bits in between.
fn lanczos_square(grey: &[u8], width: usize, height: usize) -> Vec<u8> {
    let horizontal = weights(width);
    let mut narrow = Vec::with_capacity(height * SIDE);
    for row in grey.chunks_exact(width) {
        for (start, taps) in &horizontal {
            narrow.push(accumulate(row.iter().skip(*start), taps));
        }
    }
    let mut small = Vec::with_capacity(SIDE * SIDE);
    for (start, taps) in &weights(height) {
        for x in 0..SIDE {
            small.push(accumulate(
                narrow.iter().skip(start * SIDE + x).step_by(SIDE),
                taps,
            ));
        }
    }
    small
}

fn accumulate<'a>(values: impl Iterator<Item = &'a u8>, taps: &[i32]) -> u8 {
    let sum: i32 = values.zip(taps).map(|(&v, &k)| i32::from(v) * k).sum();
    ((sum + (1 << 21)) >> 22).clamp(0, 255) as u8
}

/// First source index and weights of each of the 32 outputs.
fn weights(size: usize) -> Vec<(usize, Vec<i32>)> {
    let scale = size as f64 / SIDE as f64;
    let filter_scale = scale.max(1.0);
    let support = 3.0 * filter_scale;
    let inverse = 1.0 / filter_scale;
    (0..SIDE)
        .map(|i| {
            let centre = (i as f64 + 0.5) * scale;
            let start = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(size);
            let taps: Vec<f64> = (start..end)
                .map(|x| lanczos((x as f64 - centre + 0.5) * inverse))
                .collect();
            let total: f64 = taps.iter().sum();
            let fixed = |w: &f64| (w / total * f64::from(1 << 22)).round() as i32;
            (start, taps.iter().map(fixed).collect())
        })
        .collect()
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let x = x * std::f64::consts::PI;
        if x == 0.0 { 1.0 } else { x.sin() / x }
    };
    if (-3.0..3.0).contains(&x) {
        sinc(x) * sinc(x / 3.0)
    } else {
        0.0
    }
}
