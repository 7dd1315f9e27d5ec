//! Rows of a class and of all others in the order of a score, and what follows from the order under weights of subjects.

/// Rows in falling order of a score, in groups of equal scores.
pub(crate) struct Ranked {
    /// Subject and whether the row is of the class.
    rows: Vec<(u32, bool)>,
    /// End of each group of equal scores, and its score.
    ties: Vec<(usize, f64)>,
}

impl Ranked {
    /// From (score, subject, of the class); scores are numbers.
    pub(crate) fn new(mut rows: Vec<(f64, usize, bool)>) -> Self {
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut ties = Vec::new();
        let mut end = 0;
        for tie in rows.chunk_by(|a, b| a.0 == b.0) {
            end += tie.len();
            ties.push((end, tie[0].0));
        }
        let of = |(_, subject, positive): (f64, usize, bool)| {
            let subject = u32::try_from(subject).expect("there are fewer subjects than 2^32");
            (subject, positive)
        };
        Self {
            rows: rows.into_iter().map(of).collect(),
            ties,
        }
    }

    /// The groups of equal scores, from the highest: rows and score.
    fn groups(&self) -> impl DoubleEndedIterator<Item = (&[(u32, bool)], f64)> + ExactSizeIterator {
        (0..self.ties.len()).map(|i| {
            let from = if i == 0 { 0 } else { self.ties[i - 1].0 };
            let (to, score) = self.ties[i];
            (&self.rows[from..to], score)
        })
    }

    /// Weights of the rows of the class and of the others in a group.
    fn sums(group: &[(u32, bool)], weights: &[f64]) -> (f64, f64) {
        let mut sums = (0.0, 0.0);
        for &(subject, positive) in group {
            let weight = weights[subject as usize];
            if positive {
                sums.0 += weight;
            } else {
                sums.1 += weight;
            }
        }
        sums
    }

    /// Area under the ROC curve: the chance that a row of the class has a higher score than one of the others, ties half
    /// (Mann and Whitney 1947, Bamber 1975). Adds each subject's influence (what the area changes by with its weight) to
    /// `influence`. NaN without rows of the class or without others.
    pub(crate) fn auc(&self, weights: &[f64], influence: Option<&mut [f64]>) -> f64 {
        let (positives, negatives) = Self::sums(&self.rows, weights);
        if positives <= 0.0 || negatives <= 0.0 {
            return f64::NAN;
        }
        let (mut above, mut below) = (0.0, negatives);
        let mut pairs = 0.0;
        for (group, _) in self.groups() {
            let (p, n) = Self::sums(group, weights);
            pairs += n * (above + 0.5 * p);
            above += p;
        }
        let area = pairs / (positives * negatives);
        let Some(influence) = influence else {
            return area;
        };
        above = 0.0;
        for (group, _) in self.groups() {
            let (p, n) = Self::sums(group, weights);
            let of_positive = ((below - 0.5 * n) / negatives - area) / positives;
            let of_negative = ((above + 0.5 * p) / positives - area) / negatives;
            for &(subject, positive) in group {
                influence[subject as usize] += if positive { of_positive } else { of_negative };
            }
            above += p;
            below -= n;
        }
        area
    }

    /// Average precision, `sum (R_n - R_(n-1)) P_n` over falling thresholds, as scikit-learn's `average_precision_score`.
    /// Adds each subject's influence to `influence`. NaN without rows of the class.
    pub(crate) fn average_precision(&self, weights: &[f64], influence: Option<&mut [f64]>) -> f64 {
        let (positives, _) = Self::sums(&self.rows, weights);
        if positives <= 0.0 {
            return f64::NAN;
        }
        let (mut hits, mut seen) = (0.0, 0.0);
        let mut sum = 0.0;
        let mut by_group = Vec::with_capacity(self.ties.len());
        for (group, _) in self.groups() {
            let (p, n) = Self::sums(group, weights);
            hits += p;
            seen += p + n;
            let precision = if seen > 0.0 { hits / seen } else { 0.0 };
            sum += p * precision;
            let share = if seen > 0.0 { p / seen } else { 0.0 };
            by_group.push((precision, share));
        }
        let average = sum / positives;
        let Some(influence) = influence else {
            return average;
        };
        // A row changes the precision of its own group and of all below it.
        let (mut raises, mut lowers) = (0.0, 0.0);
        for ((group, _), (precision, share)) in self.groups().zip(by_group).rev() {
            raises += share * (1.0 - precision);
            lowers += share * precision;
            let of_positive = (precision + raises - average) / positives;
            let of_negative = -lowers / positives;
            for &(subject, positive) in group {
                influence[subject as usize] += if positive { of_positive } else { of_negative };
            }
        }
        average
    }

    /// (score, rows of the class, other rows) with at least each score, from the highest.
    pub(crate) fn thresholds(&self) -> Vec<(f64, usize, usize)> {
        let (mut hits, mut others) = (0, 0);
        let groups = self.groups().map(|(group, score)| {
            let own = group.iter().filter(|(_, positive)| *positive).count();
            hits += own;
            others += group.len() - own;
            (score, hits, others)
        });
        groups.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, below, unit};

    /// Rows of 9 subjects with scores of few values.
    fn made(case: usize) -> Vec<(f64, usize, bool)> {
        let mut draw = Stream::new(5, &["ranked"]).item(case);
        let rows = 3 + below(&mut draw, 60);
        let row = |_| {
            let positive = unit(&mut draw) < 0.35;
            let score = below(&mut draw, 6) as f64 + if positive { 1.0 } else { 0.0 };
            (score / 7.0, below(&mut draw, 9), positive)
        };
        (0..rows).map(row).collect()
    }

    /// Every row of the class against every other.
    fn pairs(rows: &[(f64, usize, bool)], weights: &[f64]) -> f64 {
        let (mut won, mut all) = (0.0, 0.0);
        for a in rows.iter().filter(|r| r.2) {
            for b in rows.iter().filter(|r| !r.2) {
                let weight = weights[a.1] * weights[b.1];
                all += weight;
                won += weight
                    * if a.0 > b.0 {
                        1.0
                    } else if a.0 == b.0 {
                        0.5
                    } else {
                        0.0
                    };
            }
        }
        won / all
    }

    /// The precision at each row of the class, among all rows that score at least as high.
    fn precisions(rows: &[(f64, usize, bool)], weights: &[f64]) -> f64 {
        let weight = |is: &dyn Fn(&(f64, usize, bool)) -> bool| -> f64 {
            rows.iter().filter(|r| is(r)).map(|r| weights[r.1]).sum()
        };
        let own = rows.iter().filter(|r| r.2);
        let sum: f64 = own
            .map(|a| {
                let seen = weight(&|r| r.0 >= a.0);
                if weights[a.1] == 0.0 {
                    return 0.0;
                }
                weights[a.1] * weight(&|r| r.2 && r.0 >= a.0) / seen
            })
            .sum();
        sum / weight(&|r| r.2)
    }

    #[test]
    fn values_equal_brute_force_under_weights() {
        for case in 0..200 {
            let rows = made(case);
            let mut draw = Stream::new(6, &["weights"]).item(case);
            let weights: Vec<f64> = (0..9).map(|_| below(&mut draw, 3) as f64).collect();
            let ranked = Ranked::new(rows.clone());
            for (found, expected) in [
                (ranked.auc(&weights, None), pairs(&rows, &weights)),
                (
                    ranked.average_precision(&weights, None),
                    precisions(&rows, &weights),
                ),
            ] {
                let same = (found - expected).abs() < 1e-12
                    || !(found.is_finite() || expected.is_finite());
                assert!(same, "case {case}: {found} {expected}");
            }
        }
    }

    #[test]
    fn influences_equal_numerical_derivatives() {
        let rows = made(3);
        let ranked = Ranked::new(rows);
        type Value = fn(&Ranked, &[f64], Option<&mut [f64]>) -> f64;
        let values: [Value; 2] = [|r, w, u| r.auc(w, u), |r, w, u| r.average_precision(w, u)];
        let weights = [1.0, 2.0, 1.0, 0.0, 1.0, 3.0, 1.0, 1.0, 2.0];
        for value in values {
            let mut influence = vec![0.0; 9];
            value(&ranked, &weights, Some(&mut influence));
            let total: f64 = influence.iter().zip(weights).map(|(u, w)| u * w).sum();
            assert!(total.abs() < 1e-12, "{total}");
            for s in (0..9).filter(|&s| weights[s] > 0.0) {
                let at = |step: f64| {
                    let mut w = weights;
                    w[s] += step;
                    value(&ranked, &w, None)
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!(
                    (slope - influence[s]).abs() < 1e-8,
                    "{s}: {slope} {}",
                    influence[s]
                );
            }
        }
    }

    #[test]
    fn by_hand() {
        // Scores 3+ 2+ 2- 1-: the class wins 1, 1, 1/2, 1 of 4 pairs; precision 1 and 2/3.
        let ranked = Ranked::new(vec![
            (3.0, 0, true),
            (2.0, 1, true),
            (2.0, 2, false),
            (1.0, 3, false),
        ]);
        assert_eq!(ranked.auc(&[1.0; 4], None), 3.5 / 4.0);
        assert!(
            (ranked.average_precision(&[1.0; 4], None) - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-15
        );
        assert_eq!(ranked.thresholds(), [(3.0, 1, 0), (2.0, 2, 1), (1.0, 2, 2)]);
        // One class alone.
        assert!(Ranked::new(vec![(1.0, 0, true)]).auc(&[1.0], None).is_nan());
    }
}
