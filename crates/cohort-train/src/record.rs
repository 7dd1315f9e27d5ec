//! What decides a training on samples with classes, as every checkpoint states it.

use std::fmt::Debug;

use cohort_nn::ModelConfig;
use serde::{Deserialize, Serialize};

use crate::classify::data::DataFacts;
use crate::task::Difference;

/// What decides a run; `S` are the task's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record<S> {
    pub(crate) network: ModelConfig,
    pub(crate) settings: S,
    pub(crate) data: DataFacts,
    /// BLAKE3 of the weights that the run began from, where they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
}

impl<S: PartialEq + Debug> Record<S> {
    /// The first part in which an earlier run's record differs.
    pub(crate) fn difference(&self, earlier: &Self) -> Option<Difference> {
        Difference::of("network", &earlier.network, &self.network)
            .or_else(|| Difference::of("settings", &earlier.settings, &self.settings))
            .or_else(|| Difference::of("data", &earlier.data, &self.data))
            .or_else(|| Difference::of("starting weights", &earlier.start, &self.start))
    }
}
