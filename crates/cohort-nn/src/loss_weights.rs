//! How much a sample of each class counts in the loss.

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

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

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
}
