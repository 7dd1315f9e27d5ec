//! Tempo from the auto-correlation of onset strength.

use rustfft::num_complex::Complex64;

use crate::AudioError;
use crate::fft::{RealFft, fast_len};
use crate::window::hann;

/// Settings of [`tempo`]; the defaults are librosa's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TempoSettings {
    /// Centre of the prior in beats a minute, above 0. Default 120.
    pub start_bpm: f64,
    /// Width of the prior in octaves, above 0. Default 1.
    pub std_bpm: f64,
    /// Length of the auto-correlation window in seconds. Default 8.
    pub ac_size_s: f64,
    /// Tempi from here on are ruled out. Default 320.
    pub max_tempo: f64,
}

impl Default for TempoSettings {
    fn default() -> Self {
        Self {
            start_bpm: 120.0,
            std_bpm: 1.0,
            ac_size_s: 8.0,
            max_tempo: 320.0,
        }
    }
}

/// The tempo of a sound in beats a minute, from its onset strength sampled every `hop` samples:
/// the lag `l` that maximises `ln(1 + 1e6 a(l)) - (log2(bpm(l) / start_bpm) / std_bpm)^2 / 2`, where
/// `a` is the mean over time of the normalised auto-correlation in windows of `ac_size_s`.
///
/// librosa 0.11 `feature.tempo` with one value for the sound. Without any strength the prior alone
/// decides, as there.
///
/// # Errors
/// [`AudioError::Setting`] when a setting is out of range, [`AudioError::Signal`] when the strength
/// holds a value that is not finite.
pub fn tempo(
    strength: &[f32],
    sample_rate: u32,
    hop: usize,
    settings: &TempoSettings,
) -> Result<f64, AudioError> {
    let operation = "tempo";
    for (name, value, high) in [
        ("start_bpm", settings.start_bpm, 1e6),
        ("std_bpm", settings.std_bpm, 1e6),
        ("ac_size_s", settings.ac_size_s, 3600.0),
        ("max_tempo", settings.max_tempo, f64::INFINITY),
    ] {
        if !(value > 0.0 && value <= high) {
            return Err(AudioError::setting(
                operation,
                name,
                format!("above 0 to {high}"),
                value,
            ));
        }
    }
    if hop == 0 {
        return Err(AudioError::setting(operation, "hop", "at least 1", hop));
    }
    if let Some(at) = strength.iter().position(|v| !v.is_finite()) {
        let found = format!("{} in frame {at}", strength[at]);
        return Err(AudioError::signal(operation, "finite strengths", found));
    }
    let window = (settings.ac_size_s * f64::from(sample_rate)) as usize / hop;
    if window < 2 {
        let expected = "a window of two frames or more";
        return Err(AudioError::setting(
            operation,
            "ac_size_s",
            expected,
            settings.ac_size_s,
        ));
    }
    let correlation = mean_autocorrelation(strength, window);
    let mut best = (f64::NEG_INFINITY, 0.0);
    for (lag, a) in correlation.iter().enumerate().skip(1) {
        let bpm = 60.0 * f64::from(sample_rate) / (hop as f64 * lag as f64);
        if bpm >= settings.max_tempo {
            continue;
        }
        let octaves = (bpm.log2() - settings.start_bpm.log2()) / settings.std_bpm;
        let score = (1e6 * a).ln_1p() - 0.5 * octaves * octaves;
        if score > best.0 {
            best = (score, bpm);
        }
    }
    Ok(best.1)
}

/// Mean over all frames of the auto-correlation of the Hann-weighted `window` frames around each,
/// divided by its value at lag 0 (a window of zeros counts as zeros). `window` values, lag 0 first.
fn mean_autocorrelation(strength: &[f32], window: usize) -> Vec<f64> {
    let n = strength.len();
    let half = window / 2;
    // librosa ramps linearly from zero to the first value and from the last to zero.
    let ramp = |i: usize, edge: f32| edge * (i as f32 / half as f32);
    let (first, last) = (
        strength.first().copied().unwrap_or(0.0),
        strength.last().copied().unwrap_or(0.0),
    );
    let mut padded = Vec::with_capacity(n + 2 * half);
    padded.extend((0..half).map(|i| f64::from(ramp(i, first))));
    padded.extend(strength.iter().map(|v| f64::from(*v)));
    padded.extend((0..half).rev().map(|i| f64::from(ramp(i, last))));

    let weights = hann(window);
    let size = fast_len(2 * window - 1);
    let mut fft = RealFft::new(size);
    let mut buffer = vec![0.0; size];
    let mut spectrum = vec![Complex64::default(); fft.bins()];
    let mut power = vec![0.0; fft.bins()];
    for frame in padded.windows(window).take(n) {
        let mut energy = 0.0;
        for ((slot, x), w) in buffer.iter_mut().zip(frame).zip(&weights) {
            *slot = x * w;
            energy += *slot * *slot;
        }
        if energy < f64::MIN_POSITIVE {
            continue;
        }
        buffer[window..].fill(0.0);
        fft.forward(&buffer, &mut spectrum);
        // The auto-correlation is largest, and equal to the energy, at lag 0; and the transform is
        // linear, so the inverse is needed once only, for the sum.
        let scale = 1.0 / energy;
        for (slot, value) in power.iter_mut().zip(&spectrum) {
            *slot += value.norm_sqr() * scale;
        }
    }
    for (slot, value) in spectrum.iter_mut().zip(&power) {
        *slot = Complex64::new(*value, 0.0);
    }
    fft.inverse(&mut spectrum, &mut buffer);
    let scale = 1.0 / (size as f64 * n.max(1) as f64);
    buffer[..window]
        .iter()
        .map(|a| (a * scale).max(0.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn autocorrelation_equals_the_sums() {
        let strength: Vec<f32> = (0..40).map(|i| ((i * 13) % 7) as f32).collect();
        for window in [9, 12] {
            let half = window / 2;
            let at = |i: isize| -> f64 {
                let i = i - half as isize;
                if i < 0 {
                    f64::from(strength[0]) * (i + half as isize) as f64 / half as f64
                } else if i >= 40 {
                    f64::from(strength[39]) * ((40 + half) as isize - 1 - i) as f64 / half as f64
                } else {
                    f64::from(strength[i as usize])
                }
            };
            let weights = hann(window);
            let mut expected = vec![0.0; window];
            for t in 0..40 {
                let frame: Vec<f64> = (0..window)
                    .map(|i| at((t + i) as isize) * weights[i])
                    .collect();
                let energy: f64 = frame.iter().map(|x| x * x).sum();
                for (lag, slot) in expected.iter_mut().enumerate() {
                    let sum: f64 = (0..window - lag).map(|i| frame[i] * frame[i + lag]).sum();
                    *slot += sum / energy / 40.0;
                }
            }
            for (a, b) in mean_autocorrelation(&strength, window)
                .iter()
                .zip(&expected)
            {
                assert!((a - b).abs() < 1e-6, "{window}: {a} {b}");
            }
        }
    }

    #[test]
    fn regular_beats_are_found() {
        // A beat every 20 frames of 512 samples at 22,050 Hz: 129.2 beats a minute.
        let strength: Vec<f32> = (0..600)
            .map(|i| if i % 20 == 0 { 1.0 } else { 0.0 })
            .collect();
        let bpm = tempo(&strength, 22_050, 512, &TempoSettings::default()).unwrap();
        assert!(
            (bpm - 60.0 * 22_050.0 / (512.0 * 20.0)).abs() < 1e-9,
            "{bpm}"
        );
    }

    #[test]
    fn a_tempo_of_the_bound_is_beyond_it() {
        // beats every 3 frames are 320 a minute, those of every 6 frames 160
        let strength: Vec<f32> = (0..600)
            .map(|i| if i % 3 == 0 { 1.0 } else { 0.0 })
            .collect();
        let found = |max_tempo| {
            let settings = TempoSettings {
                start_bpm: 320.0,
                max_tempo,
                ..TempoSettings::default()
            };
            tempo(&strength, 8_000, 500, &settings).unwrap()
        };
        assert_eq!(found(320.0), 160.0);
        assert_eq!(found(320.001), 320.0);
    }

    #[test]
    fn without_strength_the_prior_decides() {
        let bpm = tempo(&[0.0; 100], 8_000, 512, &TempoSettings::default()).unwrap();
        // The lag nearest to 120 beats a minute in octaves: 8 frames, 117.2.
        assert!((bpm - 60.0 * 8_000.0 / (512.0 * 8.0)).abs() < 1e-9, "{bpm}");
    }

    #[test]
    fn wrong_settings_are_errors() {
        let good = TempoSettings::default();
        let cases = [
            TempoSettings {
                start_bpm: 0.0,
                ..good
            },
            TempoSettings {
                std_bpm: f64::NAN,
                ..good
            },
            TempoSettings {
                ac_size_s: 0.01,
                ..good
            },
        ];
        for settings in cases {
            assert!(
                tempo(&[1.0], 8_000, 512, &settings).is_err(),
                "{settings:?}"
            );
        }
        assert!(tempo(&[f32::NAN], 8_000, 512, &good).is_err());
    }
}
