//! Transcripts that are made, not given: what is asked for and what came out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::branches::Skipped;

/// How transcripts are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscribeConfig {
    /// A Whisper: its folder in the Hugging Face layout, or `hf:org/name`.
    pub weights: String,
    /// Code of the language that is spoken, as `en`, or `auto` for the likeliest of each clip.
    pub language: String,
}

/// One transcript that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeTranscript {
    /// Clip id.
    pub clip: String,
    /// The words; empty when nothing was said.
    pub text: String,
    /// Code of their language.
    pub language: String,
    /// Windows that were listened to.
    pub windows: usize,
    /// Windows without speech.
    pub silent: usize,
    /// Hash of the sound.
    pub source: String,
}

/// The transcripts that were made for a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcribed {
    /// The model as it was asked for.
    pub model: String,
    /// Hash of its files.
    pub weights: String,
    /// The language as it was asked for.
    pub language: String,
    /// The transcripts, in the data set's order.
    pub made: Vec<MadeTranscript>,
    /// How many of them were there already from a call before.
    pub kept: usize,
    /// Clips whose sound could not be used.
    pub skipped: Vec<Skipped>,
    /// The table of texts.
    pub file: PathBuf,
}

impl Transcribed {
    /// Clips in which nothing was said.
    pub fn silent(&self) -> usize {
        self.made.iter().filter(|one| one.text.is_empty()).count()
    }

    /// Model, hash, language and counts.
    pub fn document(&self) -> Value {
        json!({
            "model": self.model,
            "weights": self.weights,
            "language": self.language,
            "clips": self.made.len(),
            "silent": self.silent(),
            "skipped": self.skipped,
            "file": self.file.display().to_string(),
        })
    }

    /// A line, and one a clip left out.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "transcripts: {} made by {} ({} of clips without speech, {} from before) in {}, {} left out\n",
            self.made.len(),
            self.model,
            self.silent(),
            self.kept,
            self.file.display(),
            self.skipped.len()
        );
        for bad in &self.skipped {
            text += &format!("  left out {}: {}\n", bad.clip, bad.reason);
        }
        text
    }
}
