//! How a score stands: among what queries score to which nothing in the gallery is the answer.

use cohort_eval::Interval;
use serde::{Deserialize, Serialize};

/// Best scores of queries whose right items were left out: a search always answers, and these are its answers where nothing fits.
#[derive(Debug, Clone, PartialEq)]
pub struct NullScores {
    sorted: Vec<f64>,
}

impl NullScores {
    /// Of any scores that are numbers.
    pub fn new(scores: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = scores.into_iter().filter(|score| !score.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Self { sorted }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Share of them below a score, 0 to 1, equals by half; none without any.
    pub fn percentile(&self, score: f64) -> Option<f64> {
        let none = Self { sorted: Vec::new() };
        self.percentile_without(score, &none)
    }

    /// As [`Self::percentile`] without those of `own`, all of which are among these.
    pub(super) fn percentile_without(&self, score: f64, own: &Self) -> Option<f64> {
        // twice the count, so that halves are whole
        let below = |of: &Self| {
            let less = of.sorted.partition_point(|&null| null < score);
            less + of.sorted.partition_point(|&null| null <= score)
        };
        let count = self.len().checked_sub(own.len()).filter(|&n| n > 0)?;
        Some((below(self) - below(own)) as f64 / (2 * count) as f64)
    }

    /// The score that a share `p` of them does not exceed (the smallest such); none without any.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let rank = (p.clamp(0.0, 1.0) * self.len() as f64).ceil() as usize;
        self.sorted.get(rank.max(1) - 1).copied()
    }
}

/// How scores of answers stand among those of unrelated queries.
///
/// A percentile, not a verdict: it says how many queries without an answer would have scored less, and no threshold on it says that
/// nothing fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Queries whose best score without their right items is known.
    pub queries: usize,
    /// Share of pairs of a query as it is and one of another picture without its right items in which the first scores higher,
    /// equals by half: the area under the curve of "is the answer here at all", with an interval by picture that takes the
    /// second as given.
    pub told_apart: Interval,
    /// What scores that tell nothing give: N / (2 N - R), the mean over the pairs, where the second query has R right items of N. A
    /// little above 0.5, as the first has more to choose from.
    pub chance: f64,
    /// Scores of unrelated queries at 0, 1, .. 100 %: the percentile of a new score is where it falls.
    pub unrelated: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_count_equals_by_half_and_leave_out_what_is_ones_own() {
        let all = NullScores::new([0.5, 0.1, 0.3, 0.3, f64::NAN]);
        assert_eq!(all.len(), 4);
        for (score, expected) in [
            (0.0, 0.0),
            (0.1, 0.125),
            (0.2, 0.25),
            (0.3, 0.5),
            (1.0, 1.0),
        ] {
            assert_eq!(all.percentile(score), Some(expected), "{score}");
        }
        let own = NullScores::new([0.3, 0.1]);
        assert_eq!(all.percentile_without(0.3, &own), Some(0.25));
        assert_eq!(all.percentile_without(0.3, &all), None);
        assert_eq!(NullScores::new([]).percentile(0.0), None);
        let quantiles = [0.0, 0.25, 0.26, 0.75, 1.0].map(|p| all.quantile(p).unwrap());
        assert_eq!(quantiles, [0.1, 0.1, 0.3, 0.3, 0.5]);
    }
}
