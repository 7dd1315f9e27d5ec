//! Changes of colour and tone, bit for bit as Pillow's `ImageEnhance` and `ImageOps`. A picture is taken, changed where it
//! lies and given back.

use crate::picture::Picture;
use crate::wide::{self, blend, wide};

/// Replaces every value of each channel by its entry in the channel's table.
fn look_up(mut picture: Picture, tables: &[[u8; 256]; 3]) -> Picture {
    let [red, green, blue] = tables;
    for pixel in picture.rgb_mut().as_chunks_mut::<3>().0 {
        pixel[0] = red[usize::from(pixel[0])];
        pixel[1] = green[usize::from(pixel[1])];
        pixel[2] = blue[usize::from(pixel[2])];
    }
    picture
}

/// Every value blended with the same one.
fn blend_all(mut picture: Picture, from: u8, factor: f32) -> Picture {
    let from = [from; 3072];
    for some in picture.rgb_mut().chunks_mut(from.len()) {
        blend(&from[..some.len()], some, factor);
    }
    picture
}

/// Scales the brightness: 0 is black, 1 the picture itself. `ImageEnhance.Brightness`.
#[must_use]
pub fn brightness(picture: Picture, factor: f64) -> Picture {
    blend_all(picture, 0, factor as f32)
}

/// Moves away from (above 1) or towards (below 1) the mean grey level. `ImageEnhance.Contrast`.
#[must_use]
pub fn contrast(picture: Picture, factor: f64) -> Picture {
    let grey = picture.luma();
    let sum: u64 = grey.iter().map(|&v| u64::from(v)).sum();
    let mean = (sum as f64 / grey.len() as f64 + 0.5) as u8;
    blend_all(picture, mean, factor as f32)
}

/// Moves away from (above 1) or towards (below 1) grey. `ImageEnhance.Color`.
#[must_use]
pub fn saturation(mut picture: Picture, factor: f64) -> Picture {
    let factor = factor as f32;
    let mut grey = [0; 1024];
    let mut from = [0; 3072];
    for some in picture.rgb_mut().chunks_mut(from.len()) {
        let grey = &mut grey[..some.len() / 3];
        wide::luma(some, grey);
        wide::triple(grey, &mut from);
        blend(&from[..some.len()], some, factor);
    }
    picture
}

/// Moves away from (above 1) or towards (below 1) a smoothed copy. `ImageEnhance.Sharpness`:
/// the copy is a 3 x 3 mean in which the centre weighs 5 of 13; the border is left as it is.
#[must_use]
pub fn sharpness(mut picture: Picture, factor: f64) -> Picture {
    if picture.width() < 3 || picture.height() < 3 {
        return picture;
    }
    let factor = factor as f32;
    let stride = picture.width() * 3;
    let n = stride - 6;
    let rgb = picture.rgb_mut();
    // Rows as they were: the one above, which is changed already, and this one.
    let mut above = rgb[..stride].to_vec();
    let mut here = vec![0; stride];
    // Sums of three rows, a column of bytes each.
    let mut sums = vec![0_u16; stride];
    let mut smooth = vec![0; n];
    wide(|| {
        let mut rest = &mut rgb[stride..];
        while let Some((out, below)) = rest.split_at_mut_checked(stride)
            && let Some(next) = below.get(..stride)
        {
            here.copy_from_slice(out);
            for (((sum, a), h), b) in sums.iter_mut().zip(&above).zip(&here).zip(next) {
                *sum = u16::from(*a) + u16::from(*h) + u16::from(*b);
            }
            let (left, middle, right) = (&sums[..n], &sums[3..][..n], &sums[6..][..n]);
            let (centre, smooth) = (&here[3..][..n], &mut smooth[..n]);
            for i in 0..n {
                let sum: u16 = left[i] + middle[i] + right[i] + 4 * u16::from(centre[i]);
                // sum / 13 to the nearest; a tie cannot occur since 13 is odd.
                smooth[i] = ((2 * sum + 13) / 26) as u8;
            }
            blend(smooth, &mut out[3..][..n], factor);
            std::mem::swap(&mut above, &mut here);
            rest = below;
        }
    });
    picture
}

/// Turns the hue by `shift` of a full circle, `-0.5..=0.5` (clamped), in Pillow's 8-bit HSV.
/// torchvision's `adjust_hue`; even a shift of 0 rounds the colours to that space.
#[must_use]
pub fn hue(mut picture: Picture, shift: f64) -> Picture {
    let shift = (shift.clamp(-0.5, 0.5) * 255.0) as i32 as u8;
    for pixel in picture.rgb_mut().as_chunks_mut::<3>().0 {
        let [h, s, v] = rgb_to_hsv(*pixel);
        *pixel = hsv_to_rgb([h.wrapping_add(shift), s, v]);
    }
    picture
}

/// Pillow's `rgb2hsv`, with its mix of single and double precision.
fn rgb_to_hsv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    if max == min {
        return [0, 0, max];
    }
    let range = f32::from(max - min);
    let saturation = range / f32::from(max);
    let [rc, gc, bc] = [r, g, b].map(|v| f32::from(max - v) / range);
    let sector = if r == max {
        bc - gc
    } else if g == max {
        (2.0 + f64::from(rc) - f64::from(bc)) as f32
    } else {
        (4.0 + f64::from(gc) - f64::from(rc)) as f32
    };
    let turn = f64::from(sector) / 6.0 + 1.0;
    let hue = (turn - turn.floor()) as f32;
    [
        (f64::from(hue) * 255.0) as u8,
        (f64::from(saturation) * 255.0) as u8,
        max,
    ]
}

/// Pillow's `hsv2rgb`.
fn hsv_to_rgb([h, s, v]: [u8; 3]) -> [u8; 3] {
    if s == 0 {
        return [v; 3];
    }
    let place = f64::from(h) * 6.0 / 255.0;
    let sector = place.floor();
    let rest = (place - sector) as f32;
    let saturation = (f64::from(s) / 255.0) as f32;
    let level = |keep: f64| (f64::from(v) * (1.0 - keep)).round() as u8;
    let p = level(f64::from(saturation));
    let q = level(f64::from(saturation * rest));
    let t = level(f64::from(saturation) * (1.0 - f64::from(rest)));
    match sector as u8 % 6 {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}

/// Keeps the `bits` highest bits of each value (`0..=8`, more counts as 8). `ImageOps.posterize`.
#[must_use]
pub fn posterize(mut picture: Picture, bits: u8) -> Picture {
    let mask = (0xff00u16 >> bits.min(8)) as u8;
    wide(|| {
        for v in picture.rgb_mut() {
            *v &= mask;
        }
    });
    picture
}

/// Inverts the values that are not below `threshold`. `ImageOps.solarize`.
#[must_use]
pub fn solarize(mut picture: Picture, threshold: f64) -> Picture {
    // How many of the 256 values are below it, since whole numbers are quicker to compare.
    let below = (0..=255).filter(|&v| f64::from(v) < threshold).count() as u16;
    wide(|| {
        for v in picture.rgb_mut() {
            let inverted = 255 - *v;
            *v = if u16::from(*v) < below { *v } else { inverted };
        }
    });
    picture
}

/// How often each value occurs in each channel.
fn histograms(picture: &Picture) -> [[u64; 256]; 3] {
    // Neighbours are often alike; each of four counts by itself, so that none waits for the one before.
    let mut parts = [[[0_u32; 256]; 3]; 4];
    let (fours, rest) = picture.rgb().as_chunks::<12>();
    for pixels in fours {
        for (part, &[r, g, b]) in parts.iter_mut().zip(pixels.as_chunks::<3>().0) {
            part[0][usize::from(r)] += 1;
            part[1][usize::from(g)] += 1;
            part[2][usize::from(b)] += 1;
        }
    }
    for pixel in rest.as_chunks::<3>().0 {
        for (counts, &v) in parts[0].iter_mut().zip(pixel) {
            counts[usize::from(v)] += 1;
        }
    }
    std::array::from_fn(|c| {
        std::array::from_fn(|v| parts.iter().map(|part| u64::from(part[c][v])).sum())
    })
}

/// The least and the largest value of each channel.
fn ranges(picture: &Picture) -> [[u8; 2]; 3] {
    // Whole registers and whole pixels, so that a lane sees one channel alone.
    const LANES: usize = 96;
    let (mut low, mut high) = ([u8::MAX; LANES], [0; LANES]);
    wide(|| {
        let (blocks, rest) = picture.rgb().as_chunks::<LANES>();
        for block in blocks {
            for i in 0..LANES {
                low[i] = low[i].min(block[i]);
                high[i] = high[i].max(block[i]);
            }
        }
        for (i, &v) in rest.iter().enumerate() {
            low[i] = low[i].min(v);
            high[i] = high[i].max(v);
        }
    });
    let mut ranges = [[u8::MAX, 0]; 3];
    for (i, (&low, &high)) in low.iter().zip(&high).enumerate() {
        let range = &mut ranges[i % 3];
        *range = [range[0].min(low), range[1].max(high)];
    }
    ranges
}

/// Stretches each channel to `0..=255`. `ImageOps.autocontrast`.
#[must_use]
pub fn autocontrast(picture: Picture) -> Picture {
    let tables = ranges(&picture).map(|[low, high]| {
        if high <= low {
            return std::array::from_fn(|v| v as u8);
        }
        let scale = 255.0 / f64::from(high - low);
        let offset = -f64::from(low) * scale;
        std::array::from_fn(|v| (v as f64 * scale + offset) as u8)
    });
    look_up(picture, &tables)
}

/// Flattens each channel's histogram. `ImageOps.equalize`.
#[must_use]
pub fn equalize(picture: Picture) -> Picture {
    let tables = histograms(&picture).map(|counts| {
        let total: u64 = counts.iter().sum();
        let last = counts.iter().rev().find(|&&n| n > 0).copied().unwrap_or(0);
        let step = (total - last) / 255;
        let distinct = counts.iter().filter(|&&n| n > 0).count();
        if distinct <= 1 || step == 0 {
            return std::array::from_fn(|v| v as u8);
        }
        let mut below = step / 2;
        counts.map(|n| {
            let level = (below / step).min(255) as u8;
            below += n;
            level
        })
    });
    look_up(picture, &tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(colour: [u8; 3]) -> Picture {
        Picture::solid(1, 1, colour)
    }

    #[test]
    fn factor_one_changes_nothing() {
        let p = Picture::from_fn(16, 16, |x, y| {
            [(x * 16) as u8, (y * 16) as u8, (x * y) as u8]
        });
        for (name, f) in [
            ("brightness", brightness as fn(Picture, f64) -> Picture),
            ("contrast", contrast),
            ("saturation", saturation),
            ("sharpness", sharpness),
        ] {
            assert_eq!(f(p.clone(), 1.0), p, "{name}");
        }
        assert_eq!(posterize(p.clone(), 8), p);
        assert_eq!(solarize(p.clone(), 256.0), p);
    }

    #[test]
    fn ends_of_the_scales() {
        let cases = [
            ("black", brightness(one([9, 99, 199]), 0.0), [0, 0, 0]),
            (
                "clipped",
                brightness(one([9, 99, 199]), 2.0),
                [18, 198, 255],
            ),
            ("grey", saturation(one([255, 0, 0]), 0.0), [76, 76, 76]),
            ("mean", contrast(one([255, 0, 0]), 0.0), [76, 76, 76]),
            ("one bit", posterize(one([127, 128, 255]), 1), [0, 128, 128]),
            ("no bit", posterize(one([127, 128, 255]), 0), [0, 0, 0]),
            ("negative", solarize(one([0, 128, 255]), 0.0), [255, 127, 0]),
            (
                "upper half",
                solarize(one([0, 128, 255]), 128.0),
                [0, 127, 0],
            ),
        ];
        for (name, got, expected) in cases {
            assert_eq!(got.rgb(), expected, "{name}");
        }
    }

    #[test]
    fn hue_turns_red_to_green_and_back_within_the_8_bit_space() {
        // A third of 255 is 85 = 2 sectors: exactly green.
        assert_eq!(hue(one([255, 0, 0]), 1.0 / 3.0).rgb(), [0, 255, 0]);
        assert_eq!(hue(one([77, 77, 77]), 0.4).rgb(), [77, 77, 77]);
    }

    #[test]
    fn autocontrast_reaches_both_ends_and_leaves_flat_channels() {
        let p = Picture::from_fn(3, 1, |x, _| [[50, 100, 150][x], 9, [0, 7, 255][x]]);
        let expected = Picture::from_fn(3, 1, |x, _| [[0, 127, 255][x], 9, [0, 7, 255][x]]);
        assert_eq!(autocontrast(p), expected);
    }

    #[test]
    fn equalize_spreads_equal_counts_evenly() {
        // 1,024 pixels of four values: steps of a third of the range.
        let p = Picture::from_fn(32, 32, |x, _| [[10, 11, 12, 13][x % 4]; 3]);
        let out = equalize(p);
        let levels: Vec<u8> = (0..4)
            .filter_map(|x| out.pixel(x, 0))
            .map(|p| p[0])
            .collect();
        assert_eq!(levels, [0, 85, 171, 255]);
    }
}
