//! How much a search by graph finds.

use serde::{Deserialize, Serialize};

/// How many of the true nearest an approximate search finds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// Share of the exact answer's rows that are in the approximate one.
    pub value: f64,
    /// Queries that were asked both ways.
    pub queries: usize,
    /// Neighbours of each.
    pub k: usize,
    /// The width of the search.
    pub width: usize,
}
