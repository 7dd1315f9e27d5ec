//! How steeply the spectrum of a voice falls.

use super::wave::Wave;
use crate::AudioError;
use crate::stft::{Frames, Framing};

/// Mean power density from 1 to 4 kHz (or to half the sample rate) over that below 1 kHz, decibel:
/// Praat's `Get slope: 0, 1000, 1000, 4000, "energy"` of a long-term average spectrum with 100 Hz
/// bands. Averaged here over Hann-weighted frames, so that a long sound needs no long transform.
///
/// # Errors
/// None that a checked sound can cause.
pub(crate) fn spectral_tilt_db(wave: Wave) -> Result<f64, AudioError> {
    let n_fft = ((wave.rate / 10.0) as usize).next_power_of_two().max(2);
    let mut frames = Frames::new(
        wave.samples,
        Framing {
            n_fft,
            hop: n_fft / 4 + n_fft % 4,
        },
    )?;
    let top = 4_000.0_f64.min(wave.rate / 2.0);
    let (mut low, mut high) = ((0.0, 0.0), (0.0, 0.0));
    // The share of a bin, which stands for half a bin width on each side, between two frequencies.
    let width = wave.rate / n_fft as f64;
    let share = |bin: usize, from: f64, to: f64| {
        let (left, right) = ((bin as f64 - 0.5) * width, (bin as f64 + 0.5) * width);
        ((right.min(to) - left.max(from)) / width).clamp(0.0, 1.0)
    };
    for t in 0..frames.len() {
        for (bin, value) in frames.spectrum(t).iter().enumerate() {
            for (band, share) in [
                (&mut low, share(bin, 0.0, 1_000.0)),
                (&mut high, share(bin, 1_000.0, top)),
            ] {
                band.0 += share * value.norm_sqr();
                band.1 += share;
            }
        }
    }
    if low.0 <= 0.0 || high.0 <= 0.0 {
        return Ok(0.0);
    }
    Ok(10.0 * ((high.0 / high.1) / (low.0 / low.1)).log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tones() {
        // Powers 1/8 at 500 Hz and 1/800 at 2,000 Hz, spread over 1 and 3 kHz: -20 - 4.77 dB.
        let samples: Vec<f32> = (0..32_000)
            .map(|i| {
                let t = 2.0 * std::f64::consts::PI * f64::from(i) / 16_000.0;
                (0.5 * (500.0 * t).sin() + 0.05 * (2_000.0 * t).sin()) as f32
            })
            .collect();
        let tilt = spectral_tilt_db(Wave {
            samples: &samples,
            rate: 16_000.0,
        })
        .unwrap();
        assert!((tilt + 20.0 + 10.0 * 3.0_f64.log10()).abs() < 0.1, "{tilt}");
    }
}
