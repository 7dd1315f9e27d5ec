//! Gate against noise that stays the same.

use super::gate::{Chunk, GateSettings, gate};
use crate::stft::{Frames, Framing};
use crate::{AudioError, Sound};

/// Settings of the stationary gate; the defaults are noisereduce's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stationary {
    /// What both gates share.
    pub gate: GateSettings,
    /// How many standard deviations above the mean of the noise, in decibel, a bin must stand.
    /// Default 1.5.
    pub n_std_thresh: f64,
}

impl Default for Stationary {
    fn default() -> Self {
        Self {
            gate: GateSettings::default(),
            n_std_thresh: 1.5,
        }
    }
}

/// Samples of the noise that its statistics are taken from (noisereduce's `clip_noise_stationary`).
const NOISE_SAMPLES: usize = 600_000;
/// Decibel below its loudest frame at which a bin is cut off.
const TOP_DB: f64 = 80.0;

/// Removes noise that stays the same: bins above `mean + n_std_thresh * deviation` of the noise, in
/// decibel and for each bin over time, stay; the others go. `noise` is a recording of the noise at
/// the same sample rate; None takes the sound itself (its first 600,000 samples).
///
/// noisereduce 3.0.3 `reduce_noise(stationary=True)`. Samples in, as many samples out.
///
/// # Errors
/// [`AudioError::Signal`] for a sound or noise that [`Sound::check`] refuses, a noise of another
/// sample rate, or one shorter than a frame (noisereduce takes a shorter frame for the noise than for
/// the sound down to three quarters, and refuses what is shorter still);
/// [`AudioError::Setting`] for a setting out of range.
pub fn reduce_noise_stationary<S: AsRef<[f32]>>(
    sound: &Sound<S>,
    noise: Option<&Sound<S>>,
    settings: &Stationary,
) -> Result<Vec<f32>, AudioError> {
    let noise = noise.map(Sound::borrowed);
    reduce(&sound.borrowed(), noise.as_ref(), settings)
}

fn reduce(
    sound: &Sound<&[f32]>,
    noise: Option<&Sound<&[f32]>>,
    settings: &Stationary,
) -> Result<Vec<f32>, AudioError> {
    let operation = "stationary noise reduction";
    sound.check(operation)?;
    settings.gate.check(operation)?;
    if !(0.0..=100.0).contains(&settings.n_std_thresh) {
        let found = settings.n_std_thresh;
        return Err(AudioError::setting(
            operation,
            "n_std_thresh",
            "from 0 to 100",
            found,
        ));
    }
    let noise = noise.unwrap_or(sound);
    noise.check(operation)?;
    if noise.sample_rate != sound.sample_rate {
        return Err(AudioError::signal(
            operation,
            format!("noise at {} Hz", sound.sample_rate),
            format!("{} Hz", noise.sample_rate),
        ));
    }
    if noise.samples.len() < settings.gate.n_fft {
        return Err(AudioError::signal(
            operation,
            format!(
                "a noise of {} samples, one frame, or more",
                settings.gate.n_fft
            ),
            format!("{}", noise.samples.len()),
        ));
    }
    let thresholds = thresholds(noise, settings)?;
    // noisereduce applies prop_decrease before the mask is smoothed here, and after it in the other
    // gate; at the edges of the spectrum that differs.
    Ok(gate(sound, &settings.gate, 1.0, |chunk| {
        decide(chunk, &thresholds, &settings.gate)
    }))
}

/// scipy's `stft` divides by the sum of the window; the constant added before the logarithm makes
/// that matter for very quiet bins.
fn scale(settings: &GateSettings) -> f64 {
    2.0 / settings.n_fft as f64
}

fn amplitude_db(amplitude: f64) -> f64 {
    20.0 * (amplitude + f64::EPSILON).log10()
}

/// Threshold of each bin in decibel.
fn thresholds(noise: &Sound<&[f32]>, settings: &Stationary) -> Result<Vec<f64>, AudioError> {
    let framing = Framing {
        n_fft: settings.gate.n_fft,
        hop: settings.gate.hop(),
    };
    let clip = &noise.samples[..noise.samples.len().min(NOISE_SAMPLES)];
    let mut frames = Frames::new(clip, framing)?;
    let (bins, scale) = (framing.bins(), scale(&settings.gate));
    let mut db: Vec<f64> = Vec::with_capacity(frames.len() * bins);
    for t in 0..frames.len() {
        db.extend(
            frames
                .spectrum(t)
                .iter()
                .map(|value| amplitude_db(value.norm() * scale)),
        );
    }
    let count = frames.len() as f64;
    Ok((0..bins)
        .map(|k| {
            let line = || db[k..].iter().step_by(bins);
            let floor = line().copied().fold(f64::NEG_INFINITY, f64::max) - TOP_DB;
            let mean = line().map(|v| v.max(floor)).sum::<f64>() / count;
            let variance = line().map(|v| (v.max(floor) - mean).powi(2)).sum::<f64>() / count;
            mean + variance.sqrt() * settings.n_std_thresh
        })
        .collect())
}

/// Mask 1 where a bin is above its threshold. The cut 80 dB below the loudest frame of the bin
/// counts too: where it lies above the threshold, every frame passes. Returns the mask of silence.
fn decide(chunk: &mut Chunk, thresholds: &[f64], settings: &GateSettings) -> Vec<f64> {
    let bins = chunk.bins;
    let scale = scale(settings);
    let mut loudest = vec![amplitude_db(0.0); bins];
    for (row, spectrum) in chunk
        .mask
        .chunks_exact_mut(bins)
        .zip(chunk.spectra.chunks_exact(bins))
    {
        for ((slot, value), top) in row.iter_mut().zip(spectrum).zip(&mut loudest) {
            *slot = amplitude_db(value.norm() * scale);
            *top = top.max(*slot);
        }
    }
    let keep = 1.0 - settings.prop_decrease;
    let pass = |db: f64, top: f64, threshold: f64| {
        if db.max(top - TOP_DB) > threshold {
            1.0
        } else {
            keep
        }
    };
    for row in chunk.mask.chunks_exact_mut(bins) {
        for ((slot, threshold), top) in row.iter_mut().zip(thresholds).zip(&loudest) {
            *slot = pass(*slot, *top, *threshold);
        }
    }
    let silence = amplitude_db(0.0);
    thresholds
        .iter()
        .zip(&loudest)
        .map(|(t, top)| pass(silence, *top, *t))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_above_the_noise_stays_and_the_noise_goes() {
        let mut state = 7_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / 8_388_608.0 - 1.0) * 0.01
        };
        let sample_rate = 8_000;
        let noise_only = Sound {
            samples: (0..16_000).map(|_| noise()).collect::<Vec<_>>(),
            sample_rate,
        };
        let tone = |i: usize| (i as f32 * 2.0 * std::f32::consts::PI * 500.0 / 8_000.0).sin() * 0.3;
        let mixed = Sound {
            samples: (0..16_000)
                .map(|i| noise() + if i >= 8_000 { tone(i) } else { 0.0 })
                .collect::<Vec<_>>(),
            sample_rate,
        };
        let out =
            reduce_noise_stationary(&mixed, Some(&noise_only), &Stationary::default()).unwrap();
        let rms = |s: &[f32]| (s.iter().map(|x| x * x).sum::<f32>() / s.len() as f32).sqrt();
        // The smoothed mask is below 1 even at the tone, but the noise loses far more.
        let left =
            |range: std::ops::Range<usize>| rms(&out[range.clone()]) / rms(&mixed.samples[range]);
        assert!(left(1_000..6_000) < 0.3 * left(10_000..15_000));
    }

    #[test]
    fn noise_that_does_not_fit_is_an_error() {
        let sound = |length, sample_rate| Sound {
            samples: vec![0.1; length],
            sample_rate,
        };
        for (length, rate, found) in [(2_000, 16_000, "16000 Hz"), (1_023, 8_000, "1023")] {
            let noise = sound(length, rate);
            let settings = Stationary::default();
            let error = reduce_noise_stationary(&sound(2_000, 8_000), Some(&noise), &settings);
            let error = error.expect_err(found).to_string();
            assert!(error.ends_with(found), "{error}");
        }
    }
}
