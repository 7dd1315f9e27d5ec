//! What the caller chooses, checked once.

use crate::error::SynthError;

/// Fewest clips that leave every age group a subject in each split.
pub const MIN_CLIPS: usize = 60;
/// Most clips of one corpus: a guard against a slip of the finger (about 260 GB on disk).
pub const MAX_CLIPS: usize = 1_000_000;

/// Size and seed of an embedded corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthSettings {
    /// Number of clips in all three splits, [`MIN_CLIPS`] to [`MAX_CLIPS`]; default 1,600.
    pub clips: usize,
    /// Seed of every draw; default 1. The same clips and seed give the same bytes.
    pub seed: u64,
}

impl Default for SynthSettings {
    fn default() -> Self {
        SynthSettings {
            clips: 1_600,
            seed: 1,
        }
    }
}

impl SynthSettings {
    /// Checks the ranges.
    pub(crate) fn validate(&self) -> Result<(), SynthError> {
        if (MIN_CLIPS..=MAX_CLIPS).contains(&self.clips) {
            return Ok(());
        }
        Err(SynthError::Setting {
            name: "clips",
            expected: format!("{MIN_CLIPS} to {MAX_CLIPS}"),
            found: self.clips.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (clips, good) in [
            (0, false),
            (59, false),
            (60, true),
            (1_000_000, true),
            (1_000_001, false),
        ] {
            let settings = SynthSettings { clips, seed: 0 };
            assert_eq!(settings.validate().is_ok(), good, "{clips}");
        }
        let message = SynthSettings { clips: 5, seed: 0 }
            .validate()
            .unwrap_err()
            .to_string();
        assert_eq!(message, "synthesise: clips is 5, expected 60 to 1000000");
    }
}
