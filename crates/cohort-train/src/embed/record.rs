//! What decides the training of an embedding, as every checkpoint states it.

use cohort_nn::ModelConfig;
use serde::{Deserialize, Serialize};

use crate::EmbeddingSettings;
use crate::classify::data::DataFacts;

/// What decides a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) network: ModelConfig,
    pub(crate) settings: EmbeddingSettings,
    pub(crate) data: DataFacts,
    /// BLAKE3 of the weights that the run began from, where they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
}
