//! One p value for several tests of the same labels: single-step, by the same relabellings (Westfall and Young 1993, minP).
//!
//! Every test is seen on the scale of its own p value, so that a test with heavy tails (a class of few subjects) does not
//! drown the others. Ties, which minP makes among the smallest p values, are broken by how far the statistic lies beyond
//! the 99th percentile of its own distribution. The labels as they are count as one of the relabellings, so that a p value
//! is exact where labels are exchangeable.

use std::cmp::Ordering;

/// How extreme one labelling is in a test: how many labellings are at least as extreme, and how far out it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    count: usize,
    ratio: f64,
}

impl Score {
    /// Labellings that are at least as extreme, itself among them.
    pub(crate) fn labellings(&self) -> usize {
        self.count
    }

    /// More extreme first.
    fn compare(&self, other: &Self) -> Ordering {
        // Rounding errors are no difference.
        let tie =
            (self.ratio - other.ratio).abs() <= 1e-9 * self.ratio.abs().max(other.ratio.abs());
        let by_ratio = if tie {
            Ordering::Equal
        } else {
            other.ratio.total_cmp(&self.ratio)
        };
        self.count.cmp(&other.count).then(by_ratio)
    }
}

/// The distribution of a statistic (larger is more extreme) over labellings.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    /// Ascending.
    sorted: Vec<f64>,
    far: f64,
}

impl Test {
    pub(crate) fn new(mut labellings: Vec<f64>) -> Self {
        labellings.sort_unstable_by(f64::total_cmp);
        let far = crate::bootstrap::quantile(&labellings, 0.99);
        Self {
            sorted: labellings,
            far,
        }
    }

    pub(crate) fn score(&self, value: f64) -> Score {
        let bound = value - 1e-10 * value.abs().max(1e-3);
        let below = self.sorted.partition_point(|&v| v < bound);
        let ratio = if self.far > 0.0 {
            value / self.far
        } else {
            0.0
        };
        Score {
            count: (self.sorted.len() - below).max(1),
            ratio,
        }
    }

    /// Share of the labellings that are at least as extreme.
    pub(crate) fn p_value(&self, value: f64) -> f64 {
        self.score(value).count as f64 / self.sorted.len().max(1) as f64
    }
}

/// Several tests as one: the most extreme of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Family {
    /// The most extreme score of each labelling, the most extreme labelling first.
    sorted: Vec<Score>,
}

impl Family {
    /// `scores[test][labelling]`.
    pub(crate) fn new(scores: &[Vec<Score>]) -> (Self, Vec<Score>) {
        let labellings = scores.first().map_or(0, Vec::len);
        let best: Vec<Score> = (0..labellings)
            .filter_map(|i| {
                let of_labelling = scores.iter().map(|test| test[i]);
                of_labelling.min_by(Score::compare)
            })
            .collect();
        let mut sorted = best.clone();
        sorted.sort_by(|a, b| a.count.cmp(&b.count).then(b.ratio.total_cmp(&a.ratio)));
        let family = Self { sorted };
        let scores = best.iter().map(|&score| family.score(score)).collect();
        (family, scores)
    }

    /// The score of one test as a score of the family.
    pub(crate) fn score(&self, score: Score) -> Score {
        let before = |other: &Score| other.compare(&score) != Ordering::Greater;
        Score {
            count: self.sorted.partition_point(before).max(1),
            ratio: score.ratio,
        }
    }

    /// Single-step p value of a score of this family's own scale.
    pub(crate) fn p_value(&self, score: Score) -> f64 {
        score.count as f64 / self.sorted.len().max(1) as f64
    }
}

/// P values of several tests of the same labels.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallestP {
    /// Of each test alone.
    pub own: Vec<f64>,
    /// Of each test among all of them (single-step).
    pub adjusted: Vec<f64>,
    /// Of all tests together.
    pub whole: f64,
}

/// P values of tests as one family: `statistics[test][labelling]`, larger is more extreme; the first labelling is the labels as they
/// are, the others random relabellings, the same ones in every test. A statistic that is not defined under a labelling is 0.
/// 1 everywhere without tests.
///
/// # Panics
/// A test without a labelling.
pub fn smallest_p(statistics: &[Vec<f64>]) -> SmallestP {
    let tests: Vec<Test> = statistics.iter().cloned().map(Test::new).collect();
    let scores: Vec<Vec<Score>> = tests
        .iter()
        .zip(statistics)
        .map(|(test, values)| values.iter().map(|&value| test.score(value)).collect())
        .collect();
    let (family, of_family) = Family::new(&scores);
    let first = |values: &Vec<f64>| values[0];
    let found = || tests.iter().zip(statistics.iter().map(first));
    SmallestP {
        own: found().map(|(test, value)| test.p_value(value)).collect(),
        adjusted: found()
            .map(|(test, value)| family.p_value(family.score(test.score(value))))
            .collect(),
        whole: of_family
            .first()
            .map_or(1.0, |&score| family.p_value(score)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(test: &Test, values: &[f64]) -> Vec<Score> {
        values.iter().map(|&v| test.score(v)).collect()
    }

    #[test]
    fn one_test_is_its_own_family() {
        let values = [3.0, 1.0, 2.0, 2.0, 0.5];
        let test = Test::new(values.to_vec());
        let (family, of_family) = Family::new(&[scores(&test, &values)]);
        let p: Vec<f64> = of_family.iter().map(|&s| family.p_value(s)).collect();
        // Counted by hand: how many of the five are at least as large.
        assert_eq!(p, [0.2, 0.8, 0.6, 0.6, 1.0]);
        assert_eq!(values.map(|v| test.p_value(v)).to_vec(), p);
    }

    #[test]
    fn labels_as_they_are_get_their_p_values_alone_and_among_others() {
        let found = smallest_p(&[vec![3.0, 1.0, 2.0, 2.5], vec![0.1, 4.0, 0.2, 0.3]]);
        assert_eq!(found.own, [0.25, 1.0]);
        // the labelling that is the most extreme of the other test is as extreme
        assert_eq!((found.adjusted[0], found.whole), (0.5, 0.5));
        assert_eq!(found.adjusted[1], 1.0);
        assert_eq!(smallest_p(&[]).whole, 1.0);
    }

    #[test]
    fn p_values_of_a_family_are_those_of_the_smallest_p_by_brute_force() {
        // Two tests on very different scales, without ties: minP by the definition.
        let n = 40;
        let a: Vec<f64> = (0..n).map(|i| f64::from((i * 17 + 3) % 41)).collect();
        let b: Vec<f64> = (0..n)
            .map(|i| f64::from((i * 29 + 11) % 41).exp())
            .collect();
        let p = |v: &[f64], i: usize| v.iter().filter(|x| **x >= v[i]).count();
        let smallest: Vec<usize> = (0..n as usize).map(|i| p(&a, i).min(p(&b, i))).collect();
        let (ta, tb) = (Test::new(a.clone()), Test::new(b.clone()));
        let (family, of_family) = Family::new(&[scores(&ta, &a), scores(&tb, &b)]);
        for (i, score) in of_family.iter().enumerate() {
            let at_least = smallest.iter().filter(|s| **s <= smallest[i]).count();
            let smaller = smallest.iter().filter(|s| **s < smallest[i]).count();
            // Ties of the smallest p are broken, so the p value lies within the tie.
            let found = (family.p_value(*score) * n as f64).round() as usize;
            assert!(smaller < found && found <= at_least, "{i}: {found}");
        }
        // The p values of all labellings are as many different ones as there are labellings: exact.
        let mut all: Vec<f64> = of_family.iter().map(|&s| family.p_value(s)).collect();
        all.sort_by(f64::total_cmp);
        assert!(
            all.iter()
                .enumerate()
                .all(|(i, p)| *p >= (i + 1) as f64 / n as f64 - 1e-12)
        );
    }
}
