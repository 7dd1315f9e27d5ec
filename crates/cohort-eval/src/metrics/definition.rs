//! What a metric's file states, and the forms that its arithmetic can have.

use crate::scale::Scale;

/// Everything that is known of a metric.
pub(crate) struct Definition {
    /// Machine name, the key in JSON documents.
    pub name: &'static str,
    /// Name for a reader, with its unit.
    pub title: &'static str,
    /// Name for a narrow column.
    pub short: &'static str,
    /// Entry of a glossary.
    pub term: &'static str,
    /// What it means, for people who are not statisticians.
    pub meaning: &'static str,
    /// The same where the classes are age groups, if that can be said more plainly.
    pub meaning_of_ages: Option<&'static str>,
    /// How it is computed, on one line.
    pub formula: &'static str,
    /// Where the definition comes from: a paper, or the scikit-learn function that it equals.
    pub source: &'static str,
    /// Which values are good.
    pub best: Best,
    /// Whether classes must be ordered: distances of classes are differences of their indices.
    pub ordered: bool,
    /// Whether every true class has the same weight, so that rare classes decide its error.
    pub weighs_classes: bool,
    /// The least and the largest value.
    pub range: fn(Shape) -> (f64, f64),
    /// On which its interval is made.
    pub scale: Scale,
    /// Its expected value where classes are guessed as often as they occur; for a score of probabilities, its value where
    /// the prevalences are stated. `None`: not given.
    pub chance: fn(&Prevalences) -> Option<f64>,
    /// How it is computed.
    pub arithmetic: Arithmetic,
}

/// Which values of a metric are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Best {
    Highest,
    Lowest,
    /// 0; too large and too small are both bad.
    Zero,
}

/// The size of a sample's scale, on which ranges depend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Number of classes.
    pub classes: usize,
    /// Largest minus smallest midpoint; 0 without midpoints.
    pub span: f64,
}

impl Shape {
    /// Largest distance of two classes.
    pub fn steps(self) -> f64 {
        self.classes as f64 - 1.0
    }
}

/// How a metric is computed: a mean over rows, or a function of counts. All are smooth functions of totals over subjects,
/// so subjects can be weighed, resampled and left out without another pass over rows.
pub(crate) enum Arithmetic {
    /// Mean over rows of a loss of the true and the predicted class.
    Decisions(fn(usize, usize) -> f64),
    /// Mean over rows of a loss of the midpoints of the true and the predicted class.
    Midpoints(fn(f64, f64) -> f64),
    /// Mean over rows of a loss of the probabilities, given the true class, the row as it is and its sum.
    Probabilities(fn(usize, &[f64], f64) -> f64),
    /// A function of the confusion matrix. It writes its gradient by cell: the change of the value with one more row in
    /// the cell, such that the gradients weighed by the counts sum to 0. NaN where it is not defined.
    Counts(fn(&Counts, &mut [f64]) -> f64),
    /// A function of the gaps by bin of confidence and the number of rows; see [`super::ece`].
    Gaps(fn(&[f64], f64) -> f64),
}

/// A confusion matrix: the cells that occur, what they hold, and the margins.
pub(crate) struct Counts<'a> {
    /// (truth, predicted) of each cell, sorted.
    pub cells: &'a [(usize, usize)],
    /// Rows in each cell; not whole where rows are weighed.
    pub count: &'a [f64],
    /// Rows of each true class.
    pub truths: &'a [f64],
    /// Rows of each predicted class.
    pub predictions: &'a [f64],
    /// All rows; above 0.
    pub n: f64,
}

impl Counts<'_> {
    /// The mean over the true classes of the mean of `loss` within the class, and its gradient.
    pub fn mean_by_truth(&self, loss: fn(usize, usize) -> f64, gradient: &mut [f64]) -> f64 {
        let mut by_class = vec![0.0; self.truths.len()];
        for (&(truth, predicted), &count) in self.cells.iter().zip(self.count) {
            by_class[truth] += loss(truth, predicted) * count;
        }
        let mut present = 0.0;
        let mut total = 0.0;
        for (sum, &rows) in by_class.iter_mut().zip(self.truths) {
            if rows > 0.0 {
                *sum /= rows;
                total += *sum;
                present += 1.0;
            }
        }
        for (&(truth, predicted), gradient) in self.cells.iter().zip(gradient) {
            let rows = self.truths[truth];
            *gradient = if rows > 0.0 {
                (loss(truth, predicted) - by_class[truth]) / (rows * present)
            } else {
                0.0
            };
        }
        total / present
    }
}

/// How often each class occurs in the truth, for what guessing gives.
pub(crate) struct Prevalences<'a> {
    /// Share of each class; they sum to 1.
    pub shares: &'a [f64],
    /// The classes that occur, with their shares.
    pub present: Vec<(usize, f64)>,
    /// Midpoint of each class, where there are any.
    pub midpoints: Option<&'a [f64]>,
}

impl<'a> Prevalences<'a> {
    pub fn new(shares: &'a [f64], midpoints: Option<&'a [f64]>) -> Self {
        let present = shares.iter().copied().enumerate();
        Self {
            shares,
            present: present.filter(|(_, share)| *share > 0.0).collect(),
            midpoints,
        }
    }

    /// Mean of `loss(truth, guess)` where both are drawn by prevalence.
    pub fn mean(&self, loss: impl Fn(usize, usize) -> f64) -> f64 {
        let of_truth = |&(truth, p): &(usize, f64)| {
            let guesses = self.present.iter();
            guesses
                .map(|&(guess, q)| p * q * loss(truth, guess))
                .sum::<f64>()
        };
        self.present.iter().map(of_truth).sum()
    }

    /// 1 over the number of classes that occur.
    pub fn one_of_classes(&self) -> f64 {
        1.0 / self.present.len().max(1) as f64
    }
}
