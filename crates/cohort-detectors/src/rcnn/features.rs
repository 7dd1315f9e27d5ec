//! What the first stage hands on.

use crate::Map;

/// What the first stage gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// What the heads look at: levels 2 to 6 of a pyramid with 256 channels, finest first, or the fourth stage with 1024.
    pub levels: Vec<Map>,
    /// What the proposing head says of each: a logit for every anchor of a place, then four deltas for each.
    pub proposals: Vec<Map>,
}
