//! The few metrics by which a training run watches itself, from a confusion table.

/// Counts of (true class, predicted class), from which the metrics follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

impl Confusion {
    /// An empty table of K classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    /// Counts samples: row-major logits `[n, K]` against class indices below K. The first of
    /// several largest logits is the prediction.
    pub fn add(&mut self, logits: &[f32], labels: &[usize]) {
        for (row, &label) in logits.chunks_exact(self.classes).zip(labels) {
            let mut predicted = 0;
            for (class, value) in row.iter().enumerate() {
                if *value > row[predicted] {
                    predicted = class;
                }
            }
            self.counts[label * self.classes + predicted] += 1;
        }
    }

    fn at(&self, truth: usize, predicted: usize) -> f64 {
        self.counts[truth * self.classes + predicted] as f64
    }

    fn truths(&self, class: usize) -> f64 {
        (0..self.classes).map(|p| self.at(class, p)).sum()
    }

    fn predictions(&self, class: usize) -> f64 {
        (0..self.classes).map(|t| self.at(t, class)).sum()
    }

    fn total(&self) -> f64 {
        self.counts.iter().sum::<u64>() as f64
    }

    /// Number of right predictions.
    pub fn right(&self) -> f64 {
        (0..self.classes).map(|c| self.at(c, c)).sum()
    }

    /// Share of right predictions; NaN when empty.
    pub fn accuracy(&self) -> f64 {
        self.right() / self.total()
    }

    /// Mean recall over the classes that have samples; NaN when empty.
    pub fn balanced_accuracy(&self) -> f64 {
        self.mean_over_present(|c| self.at(c, c))
    }

    /// Mean over the classes that have samples of the mean |predicted - true| in class indices;
    /// NaN when empty.
    pub fn macro_mae(&self) -> f64 {
        self.mean_over_present(|t| {
            (0..self.classes)
                .map(|p| self.at(t, p) * t.abs_diff(p) as f64)
                .sum()
        })
    }

    fn mean_over_present(&self, sum: impl Fn(usize) -> f64) -> f64 {
        let present = (0..self.classes).filter(|&c| self.truths(c) > 0.0);
        let means: Vec<f64> = present.map(|c| sum(c) / self.truths(c)).collect();
        means.iter().sum::<f64>() / means.len() as f64
    }

    /// Cohen's kappa with quadratic weights (Cohen 1968): 1 - observed / expected squared
    /// disagreement. None when all samples and all predictions are of one class.
    pub fn quadratic_kappa(&self) -> Option<f64> {
        let (mut observed, mut expected) = (0.0, 0.0);
        for t in 0..self.classes {
            for p in 0..self.classes {
                let distance = (t.abs_diff(p) as f64).powi(2);
                observed += distance * self.at(t, p);
                expected += distance * self.truths(t) * self.predictions(p) / self.total();
            }
        }
        (expected > 0.0).then(|| 1.0 - observed / expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn table(pairs: &[(usize, usize)], classes: usize) -> Confusion {
        let mut confusion = Confusion::new(classes);
        for &(truth, predicted) in pairs {
            let mut logits = vec![0.0; classes];
            logits[predicted] = 1.0;
            confusion.add(&logits, &[truth]);
        }
        confusion
    }

    /// Worked by hand: truths 0 0 0 1 1 3, predictions 0 0 1 1 3 3; class 2 is absent.
    #[test]
    fn metrics_equal_the_hand_calculation() {
        let c = table(&[(0, 0), (0, 0), (0, 1), (1, 1), (1, 3), (3, 3)], 4);
        assert_relative_eq!(c.accuracy(), 4.0 / 6.0);
        assert_relative_eq!(c.balanced_accuracy(), (2.0 / 3.0 + 0.5 + 1.0) / 3.0);
        assert_relative_eq!(c.macro_mae(), (1.0 / 3.0 + 1.0 + 0.0) / 3.0);
        // Observed: 1 + 4 = 5. Expected: sum of t_i p_j (i-j)^2 / 6 with t = 3,2,0,1, p = 2,2,0,2:
        // class 0: 3*(2*1 + 2*9) = 60; class 1: 2*(2*1 + 2*4) = 20; class 3: 2*9 + 2*4 = 26.
        assert_relative_eq!(c.quadratic_kappa().unwrap(), 1.0 - 5.0 / (106.0 / 6.0));
    }

    #[test]
    fn edge_cases() {
        assert_relative_eq!(table(&[(0, 0), (2, 2)], 3).quadratic_kappa().unwrap(), 1.0);
        assert_relative_eq!(table(&[(0, 2), (2, 0)], 3).quadratic_kappa().unwrap(), -1.0);
        assert_eq!(table(&[(1, 1), (1, 1)], 3).quadratic_kappa(), None);
        assert!(Confusion::new(3).accuracy().is_nan());
        // Equal logits: the first class.
        let mut c = Confusion::new(2);
        c.add(&[0.5, 0.5], &[0]);
        assert_eq!(c.accuracy(), 1.0);
    }
}
