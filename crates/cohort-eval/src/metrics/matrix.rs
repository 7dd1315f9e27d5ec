//! A confusion matrix for those who count decisions themselves.

use super::Metric;
use super::definition::{Arithmetic, Counts};

/// Counts of (true class, predicted class), from which the metrics of decisions follow.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// Row-major, a row a true class.
    counts: Vec<f64>,
}

impl ConfusionMatrix {
    /// An empty matrix of K classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0.0; classes * classes],
        }
    }

    /// Adds `rows` decisions (negative: takes them away).
    ///
    /// # Panics
    /// When a class is not below K.
    pub fn add(&mut self, truth: usize, predicted: usize, rows: f64) {
        assert!(
            predicted < self.classes,
            "class {predicted} of {}",
            self.classes
        );
        self.counts[truth * self.classes + predicted] += rows;
    }

    /// Number of right decisions.
    pub fn right(&self) -> f64 {
        (0..self.classes)
            .map(|k| self.counts[k * self.classes + k])
            .sum()
    }

    /// Number of decisions.
    pub fn rows(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The value of a metric of decisions, for classes that are taken to be ordered; `None` where it is not defined, or
    /// where it needs probabilities or midpoints.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        let n = self.rows();
        if n <= 0.0 {
            return None;
        }
        let k = self.classes;
        let cells: Vec<(usize, usize)> = (0..k * k).map(|cell| (cell / k, cell % k)).collect();
        let value = match metric.definition().arithmetic {
            Arithmetic::Decisions(loss) => {
                let losses = cells.iter().zip(&self.counts);
                losses
                    .map(|(&(t, p), count)| loss(t, p) * count)
                    .sum::<f64>()
                    / n
            }
            Arithmetic::Counts(of) => {
                let mut truths = vec![0.0; k];
                let mut predictions = vec![0.0; k];
                for (&(truth, predicted), count) in cells.iter().zip(&self.counts) {
                    truths[truth] += count;
                    predictions[predicted] += count;
                }
                let counts = Counts {
                    cells: &cells,
                    count: &self.counts,
                    truths: &truths,
                    predictions: &predictions,
                    n,
                };
                of(&counts, &mut vec![0.0; cells.len()])
            }
            Arithmetic::Midpoints(_) | Arithmetic::Probabilities(_) | Arithmetic::Gaps(_) => {
                return None;
            }
        };
        value.is_finite().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sample, score};

    #[test]
    fn values_are_those_of_the_rows() {
        let truth = [0, 1, 2, 2, 1, 0, 3, 3, 1, 2];
        let predicted = [0, 1, 1, 2, 2, 0, 2, 1, 1, 0];
        let sample = Sample::new(5, &truth, &predicted, &truth).unwrap();
        let mut matrix = ConfusionMatrix::new(5);
        matrix.add(4, 4, 1.0);
        for (t, p) in truth.into_iter().zip(predicted) {
            matrix.add(t, p, 1.0);
        }
        matrix.add(4, 4, -1.0);
        assert_eq!((matrix.rows(), matrix.right()), (10.0, 5.0));
        for metric in Metric::ALL {
            assert_eq!(matrix.value(metric), score(metric, &sample), "{metric:?}");
        }
    }

    #[test]
    fn what_is_not_defined_has_no_value() {
        let mut matrix = ConfusionMatrix::new(3);
        assert_eq!(matrix.value(Metric::Accuracy), None);
        matrix.add(1, 1, 2.0);
        assert_eq!(matrix.value(Metric::QuadraticKappa), None, "one class");
        assert_eq!(matrix.value(Metric::Accuracy), Some(1.0));
        assert_eq!(matrix.value(Metric::Nll), None, "no probabilities");
    }
}
