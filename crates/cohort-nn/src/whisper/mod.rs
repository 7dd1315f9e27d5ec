//! Whisper (Radford et al. 2022), which writes down what is said: any size, weights in the Hugging Face layout.
//!
//! [`Whisper`] is the network, [`WhisperFolder`] what a model's folder says of it, and [`Transcriber`] the two together
//! with greedy decoding: log-mel spectrograms in, text out.

mod attention;
mod config;
mod decoder;
mod encoder;
mod folder;
mod greedy;
mod network;
mod transcriber;
mod vocabulary;

pub use config::WhisperConfig;
pub use folder::WhisperFolder;
pub use greedy::{Greedy, Spoken};
pub use network::{Memory, Whisper};
pub use transcriber::{Transcriber, Transcript};
pub use vocabulary::Vocabulary;
