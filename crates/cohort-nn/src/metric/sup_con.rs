//! The supervised contrastive loss.

use serde::{Deserialize, Serialize};

use super::loss::{Part, by_anchor, distinct};
use super::space::{Closeness, log_sum_exp};
use super::tuples::Tuples;
use crate::NnError;
use crate::checks::number;

/// Supervised contrastive loss (Khosla et al. 2020, the form with the mean outside the logarithm) of cosines over a temperature: of an
/// anchor the mean over its positives of the cross-entropy against all that it is compared with; the mean over the anchors
/// that cost something. Nothing where a batch has no positive or no negative pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupCon {
    /// What cosines are divided by, above 0. Default 0.1.
    pub temperature: f64,
}

impl Default for SupCon {
    fn default() -> Self {
        Self { temperature: 0.1 }
    }
}

impl SupCon {
    pub(super) fn validate(&self) -> Result<(), NnError> {
        number("loss.temperature", self.temperature, |t| t > 0.0, "above 0")
    }

    pub(super) fn grade(&self, closeness: &Closeness, tuples: &Tuples) -> Part {
        let mut part = Part::new(closeness, 0);
        let (positive, negative) = tuples.pairs();
        if positive.is_empty() || negative.is_empty() {
            return part;
        }
        for (anchor, kinds) in by_anchor(tuples, closeness.rows()).into_iter().enumerate() {
            let [positives, negatives] = kinds.map(distinct);
            if positives.is_empty() {
                continue;
            }
            part.tuples += 1;
            let term = |j: usize| closeness.at(anchor, j) / self.temperature;
            let all = positives.iter().chain(&negatives);
            let log_sum = log_sum_exp(all.clone().map(|&j| term(j)));
            let count = positives.len() as f64;
            let mean = positives.iter().map(|&j| term(j)).sum::<f64>() / count;
            let loss = log_sum - mean;
            if loss <= 0.0 {
                continue;
            }
            part.active += 1;
            part.value += loss;
            for &j in all {
                part.add(anchor, j, (term(j) - log_sum).exp() / self.temperature);
            }
            for &p in &positives {
                part.add(anchor, p, -1.0 / (count * self.temperature));
            }
        }
        part.scale(1.0 / part.active.max(1) as f64);
        part
    }
}
