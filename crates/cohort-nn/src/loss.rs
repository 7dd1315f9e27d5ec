//! Weighted cross-entropy with label smoothing over all or over neighbouring classes, focus on
//! hard samples, and the mean-variance terms for ordered classes.

use burn::tensor::{Tensor, TensorData, activation::log_softmax};

use crate::NnError;

/// Cross-entropy of logits against class indices, as `torch.nn.CrossEntropyLoss(weight,
/// label_smoothing)` with `reduction="mean"` (PyTorch 2) defines it:
///
/// sum_i [ (1 - s) w(y_i) (-log p_i(y_i)) + s / K * sum_c w(c) (-log p_i(c)) ] / sum_i w(y_i)
///
/// with class weights w, smoothing s in [0, 1) and K classes. [`Self::with_ordinal_width`] and
/// [`Self::with_mean_variance`] make it a loss for ordered classes, [`Self::with_focus`] the focal
/// loss; they may be combined.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy {
    weights: Vec<f32>,
    smoothing: f32,
    /// Row-major `[K, K]`: the distribution over classes that a label stands for.
    labels: Vec<f32>,
    /// Exponent of 1 - p before each -log p.
    focus: f64,
    /// What (mean - label)^2 / 2 and the variance count.
    mean_variance: [f64; 2],
}

/// Smallest 1 - p that is raised to the focus, so that its derivative stays finite.
const LEAST_DOUBT: f64 = 1e-7;

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
            focus: 0.0,
            mean_variance: [0.0; 2],
        })
    }

    /// Focal loss (Lin et al. 2017): each -log p(c) is multiplied by (1 - p(c))^gamma, so that
    /// samples which are right already count less. `gamma` 0 is the plain loss.
    ///
    /// # Errors
    /// [`NnError::Loss`] when gamma is negative or not finite.
    pub fn with_focus(mut self, gamma: f64) -> Result<Self, NnError> {
        at_least_zero("focal gamma", gamma)?;
        self.focus = gamma;
        Ok(self)
    }

    /// Mean-variance loss for ordered classes (Pan et al. 2018): adds, for each sample and as its
    /// class weighs, `mean` * (m - y)^2 / 2 + `variance` * v, where m and v are the mean and the
    /// variance of the predicted distribution over class indices. Published values: 0.2 and 0.05.
    ///
    /// # Errors
    /// [`NnError::Loss`] when a factor is negative or not finite.
    pub fn with_mean_variance(mut self, mean: f64, variance: f64) -> Result<Self, NnError> {
        at_least_zero("mean loss", mean)?;
        at_least_zero("variance loss", variance)?;
        self.mean_variance = [mean, variance];
        Ok(self)
    }

    /// For ordered classes: label i stands for the distribution over classes j proportional to
    /// exp(-(i - j)^2 / (2 width^2)), so that a near miss costs less than a far one and neighbours
    /// learn from each other (label distribution learning, Gao et al. 2017). The label's class
    /// weight counts for its whole distribution. Width 0 is the plain label.
    ///
    /// # Errors
    /// [`NnError::Loss`] when the width is negative or not finite.
    pub fn with_ordinal_width(mut self, width: f64) -> Result<Self, NnError> {
        at_least_zero("ordinal width", width)?;
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
        let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
        let targets = TensorData::new(targets, [labels.len(), k]);
        let targets = Tensor::from_data(targets, &logits.device());
        let log_p = log_softmax(logits, 1);
        let mut entropy = log_p.clone() * targets;
        if self.focus > 0.0 {
            let doubt = (-log_p.clone().exp() + 1.0).clamp_min(LEAST_DOUBT);
            entropy = entropy * doubt.powf_scalar(self.focus);
        }
        let mut loss = -entropy.sum();
        if self.mean_variance != [0.0; 2] {
            loss = loss + self.spread(log_p.exp(), labels);
        }
        Ok(loss * scale)
    }

    /// Sum of the weighted mean and variance terms of a batch's probabilities.
    fn spread(&self, p: Tensor<2>, labels: &[usize]) -> Tensor<1> {
        let device = p.device();
        let column = |values: Vec<f32>| {
            let n = values.len();
            Tensor::<2>::from_data(TensorData::new(values, [n, 1]), &device)
        };
        let places = |power: i32| {
            column(
                (0..self.classes())
                    .map(|c| (c as f32).powi(power))
                    .collect(),
            )
        };
        let mean = p.clone().matmul(places(1));
        let variance = p.matmul(places(2)) - mean.clone().square();
        let error = mean - column(labels.iter().map(|&y| y as f32).collect());
        let [of_mean, of_variance] = self.mean_variance;
        let terms = error.square() * (0.5 * of_mean) + variance * of_variance;
        (terms * column(labels.iter().map(|&y| self.weights[y]).collect())).sum()
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
            let own = f64::from(self.weights[label]);
            let (mut mean, mut square) = (0.0, 0.0);
            for (class, x) in row.iter().enumerate() {
                let minus_log = log_sum - f64::from(*x);
                let p = (-minus_log).exp();
                let focus = match self.focus {
                    0.0 => 1.0,
                    gamma => (1.0 - p).max(LEAST_DOUBT).powf(gamma),
                };
                loss += f64::from(self.target(label, class)) * focus * minus_log;
                mean += p * class as f64;
                square += p * (class as f64).powi(2);
            }
            let [of_mean, of_variance] = self.mean_variance;
            let error = mean - label as f64;
            let spread = square - mean * mean;
            loss += own * (of_mean * 0.5 * error * error + of_variance * spread);
            weight += own;
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

fn at_least_zero(what: &'static str, value: f64) -> Result<(), NnError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(NnError::Loss {
        what,
        expected: "a finite number, at least 0".to_owned(),
        found: value.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use burn::tensor::Device;

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
