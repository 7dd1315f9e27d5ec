//! Ranked probability score.

use super::definition::{Arithmetic, Best, Definition};
use crate::scale::Scale;

#[cfg(test)]
use super::testing::{Test, mean};

pub(super) const DEFINITION: Definition = Definition {
    name: "rps",
    title: "Ranked probability score",
    short: "RPS",
    term: "Ranked probability score",
    meaning: "The Brier score for ordered classes: probability put far from the truth costs more than next to it.",
    meaning_of_ages: None,
    formula: "mean over rows of the sum over the K - 1 cuts of (probability up to the cut - truth up to the cut)^2, divided by K - 1",
    source: "Epstein 1969, Murphy 1971: squared distance of cumulative probabilities over the K - 1 cuts, divided by K - 1",
    best: Best::Lowest,
    ordered: true,
    weighs_classes: false,
    range: |_| (0.0, 1.0),
    scale: Scale::Log,
    chance: |p| {
        let cuts = p.shares.len().saturating_sub(1);
        let mut cumulative = 0.0;
        let terms = p.shares.iter().take(cuts).map(|share| {
            cumulative += share;
            cumulative * (1.0 - cumulative)
        });
        let sum: f64 = terms.sum();
        Some(sum / cuts.max(1) as f64)
    },
    arithmetic: Arithmetic::Probabilities(|truth, p, sum| {
        let cuts = p.len().saturating_sub(1);
        let mut cumulative = 0.0;
        let mut total = 0.0;
        for (class, p) in p.iter().enumerate().take(cuts) {
            cumulative += p / sum;
            total += (cumulative - f64::from(class >= truth)).powi(2);
        }
        total / cuts.max(1) as f64
    }),
};

#[cfg(test)]
pub(super) const TEST: Test = Test {
    example: 1.46875 / 7.0,
    by_definition: |rows| {
        let cuts = rows.classes - 1;
        rows.mean(|r| {
            let at_cut = |cut: usize| {
                let below: f64 = r.probabilities[..=cut].iter().sum();
                (below - f64::from(r.truth <= cut)).powi(2)
            };
            mean((0..cuts).map(at_cut))
        })
    },
};
