//! What a search found, as a document.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{Distance, Recall};

/// The nearest of each query (`cohort.search/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchDocument {
    /// `cohort.search/1`.
    pub schema: String,
    /// Name of the index.
    pub index: String,
    /// What made its vectors.
    pub producer: String,
    /// What "near" means.
    pub distance: Distance,
    /// Vectors of the index that were not deleted.
    pub vectors: usize,
    /// Vectors that were searched; fewer with a filter.
    pub searched: usize,
    /// Columns and the values that a row had to have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Neighbours asked for.
    pub k: usize,
    /// What share of the true nearest a search by graph was seen to find: of the first queries of the first table, or of the
    /// index's own vectors where only those were asked; absent where every vector was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearly: Option<Recall>,
    /// What was read otherwise than it was written, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The queries, in their order.
    pub queries: Vec<Answer>,
}

/// The answer to one query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its clip.
    pub clip: String,
    /// Of words: the share of unrelated phrases whose nearest lies further away than this query's, of equals half; in [0, 1]. One half
    /// says that anything at all would fit as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<f64>,
    /// The nearest, nearest first; of equals the one added first.
    pub found: Vec<Found>,
}

/// A neighbour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Its clip.
    pub clip: String,
    /// Its distance; minus the inner product under that.
    pub distance: f64,
}

/// How a query's nearest stands among those of unrelated queries: the share of them that lie further away, of equals half. None
/// without any.
pub fn standing(nearest: f64, unrelated: &[f64]) -> Option<f64> {
    let further = unrelated.iter().filter(|other| **other > nearest).count();
    let equal = unrelated.iter().filter(|other| **other == nearest).count();
    let all = unrelated.len();
    (all > 0).then(|| (further as f64 + equal as f64 / 2.0) / all as f64)
}

impl SearchDocument {
    /// For a terminal.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // writing to a String cannot fail
        let searched = match self.searched == self.vectors {
            true => String::new(),
            false => format!(
                ", {} of them with {}",
                self.searched,
                self.filters.join(", ")
            ),
        };
        let _ = writeln!(
            text,
            "{}: {} vectors{searched}, {} distance",
            self.index,
            self.vectors,
            self.distance.name()
        );
        if let Some(Recall {
            value, queries, k, ..
        }) = self.nearly
        {
            let _ = writeln!(
                text,
                "by graph: {value:.3} of the {k} nearest found, on {queries} vectors that were asked exactly too"
            );
        }
        for answer in &self.queries {
            let _ = writeln!(text, "\n{}", answer.clip);
            if let Some(standing) = answer.standing {
                let share = 100.0 * standing;
                let _ = writeln!(
                    text,
                    "the nearest is nearer than that of {share:.0} % of unrelated phrases"
                );
            }
            for (rank, found) in answer.found.iter().enumerate() {
                let _ = writeln!(
                    text,
                    "{:>4}  {:>12.6}  {}",
                    rank + 1,
                    found.distance,
                    found.clip
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::standing;

    #[test]
    fn a_standing_is_the_share_that_lies_further_away() {
        let unrelated = [0.5, 0.7, 0.7, 0.9];
        for (nearest, expected) in [
            (0.1, 1.0),
            (0.5, 0.875),
            (0.6, 0.75),
            (0.7, 0.5),
            (1.0, 0.0),
        ] {
            assert_eq!(standing(nearest, &unrelated), Some(expected), "{nearest}");
        }
        assert_eq!(standing(0.1, &[]), None);
    }
}
