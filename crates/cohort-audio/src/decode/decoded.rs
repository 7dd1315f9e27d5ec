//! What decoding gives.

use crate::Sound;

/// A sound, and what was read otherwise than the file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The sound.
    pub sound: Sound,
    /// For whoever asked for the file: one line each, with the name of the file.
    pub warnings: Vec<String>,
}
