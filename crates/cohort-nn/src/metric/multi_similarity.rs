//! The multi-similarity loss.

use serde::{Deserialize, Serialize};

use super::loss::{Part, by_anchor, distinct};
use super::space::{Closeness, log_sum_exp};
use super::tuples::Tuples;
use crate::NnError;
use crate::checks::number;

/// Multi-similarity loss (Wang et al. 2019) of cosines s: the mean over all anchors of
/// ln(1 + sum over positives of e^(-alpha (s - base))) / alpha + ln(1 + sum over negatives of e^(beta (s - base))) / beta.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiSimilarity {
    /// Sharpness for positive pairs, above 0. Default 2.
    pub alpha: f64,
    /// Sharpness for negative pairs, above 0. Default 50.
    pub beta: f64,
    /// The cosine about which both turn, -1 to 1. Default 0.5.
    pub base: f64,
}

impl Default for MultiSimilarity {
    fn default() -> Self {
        Self {
            alpha: 2.0,
            beta: 50.0,
            base: 0.5,
        }
    }
}

impl MultiSimilarity {
    pub(super) fn validate(&self) -> Result<(), NnError> {
        number("loss.alpha", self.alpha, |x| x > 0.0, "above 0")?;
        number("loss.beta", self.beta, |x| x > 0.0, "above 0")?;
        number(
            "loss.base",
            self.base,
            |x| (-1.0..=1.0).contains(&x),
            "-1 to 1",
        )
    }

    pub(super) fn grade(&self, closeness: &Closeness, tuples: &Tuples) -> Part {
        let mut part = Part::new(closeness, tuples.len());
        let share = 1.0 / closeness.rows().max(1) as f64;
        for (anchor, kinds) in by_anchor(tuples, closeness.rows()).into_iter().enumerate() {
            let kinds = kinds.map(distinct);
            part.active += usize::from(kinds.iter().any(|others| !others.is_empty()));
            for (others, sharpness) in kinds.iter().zip([-self.alpha, self.beta]) {
                if others.is_empty() {
                    continue;
                }
                let term = |j: usize| sharpness * (closeness.at(anchor, j) - self.base);
                let terms = std::iter::once(0.0).chain(others.iter().map(|&j| term(j)));
                let log_sum = log_sum_exp(terms);
                part.value += share * log_sum / sharpness.abs();
                for &j in others {
                    let weight = (term(j) - log_sum).exp();
                    part.add(anchor, j, share * weight * sharpness.signum());
                }
            }
        }
        part.tuples = closeness.rows();
        part
    }
}
