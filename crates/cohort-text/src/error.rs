//! What can go wrong on the way from words to numbers.

use std::path::{Path, PathBuf};

/// Error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A setting is out of its range.
    #[error("n-gram setting {name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        found: usize,
    },
    /// A tokeniser's file that cannot be used.
    #[error("tokeniser {}: {reason}", path.display())]
    Tokeniser {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of word vectors that cannot be used.
    #[error("word vectors {}: {reason}", path.display())]
    WordVectors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A text of a topic that there is not.
    #[error("text {}: expected a topic of 0 to {}, found {found}", text + 1, expected.saturating_sub(1))]
    Topic {
        /// Which text, from 0.
        text: usize,
        /// How many topics there are.
        expected: usize,
        /// The topic given.
        found: usize,
    },
    /// A name in which there is no word to look for.
    #[error("name {0:?}: expected at least one word, found none")]
    Word(String),
    /// Reading was stopped.
    #[error("stopped")]
    Stopped,
}

impl TextError {
    pub(crate) fn tokeniser(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Tokeniser {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}
