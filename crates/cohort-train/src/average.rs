//! A running average of the weights, by which is validated and predicted.

use cohort_weights::Weights;

/// Exponential moving average of everything that a network keeps, norms' statistics included
/// (Polyak and Juditsky 1992; as in Mean Teacher, Tarvainen and Valpola 2017).
pub(crate) struct Average {
    decay: f64,
    pub(crate) weights: Weights,
}

impl Average {
    /// From the weights before the first step, or those of a checkpoint.
    pub(crate) fn new(decay: f64, weights: Weights) -> Self {
        Self { decay, weights }
    }

    /// Takes in the weights after `steps` steps in all: average += (1 - d) (weights - average) with
    /// d = min(decay, (1 + steps) / (10 + steps)), so that the first weights are soon forgotten.
    pub(crate) fn update(&mut self, current: &Weights, steps: usize) {
        let steps = steps as f64;
        let share = (1.0 - self.decay.min((1.0 + steps) / (10.0 + steps))) as f32;
        for (name, average) in &mut self.weights.0 {
            if let Some(now) = current.0.get(name) {
                for (a, x) in average.values.iter_mut().zip(&now.values) {
                    *a += share * (x - *a);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort_weights::Array;
    use std::collections::BTreeMap;

    fn weights(values: [f32; 2]) -> Weights {
        let array = Array {
            shape: vec![2],
            values: values.to_vec(),
        };
        Weights(BTreeMap::from([("w".to_owned(), array)]))
    }

    #[test]
    fn the_average_equals_its_closed_form() {
        // From step 9 * 0.5 - 1 on the decay is 0.5: late weights count 1/2, 1/4, 1/8, ...
        let mut average = Average::new(0.5, weights([1.0, 0.0]));
        for _ in 0..5 {
            average.update(&weights([1.0, 0.0]), 100);
        }
        assert_eq!(average.weights, weights([1.0, 0.0]));
        for n in 1..=6 {
            average.update(&weights([3.0, 1.0]), 100);
            let old = 0.5_f32.powi(n);
            assert_eq!(
                average.weights,
                weights([old + 3.0 * (1.0 - old), 1.0 - old])
            );
        }
        // The first step takes 9/11 of the new weights.
        let mut average = Average::new(0.999, weights([0.0, 11.0]));
        average.update(&weights([11.0, 0.0]), 1);
        let found = &average.weights.0["w"].values;
        assert!((found[0] - 9.0).abs() < 1e-5 && (found[1] - 2.0).abs() < 1e-5);
    }
}
