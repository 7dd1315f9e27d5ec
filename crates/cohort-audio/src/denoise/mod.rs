//! Noise reduction by spectral gating, as the Python package noisereduce 3.0.3 computes it.
//!
//! Each chunk of 600,000 samples, with 30,000 samples of its neighbourhood (or zeros) on each side,
//! is transformed (Hann window, a quarter hop), each bin is weighted by a mask between 0 and 1, and
//! transformed back, all in double precision. The mask says how far a bin stands above the noise:
//! above its own slow mean ([`nonstationary`]) or above fixed statistics ([`stationary`]).

mod gate;
mod nonstationary;
mod stationary;

pub use gate::GateSettings;
pub use nonstationary::{NonStationary, reduce_noise};
pub use stationary::{Stationary, reduce_noise_stationary};
