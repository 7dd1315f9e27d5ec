//! Sound in, numbers out: decoding, resampling, spectra, noise reduction, onsets, tempo and pitch.
//!
//! The analyses are those of librosa 0.11 and noisereduce 3.0.3, checked against them value by value
//! (`scripts/compare_librosa.py`), without their cost: a clip of 10 seconds takes milliseconds on
//! one thread. A function here uses one thread; run clips side by side to use more.
//!
//! ```
//! use cohort_audio::{AcousticSettings, Preset, Sound, acoustic_features};
//!
//! let samples: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.1).sin() * 0.3).collect();
//! let sound = Sound { samples, sample_rate: 8_000 };
//! let features = acoustic_features(&sound, &AcousticSettings::preset(Preset::Speech))?;
//! assert!((features.f0_median_hz - 8_000.0 * 0.1 / (2.0 * std::f64::consts::PI)).abs() < 1.0);
//! # Ok::<(), cohort_audio::AudioError>(())
//! ```
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod db;
mod decode;
mod denoise;
mod error;
mod extended;
mod fast;
mod features;
mod fft;
mod log_mel;
mod mel;
mod onset;
mod pauses;
mod power;
mod pyin;
mod quality;
mod resample;
mod settings;
mod sound;
mod statistics;
mod stft;
mod tempo;
mod viterbi;
mod voice;
mod window;
mod yin;

pub use db::{MIN_POWER, amplitude_to_db, db_to_power, power_to_db};
pub use decode::{
    Decoded, MAX_SAMPLES, decode, decode_bytes, decode_bytes_warned, decode_warned, open,
};
pub use denoise::{GateSettings, NonStationary, Stationary, reduce_noise, reduce_noise_stationary};
pub use error::AudioError;
pub use extended::ExtendedFeatures;
pub use features::{AcousticFeatures, ONSET_HOP, SILENCE, TEMPO_HOP, acoustic_features};
pub use log_mel::{LOG_MEL_HOP, LOG_MEL_RATE, log_mel};
pub use mel::{MelBank, MelFrames, MelScale, MelSettings, mel_db, mel_spectrogram, mfcc};
pub use onset::{
    PeakPick, onset_backtrack, onset_detect, onset_peaks, onset_strength, onset_strengths,
    peak_pick,
};
pub use pauses::cut_at_pauses;
pub use pyin::{PitchTrack, pyin};
pub use quality::clipped_share;
pub use resample::resample;
pub use settings::{AcousticSettings, Preset};
pub use sound::{MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Sound};
pub use stft::{Frames, Framing, Stft, istft, stft};
pub use tempo::{TempoSettings, tempo};
pub use window::hann;
pub use yin::{PitchRange, yin};
