//! Decisions to be scored.

use crate::EvalError;

/// Decisions of one model with their truth and the subject that each belongs to; checked once, here.
///
/// Rows are decisions (clips). Classes are `0..classes`; for ordered classes the distance of two classes is the
/// difference of their indices.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    classes: usize,
    ordered: bool,
    truth: &'a [usize],
    predicted: &'a [usize],
    subject: &'a [usize],
    subjects: usize,
    probabilities: Option<&'a [f64]>,
    midpoints: Option<&'a [f64]>,
}

/// A row whose probabilities sum to 1 within this is taken as it is meant; others are counted and reported.
pub const PROBABILITY_TOLERANCE: f64 = 1e-3;

impl<'a> Sample<'a> {
    /// A sample of ordered classes without probabilities.
    ///
    /// `truth` and `predicted` hold class indices below `classes`, `subject` the subject of each row as an index
    /// (any numbers; best dense, `0..S`, since memory grows with the largest).
    ///
    /// # Errors
    /// [`EvalError`] when there is no class, lengths differ or a class index is out of range. A sample without rows is valid.
    pub fn new(
        classes: usize,
        truth: &'a [usize],
        predicted: &'a [usize],
        subject: &'a [usize],
    ) -> Result<Self, EvalError> {
        if classes == 0 {
            return Err(EvalError::Input {
                what: "classes",
                expected: "at least one class",
                found: "none".into(),
            });
        }
        for (what, found) in [("predicted", predicted.len()), ("subject", subject.len())] {
            if found != truth.len() {
                return Err(EvalError::Length {
                    what,
                    expected: truth.len(),
                    found,
                });
            }
        }
        for (what, values) in [("truth", truth), ("predicted", predicted)] {
            if let Some(row) = values.iter().position(|&class| class >= classes) {
                return Err(EvalError::Row {
                    what: what.into(),
                    row: row + 1,
                    expected: format!("a class index below {classes}"),
                    found: values
                        .get(row)
                        .map_or_else(String::new, ToString::to_string),
                });
            }
        }
        let subjects = subject.iter().max().map_or(0, |&largest| largest + 1);
        Ok(Self {
            classes,
            ordered: true,
            truth,
            predicted,
            subject,
            subjects,
            probabilities: None,
            midpoints: None,
        })
    }

    /// States that the classes have no order: distances, kappa and ranked scores are then not defined.
    #[must_use]
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Adds class probabilities, row-major, `rows x classes`. Each row is divided by its sum where it is used.
    ///
    /// # Errors
    /// [`EvalError`] when the length is not `rows x classes`, a value is negative or not finite, or a row sums to 0.
    pub fn with_probabilities(mut self, probabilities: &'a [f64]) -> Result<Self, EvalError> {
        let expected = self.truth.len() * self.classes;
        if probabilities.len() != expected {
            return Err(EvalError::Length {
                what: "probabilities",
                expected,
                found: probabilities.len(),
            });
        }
        for (row, p) in probabilities.chunks_exact(self.classes).enumerate() {
            let sum: f64 = p.iter().sum();
            let bad = p.iter().find(|p| !p.is_finite() || **p < 0.0);
            if bad.is_some() || !sum.is_finite() || sum <= 0.0 {
                return Err(EvalError::Row {
                    what: "probabilities".into(),
                    row: row + 1,
                    expected: "finite values that are not negative and do not all equal 0".into(),
                    found: bad.map_or_else(|| format!("the sum {sum}"), ToString::to_string),
                });
            }
        }
        self.probabilities = Some(probabilities);
        Ok(self)
    }

    /// Adds the value that stands for each class (for age groups: the midpoint in years), for [`crate::Metric::MaeYears`].
    ///
    /// # Errors
    /// [`EvalError`] when there is not one finite value a class.
    pub fn with_midpoints(mut self, midpoints: &'a [f64]) -> Result<Self, EvalError> {
        if midpoints.len() != self.classes {
            return Err(EvalError::Length {
                what: "midpoints",
                expected: self.classes,
                found: midpoints.len(),
            });
        }
        if let Some(row) = midpoints.iter().position(|value| !value.is_finite()) {
            return Err(EvalError::Row {
                what: "midpoints".into(),
                row: row + 1,
                expected: "a finite number".into(),
                found: "another value".into(),
            });
        }
        self.midpoints = Some(midpoints);
        Ok(self)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.truth.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.truth.is_empty()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Whether the classes are ordered.
    pub fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// True class of each row.
    pub fn truth(&self) -> &'a [usize] {
        self.truth
    }

    /// Predicted class of each row.
    pub fn predicted(&self) -> &'a [usize] {
        self.predicted
    }

    /// Subject of each row.
    pub fn subject(&self) -> &'a [usize] {
        self.subject
    }

    /// One more than the largest subject index.
    pub fn subject_bound(&self) -> usize {
        self.subjects
    }

    /// Probabilities of a row as given (not divided by their sum); `None` without probabilities.
    pub fn row_probabilities(&self, row: usize) -> Option<&'a [f64]> {
        self.probabilities?
            .get(row * self.classes..(row + 1) * self.classes)
    }

    /// Whether there are probabilities.
    pub fn has_probabilities(&self) -> bool {
        self.probabilities.is_some()
    }

    /// Midpoint of each class, when given.
    pub fn midpoints(&self) -> Option<&'a [f64]> {
        self.midpoints
    }

    /// Rows whose probabilities do not sum to 1 within [`PROBABILITY_TOLERANCE`].
    pub fn unnormalised_rows(&self) -> usize {
        self.probabilities.map_or(0, |probabilities| {
            probabilities
                .chunks_exact(self.classes)
                .filter(|row| (row.iter().sum::<f64>() - 1.0).abs() > PROBABILITY_TOLERANCE)
                .count()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_samples_are_refused_with_the_row() {
        let cases = [
            (
                Sample::new(0, &[], &[], &[]).err(),
                "classes: expected at least one class, found none",
            ),
            (
                Sample::new(2, &[0, 1], &[0], &[0, 0]).err(),
                "predicted: expected 2 values, one a row, found 1",
            ),
            (
                Sample::new(2, &[0, 1], &[0, 2], &[0, 0]).err(),
                "predicted: row 2: expected a class index below 2, found 2",
            ),
            (
                Sample::new(2, &[0], &[0], &[0])
                    .and_then(|s| s.with_probabilities(&[0.0, 0.0]))
                    .err(),
                "probabilities: row 1: expected finite values that are not negative and do not all equal 0, found the sum 0",
            ),
            (
                Sample::new(2, &[0], &[0], &[0])
                    .and_then(|s| s.with_probabilities(&[-0.5, 1.5]))
                    .err(),
                "probabilities: row 1: expected finite values that are not negative and do not all equal 0, found -0.5",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error.unwrap().to_string(), expected);
        }
    }

    #[test]
    fn rows_that_do_not_sum_to_one_are_counted() {
        let sample = Sample::new(2, &[0, 1, 1], &[0, 1, 1], &[0, 0, 1])
            .unwrap()
            .with_probabilities(&[0.5, 0.5, 0.2, 0.2, 0.6, 0.4005])
            .unwrap();
        assert_eq!(sample.unnormalised_rows(), 1);
        assert_eq!(sample.subject_bound(), 2);
    }
}
