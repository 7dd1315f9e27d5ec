//! The normalised temperature-scaled cross-entropy.

use serde::{Deserialize, Serialize};

use super::loss::{Part, by_anchor};
use super::space::{Closeness, log_sum_exp};
use super::tuples::Tuples;
use crate::NnError;
use crate::checks::number;

/// NT-Xent (Sohn 2016, Chen et al. 2020) of cosines over a temperature: the mean over positive pairs of the cross-entropy of the
/// positive against itself and the anchor's negatives, each as often as a miner names it. Nothing where a batch has no positive or no
/// negative pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NtXent {
    /// What cosines are divided by, above 0. Default 0.07.
    pub temperature: f64,
}

impl Default for NtXent {
    fn default() -> Self {
        Self { temperature: 0.07 }
    }
}

impl NtXent {
    pub(super) fn validate(&self) -> Result<(), NnError> {
        number("loss.temperature", self.temperature, |t| t > 0.0, "above 0")
    }

    pub(super) fn grade(&self, closeness: &Closeness, tuples: &Tuples) -> Part {
        let (positive, negative) = tuples.pairs();
        let mut part = Part::new(closeness, positive.len());
        if positive.is_empty() || negative.is_empty() {
            return part;
        }
        let kinds = by_anchor(tuples, closeness.rows());
        let share = 1.0 / positive.len() as f64;
        for &[anchor, p] in &positive {
            let term = |j: usize| closeness.at(anchor, j) / self.temperature;
            let negatives = &kinds[anchor][1];
            let terms = std::iter::once(p).chain(negatives.iter().copied());
            let log_sum = log_sum_exp(terms.map(term));
            let loss = log_sum - term(p);
            part.value += share * loss;
            part.active += usize::from(loss > 0.0);
            let slope = share / self.temperature;
            part.add(anchor, p, slope * ((term(p) - log_sum).exp() - 1.0));
            for &n in negatives {
                part.add(anchor, n, slope * (term(n) - log_sum).exp());
            }
        }
        part
    }
}
