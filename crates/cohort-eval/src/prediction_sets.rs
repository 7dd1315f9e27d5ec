//! Sets of classes that hold the truth as often as asked for, for clips of subjects that are still to come.
//!
//! Clips of one subject are dependent, so the threshold is a quantile in which each subject weighs the same, `1 / (S + 1)`, shared by
//! its clips (hierarchical conformal prediction, Lee, Barber and Willett 2023; Dunn, Wasserman and Ramdas 2022): a clip of a new
//! subject, exchangeable with these, is covered with at least the probability asked for.

use serde::{Deserialize, Serialize};

/// Which classes are in a clip's set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SetRule {
    /// Share that sets cover of the clips of a new subject, on average over subjects.
    pub coverage: f64,
    /// Whether sets are runs of neighbouring classes.
    pub contiguous: bool,
    /// Largest nonconformity that is in; absent where there are too few subjects for the coverage, so that every class is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Clips that the rule rests on.
    pub clips: usize,
    /// Their subjects.
    pub subjects: usize,
}

impl SetRule {
    /// From clips that no model was fitted on: probabilities row by row, the position of the true class of each, and the dense index
    /// of its subject. `ordered` classes give sets of neighbours.
    ///
    /// # Panics
    /// Lists of different lengths.
    pub fn fit(
        probabilities: &[f64],
        truth: &[usize],
        subject: &[usize],
        ordered: bool,
        coverage: f64,
    ) -> Self {
        assert_eq!(truth.len(), subject.len(), "a subject for each clip");
        let classes = probabilities.len() / truth.len().max(1);
        assert_eq!(
            probabilities.len(),
            classes * truth.len(),
            "a row for each clip"
        );
        let mut clips = vec![0.0; subject.iter().max().map_or(0, |last| last + 1)];
        subject.iter().for_each(|&subject| clips[subject] += 1.0);
        let subjects = clips.iter().filter(|clips| **clips > 0.0).count();
        let rows = probabilities.chunks_exact(classes.max(1));
        let mut scores: Vec<(f64, f64)> = rows
            .zip(truth.iter().zip(subject))
            .map(|(p, (&truth, &subject))| (nonconformity(p, ordered)[truth], 1.0 / clips[subject]))
            .collect();
        let threshold = threshold(&mut scores, subjects, coverage);
        Self {
            coverage,
            contiguous: ordered,
            threshold: threshold.is_finite().then_some(threshold),
            clips: truth.len(),
            subjects,
        }
    }

    /// Positions of the classes of a clip's set, in order; the most probable one is always in.
    pub fn set(&self, probabilities: &[f64]) -> Vec<usize> {
        let scores = nonconformity(probabilities, self.contiguous);
        let top = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let limit = self.threshold.unwrap_or(f64::INFINITY).max(top);
        (0..scores.len())
            .filter(|&class| scores[class] <= limit)
            .collect()
    }
}

/// Nonconformity of every class of one row: classes enter the set in the order of these scores.
///
/// Ordered: the run grows from the most probable class to the more probable neighbour (Lu, Angelopoulos and Pomerantz
/// 2022), unordered: by falling probability (Romano, Sesia and Candes 2020); the score is the mass once the class is in.
pub(crate) fn nonconformity(p: &[f64], ordered: bool) -> Vec<f64> {
    let total: f64 = p.iter().sum();
    let k = p.len();
    let at = |class: usize| p[class] / total;
    let mut scores = vec![1.0; k];
    let mut mass = 0.0;
    let mut enter = |class: usize, mass: &mut f64| {
        *mass += at(class);
        scores[class] = mass.min(1.0);
    };
    if ordered {
        let mut low = (0..k).fold(
            0,
            |best, class| if at(class) > at(best) { class } else { best },
        );
        let mut high = low;
        enter(low, &mut mass);
        while low > 0 || high + 1 < k {
            let down = low > 0 && (high + 1 >= k || at(low - 1) >= at(high + 1));
            if down {
                low -= 1;
                enter(low, &mut mass);
            } else {
                high += 1;
                enter(high, &mut mass);
            }
        }
    } else {
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| at(b).total_cmp(&at(a)));
        order.into_iter().for_each(|class| enter(class, &mut mass));
    }
    scores
}

/// Quantile of scores in which each subject weighs `1 / (S + 1)`, and the rest infinitely much.
pub(crate) fn threshold(scores: &mut [(f64, f64)], subjects: usize, coverage: f64) -> f64 {
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let needed = coverage * (subjects as f64 + 1.0) - 1e-9;
    let mut weight = 0.0;
    for &(score, share) in scores.iter() {
        weight += share;
        if weight >= needed {
            return score;
        }
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_grow_to_the_more_probable_neighbour() {
        let p = [0.1, 0.2, 0.4, 0.05, 0.25];
        let ordered = nonconformity(&p, true);
        // 2, then 1 (.2 > .05), then 0 (.1 > .05), then 3, then 4.
        for (found, expected) in ordered.iter().zip([0.7, 0.6, 0.4, 0.75, 1.0]) {
            assert!((found - expected).abs() < 1e-12, "{ordered:?}");
        }
        let unordered = nonconformity(&p, false);
        for (found, expected) in unordered.iter().zip([0.95, 0.85, 0.4, 1.0, 0.65]) {
            assert!((found - expected).abs() < 1e-12, "{unordered:?}");
        }
    }

    #[test]
    fn the_threshold_is_the_conformal_quantile() {
        // Nine subjects of one clip at 90 %: ceil(.9 * 10) = the ninth, the largest; eight are too few.
        let mut nine: Vec<(f64, f64)> = (1..=9).map(|i| (f64::from(i) / 10.0, 1.0)).collect();
        assert_eq!(threshold(&mut nine, 9, 0.9), 0.9);
        let mut eight: Vec<(f64, f64)> = (1..=8).map(|i| (f64::from(i) / 10.0, 1.0)).collect();
        assert_eq!(threshold(&mut eight, 8, 0.9), f64::INFINITY);
        // A subject with many clips weighs no more than one with one.
        let mut unequal: Vec<(f64, f64)> = vec![(0.9, 1.0), (0.8, 1.0), (0.7, 1.0)];
        unequal.extend(std::iter::repeat_n((0.1, 0.01), 100));
        assert_eq!(threshold(&mut unequal, 4, 0.5), 0.8);
    }

    #[test]
    fn sets_are_what_the_scores_say() {
        let p = [0.1, 0.2, 0.4, 0.05, 0.25];
        let rule = |threshold, contiguous| SetRule {
            coverage: 0.9,
            contiguous,
            threshold,
            clips: 0,
            subjects: 0,
        };
        assert_eq!(rule(Some(0.71), true).set(&p), [0, 1, 2]);
        assert_eq!(rule(Some(0.7), false).set(&p), [2, 4]);
        assert_eq!(rule(Some(0.1), true).set(&p), [2]);
        assert_eq!(rule(None, false).set(&p), [0, 1, 2, 3, 4]);
        assert_eq!(SetRule::fit(&[], &[], &[], true, 0.9).set(&p).len(), 5);
    }

    /// Subjects with many easy clips and such with one hard clip: a clip of a new subject is covered as often as asked, where a
    /// quantile over clips falls short.
    #[test]
    fn clips_of_a_new_subject_are_covered() {
        let mut state = 1u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        // the true class is the first of two: its score is its probability where it is the larger, else 1
        let mut clip = |ease: f64| {
            let p = 0.5 + 0.5 * (0.95 * ease + 0.05 * uniform());
            [1.0 - p, p]
        };
        let mut eases = 2u64;
        let mut ease = || {
            eases = eases
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (eases >> 11) as f64 / (1u64 << 53) as f64
        };
        let (mut covered, mut by_clip, runs) = (0, 0, 4000);
        for _ in 0..runs {
            let (mut p, mut subject) = (Vec::new(), Vec::new());
            for number in 0..24 {
                let own = ease();
                for _ in 0..if own < 0.5 { 20 } else { 1 } {
                    p.extend(clip(own));
                    subject.push(number);
                }
            }
            let truth = vec![1; subject.len()];
            let new = clip(ease());
            let rule = SetRule::fit(&p, &truth, &subject, false, 0.8);
            let within =
                |rule: &SetRule| nonconformity(&new, false)[1] <= rule.threshold.unwrap_or(1.0);
            covered += usize::from(within(&rule));
            let each: Vec<usize> = (0..subject.len()).collect();
            by_clip += usize::from(within(&SetRule::fit(&p, &truth, &each, false, 0.8)));
        }
        let share = |count: usize| f64::from(u32::try_from(count).unwrap()) / f64::from(runs);
        // of 25 places .8 is the twentieth; three standard errors of 4,000 draws are .019
        assert!((share(covered) - 0.8).abs() < 0.019, "{}", share(covered));
        assert!(share(by_clip) < 0.6, "{}", share(by_clip));
    }
}
