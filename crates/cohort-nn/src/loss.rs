//! Weighted cross-entropy with label smoothing over all or over neighbouring classes, and class weights.

use burn::tensor::{Tensor, TensorData, activation::log_softmax};
use serde::{Deserialize, Serialize};

use crate::NnError;

/// How much a sample of each class counts in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// Every sample counts alike.
    None,
    /// Inversely proportional to the class count (King and Zeng 2001), the default.
    #[default]
    InverseFrequency,
    /// Inverse of the effective number (1 - beta^n) / (1 - beta) (Cui et al. 2019); beta in [0, 1).
    /// 0 equals [`ClassWeights::None`]; towards 1 it approaches inverse frequency.
    EffectiveNumber(f64),
}

/// Weights from the class counts of the training set, scaled so that the mean weight over the
/// training samples is 1. A class without a sample gets weight 0: report such classes.
///
/// # Errors
/// [`NnError::Loss`] when no class has a sample or beta is outside [0, 1).
pub fn class_weights(kind: ClassWeights, counts: &[usize]) -> Result<Vec<f32>, NnError> {
    let total: usize = counts.iter().sum();
    if total == 0 {
        return Err(NnError::Loss {
            what: "class counts",
            expected: "at least one sample".to_owned(),
            found: format!("{counts:?}"),
        });
    }
    if let ClassWeights::EffectiveNumber(beta) = kind
        && !(0.0..1.0).contains(&beta)
    {
        return Err(NnError::Loss {
            what: "effective-number beta",
            expected: "0 <= beta < 1".to_owned(),
            found: beta.to_string(),
        });
    }
    let raw: Vec<f64> = counts
        .iter()
        .map(|&n| match (n, kind) {
            (0, _) => 0.0,
            (_, ClassWeights::None) => 1.0,
            (n, ClassWeights::InverseFrequency) => 1.0 / n as f64,
            (n, ClassWeights::EffectiveNumber(beta)) => (1.0 - beta) / (1.0 - beta.powf(n as f64)),
        })
        .collect();
    let expected = raw
        .iter()
        .zip(counts)
        .map(|(w, &n)| w * n as f64)
        .sum::<f64>()
        / total as f64;
    Ok(raw.iter().map(|w| (w / expected) as f32).collect())
}

/// Cross-entropy of logits against class indices, as `torch.nn.CrossEntropyLoss(weight,
/// label_smoothing)` with `reduction="mean"` (PyTorch 2) defines it:
///
/// sum_i [ (1 - s) w(y_i) (-log p_i(y_i)) + s / K * sum_c w(c) (-log p_i(c)) ] / sum_i w(y_i)
///
/// with class weights w, smoothing s in [0, 1) and K classes. [`Self::with_ordinal_width`] makes it
/// a loss for ordered classes.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy {
    weights: Vec<f32>,
    smoothing: f32,
    /// Row-major `[K, K]`: the distribution over classes that a label stands for.
    labels: Vec<f32>,
}

impl CrossEntropy {
    /// From K class weights (finite, not negative, not all zero) and the label smoothing.
    ///
    /// # Errors
    /// [`NnError::Loss`] when a value is out of its range.
    pub fn new(weights: Vec<f32>, smoothing: f32) -> Result<Self, NnError> {
        let fits = |w: &f32| w.is_finite() && *w >= 0.0;
        if !weights.iter().all(fits) || !weights.iter().any(|w| *w > 0.0) {
            return Err(NnError::Loss {
                what: "class weights",
                expected: "finite values >= 0, at least one above 0".to_owned(),
                found: format!("{weights:?}"),
            });
        }
        if !(0.0..1.0).contains(&smoothing) {
            return Err(NnError::Loss {
                what: "label smoothing",
                expected: "0 <= smoothing < 1".to_owned(),
                found: smoothing.to_string(),
            });
        }
        let k = weights.len();
        let labels = (0..k * k).map(|at| f32::from(u8::from(at / k == at % k)));
        Ok(Self {
            labels: labels.collect(),
            weights,
            smoothing,
        })
    }

    /// For ordered classes: label i stands for the distribution over classes j proportional to
    /// exp(-(i - j)^2 / (2 width^2)), so that a near miss costs less than a far one and neighbours
    /// learn from each other (label distribution learning, Gao et al. 2017). The label's class
    /// weight counts for its whole distribution. Width 0 is the plain label.
    ///
    /// # Errors
    /// [`NnError::Loss`] when the width is negative or not finite.
    pub fn with_ordinal_width(mut self, width: f64) -> Result<Self, NnError> {
        if !width.is_finite() || width < 0.0 {
            return Err(NnError::Loss {
                what: "ordinal width",
                expected: "a finite number of classes, at least 0".to_owned(),
                found: width.to_string(),
            });
        }
        if width > 0.0 {
            let k = self.weights.len();
            for (i, row) in self.labels.chunks_exact_mut(k.max(1)).enumerate() {
                let kernel = |j: usize| (-0.5 * (i.abs_diff(j) as f64 / width).powi(2)).exp();
                let sum: f64 = (0..k).map(kernel).sum();
                for (j, share) in row.iter_mut().enumerate() {
                    *share = (kernel(j) / sum) as f32;
                }
            }
        }
        Ok(self)
    }

    /// Number of classes K.
    pub fn classes(&self) -> usize {
        self.weights.len()
    }

    fn check(&self, labels: &[usize]) -> Result<(), NnError> {
        match labels.iter().find(|&&y| y >= self.weights.len()) {
            None => Ok(()),
            Some(y) => Err(NnError::Loss {
                what: "class index",
                expected: format!("0 to {}", self.weights.len().saturating_sub(1)),
                found: y.to_string(),
            }),
        }
    }

    /// The loss of a batch as a tensor of one value, for the backward pass.
    ///
    /// `logits` is `[batch, K]`; a batch whose labels all have weight 0 gives 0.
    ///
    /// # Errors
    /// [`NnError::Loss`] when a label is not below K.
    pub fn loss(&self, logits: Tensor<2>, labels: &[usize]) -> Result<Tensor<1>, NnError> {
        self.check(labels)?;
        let k = self.weights.len();
        let mut targets = Vec::with_capacity(labels.len() * k);
        let mut total = 0.0_f32;
        for &label in labels {
            total += self.weights[label];
            targets.extend((0..k).map(|class| self.target(label, class)));
        }
        let scale = if total > 0.0 { -1.0 / total } else { 0.0 };
        let targets = TensorData::new(targets, [labels.len(), k]);
        let targets = Tensor::from_data(targets, &logits.device());
        Ok((log_softmax(logits, 1) * targets).sum() * scale)
    }

    /// The same for `[batch, K]` logits on the host, in `f64`: (sum of the weighted losses, sum of
    /// the weights), so that averages over an epoch are exact by sample, not by batch.
    ///
    /// # Errors
    /// [`NnError::Loss`] when a label is not below K.
    pub fn sums(&self, logits: &[f32], labels: &[usize]) -> Result<(f64, f64), NnError> {
        self.check(labels)?;
        let k = self.weights.len();
        let (mut loss, mut weight) = (0.0, 0.0);
        for (row, &label) in logits.chunks_exact(k).zip(labels) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exps = row.iter().map(|x| f64::from(x - top).exp());
            let log_sum = exps.sum::<f64>().ln() + f64::from(top);
            for (class, x) in row.iter().enumerate() {
                loss += f64::from(self.target(label, class)) * (log_sum - f64::from(*x));
            }
            weight += f64::from(self.weights[label]);
        }
        Ok((loss, weight))
    }

    /// Weight of -log p(class) for a sample of class `label`.
    fn target(&self, label: usize, class: usize) -> f32 {
        let k = self.weights.len();
        let own = self.weights[label] * self.labels[label * k + class];
        (1.0 - self.smoothing) * own + self.smoothing / k as f32 * self.weights[class]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use burn::tensor::Device;

    #[test]
    fn weights_have_mean_one_over_the_samples_and_zero_for_absent_classes() {
        // 8 : 2 : 0 samples. Inverse frequency: 1/8, 1/2 over a mean of 2/10 -> 0.625, 2.5.
        // Effective number, beta 0.5: raw .5/(1-.5^8), .5/(1-.5^2).
        let (a, b) = (0.5 / (1.0 - 0.5_f64.powi(8)), 0.5 / 0.75);
        let mean = (8.0 * a + 2.0 * b) / 10.0;
        let cases = [
            (ClassWeights::None, [1.0, 1.0, 0.0]),
            (ClassWeights::InverseFrequency, [0.625, 2.5, 0.0]),
            (
                ClassWeights::EffectiveNumber(0.5),
                [(a / mean) as f32, (b / mean) as f32, 0.0],
            ),
            (ClassWeights::EffectiveNumber(0.0), [1.0, 1.0, 0.0]),
        ];
        for (kind, expected) in cases {
            let weights = class_weights(kind, &[8, 2, 0]).unwrap();
            for (w, e) in weights.iter().zip(expected) {
                assert_relative_eq!(*w, e, epsilon = 1e-6);
            }
        }
        assert!(class_weights(ClassWeights::None, &[0, 0]).is_err());
        assert!(class_weights(ClassWeights::EffectiveNumber(1.0), &[1]).is_err());
    }

    /// Two samples, three classes, worked by hand: logits (0, ln 2, ln 3) and (0, 0, 0), labels
    /// 2 and 0, weights 1, 2, 3. Probabilities (1/6, 1/3, 1/2) and 1/3 each.
    #[test]
    fn loss_equals_the_hand_calculation() {
        let logits = [0.0, 2.0_f32.ln(), 3.0_f32.ln(), 0.0, 0.0, 0.0];
        let (l2, l3, l6) = (2.0_f64.ln(), 3.0_f64.ln(), 6.0_f64.ln());
        let plain = (3.0 * l2 + 1.0 * l3) / 4.0;
        let spread = (l6 + 2.0 * l3 + 3.0 * l2) / 3.0 + 6.0 * l3 / 3.0;
        let smooth = (0.9 * (3.0 * l2 + l3) + 0.1 * spread) / 4.0;
        let device = Device::flex();
        for (smoothing, expected) in [(0.0, plain), (0.1, smooth)] {
            let loss = CrossEntropy::new(vec![1.0, 2.0, 3.0], smoothing).unwrap();
            let (sum, weight) = loss.sums(&logits, &[2, 0]).unwrap();
            assert_relative_eq!(sum / weight, expected, epsilon = 1e-6);
            let tensor = Tensor::from_data(TensorData::new(logits.to_vec(), [2, 3]), &device);
            let value: f32 = loss.loss(tensor, &[2, 0]).unwrap().into_scalar();
            assert_relative_eq!(f64::from(value), expected, epsilon = 1e-6);
        }
    }

    /// Three classes, width 1: rows of exp(-d^2 / 2), normalised. A label's loss is the mean over
    /// its row, weighted by the label's own class weight.
    #[test]
    fn ordered_labels_spread_over_their_neighbours() {
        let (near, far) = ((-0.5_f64).exp(), (-2.0_f64).exp());
        let row = [1.0, near, far].map(|x| x / (1.0 + near + far));
        let logits = [0.0, 2.0_f32.ln(), 3.0_f32.ln()];
        let minus_log = [6.0_f64.ln(), 3.0_f64.ln(), 2.0_f64.ln()];
        let expected: f64 = (0..3).map(|c| row[c] * minus_log[c]).sum();
        let loss = CrossEntropy::new(vec![4.0, 2.0, 3.0], 0.0).unwrap();
        let wide = loss.clone().with_ordinal_width(1.0).unwrap();
        let (sum, weight) = wide.sums(&logits, &[0]).unwrap();
        assert_relative_eq!(sum / weight, expected, epsilon = 1e-6);
        assert_eq!(loss.clone().with_ordinal_width(0.0).unwrap(), loss);
        assert!(loss.with_ordinal_width(-1.0).is_err());
    }

    #[test]
    fn gradient_is_weighted_softmax_minus_target() {
        let device = Device::flex().autodiff();
        let logits = [0.3, -1.2, 0.8, 2.0, 0.1, -0.4];
        let tensor = Tensor::<2>::from_data(TensorData::new(logits.to_vec(), [2, 3]), &device)
            .require_grad();
        let loss = CrossEntropy::new(vec![1.0, 2.0, 3.0], 0.0).unwrap();
        let grads = loss.loss(tensor.clone(), &[1, 2]).unwrap().backward();
        let grad: Vec<f32> = tensor
            .grad(&grads)
            .unwrap()
            .into_data()
            .try_to_vec()
            .unwrap();
        for (i, (label, weight)) in [(1, 2.0_f32), (2, 3.0)].into_iter().enumerate() {
            let row = &logits[i * 3..i * 3 + 3];
            let sum: f32 = row.iter().map(|x: &f32| x.exp()).sum();
            for c in 0..3 {
                let target = f32::from(u8::from(c == label));
                let expected = weight / 5.0 * (row[c].exp() / sum - target);
                assert_relative_eq!(grad[i * 3 + c], expected, epsilon = 1e-6);
            }
        }
    }

    #[test]
    fn large_logits_do_not_overflow_and_bad_values_are_told() {
        let loss = CrossEntropy::new(vec![1.0, 1.0], 0.0).unwrap();
        let (sum, _) = loss.sums(&[1e4, -1e4], &[1]).unwrap();
        assert_relative_eq!(sum, 2e4);
        let error = loss.sums(&[0.0, 0.0], &[2]).unwrap_err().to_string();
        assert_eq!(error, "loss: class index: expected 0 to 1, found 2");
        assert!(CrossEntropy::new(vec![0.0, 0.0], 0.0).is_err());
        assert!(CrossEntropy::new(vec![1.0, f32::NAN], 0.0).is_err());
        assert!(CrossEntropy::new(vec![1.0], 1.0).is_err());
    }
}
