//! Damage by a known amount, for curves of skill against picture quality.

use crate::picture::Picture;
use crate::random::Dice;

/// One kind of damage and its strength. A strength that is out of range or not a number
/// does nothing or counts as the nearest end of the range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Degradation {
    /// Gaussian blur; standard deviation in pixels, from 0 (nothing).
    Blur(f64),
    /// Values multiplied by this factor, 0 (black) to 1 (nothing).
    Darkness(f64),
    /// A black rectangle of the picture's shape in its centre; share of the area,
    /// 0 (nothing) to 1 (all).
    Occlusion(f64),
    /// Independent Gaussian noise on every value; standard deviation in grey levels, from 0.
    Noise(f64),
}

impl Degradation {
    /// The damaged picture. Only noise uses the seed: the same seed, the same bytes.
    #[must_use]
    pub fn apply(self, picture: &Picture, seed: u64) -> Picture {
        match self {
            Self::Blur(sigma) => gaussian_blur(picture, sigma),
            Self::Darkness(factor) => darken(picture, factor),
            Self::Occlusion(share) => occlude_centre(picture, share),
            Self::Noise(sd) => gaussian_noise(picture, sd, seed),
        }
    }
}

/// Gaussian blur with standard deviation `sigma` in pixels. The kernel reaches to 4 `sigma` (at most the
/// longer side), is sampled at whole pixels and sums to 1; the border pixels are repeated outside.
/// A `sigma` that is not positive and finite changes nothing.
#[must_use]
pub fn gaussian_blur(picture: &Picture, sigma: f64) -> Picture {
    if !(sigma.is_finite() && sigma > 0.0) {
        return picture.clone();
    }
    let (w, h) = (picture.width(), picture.height());
    let radius = ((4.0 * sigma).ceil() as usize).clamp(1, w.max(h));
    let half: Vec<f64> = (0..=radius)
        .map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp())
        .collect();
    let total = 2.0 * half.iter().sum::<f64>() - half.first().copied().unwrap_or(0.0);
    let taps: Vec<f32> = half[1..]
        .iter()
        .rev()
        .chain(&half)
        .map(|k| (k / total) as f32)
        .collect();

    // Rows of single-precision numbers between the two passes: no rounding in between.
    let stride = w * 3;
    let mut wide = vec![0.0f32; stride * h];
    let mut padded = Vec::with_capacity((w + 2 * radius) * 3);
    for (out, row) in wide
        .chunks_exact_mut(stride)
        .zip(picture.rgb().chunks_exact(stride))
    {
        let (first, last) = (&row[..3], &row[stride - 3..]);
        padded.clear();
        padded.extend(first.iter().cycle().take(3 * radius).map(|&v| f32::from(v)));
        padded.extend(row.iter().map(|&v| f32::from(v)));
        padded.extend(last.iter().cycle().take(3 * radius).map(|&v| f32::from(v)));
        for (i, &k) in taps.iter().enumerate() {
            for (sum, &v) in out.iter_mut().zip(&padded[3 * i..]) {
                *sum += k * v;
            }
        }
    }
    let mut rgb = Vec::with_capacity(stride * h);
    let mut sums = vec![0.0f32; stride];
    for y in 0..h {
        sums.fill(0.0);
        for (i, &k) in taps.iter().enumerate() {
            let from = (y + i).saturating_sub(radius).min(h - 1);
            for (sum, &v) in sums.iter_mut().zip(&wide[from * stride..]) {
                *sum += k * v;
            }
        }
        rgb.extend(sums.iter().map(|v| v.round() as u8));
    }
    picture.with_rgb(rgb)
}

/// Every value times `factor` (`0..=1`, clamped), rounded.
#[must_use]
pub fn darken(picture: &Picture, factor: f64) -> Picture {
    if factor.is_nan() {
        return picture.clone();
    }
    let factor = factor.clamp(0.0, 1.0);
    let table: [u8; 256] = std::array::from_fn(|v| (v as f64 * factor).round() as u8);
    picture.with_rgb(
        picture
            .rgb()
            .iter()
            .map(|&v| table[usize::from(v)])
            .collect(),
    )
}

/// Blackens a centred rectangle that covers `share` (`0..=1`, clamped) of the picture and has
/// its shape; its sides are rounded to whole pixels.
#[must_use]
pub fn occlude_centre(picture: &Picture, share: f64) -> Picture {
    if share.is_nan() {
        return picture.clone();
    }
    let scale = share.clamp(0.0, 1.0).sqrt();
    let (w, h) = (picture.width(), picture.height());
    let across = ((w as f64 * scale).round() as usize).min(w);
    let down = ((h as f64 * scale).round() as usize).min(h);
    let (left, top) = ((w - across) / 2, (h - down) / 2);
    let mut out = picture.clone();
    for row in out.rgb_mut().chunks_exact_mut(w * 3).skip(top).take(down) {
        row[left * 3..(left + across) * 3].fill(0);
    }
    out
}

/// Adds Gaussian noise with standard deviation `sd` in grey levels, independent for every value,
/// rounded and cut to `0..=255`. An `sd` that is not positive and finite changes nothing.
#[must_use]
pub fn gaussian_noise(picture: &Picture, sd: f64, seed: u64) -> Picture {
    if !(sd.is_finite() && sd > 0.0) {
        return picture.clone();
    }
    let mut dice = Dice::new(seed);
    let mut out = picture.clone();
    for pair in out.rgb_mut().chunks_mut(2) {
        let (a, b) = dice.normal_pair();
        for (value, noise) in pair.iter_mut().zip([a, b]) {
            *value = (f64::from(*value) + sd * noise).round() as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(picture: &Picture, y: usize) -> Vec<f64> {
        (0..picture.width())
            .filter_map(|x| picture.pixel(x, y))
            .map(|p| f64::from(p[0]))
            .collect()
    }

    #[test]
    fn a_step_blurred_is_the_normal_distribution() {
        // Far from the border, a step from 0 to 250 becomes 250 times the normal
        // distribution function of the distance to the edge over sigma.
        for sigma in [1.5, 3.0, 6.0] {
            let step = Picture::from_fn(128, 5, |x, _| [if x < 64 { 0 } else { 250 }; 3]);
            let blurred = column(&gaussian_blur(&step, sigma), 2);
            let density = |t: f64| (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
            for (x, value) in blurred.iter().enumerate() {
                let end = (x as f64 - 63.5) / sigma;
                let steps = 4000;
                let from = -8.0;
                let dt = (end - from) / f64::from(steps);
                let area: f64 = (0..steps)
                    .map(|i| density(from + (f64::from(i) + 0.5) * dt) * dt)
                    .sum();
                assert!(
                    (value - 250.0 * area).abs() < 1.5,
                    "sigma {sigma}, column {x}: {value}, {}",
                    250.0 * area
                );
            }
        }
    }

    #[test]
    fn blur_spreads_a_line_by_sigma_squared_and_keeps_its_mass() {
        let sigma = 2.0;
        let line = Picture::from_fn(1, 61, |_, y| [if y.abs_diff(30) < 3 { 255 } else { 0 }; 3]);
        let blurred = gaussian_blur(&line, sigma);
        let values: Vec<f64> = (0..61)
            .filter_map(|y| blurred.pixel(0, y))
            .map(|p| f64::from(p[2]))
            .collect();
        let mass: f64 = values.iter().sum();
        let variance: f64 = values
            .iter()
            .enumerate()
            .map(|(y, v)| v * (y as f64 - 30.0).powi(2))
            .sum::<f64>()
            / mass;
        assert!((mass - 5.0 * 255.0).abs() < 6.0, "{mass}");
        // Five equal lines have variance 2.
        assert!((variance - (2.0 + sigma * sigma)).abs() < 0.1, "{variance}");
    }

    #[test]
    fn a_flat_picture_is_not_changed_by_blur() {
        let flat = Picture::solid(9, 4, [1, 128, 255]);
        for sigma in [0.1, 1.0, 50.0, 1e9] {
            assert_eq!(gaussian_blur(&flat, sigma), flat, "sigma {sigma}");
        }
    }

    #[test]
    fn strengths_of_nothing_and_nonsense_change_nothing() {
        let p = Picture::from_fn(8, 6, |x, y| [(x * 30) as u8, (y * 40) as u8, 5]);
        for d in [
            Degradation::Blur(0.0),
            Degradation::Blur(f64::NAN),
            Degradation::Blur(f64::INFINITY),
            Degradation::Darkness(1.0),
            Degradation::Darkness(f64::NAN),
            Degradation::Occlusion(0.0),
            Degradation::Occlusion(f64::NAN),
            Degradation::Noise(0.0),
            Degradation::Noise(-1.0),
        ] {
            assert_eq!(d.apply(&p, 1), p, "{d:?}");
        }
    }

    #[test]
    fn darkness_multiplies() {
        let p = Picture::solid(2, 1, [200, 101, 3]);
        for (factor, expected) in [
            (0.5, [100, 51, 2]),
            (0.25, [50, 25, 1]),
            (0.0, [0; 3]),
            (-3.0, [0; 3]),
        ] {
            assert_eq!(darken(&p, factor).pixel(1, 0), Some(expected), "{factor}");
        }
    }

    #[test]
    fn occlusion_covers_its_share_in_the_centre() {
        let white = Picture::solid(100, 60, [255; 3]);
        for (share, across, down) in [(0.25, 50, 30), (0.09, 30, 18), (1.0, 100, 60)] {
            let out = occlude_centre(&white, share);
            let black = out.rgb().iter().filter(|&&v| v == 0).count() / 3;
            assert_eq!(black, across * down, "{share}");
            assert_eq!(out.pixel(50, 30), Some([0; 3]), "{share}");
            assert_eq!(
                out,
                crate::flip_horizontal(&crate::flip_vertical(&out)),
                "{share}"
            );
        }
    }

    #[test]
    fn noise_has_the_mean_and_spread_that_were_asked_for() {
        let n = 300 * 200 * 3;
        let grey = Picture::solid(300, 200, [128; 3]);
        for sd in [2.0, 10.0, 25.0] {
            let noisy = gaussian_noise(&grey, sd, 7);
            let differences = noisy.rgb().iter().map(|&v| f64::from(v) - 128.0);
            let mean = differences.clone().sum::<f64>() / n as f64;
            let variance = differences.map(|d| d * d).sum::<f64>() / n as f64;
            // Rounding adds a twelfth to the variance.
            let expected = sd * sd + 1.0 / 12.0;
            assert!(
                mean.abs() < 5.0 * sd / (n as f64).sqrt(),
                "sd {sd}: mean {mean}"
            );
            assert!(
                (variance / expected - 1.0).abs() < 0.02,
                "sd {sd}: variance {variance}"
            );
            assert_eq!(noisy, gaussian_noise(&grey, sd, 7));
            assert_ne!(noisy, gaussian_noise(&grey, sd, 8));
        }
    }
}
