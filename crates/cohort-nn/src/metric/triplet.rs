//! The triplet margin loss.

use serde::{Deserialize, Serialize};

use super::classes::Classes;
use super::loss::Part;
use super::space::{Closeness, Space};
use super::tuples::Tuples;
use crate::NnError;
use crate::checks::number;

/// Triplet margin loss (Weinberger and Saul 2009; Schroff et al. 2015): the positive nearer to the anchor than the negative, by a
/// margin. max(0, d(a, p) - d(a, n) + margin), the mean over the triplets that cost something; without a miner over every
/// triplet of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TripletMargin {
    /// By how much, at least 0. Default 0.05.
    pub margin: f64,
    /// ln(1 + e^x) instead of max(0, x), so that every triplet pulls a little. Default no.
    pub smooth: bool,
    /// Whether embeddings are scaled to length 1 first. Default yes.
    pub normalise: bool,
    /// Whether distances are squared. Default no.
    pub squared: bool,
}

impl Default for TripletMargin {
    fn default() -> Self {
        Self {
            margin: 0.05,
            smooth: false,
            normalise: true,
            squared: false,
        }
    }
}

impl TripletMargin {
    pub(super) fn validate(&self) -> Result<(), NnError> {
        number("loss.margin", self.margin, |m| m >= 0.0, "at least 0")
    }

    pub(super) fn space(&self) -> Space {
        Space::distance(self.normalise, self.squared)
    }

    /// Of the given triplets, or of all.
    pub(super) fn grade(
        &self,
        closeness: &Closeness,
        classes: &Classes,
        tuples: Option<&Tuples>,
    ) -> Part {
        let mut part = Part::new(closeness, 0);
        let mut visit = |a: usize, p: usize, n: usize| {
            let violation = closeness.at(a, p) - closeness.at(a, n) + self.margin;
            let (loss, slope) = match self.smooth {
                true => (softplus(violation), 1.0 / (1.0 + (-violation).exp())),
                false => (violation.max(0.0), 1.0),
            };
            part.tuples += 1;
            if loss > 0.0 {
                part.active += 1;
                part.value += loss;
                part.add(a, p, slope);
                part.add(a, n, -slope);
            }
        };
        match tuples {
            Some(tuples) => tuples.each_triplet(visit),
            None => {
                for a in 0..classes.anchors.len() {
                    let negatives: Vec<usize> = classes.negatives(a).collect();
                    for p in classes.positives(a) {
                        negatives.iter().for_each(|&n| visit(a, p, n));
                    }
                }
            }
        }
        part.scale(1.0 / part.active.max(1) as f64);
        part
    }
}

/// ln(1 + e^x), also for large x.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
