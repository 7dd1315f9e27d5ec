//! Resizing as Pillow does it: each row first, then each column, both in fixed point and rounded to bytes.

mod filter;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::decode::MAX_PIXELS;
use crate::error::VisionError;
use crate::picture::Picture;
pub use filter::Filter;

/// Bits after the point of a weight, as Pillow's for bytes: weights add up to 1 << 22, so the sum of bytes so weighed fits
/// 32 bits.
const PRECISION: u32 = 22;
/// One half, for rounding.
const HALF: i32 = 1 << (PRECISION - 1);
/// A side is shrunk this many times at most in one go: beyond, the rounding of so many small weights would show.
const SHRINK: usize = 4096;

/// Resizes with an antialiased triangle filter: byte for byte Pillow's
/// `Image.resize((width, height), BILINEAR)`, which is also what torchvision's `Resize`
/// does to a PIL image. The aspect ratio is not kept.
///
/// Rows come first, then columns, as in Pillow 12 (Pillow 13 resizes some tall pictures in the other order).
/// A side that shrinks more than 4096 times shrinks in steps, and a picture too large when only its
/// rows are resized has its columns resized first: there the result is close to Pillow's, not equal.
///
/// # Errors
/// [`VisionError::Argument`] when a side is 0 or the result would have more than
/// [`MAX_PIXELS`].
pub fn resize(picture: &Picture, width: usize, height: usize) -> Result<Picture, VisionError> {
    resize_with(picture, width, height, Filter::Bilinear)
}

/// [`resize`] with another filter: byte for byte Pillow's `Image.resize((width, height), filter)`, with the same exceptions.
///
/// # Errors
/// As [`resize`].
pub fn resize_with(
    picture: &Picture,
    width: usize,
    height: usize,
    filter: Filter,
) -> Result<Picture, VisionError> {
    let argument = |found: String| VisionError::Argument {
        operation: "resize",
        expected: format!("sides of at least 1 and at most {MAX_PIXELS} pixels"),
        found,
    };
    let [old_width, old_height] = [picture.width(), picture.height()];
    if (width, height) == (old_width, old_height) {
        return Ok(picture.clone());
    }
    let allowed = |width: usize, height: usize| {
        let pixels = (width as u64).checked_mul(height as u64);
        pixels.is_some_and(|n| (1..=MAX_PIXELS).contains(&n))
    };
    if !allowed(width, height) {
        return Err(argument(format!("{width} x {height}")));
    }
    // Both steps make the picture smaller.
    let too_large = old_height > height && !allowed(width, old_height);
    if too_large || old_height / height > SHRINK {
        let step = height.max(old_height.div_ceil(SHRINK));
        let step = convolve(picture, old_width, step, filter)?;
        return resize_with(&step, width, height, filter);
    }
    if old_width / width > SHRINK {
        let step = old_width.div_ceil(SHRINK);
        let step = convolve(picture, step, old_height, filter)?;
        return resize_with(&step, width, height, filter);
    }
    convolve(picture, width, height, filter)
}

/// What each place of a resized side is made of: a run of neighbouring places, weighed.
struct Side {
    /// Places of the source.
    #[cfg(target_arch = "x86_64")]
    from: usize,
    /// The first neighbour of each place; places are added, of no neighbours, up to a multiple of four.
    starts: Vec<usize>,
    /// `count` weights a place; those after its last neighbour are 0.
    weights: Vec<i32>,
    /// A multiple of four.
    count: usize,
    /// The weights of two neighbours each as the high and the low part of both, see [`split`].
    #[cfg(target_arch = "x86_64")]
    pairs: Vec<[i32; 2]>,
    /// How many of the `count / 2` pairs of a place are not all 0.
    #[cfg(target_arch = "x86_64")]
    used: Vec<usize>,
}

impl Side {
    /// Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
    fn new(from: usize, to: usize, filter: Filter) -> Self {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let count = (2.0 * support) as usize + 1;
        let count = count.min(from).next_multiple_of(4);
        let places = to.next_multiple_of(4);
        let mut starts = Vec::with_capacity(places);
        let mut weights = vec![0; count * places];
        let mut shares = Vec::with_capacity(count);
        for (place, weights) in weights.chunks_exact_mut(count).enumerate().take(to) {
            let centre = (place as f64 + 0.5) * scale;
            // Casting cuts off what is after the point.
            let start = ((centre - support + 0.5) as i64).max(0);
            let end = ((centre + support + 0.5) as i64).min(from as i64);
            let inverse = 1.0 / stretch;
            let mut sum = 0.0;
            shares.clear();
            for i in start..end {
                let share = filter.at((i as f64 - centre + 0.5) * inverse);
                sum += share;
                shares.push(share);
            }
            for (weight, share) in weights.iter_mut().zip(&shares) {
                let share = share / sum * f64::from(1 << PRECISION);
                *weight = (share + 0.5f64.copysign(share)) as i32;
            }
            starts.push(start as usize);
        }
        starts.resize(places, 0);
        #[cfg(target_arch = "x86_64")]
        let (pairs, used) = {
            let pairs: Vec<[i32; 2]> = weights.as_chunks().0.iter().map(split).collect();
            let last = |pairs: &[[i32; 2]]| pairs.iter().rposition(|p| *p != [0; 2]);
            let used = pairs
                .chunks_exact(count / 2)
                .map(|p| last(p).map_or(0, |i| i + 1));
            let used = used.collect();
            (pairs, used)
        };
        Self {
            #[cfg(target_arch = "x86_64")]
            from,
            starts,
            weights,
            count,
            #[cfg(target_arch = "x86_64")]
            pairs,
            #[cfg(target_arch = "x86_64")]
            used,
        }
    }

    /// Bytes of a resized row in the window, with room for what is written behind it.
    fn stride(&self) -> usize {
        3 * self.starts.len() + 4
    }

    fn weights(&self, place: usize) -> &[i32] {
        &self.weights[place * self.count..][..self.count]
    }
}

/// Two weights `256 * high + low`, 16 bits a part, the high ones with a sign: both high parts, then both low ones, the first weight's in the lower
/// half. Wide registers multiply 16-bit numbers; the sum of both products is exact.
#[cfg(target_arch = "x86_64")]
fn split(weights: &[i32; 2]) -> [i32; 2] {
    let [a, b] = *weights;
    [
        (b >> 8) << 16 | (a >> 8) & 0xffff,
        (b & 255) << 16 | a & 255,
    ]
}

/// One way to compute: with wide registers or without; both give the same bytes.
#[derive(Clone, Copy)]
struct Wide(bool);

impl Wide {
    fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self(is_x86_feature_detected!("avx2"));
        #[cfg(not(target_arch = "x86_64"))]
        Self(false)
    }
}

fn convolve(
    picture: &Picture,
    width: usize,
    height: usize,
    filter: Filter,
) -> Result<Picture, VisionError> {
    let rgb = convolve_with(Wide::of_this_processor(), picture, width, height, filter);
    Picture::new(width, height, rgb)
}

/// Every source row is resized once, into a window that slides down and holds what the row to be written needs.
fn convolve_with(
    wide: Wide,
    picture: &Picture,
    width: usize,
    height: usize,
    filter: Filter,
) -> Vec<u8> {
    let across = Side::new(picture.width(), width, filter);
    let other;
    let down = if (picture.height(), height) == (picture.width(), width) {
        &across
    } else {
        other = Side::new(picture.height(), height, filter);
        &other
    };
    let stride = across.stride();
    let mut rows = Rows::new(wide, picture, &across);
    // Room to slide seldom, within the nearest cache where rows are short.
    let room = down.count + ((24 << 10) / stride).clamp(4, 24);
    let mut window = vec![0; room * stride];
    // Source rows in the window: `first..ready`.
    let (mut first, mut ready) = (0, 0);
    let length = 3 * width;
    let mut rgb = Vec::with_capacity(height * length);
    for y in 0..height {
        let start = down.starts[y];
        if start - first + down.count + 3 > room {
            window.copy_within((start - first) * stride..(ready - first) * stride, 0);
            first = start;
        }
        let end = (start + down.count).min(picture.height());
        while ready < end {
            rows.four(ready, &mut window[(ready - first) * stride..][..4 * stride]);
            ready += 4;
        }
        let window = &window[(start - first) * stride..];
        columns(wide, window, stride, down, y, length, &mut rgb);
    }
    rgb
}

/// Resizes rows, four at once.
struct Rows<'a> {
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    wide: Wide,
    picture: &'a Picture,
    side: &'a Side,
    /// Copies of the last rows with room behind them.
    #[cfg(target_arch = "x86_64")]
    spare: [Vec<u8>; 4],
}

impl<'a> Rows<'a> {
    fn new(wide: Wide, picture: &'a Picture, side: &'a Side) -> Self {
        Self {
            wide,
            picture,
            side,
            #[cfg(target_arch = "x86_64")]
            spare: Default::default(),
        }
    }

    /// Rows from `y` on, the last one again where there are fewer.
    fn four(&mut self, y: usize, out: &mut [u8]) {
        let (rgb, length) = (self.picture.rgb(), 3 * self.picture.width());
        let last = self.picture.height() - 1;
        let starts = [0, 1, 2, 3].map(|i| (y + i).min(last) * length);
        #[cfg(target_arch = "x86_64")]
        if self.wide.0 {
            let length = length + x86::behind(self.side);
            let [a, b, c, d] = &mut self.spare;
            let rows = [
                with_room(&rgb[starts[0]..], length, a),
                with_room(&rgb[starts[1]..], length, b),
                with_room(&rgb[starts[2]..], length, c),
                with_room(&rgb[starts[3]..], length, d),
            ];
            // SAFETY: only a processor with AVX2 is called wide.
            unsafe { x86::rows(self.side, rows, out) };
            return;
        }
        for (out, start) in out.chunks_exact_mut(self.side.stride()).zip(starts) {
            row(self.side, &rgb[start..][..length], out);
        }
    }
}

/// The first `length` bytes, or a copy with zeros added where there are fewer.
#[cfg(target_arch = "x86_64")]
fn with_room<'a>(bytes: &'a [u8], length: usize, spare: &'a mut Vec<u8>) -> &'a [u8] {
    if let Some(bytes) = bytes.get(..length) {
        return bytes;
    }
    spare.clear();
    spare.extend_from_slice(bytes);
    spare.resize(length, 0);
    spare
}

fn byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

fn row(side: &Side, source: &[u8], out: &mut [u8]) {
    let source = source.as_chunks::<3>().0;
    let places = out
        .as_chunks_mut::<3>()
        .0
        .iter_mut()
        .take(side.starts.len());
    for (place, out) in places.enumerate() {
        let mut sums = [HALF; 3];
        let neighbours = &source[side.starts[place]..];
        for (&weight, pixel) in side.weights(place).iter().zip(neighbours) {
            for (sum, &v) in sums.iter_mut().zip(pixel) {
                *sum += weight * i32::from(v);
            }
        }
        *out = sums.map(byte);
    }
}

/// Adds row `y` of the result to `rgb` from the window's rows, whose first is its first neighbour.
fn columns(
    wide: Wide,
    window: &[u8],
    stride: usize,
    side: &Side,
    y: usize,
    length: usize,
    rgb: &mut Vec<u8>,
) {
    #[cfg(target_arch = "x86_64")]
    if wide.0 && length >= 32 {
        let pairs = &side.pairs[y * (side.count / 2)..][..side.used[y]];
        rgb.reserve(length);
        // SAFETY: only a processor with AVX2 is called wide; the whole row is written.
        unsafe {
            x86::columns(
                window,
                stride,
                pairs,
                &mut rgb.spare_capacity_mut()[..length],
            );
            rgb.set_len(rgb.len() + length);
        }
        return;
    }
    let _ = wide;
    rgb.extend((0..length).map(|x| {
        let mut sum = HALF;
        for (weight, v) in side
            .weights(y)
            .iter()
            .zip(window[x..].iter().step_by(stride))
        {
            sum += weight * i32::from(*v);
        }
        byte(sum)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Dice;

    #[test]
    fn a_flat_picture_stays_flat_at_any_size() {
        let flat = Picture::solid(7, 5, [3, 128, 254]);
        for (w, h) in [(1, 1), (7, 5), (224, 224), (3, 1000), (6, 4)] {
            let resized = resize(&flat, w, h).expect("a valid size");
            assert_eq!(resized, Picture::solid(w, h, [3, 128, 254]), "{w} x {h}");
        }
    }

    #[test]
    fn halving_weighs_with_the_triangle_filter() {
        // Support 2 about each output centre: weights 1 3 3 1 inside, 3 3 1 at the edge.
        let source = Picture::from_fn(6, 1, |x, _| [[0u8, 10, 50, 90, 200, 250][x]; 3]);
        let halved = resize(&source, 3, 1).expect("a valid size");
        let expected = [
            (3.0 * 0.0 + 3.0 * 10.0 + 50.0) / 7.0,
            (10.0 + 3.0 * 50.0 + 3.0 * 90.0 + 200.0) / 8.0,
            (90.0 + 3.0 * 200.0 + 3.0 * 250.0) / 7.0,
        ];
        for (x, e) in expected.iter().enumerate() {
            let [v, ..] = halved.pixel(x, 0).expect("inside");
            assert!(
                (f64::from(v) - e).abs() <= 1.0,
                "column {x}: {v}, expected {e}"
            );
        }
    }

    fn noise(width: usize, height: usize) -> Picture {
        let mut dice = Dice::new((width * 7919 + height) as u64);
        // Runs of the extremes beside noise: sums at both ends of the range.
        Picture::from_fn(width, height, |_, _| {
            [0; 3].map(|_: u8| [0, 255, dice.below(256) as u8][dice.below(3)])
        })
    }

    const SIZES: [[usize; 2]; 17] = [
        [1, 1],
        [1, 2],
        [2, 1],
        [3, 5],
        [5, 4],
        [4, 7],
        [1, 300],
        [300, 1],
        [10, 11],
        [11, 10],
        [13, 64],
        [33, 31],
        [64, 64],
        [97, 101],
        [128, 50],
        [255, 129],
        [256, 256],
    ];

    #[test]
    fn wide_registers_give_the_same_bytes() {
        if !Wide::of_this_processor().0 {
            println!("skipped: this processor has no wide registers");
            return;
        }
        for [w, h] in SIZES {
            let picture = noise(w, h);
            for [w2, h2] in SIZES
                .into_iter()
                .chain([[224, 224], [7, 1000], [w, 9], [9, h]])
            {
                for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
                    let [found, expected] = [true, false]
                        .map(|wide| convolve_with(Wide(wide), &picture, w2, h2, filter));
                    assert!(found == expected, "{w} x {h} to {w2} x {h2}, {filter:?}");
                }
            }
        }
    }

    /// Column (or row) `place` of `to` as weights over `from`, straight from the definition.
    fn triangle(place: usize, from: usize, to: usize) -> Vec<f64> {
        let scale = from as f64 / to as f64;
        let centre = (place as f64 + 0.5) * scale;
        let weight = |i| (1.0 - ((i as f64 + 0.5 - centre) / scale.max(1.0)).abs()).max(0.0);
        let weights: Vec<f64> = (0..from).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect()
    }

    #[test]
    fn every_value_is_near_the_triangle_filter_in_double_precision() {
        let sizes = [
            [1, 1],
            [2, 1],
            [3, 5],
            [1, 40],
            [31, 17],
            [40, 39],
            [64, 23],
        ];
        for [w, h] in sizes {
            let picture = noise(w, h);
            for [w2, h2] in sizes
                .into_iter()
                .chain([[21, 64], [90, 70], [w, 9], [9, h]])
            {
                let found = resize(&picture, w2, h2).expect("a valid size");
                for y in 0..h2 {
                    let down = triangle(y, h, h2);
                    for x in 0..w2 {
                        let across = triangle(x, w, w2);
                        for (c, v) in found.pixel(x, y).expect("inside").into_iter().enumerate() {
                            let mut sum = 0.0;
                            for (y, down) in down.iter().enumerate() {
                                for (x, across) in across.iter().enumerate() {
                                    let v = picture.rgb()[(y * w + x) * 3 + c];
                                    sum += across * down * f64::from(v);
                                }
                            }
                            // Each pass rounds once.
                            let off = (f64::from(v) - sum).abs();
                            assert!(off <= 1.0 + 1e-3, "{w} x {h} to {w2} x {h2}: {v}, {sum}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn far_shrinking_keeps_the_mean() {
        // A side of alternating 100 and 200, thousands of times smaller: 150 everywhere.
        for [w, h, w2, h2] in [
            [4000, 3000, 224, 224],
            [3_000_000, 1, 2, 1],
            [1, 3_000_000, 1, 2],
            [1, 3_000_000, 1000, 1],
            [20_000_001, 1, 1, 7],
        ] {
            let stripes = Picture::from_fn(w, h, |x, y| [100 + 100 * ((x + y) % 2) as u8; 3]);
            let resized = resize(&stripes, w2, h2).expect("a valid size");
            let worst = resized.rgb().iter().map(|v| v.abs_diff(150)).max();
            assert!(
                worst <= Some(1),
                "{w} x {h} to {w2} x {h2}: off by {worst:?}"
            );
        }
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let p = Picture::solid(2, 2, [0; 3]);
        for (w, h) in [(0, 5), (5, 0), (1 << 20, 1 << 20), (usize::MAX, 2)] {
            assert!(resize(&p, w, h).is_err(), "{w} x {h}");
        }
    }
}
