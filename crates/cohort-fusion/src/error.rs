//! What can be wrong with a fusion or an ablation.

use cohort_eval::EvalError;

/// Why tables could not be fused, aggregated or ablated. Each message says what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum FusionError {
    /// The number or the names of the modalities are not usable.
    #[error("modalities: expected {expected}, found {found}")]
    Modalities {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// One modality's table is not usable as it is.
    #[error("modality {modality}, {split} predictions: expected {expected}, found {found}")]
    Table {
        /// Name of the modality (or of the joint model's row).
        modality: String,
        /// `valid` or `test`.
        split: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// Tables disagree, or clips are where they must not be, or are not where they must be.
    #[error("{split} predictions: expected {expected}, found {count}: {}", examples.join(", "))]
    Clips {
        /// `valid` or `test`.
        split: &'static str,
        /// What was expected.
        expected: String,
        /// Number of clips at fault.
        count: usize,
        /// The first few of them.
        examples: Vec<String>,
    },
    /// A setting is out of its range or does not fit the modalities.
    #[error("setting {setting}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A metric or an interval could not be computed.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// How many ids an error lists.
const LISTED: usize = 5;

impl FusionError {
    pub(crate) fn table(
        modality: &str,
        split: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Table {
            modality: modality.to_string(),
            split,
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// An error that counts the clips and lists the first few.
    pub(crate) fn clips(split: &'static str, expected: impl Into<String>, clips: &[&str]) -> Self {
        let mut examples: Vec<String> = clips
            .iter()
            .take(LISTED)
            .map(|clip| (*clip).to_string())
            .collect();
        if clips.len() > LISTED {
            examples.push("...".to_string());
        }
        Self::Clips {
            split,
            expected: expected.into(),
            count: clips.len(),
            examples,
        }
    }

    pub(crate) fn setting(
        setting: &'static str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Setting {
            setting,
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}
