//! Sample rate conversion.

use std::f64::consts::PI;

use crate::AudioError;

/// Zero crossings of the sinc on each side of the centre, at the lower of the two rates.
const CROSSINGS: f64 = 80.0;
/// Shape of the Kaiser window; 12 keeps what it must suppress below -115 dB.
const BETA: f64 = 12.0;
/// Cut-off over the lower Nyquist frequency: the band beyond the transition is gone.
const CUT_OFF: f64 = 0.953;

/// The same sound at another sample rate: band-limited interpolation by a Kaiser-windowed sinc.
///
/// `ceil(samples * to / from)` samples, the first at the same instant. Flat up to 0.9 of the lower
/// Nyquist frequency, and more than 100 dB down from it on; the sound is silent beyond its ends.
///
/// # Errors
/// [`AudioError::Setting`] when a rate is zero.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>, AudioError> {
    for (name, rate) in [("from", from), ("to", to)] {
        if rate == 0 {
            return Err(AudioError::setting("resample", name, "at least 1 Hz", rate));
        }
    }
    if from == to {
        return Ok(samples.to_vec());
    }
    let divisor = gcd(from, to);
    let (up, down) = (u64::from(to / divisor), u64::from(from / divisor));
    let length = (samples.len() as u64 * up).div_ceil(down);
    // Band and width of the filter, in samples of the source.
    let band = CUT_OFF * (f64::from(to) / f64::from(from)).min(1.0);
    let reach = (CROSSINGS / band.min(CUT_OFF)).ceil();
    let peak = bessel_i0(BETA);
    let tap = |offset: f64| {
        let inside = 1.0 - (offset / reach).powi(2);
        if inside <= 0.0 {
            return 0.0;
        }
        let x = PI * band * offset;
        let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
        band * sinc * bessel_i0(BETA * inside.sqrt()) / peak
    };
    let reach = reach as usize;
    // The distances to the source samples repeat after `up` outputs; keep the taps of each phase
    // when they are few, and compute them anew when they are not.
    let phase_taps = |phase: u64| -> Vec<f64> {
        let fraction = phase as f64 / up as f64;
        (0..=2 * reach)
            .map(|i| tap(i as f64 - reach as f64 - fraction))
            .collect()
    };
    let kept: Vec<Vec<f64>> = if up <= 4_096 && up <= length {
        (0..up).map(phase_taps).collect()
    } else {
        Vec::new()
    };
    let mut fresh = Vec::new();
    Ok((0..length)
        .map(|i| {
            let (centre, phase) = ((i * down / up) as usize, i * down % up);
            let taps = match kept.get(phase as usize) {
                Some(taps) => taps,
                None => {
                    fresh = phase_taps(phase);
                    &fresh
                }
            };
            let skip = reach.saturating_sub(centre);
            let inside = samples
                .get((centre + skip).saturating_sub(reach)..)
                .unwrap_or(&[]);
            let sum: f64 = inside
                .iter()
                .zip(&taps[skip.min(taps.len())..])
                .map(|(x, w)| f64::from(*x) * w)
                .sum();
            sum as f32
        })
        .collect())
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Modified Bessel function of the first kind, order 0, by its power series.
pub(crate) fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, rate: u32, n: usize) -> Vec<f32> {
        (0..n)
            .map(|i| (2.0 * PI * hertz * i as f64 / f64::from(rate)).sin() as f32)
            .collect()
    }

    #[test]
    fn tones_below_the_band_edge_stay_and_tones_above_vanish() {
        for (from, to) in [
            (8_000, 16_000),
            (44_100, 16_000),
            (16_000, 11_025),
            (8_000, 7_999),
        ] {
            let low = f64::from(from.min(to)) / 2.0;
            for share in [0.05, 0.5, 0.9] {
                let out = resample(&tone(share * low, from, 8_000), from, to).unwrap();
                let expected = tone(share * low, to, out.len());
                assert_eq!(
                    out.len(),
                    (8_000_u64 * u64::from(to)).div_ceil(u64::from(from)) as usize
                );
                let margin = out.len() / 10;
                for i in margin..out.len() - margin {
                    let error = (out[i] - expected[i]).abs();
                    assert!(error < 1e-4, "{from} to {to}, {share}, sample {i}: {error}");
                }
            }
            if to < from {
                let out = resample(&tone(1.02 * low, from, 8_000), from, to).unwrap();
                let margin = out.len() / 10;
                let peak = out[margin..out.len() - margin]
                    .iter()
                    .fold(0.0_f32, |m, x| m.max(x.abs()));
                assert!(to == 7_999 || peak < 1e-4, "{from} to {to}: {peak}");
            }
        }
    }

    #[test]
    fn edges() {
        assert_eq!(resample(&[0.5], 8_000, 8_000).unwrap(), [0.5]);
        assert!(resample(&[], 8_000, 16_000).unwrap().is_empty());
        assert_eq!(resample(&[0.5], 8_000, 16_000).unwrap().len(), 2);
        assert!(resample(&[0.5], 0, 16_000).is_err());
    }
}
