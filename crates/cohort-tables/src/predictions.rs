//! Predictions: what a model said of each clip.

/// A model's predictions over one split, with or without ground truth and probabilities.
///
/// On disk (CSV or Parquet): `VideoName,ground_truth,prediction` and then either `p1..pK` or one column
/// `probabilities` holding a list. Both are read; the first is written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Predictions {
    /// `VideoName` of each row, as found; join by [`crate::clip_id`].
    pub names: Vec<String>,
    /// Class codes in order, `K` of them, e.g. `["1", .., "7"]`.
    pub classes: Vec<String>,
    /// Index into `classes` a row; `None` when the file has no ground truth.
    pub truth: Option<Vec<usize>>,
    /// Index into `classes` a row.
    pub predicted: Vec<usize>,
    /// Row-major, `len() * K`: finite values in `[0, 1]`, kept as found, so their sum may differ from 1.
    pub probabilities: Option<Vec<f64>>,
}

impl Predictions {
    /// Classes that only the ground truth or only the predictions have, with the rows of each: truth alone, then
    /// predictions alone. Empty without ground truth.
    pub fn one_sided_classes(&self) -> [Vec<(String, usize)>; 2] {
        let Some(truth) = &self.truth else {
            return [Vec::new(), Vec::new()];
        };
        let count = |of: &[usize]| {
            let mut counts = vec![0; self.classes.len()];
            of.iter().for_each(|&class| counts[class] += 1);
            counts
        };
        let (truth, predicted) = (count(truth), count(&self.predicted));
        let alone = |own: &[usize], other: &[usize]| {
            let classes = self.classes.iter().zip(own.iter().zip(other));
            classes
                .filter(|&(_, (&own, &other))| own > 0 && other == 0)
                .map(|(class, (&own, _))| (class.clone(), own))
                .collect()
        };
        [alone(&truth, &predicted), alone(&predicted, &truth)]
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The `K` probabilities of a row; `None` when there are none or `row` is out of range.
    pub fn row(&self, row: usize) -> Option<&[f64]> {
        let k = self.classes.len();
        self.probabilities.as_ref()?.get(row * k..(row + 1) * k)
    }

    /// Predictions from logits: softmax a row, the largest logit as the prediction (the first of equals).
    ///
    /// `logits` is row-major, `names.len() * classes.len()`.
    ///
    /// # Panics
    /// When the lengths do not fit together.
    pub fn from_logits(
        names: Vec<String>,
        classes: Vec<String>,
        truth: Option<Vec<usize>>,
        logits: &[f32],
    ) -> Self {
        let k = classes.len();
        assert_eq!(
            logits.len(),
            names.len() * k,
            "logits must be rows x classes"
        );
        let mut probabilities = Vec::with_capacity(logits.len());
        for row in logits.chunks_exact(k.max(1)) {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let start = probabilities.len();
            probabilities.extend(row.iter().map(|&z| f64::from(z - largest).exp()));
            let sum: f64 = probabilities[start..].iter().sum();
            probabilities[start..].iter_mut().for_each(|p| *p /= sum);
        }
        let predicted = probabilities
            .chunks_exact(k.max(1))
            .map(first_largest)
            .collect();
        Self {
            names,
            classes,
            truth,
            predicted,
            probabilities: Some(probabilities),
        }
    }
}

/// Index of the largest value, the first of equals; 0 for an empty slice.
pub(crate) fn first_largest(row: &[f64]) -> usize {
    let mut best = 0;
    for (i, &value) in row.iter().enumerate() {
        if value > row[best] {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_logits_matches_the_closed_form_and_survives_large_values() {
        let classes = vec!["1".to_string(), "2".into()];
        let names = vec!["a".to_string(), "b".into()];
        let p = Predictions::from_logits(names, classes, None, &[0.0, 3f32.ln(), 1e30, 0.0]);
        let row = p.row(0).unwrap();
        assert!(
            (row[0] - 0.25).abs() < 1e-7 && (row[1] - 0.75).abs() < 1e-7,
            "{row:?}"
        );
        assert_eq!(p.row(1).unwrap(), [1.0, 0.0]);
        assert_eq!(p.predicted, [1, 0]);
        assert_eq!(p.row(2), None);
    }
}
