//! All that a check found: the JSON document `cohort.check/1`.

use cohort_tables::Nouns;
use serde::{Deserialize, Serialize};

use super::settings::CheckSettings;
use crate::finding::{Finding, Kind};

/// All that a check found; serialises as the JSON document `cohort.check/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Always `cohort.check/1`.
    pub schema: String,
    /// Name of the data set.
    pub dataset: String,
    /// What an item is called.
    #[serde(default = "clip")]
    pub item: String,
    /// What is called the unit that must not be in two splits.
    #[serde(default = "subject")]
    pub unit: String,
    /// What was looked at, by split in the data set's order.
    pub splits: Vec<CheckedSplit>,
    /// Limits that were used.
    pub settings: CheckSettings,
    /// Number of errors.
    pub errors: usize,
    /// Number of warnings.
    pub warnings: usize,
    /// Number of notes.
    pub notes: usize,
    /// The findings, by kind, then in the order of splits and rows.
    pub findings: Vec<Finding>,
}

fn clip() -> String {
    "clip".into()
}

fn subject() -> String {
    "subject".into()
}

/// How much of a split was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedSplit {
    /// Name of the split.
    pub name: String,
    /// Readable rows of its label table.
    pub clips: usize,
    /// Clips with a picture.
    pub images: usize,
    /// Clips with a sound.
    pub sounds: usize,
    /// Clips with a transcript.
    pub transcripts: usize,
}

impl CheckReport {
    /// What items and units are called.
    pub fn nouns(&self) -> Nouns {
        Nouns {
            item: self.item.clone(),
            unit: self.unit.clone(),
        }
    }

    /// Whether any error or warning was found, which is what exit code 1 says.
    pub fn found(&self) -> bool {
        self.errors + self.warnings > 0
    }

    /// Number of findings of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.kind == kind)
            .count()
    }
}
