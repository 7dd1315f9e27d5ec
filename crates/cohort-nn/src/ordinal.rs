//! The cumulative link: a network's outputs as one score against ordered thresholds.

use burn::module::{Module, Param};
use burn::tensor::activation::{log_sigmoid, softplus};
use burn::tensor::{Device, Tensor, TensorData};

use crate::NnError;
use crate::checks::at_least;

/// Proportional odds (McCullagh 1980) over the K outputs of any network.
///
/// The outputs z are read along one direction only, the score s = sum_c r(c) z(c) with the class
/// ranks r centred and of unit length, and P(y <= k) = sigmoid(t(k) - s) with thresholds
/// t(1) < ... < t(K - 1) that are learnt. Thresholds are kept in order by construction (the first
/// one, then gaps softplus(g)), so that the K probabilities are never negative and sum to one;
/// independent binary tasks with a shared score, as in CORAL (Cao et al. 2020), promise that at the
/// optimum only. The result is log-probabilities, which every loss and every metric for logits takes
/// as they are: their softmax is themselves.
#[derive(Module, Debug)]
pub struct CumulativeLink {
    /// `[K - 1]`: the first threshold, then what gaps are the softplus of.
    thresholds: Param<Tensor<1>>,
}

impl CumulativeLink {
    /// For K classes, each equally probable at score 0.
    ///
    /// # Errors
    /// [`NnError::Config`] for fewer than 2 classes.
    pub fn new(classes: usize, device: &Device) -> Result<Self, NnError> {
        at_least("classes", classes, 2)?;
        let threshold = |k: usize| (k as f64 / (classes - k) as f64).ln();
        let raw = |k: usize| match k {
            1 => threshold(1),
            _ => (threshold(k) - threshold(k - 1)).exp_m1().ln(),
        };
        let values: Vec<f32> = (1..classes).map(|k| raw(k) as f32).collect();
        let data = TensorData::new(values, [classes - 1]);
        Ok(Self {
            thresholds: Param::from_tensor(Tensor::from_data(data, device)),
        })
    }

    /// Outputs `[batch, K]` of a network to log-probabilities `[batch, K]`.
    ///
    /// With a(k) = t(k) - s: log P(1) = log sigmoid(a(1)), log P(K) = log sigmoid(-a(K - 1)), and
    /// between them log P(k) = log sigmoid(a(k)) + log sigmoid(-a(k - 1)) + log sigmoid(g(k)), where
    /// nothing is subtracted and nothing overflows.
    pub fn forward(&self, outputs: Tensor<2>) -> Tensor<2> {
        let device = outputs.device();
        let [batch, classes] = outputs.dims();
        let cuts = classes - 1;
        let raw = self.thresholds.val().reshape([1, cuts]);
        let constant = |values: Vec<f32>, shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values, shape), &device)
        };
        let centre = cuts as f64 / 2.0;
        let length = (0..classes)
            .map(|c| (c as f64 - centre).powi(2))
            .sum::<f64>()
            .sqrt();
        let ranks = (0..classes)
            .map(|c| ((c as f64 - centre) / length) as f32)
            .collect();
        let score = outputs.matmul(constant(ranks, [classes, 1]));

        let is_first = constant(
            (0..cuts).map(|k| f32::from(u8::from(k == 0))).collect(),
            [1, cuts],
        );
        let is_gap = -is_first.clone() + 1.0;
        let steps = raw.clone() * is_first + softplus(raw.clone(), 1.0) * is_gap.clone();
        let up_to = (0..cuts * cuts).map(|at| f32::from(u8::from(at / cuts <= at % cuts)));
        let thresholds = steps.matmul(constant(up_to.collect(), [cuts, cuts]));

        let above = thresholds - score;
        let none = Tensor::<2>::zeros([batch, 1], &device);
        let below = Tensor::cat(vec![none.clone(), log_sigmoid(-above.clone())], 1);
        let gaps = Tensor::cat(
            vec![log_sigmoid(raw) * is_gap, Tensor::zeros([1, 1], &device)],
            1,
        );
        Tensor::cat(vec![log_sigmoid(above), none], 1) + below + gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probabilities(link: &CumulativeLink, rows: Vec<f32>, classes: usize) -> Vec<f64> {
        let shape = [rows.len() / classes, classes];
        let outputs = Tensor::<2>::from_data(TensorData::new(rows, shape), &Device::flex());
        let logs = link.forward(outputs).into_data();
        logs.iter::<f32>().map(|x| f64::from(x).exp()).collect()
    }

    #[test]
    fn classes_begin_equally_probable() {
        for classes in [2, 3, 9] {
            let link = CumulativeLink::new(classes, &Device::flex()).unwrap();
            for p in probabilities(&link, vec![0.7; classes], classes) {
                assert!((p - 1.0 / classes as f64).abs() < 1e-6, "{classes}: {p}");
            }
        }
        assert!(CumulativeLink::new(1, &Device::flex()).is_err());
    }

    /// Against the definition, differences of the cumulative probabilities in `f64`.
    #[test]
    fn probabilities_are_differences_of_the_cumulative_ones() {
        let classes = 4;
        let link = CumulativeLink::new(classes, &Device::flex()).unwrap();
        for rows in [[0.3, -0.2, 1.0, 2.5], [4.0, 0.0, 0.0, -3.0]] {
            let ranks = [-1.5, -0.5, 0.5, 1.5_f64].map(|r| r / 5.0_f64.sqrt());
            let score: f64 = rows.iter().zip(ranks).map(|(z, r)| f64::from(*z) * r).sum();
            let up_to = |k: usize| match k {
                0 => 0.0,
                4 => 1.0,
                k => 1.0 / (1.0 + (score - (k as f64 / (4 - k) as f64).ln()).exp()),
            };
            let found = probabilities(&link, rows.to_vec(), classes);
            for (k, p) in found.iter().enumerate() {
                assert!((p - (up_to(k + 1) - up_to(k))).abs() < 1e-6, "{k}");
            }
        }
    }

    #[test]
    fn far_scores_stay_finite_and_move_the_mode_in_order() {
        let link = CumulativeLink::new(5, &Device::flex()).unwrap();
        let mut modes = Vec::new();
        for score in [-1e4_f32, -2.0, 0.0, 2.0, 1e4] {
            let row = (0..5).map(|c| (c as f32 - 2.0) * score / 10.0).collect();
            let p = probabilities(&link, row, 5);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{score}: {p:?}");
            let largest = p.iter().copied().fold(0.0, f64::max);
            modes.push(p.iter().position(|&x| x == largest).unwrap());
        }
        assert!(modes.is_sorted());
        assert_eq!((modes[0], modes[4]), (0, 4));
    }
}
