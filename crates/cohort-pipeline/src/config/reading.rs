//! How the data set of a run is read.

use std::path::PathBuf;

use cohort_data::{Layout, OpenOptions};
use serde::{Deserialize, Serialize};

/// What is said of the data set where its layout does not say it. Relative paths start at the folder of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadingConfig {
    /// How it lies on disk; none (default): as is found there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Column of the target in a table of paths; none (default): by the usual names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// List of the paths of the training split, one a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// List of the validation split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<PathBuf>,
    /// List of the test split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Seed of splits that are made since they are not there; apart from the run's, so that runs of several seeds share
    /// them. Default 0.
    pub split_seed: u64,
}

impl ReadingConfig {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The lists that may be given, in the order of the splits.
    pub(crate) fn lists_mut(&mut self) -> [&mut Option<PathBuf>; 3] {
        [&mut self.train, &mut self.valid, &mut self.test]
    }

    /// As data are opened.
    pub fn options(&self) -> OpenOptions {
        OpenOptions {
            layout: self.layout,
            target: self.target.clone(),
            seed: self.split_seed,
            ..OpenOptions::default()
        }
        .with_lists([&self.train, &self.valid, &self.test].map(Option::clone))
    }
}
