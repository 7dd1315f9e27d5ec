//! What the fitted rules learn from: rows of stacked, calibrated, centred logits with their classes.

/// Training rows of one subset of modalities.
#[derive(Debug, Clone)]
pub(crate) struct Design {
    pub modalities: usize,
    pub classes: usize,
    /// Rows x modalities x classes: log probabilities over their temperature, each row of classes centred on 0,
    /// since a constant per row says nothing about the class.
    pub x: Vec<f64>,
    pub truth: Vec<usize>,
}

impl Design {
    pub fn rows(&self) -> usize {
        self.truth.len()
    }

    /// Stacked logits of a row: modalities x classes.
    pub fn row(&self, i: usize) -> &[f64] {
        let width = self.modalities * self.classes;
        &self.x[i * width..(i + 1) * width]
    }

    /// The rows for which `keep` holds.
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut kept = Self {
            x: Vec::new(),
            truth: Vec::new(),
            ..*self
        };
        for i in (0..self.rows()).filter(|&i| keep(i)) {
            kept.x.extend_from_slice(self.row(i));
            kept.truth.push(self.truth[i]);
        }
        kept
    }

    /// How often each class occurs.
    pub fn counts(&self) -> Vec<f64> {
        let mut counts = vec![0.0; self.classes];
        for &class in &self.truth {
            counts[class] += 1.0;
        }
        counts
    }
}

/// Takes the mean off a row of logits.
pub(crate) fn centre(row: &mut [f64]) {
    let mean = row.iter().sum::<f64>() / row.len().max(1) as f64;
    row.iter_mut().for_each(|z| *z -= mean);
}

/// Class shares with one clip added to every class, so that a class that does not occur keeps a finite logarithm.
pub(crate) fn smoothed_prior(counts: &[f64]) -> Vec<f64> {
    let total: f64 = counts.iter().sum::<f64>() + counts.len() as f64;
    counts.iter().map(|count| (count + 1.0) / total).collect()
}

/// Weight of a row of each class, `prior ^ -tilt`, scaled so that the weights of the training rows average 1.
///
/// `tilt` 0 is the plain likelihood (decisions for accuracy); 1 gives every class the same total weight (decisions
/// for balanced accuracy).
pub(crate) fn class_weights(counts: &[f64], tilt: f64) -> Vec<f64> {
    let prior = smoothed_prior(counts);
    let raw: Vec<f64> = prior.iter().map(|p| p.powf(-tilt)).collect();
    let total: f64 = counts.iter().sum();
    let weighted: f64 = counts.iter().zip(&raw).map(|(n, w)| n * w).sum();
    if weighted > 0.0 {
        raw.iter().map(|w| w * total / weighted).collect()
    } else {
        raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tilt_moves_from_equal_rows_to_equal_classes() {
        let counts = [9.0, 99.0, 0.0];
        assert_eq!(class_weights(&counts, 0.0), [1.0, 1.0, 1.0]);
        let full = class_weights(&counts, 1.0);
        assert!(
            (full[0] / full[1] - 10.0).abs() < 1e-12,
            "inverse to the smoothed counts"
        );
        assert!(
            ((9.0 * full[0] + 99.0 * full[1]) / 108.0 - 1.0).abs() < 1e-12,
            "average 1"
        );
        assert!(full.iter().all(|w| w.is_finite()), "a class without rows");
        assert!(
            class_weights(&[0.0, 0.0], 1.0)
                .iter()
                .all(|w| w.is_finite()),
            "no rows"
        );
    }
}
