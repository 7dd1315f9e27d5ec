//! How a run's models are combined and audited.

use serde::{Deserialize, Serialize};

/// How the models' predictions are combined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FusionConfig {
    /// Resamples of the intervals in the ablation. Default 2,000.
    pub resamples: usize,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self { resamples: 2_000 }
    }
}

/// How the result is audited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Attribute columns; empty: all of the schema.
    pub groups: Vec<String>,
    /// Resamples of the intervals. Default 10,000.
    pub resamples: usize,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            resamples: 10_000,
        }
    }
}
