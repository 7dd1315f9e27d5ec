//! Voice quality and pauses with the definitions of the program Praat (Boersma and Weenink), so that
//! values can be held against the literature on ageing voices, which uses them.
//!
//! Pitch and harmonicity follow Boersma (1993), "Accurate short-term analysis of the fundamental
//! frequency and the harmonics-to-noise ratio of a sampled sound". `scripts/compare_praat.py` holds
//! every value against praat-parselmouth.

mod filter;
mod harmonicity;
mod pauses;
mod periodicity;
mod pulses;
mod quality;
mod sinc;
mod tilt;
mod wave;

pub(crate) use harmonicity::harmonics_to_noise_db;
pub(crate) use pauses::pauses;
pub(crate) use periodicity::pitch_contour;
pub(crate) use pulses::pulses;
pub(crate) use quality::{jitter_local, shimmer_local};
pub(crate) use tilt::spectral_tilt_db;
pub(crate) use wave::Wave;
