//! What a model looks at.

use std::fmt;
use std::str::FromStr;

use cohort_data::Clip;
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;

/// What a model looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// The face.
    Image,
    /// The voice.
    Audio,
    /// The words.
    Text,
}

impl Modality {
    /// All modalities, in their usual order.
    pub const ALL: [Self; 3] = [Self::Image, Self::Audio, Self::Text];

    /// `image`, `audio` or `text`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Text => "text",
        }
    }

    /// Whether a clip has it.
    pub(crate) fn is_in(self, clip: &Clip) -> bool {
        match self {
            Self::Image => clip.picture().is_some(),
            Self::Audio => clip.sound().is_some(),
            Self::Text => clip.words().is_some(),
        }
    }
}

impl fmt::Display for Modality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Modality {
    type Err = PipelineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|modality| modality.name() == name)
            .ok_or_else(|| PipelineError::Setting {
                name: "modality",
                expected: "image, audio or text",
                found: name.to_string(),
            })
    }
}
