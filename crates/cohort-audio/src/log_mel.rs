//! The log-mel spectrogram that Whisper hears.

use crate::stft::Framing;
use crate::{AudioError, MelFrames, MelSettings};

/// Sample rate of [`log_mel`], hertz.
pub const LOG_MEL_RATE: u32 = 16_000;
/// Samples between the frames of [`log_mel`].
pub const LOG_MEL_HOP: usize = 160;
/// Samples of a frame of [`log_mel`].
const N_FFT: usize = 400;
/// Mirrored samples at both ends; a multiple of the hop, of which half a frame is needed.
const MARGIN: usize = 2 * LOG_MEL_HOP;

/// Log-mel spectrogram of the first `window` samples at 16 kHz, a shorter sound being followed by silence: frame by frame,
/// `n_mels` values each, `window / 160` frames.
///
/// Powers of frames of 400 samples through a Slaney mel bank, `x = log10(max(power, 1e-10))`, not below the largest minus
/// 8, then `(x + 4) / 4`: `WhisperFeatureExtractor` of transformers 5.24 (transposed), where `window` is 480,000 and
/// `n_mels` 80 or 128. Frames are centred, with the sound mirrored at both ends of the window.
///
/// # Errors
/// [`AudioError::Setting`] when `n_mels` is zero or the window is not longer than half a frame.
pub fn log_mel(samples: &[f32], window: usize, n_mels: usize) -> Result<Vec<f32>, AudioError> {
    if window <= N_FFT / 2 {
        let expected = format!("more than {} samples", N_FFT / 2);
        return Err(AudioError::setting("log-mel", "window", expected, window));
    }
    let inside = &samples[..samples.len().min(window)];
    let at = |i: usize| inside.get(i).copied().unwrap_or(0.0);
    let mut padded = Vec::with_capacity(window + 2 * MARGIN);
    // only half a frame of the margin is ever looked at
    padded.resize(MARGIN - N_FFT / 2, 0.0);
    padded.extend((1..=N_FFT / 2).rev().map(at));
    padded.extend((0..window).map(at));
    padded.extend((1..=N_FFT / 2).map(|i| at(window - 1 - i)));
    let framing = Framing {
        n_fft: N_FFT,
        hop: LOG_MEL_HOP,
    };
    let settings = MelSettings::new(n_mels);
    let mut frames = MelFrames::new(&padded, LOG_MEL_RATE, framing, &settings)?;
    let mut values = vec![0.0; window / LOG_MEL_HOP * n_mels];
    frames.powers(MARGIN / LOG_MEL_HOP, &mut values);
    let mut largest = f32::NEG_INFINITY;
    for value in &mut values {
        *value = value.max(1e-10).log10();
        largest = largest.max(*value);
    }
    for value in &mut values {
        *value = (value.max(largest - 8.0) + 4.0) / 4.0;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_sound_is_followed_by_silence_and_a_long_one_cut() {
        let sound: Vec<f32> = (0..9_000).map(|i| (i as f32 * 0.3).sin() * 0.2).collect();
        let mut padded = sound[..5_000].to_vec();
        padded.resize(8_000, 0.0);
        let short = log_mel(&sound[..5_000], 8_000, 80).unwrap();
        assert_eq!(short.len(), 50 * 80);
        assert_eq!(short, log_mel(&padded, 8_000, 80).unwrap());
        let long = log_mel(&sound, 8_000, 80).unwrap();
        assert_eq!(long, log_mel(&sound[..8_000], 8_000, 80).unwrap());
        assert_ne!(long, short);
    }

    #[test]
    fn silence_is_flat_and_bad_settings_are_told() {
        let silent = log_mel(&[], 1_600, 128).unwrap();
        assert_eq!(silent, vec![-1.5; 10 * 128]);
        assert!(log_mel(&[0.0; 9], 200, 80).is_err());
        assert!(log_mel(&[0.0; 9], 1_600, 0).is_err());
    }
}
