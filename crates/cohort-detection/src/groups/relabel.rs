//! Exchanging labels at random, and the contrasts that come of it.

use cohort_eval::{Stream, shuffle, smallest_p};
use rayon::prelude::*;

/// A group beside the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Contrast {
    /// The group less the rest.
    pub(super) gap: f64,
    /// The gap by its cluster-robust standard error.
    pub(super) statistic: f64,
}

/// Beyond every contrast that has an error: units are alike, so that the gap has none to be measured by.
const WITHOUT_ERROR: f64 = 1e9;

impl Contrast {
    /// From the gap and its influence by unit.
    pub(super) fn new(gap: f64, influence: &[f64]) -> Self {
        let units = influence.iter().filter(|d| **d != 0.0).count() as f64;
        let squares: f64 = influence.iter().map(|d| d * d).sum();
        let error = (squares * units / (units - 1.0).max(1.0)).sqrt();
        let statistic = if error > 1e-9 {
            gap / error
        } else if gap.abs() > 1e-9 {
            (WITHOUT_ERROR + gap.abs()).copysign(gap)
        } else {
            0.0
        };
        Self { gap, statistic }
    }
}

/// What the contrasts of an attribute come to.
pub(super) struct Judged {
    /// Each group's contrast under the labels as they are; `None` where it is not defined.
    pub(super) contrasts: Vec<Option<Contrast>>,
    /// Its p value among the groups.
    pub(super) p_values: Vec<f64>,
    /// Of the attribute.
    pub(super) whole: f64,
}

/// Exchanges labels within strata (lists of items) and judges the contrasts that `contrasts` makes of labels.
pub(super) fn judge(
    labels: &[Option<u32>],
    strata: &[Vec<usize>],
    permutations: usize,
    stream: Stream,
    contrasts: impl Fn(&[Option<u32>]) -> Vec<Option<Contrast>> + Sync,
) -> Judged {
    let observed = contrasts(labels);
    let size = |contrast: &Option<Contrast>| contrast.map_or(0.0, |c| c.statistic.abs());
    let relabelled: Vec<Vec<f64>> = (0..permutations)
        .into_par_iter()
        .map_init(
            || (labels.to_vec(), Vec::new()),
            |(given, own), permutation| {
                let generator = &mut stream.item(permutation);
                for members in strata {
                    own.clear();
                    own.extend(members.iter().map(|&item| labels[item]));
                    shuffle(generator, own);
                    for (&item, &label) in members.iter().zip(own.iter()) {
                        given[item] = label;
                    }
                }
                contrasts(given).iter().map(size).collect()
            },
        )
        .collect();
    // the labels as they are count as one of the relabellings
    let tests: Vec<Vec<f64>> = (0..observed.len())
        .map(|group| {
            let null = relabelled.iter().map(|row| row[group]);
            std::iter::once(size(&observed[group]))
                .chain(null)
                .collect()
        })
        .collect();
    let found = smallest_p(&tests);
    Judged {
        contrasts: observed,
        p_values: found.adjusted,
        whole: found.whole,
    }
}
