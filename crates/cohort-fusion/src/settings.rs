//! Which rule fuses, and what it is fitted for.

use cohort_eval::Metric;
use serde::{Deserialize, Serialize};

use crate::{FusionError, Subjects};

/// How the modalities' class scores become one. Scores are log probabilities, over the modality's temperature when
/// calibration is on; a clip's missing modalities are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum FusionRule {
    /// Softmax of the sum of the logits.
    SumLogits,
    /// Softmax of the weighted sum of the logits, with the weights given in the order of the modalities.
    WeightedSumLogits {
        /// One finite weight a modality.
        weights: Vec<f64>,
    },
    /// Softmax of a weighted sum plus a bias a class, both fitted on the validation split; see [`Fit`].
    FittedWeights {
        /// What the weights are fitted for.
        fit: Fit,
    },
    /// The mean of the probabilities.
    MeanProbabilities,
    /// The product of the probabilities, normalised: the same decisions and probabilities as [`Self::SumLogits`],
    /// under the name that the literature on combining classifiers gives it (Kittler et al. 1998).
    ProductProbabilities,
    /// Logistic regression on the stacked logits, fitted on the validation split with folds by subject.
    Stacking {
        /// Which regression.
        kind: StackingKind,
        /// What it is fitted for.
        fit: Fit,
    },
}

/// Which regression stacks the logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StackingKind {
    /// Ridge multinomial regression around the fitted weights.
    Multinomial,
    /// Proportional odds: one score, ordered thresholds. For ordered classes.
    Ordinal,
}

/// What a fitted rule is fitted for.
///
/// Every fit maximises a penalised likelihood, which is smooth and bears few rows of a rare class; what differs is the
/// weight of the rows, `prior[class] ^ -tilt`. For the likelihood (and metrics of probabilities) the tilt is 0; for a
/// metric of decisions it is chosen among 0, 0.5 and 1 by that metric on held-out folds, starting from the
/// metric's own (1 for balanced accuracy and macro MAE, 0.5 for macro F1 and kappa, 0 for the rest) and leaving it
/// only for a gain of more than one standard error. With a tilt the fused probabilities refer to the tilted class
/// shares, so their likelihood under the data's own shares is worse: fit by likelihood when probabilities matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The likelihood of the validation labels.
    Likelihood,
    /// A metric of the decisions or probabilities.
    Metric(Metric),
}

impl Fit {
    /// The tilt to start from; `None` when it stays at 0.
    pub(crate) fn own_tilt(self) -> Option<f64> {
        match self {
            Fit::Likelihood => None,
            Fit::Metric(metric) if metric.needs_probabilities() => None,
            Fit::Metric(Metric::BalancedAccuracy | Metric::MacroMae) => Some(1.0),
            Fit::Metric(Metric::MacroF1 | Metric::QuadraticKappa) => Some(0.5),
            Fit::Metric(_) => Some(0.0),
        }
    }
}

/// Settings of a fusion.
#[derive(Debug, Clone, PartialEq)]
pub struct FusionSettings {
    /// The rule (default: weights fitted for balanced accuracy, since accuracy on an imbalanced set is won by guessing
    /// the majority).
    pub rule: FusionRule,
    /// Divide each modality's logits by a temperature fitted on the validation split (default on).
    pub calibrate: bool,
    /// Keep fitted weights at or above 0 (default on). Stacking corrects freely around them.
    pub non_negative: bool,
    /// Fit a bias a class beside the weights (default on): models trained with inverse-frequency weights have lost the
    /// class prior, and this gives back as much of it as the fit asks for. Temperatures are then fitted beside an exponent of
    /// the prior, so that they do not make up for it.
    pub class_bias: bool,
    /// Folds by subject for choosing penalties and for the fused predictions of the validation split (default 5, 2 to 20).
    pub folds: usize,
    /// Seed of the folds (default 0).
    pub seed: u64,
    /// Who is in a clip (default: the clip id before its last dot).
    pub subjects: Subjects,
    /// Whether the classes are ordered, as age groups are (default yes).
    pub ordered: bool,
}

impl Default for FusionSettings {
    fn default() -> Self {
        Self {
            rule: FusionRule::FittedWeights {
                fit: Fit::Metric(Metric::BalancedAccuracy),
            },
            calibrate: true,
            non_negative: true,
            class_bias: true,
            folds: 5,
            seed: 0,
            subjects: Subjects::default(),
            ordered: true,
        }
    }
}

impl FusionRule {
    /// What the rule is fitted for; `None` when nothing but temperatures is fitted.
    pub fn fit(&self) -> Option<Fit> {
        match self {
            Self::FittedWeights { fit } | Self::Stacking { fit, .. } => Some(*fit),
            _ => None,
        }
    }

    /// The rule in words.
    pub fn describe(&self) -> String {
        let fitted = |fit: &Fit| match fit {
            Fit::Likelihood => "the likelihood".to_string(),
            Fit::Metric(metric) => metric.title().to_lowercase(),
        };
        match self {
            Self::SumLogits => "sum of logits".to_string(),
            Self::WeightedSumLogits { .. } => "weighted sum of logits, weights given".to_string(),
            Self::FittedWeights { fit } => {
                format!("weighted sum of logits, fitted for {}", fitted(fit))
            }
            Self::MeanProbabilities => "mean of probabilities".to_string(),
            Self::ProductProbabilities => "product of probabilities".to_string(),
            Self::Stacking {
                kind: StackingKind::Multinomial,
                fit,
            } => {
                format!("multinomial stacking, fitted for {}", fitted(fit))
            }
            Self::Stacking {
                kind: StackingKind::Ordinal,
                fit,
            } => {
                format!("ordinal stacking, fitted for {}", fitted(fit))
            }
        }
    }
}

impl FusionSettings {
    /// Checks the settings against the number of modalities.
    ///
    /// # Errors
    /// [`FusionError::Setting`] naming the setting, its range and the value.
    pub fn check(&self, modalities: usize) -> Result<(), FusionError> {
        if !(2..=20).contains(&self.folds) {
            return Err(FusionError::setting("folds", "2 to 20", self.folds));
        }
        if let FusionRule::WeightedSumLogits { weights } = &self.rule {
            if weights.len() != modalities {
                let expected = format!("one a modality, {modalities}");
                return Err(FusionError::setting("weights", expected, weights.len()));
            }
            if let Some(bad) = weights.iter().find(|w| !w.is_finite()) {
                return Err(FusionError::setting("weights", "finite numbers", bad));
            }
        }
        if let FusionRule::Stacking {
            kind: StackingKind::Ordinal,
            ..
        } = self.rule
            && !self.ordered
        {
            return Err(FusionError::setting(
                "rule",
                "ordered classes",
                "ordinal stacking",
            ));
        }
        if let Some(Fit::Metric(metric)) = self.rule.fit() {
            let wrong = |expected: &str| FusionError::setting("fit", expected, metric.name());
            if metric.higher_is_better().is_none() {
                return Err(wrong("a metric that is better higher or lower"));
            }
            if metric == Metric::MaeYears {
                return Err(wrong("a metric without class midpoints"));
            }
            if metric.needs_order() && !self.ordered {
                return Err(wrong("a metric for classes without order"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let of = |rule: FusionRule| FusionSettings {
            rule,
            ..FusionSettings::default()
        };
        let fit = |metric| {
            of(FusionRule::FittedWeights {
                fit: Fit::Metric(metric),
            })
        };
        let cases = [
            (
                FusionSettings {
                    folds: 1,
                    ..FusionSettings::default()
                },
                "setting folds: expected 2 to 20, found 1",
            ),
            (
                of(FusionRule::WeightedSumLogits { weights: vec![1.0] }),
                "setting weights: expected one a modality, 3, found 1",
            ),
            (
                of(FusionRule::WeightedSumLogits {
                    weights: vec![1.0, f64::NAN, 0.0],
                }),
                "setting weights: expected finite numbers, found NaN",
            ),
            (
                fit(Metric::SignedError),
                "setting fit: expected a metric that is better higher or lower, found signed_error",
            ),
            (
                fit(Metric::MaeYears),
                "setting fit: expected a metric without class midpoints, found mae_years",
            ),
            (
                FusionSettings {
                    ordered: false,
                    ..fit(Metric::QuadraticKappa)
                },
                "setting fit: expected a metric for classes without order, found quadratic_kappa",
            ),
            (
                FusionSettings {
                    ordered: false,
                    ..of(FusionRule::Stacking {
                        kind: StackingKind::Ordinal,
                        fit: Fit::Likelihood,
                    })
                },
                "setting rule: expected ordered classes, found ordinal stacking",
            ),
        ];
        for (settings, expected) in cases {
            assert_eq!(settings.check(3).unwrap_err().to_string(), expected);
        }
        assert!(FusionSettings::default().check(3).is_ok());
    }
}
