//! Pictures of sound for papers: waveform, raw against denoised, onsets, spectrum, spectrogram with pitch.
//!
//! They take plain samples and values that the caller has computed, and give one `<svg>` element each;
//! [`svg_to_png`](crate::svg_to_png) makes pixels of it. Their size in bytes is bounded, however long the sound is.

mod colour_map;
mod spectrogram;
mod spectrum;
mod waveform;

pub use spectrogram::{PitchTrack, Spectrogram, spectrogram};
pub use spectrum::spectrum;
pub use waveform::{denoised, onsets, waveform};
