//! Videos in, frames at stated times and sound out.
//!
//! The `ffmpeg` and `ffprobe` programs do the decoding ([`Ffmpeg::find`]), each file in one pass through a pipe: no folder of frames is
//! written, and no more is held than was asked for. [`Ffmpeg::probe`] says what a file is, [`Ffmpeg::frames`] takes pictures at least
//! so many seconds apart, upright and in the shape in which they are shown, with the time of each; [`Ffmpeg::sound`] the sound on the
//! same clock.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod error;
mod frames;
mod probe;
mod program;
mod sound;

pub use error::VideoError;
pub use frames::{Frame, FrameSettings};
pub use probe::{PictureStream, SoundStream, VideoInfo};
pub use program::Ffmpeg;
