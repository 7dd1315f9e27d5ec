//! Gate against a floor that follows the sound.

use super::gate::{Chunk, GateSettings, gate};
use crate::fast::{first_order, magnitudes, sigmoid_above};
use crate::{AudioError, Sound};

/// Settings of the non-stationary gate; the defaults are noisereduce's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NonStationary {
    /// What both gates share.
    pub gate: GateSettings,
    /// Time constant of the floor in seconds. Default 2.
    pub time_constant_s: f64,
    /// How many times above the floor a bin must stand for a mask of one half, minus 1. Default 2.
    pub thresh_n_mult: f64,
    /// Steepness of the mask around there. Default 10.
    pub sigmoid_slope: f64,
}

impl Default for NonStationary {
    fn default() -> Self {
        Self {
            gate: GateSettings::default(),
            time_constant_s: 2.0,
            thresh_n_mult: 2.0,
            sigmoid_slope: 10.0,
        }
    }
}

/// Removes noise against a floor that follows the sound: for each bin the floor is its magnitude
/// smoothed over time forwards and backwards by a first-order filter, and the mask is a sigmoid of
/// how many times above it the magnitude is.
///
/// noisereduce 3.0.3 `reduce_noise(stationary=False)`; silence stays silence (there it becomes NaN).
/// Samples in, as many samples out. Memory beyond them is that of one chunk (about 60 MiB).
///
/// # Errors
/// [`AudioError::Signal`] for a sound that [`Sound::check`] refuses, [`AudioError::Setting`] for a
/// setting out of range.
pub fn reduce_noise<S: AsRef<[f32]>>(
    sound: &Sound<S>,
    settings: &NonStationary,
) -> Result<Vec<f32>, AudioError> {
    reduce(&sound.borrowed(), settings)
}

fn reduce(sound: &Sound<&[f32]>, settings: &NonStationary) -> Result<Vec<f32>, AudioError> {
    let operation = "noise reduction";
    sound.check(operation)?;
    settings.gate.check(operation)?;
    for (name, value) in [
        ("time_constant_s", settings.time_constant_s),
        ("thresh_n_mult", settings.thresh_n_mult),
        ("sigmoid_slope", settings.sigmoid_slope),
    ] {
        if !(value > 0.0 && value <= 1e4) {
            return Err(AudioError::setting(
                operation,
                name,
                "above 0, at most 10000",
                value,
            ));
        }
    }
    // Coefficient of the filter y[t] = b x[t] + (1 - b) y[t - 1] for that time constant.
    let frames =
        settings.time_constant_s * f64::from(sound.sample_rate) / settings.gate.hop() as f64;
    let b = ((1.0 + 4.0 * frames * frames).sqrt() - 1.0) / (2.0 * frames * frames);
    let (shift, slope) = (settings.thresh_n_mult, settings.sigmoid_slope);
    Ok(gate(
        sound,
        &settings.gate,
        settings.gate.prop_decrease,
        |chunk| {
            magnitudes(&chunk.spectra, &mut chunk.mask);
            slow_mean(chunk, b, |x, floor| sigmoid_above(x, floor, shift, slope));
            // A silent frame is once the floor below it.
            vec![1.0 / (1.0 + ((1.0 + shift) * slope).exp()); chunk.bins]
        },
    ))
}

/// Forward and backward first-order smoothing along time of the magnitudes in `chunk.mask` into
/// `chunk.other`, each pass starting at rest at its first value (scipy's `filtfilt(padtype=None)`).
/// The silent frames around count: they only decay, so they need no storage. `done` gets each frame
/// of the mask with its floor as soon as that is known, the last frame first.
fn slow_mean(chunk: &mut Chunk, b: f64, mut done: impl FnMut(&mut [f64], &[f64])) {
    let bins = chunk.bins;
    let floor = &mut chunk.other;
    let a = 1.0 - b;
    let mut state = vec![0.0; bins];
    if chunk.silent_before == 0 && chunk.mask.len() >= bins {
        state.copy_from_slice(&chunk.mask[..bins]);
    }
    for (row, x) in floor
        .chunks_exact_mut(bins)
        .zip(chunk.mask.chunks_exact(bins))
    {
        row.copy_from_slice(x);
        first_order(row, (a, b), &mut state);
    }
    // Through the silence after the sound and back, every bin changes by the same factor.
    let mut decay = vec![1.0; chunk.silent_after + 1];
    for i in 1..decay.len() {
        decay[i] = decay[i - 1] * a;
    }
    let mut factor = decay[chunk.silent_after];
    for forward in decay[1..].iter().rev() {
        factor = b * forward + a * factor;
    }
    state.iter_mut().for_each(|s| *s *= factor);
    let masks = chunk.mask.chunks_exact_mut(bins);
    for (row, mask) in floor.chunks_exact_mut(bins).zip(masks).rev() {
        first_order(row, (a, b), &mut state);
        done(mask, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_mean_equals_the_filter_over_all_frames() {
        let (bins, b) = (3, 0.3);
        for (before, kept, after) in [(4, 9, 5), (0, 7, 2), (3, 6, 0), (0, 1, 0)] {
            let magnitudes: Vec<f64> = (0..kept * bins)
                .map(|i| ((i * 29 % 17) as f64) + 0.5)
                .collect();
            let mut chunk = Chunk {
                bins,
                silent_before: before,
                silent_after: after,
                spectra: vec![],
                mask: magnitudes.clone(),
                other: vec![f64::NAN; magnitudes.len()],
            };
            slow_mean(&mut chunk, b, |_, _| {});
            let floor = &chunk.other;
            for k in 0..bins {
                let mut line = vec![0.0; before];
                line.extend((0..kept).map(|t| magnitudes[t * bins + k]));
                line.extend(vec![0.0; after]);
                for _ in 0..2 {
                    let mut state = line[0];
                    for x in &mut line {
                        state = b * *x + (1.0 - b) * state;
                        *x = state;
                    }
                    line.reverse();
                }
                for t in 0..kept {
                    assert!(
                        (floor[t * bins + k] - line[before + t]).abs() < 1e-12,
                        "{before} {t}"
                    );
                }
            }
        }
    }

    #[test]
    fn silence_stays_silence() {
        let sound = Sound {
            samples: vec![0.0; 20_000],
            sample_rate: 8_000,
        };
        let out = reduce_noise(&sound, &NonStationary::default()).unwrap();
        assert!(out.len() == 20_000 && out.iter().all(|s| *s == 0.0));
    }

    #[test]
    fn settings_out_of_range_are_errors() {
        let sound = Sound {
            samples: vec![0.1; 100],
            sample_rate: 8_000,
        };
        let good = NonStationary::default();
        let gate = GateSettings::default();
        let cases = [
            NonStationary {
                time_constant_s: 0.0,
                ..good
            },
            NonStationary {
                sigmoid_slope: f64::NAN,
                ..good
            },
            NonStationary {
                gate: GateSettings {
                    n_fft: 1_022,
                    ..gate
                },
                ..good
            },
            NonStationary {
                gate: GateSettings {
                    prop_decrease: 1.5,
                    ..gate
                },
                ..good
            },
        ];
        for settings in cases {
            let error = reduce_noise(&sound, &settings).unwrap_err();
            assert!(matches!(error, AudioError::Setting { .. }), "{error}");
        }
    }
}
