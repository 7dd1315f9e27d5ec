//! Settings of a training run, and the learning-rate schedule.

use cohort_nn::{ClassWeights, DeviceChoice};
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// The validation metric by which the best epoch is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Mean recall over the classes present in the validation set (default).
    #[default]
    BalancedAccuracy,
    /// Cohen's kappa with quadratic weights; for ordered classes.
    QuadraticKappa,
    /// Mean over present classes of the mean absolute error in class indices; lower is better.
    MacroMae,
    /// Mean weighted cross-entropy; lower is better.
    Loss,
}

/// Everything that decides a training run besides network and data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// Most epochs; the schedule spans them. Default 40.
    pub epochs: usize,
    /// Samples a step. A last batch of one sample joins the one before it. Default 32.
    pub batch_size: usize,
    /// Peak learning rate of AdamW. Default 2e-3.
    pub learning_rate: f64,
    /// Share of the peak at which the cosine ends, in [0, 1]. Default 0.01.
    pub final_learning_rate: f64,
    /// Epochs of linear warm-up. Default 1.
    pub warmup_epochs: usize,
    /// Decoupled weight decay, not applied to norms and biases. Default 1e-2.
    pub weight_decay: f64,
    /// Largest L2 norm of all gradients together; longer ones are scaled down. Default 5; 0
    /// switches it off.
    pub clip_norm: f64,
    /// Epochs without a better validation metric after which training stops. Default 12.
    pub patience: usize,
    /// The validation metric by which the best epoch is chosen.
    pub selection: Selection,
    /// Class weights of the loss. Default inverse frequency.
    pub class_weights: ClassWeights,
    /// Share of the epochs, in [0, 1], that every sample counts alike before the class weights set in (deferred
    /// re-weighting, Cao et al. 2019): a network learns to see from all samples first and then moves its borders.
    /// Default 0, weights from the beginning.
    pub deferred_weights: f64,
    /// Label smoothing in [0, 1). Default 0.
    pub label_smoothing: f64,
    /// For ordered classes: standard deviation, in classes, of the distribution over neighbours that
    /// a label stands for in the loss. Default 0, the label alone.
    pub ordinal_width: f64,
    /// Ask the training source for augmented samples. Default true.
    pub augment: bool,
    /// Seed of everything random; at most 2^63 - 1, the largest integer of TOML. Default 1.
    pub seed: u64,
    /// Where to compute. Default the CPU.
    pub device: DeviceChoice,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 40,
            batch_size: 32,
            learning_rate: 2e-3,
            final_learning_rate: 0.01,
            warmup_epochs: 1,
            weight_decay: 1e-2,
            clip_norm: 5.0,
            patience: 12,
            selection: Selection::default(),
            class_weights: ClassWeights::default(),
            deferred_weights: 0.0,
            label_smoothing: 0.0,
            ordinal_width: 0.0,
            augment: true,
            seed: 1,
            device: DeviceChoice::default(),
        }
    }
}

impl TrainSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`TrainError::Settings`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), TrainError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let checks = [
            (
                "epochs",
                self.epochs >= 1,
                "at least 1",
                self.epochs.to_string(),
            ),
            (
                "batch_size",
                self.batch_size >= 2,
                "at least 2",
                self.batch_size.to_string(),
            ),
            (
                "learning_rate",
                positive(self.learning_rate),
                "finite and above 0",
                self.learning_rate.to_string(),
            ),
            (
                "final_learning_rate",
                (0.0..=1.0).contains(&self.final_learning_rate),
                "between 0 and 1",
                self.final_learning_rate.to_string(),
            ),
            (
                "warmup_epochs",
                self.warmup_epochs <= self.epochs,
                "at most epochs",
                self.warmup_epochs.to_string(),
            ),
            (
                "weight_decay",
                self.weight_decay.is_finite() && self.weight_decay >= 0.0,
                "finite and at least 0",
                self.weight_decay.to_string(),
            ),
            (
                "clip_norm",
                self.clip_norm.is_finite() && self.clip_norm >= 0.0,
                "finite and at least 0",
                self.clip_norm.to_string(),
            ),
            (
                "patience",
                self.patience >= 1,
                "at least 1",
                self.patience.to_string(),
            ),
            (
                "deferred_weights",
                (0.0..=1.0).contains(&self.deferred_weights),
                "between 0 and 1",
                self.deferred_weights.to_string(),
            ),
            (
                "label_smoothing",
                (0.0..1.0).contains(&self.label_smoothing),
                "at least 0 and below 1",
                self.label_smoothing.to_string(),
            ),
            (
                "ordinal_width",
                self.ordinal_width.is_finite() && self.ordinal_width >= 0.0,
                "finite and at least 0",
                self.ordinal_width.to_string(),
            ),
            (
                "seed",
                i64::try_from(self.seed).is_ok(),
                "at most 9223372036854775807",
                self.seed.to_string(),
            ),
        ];
        for (field, holds, expected, found) in checks {
            if !holds {
                return Err(TrainError::Settings {
                    field,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// Epochs that are done before the class weights set in.
    pub fn unweighted_epochs(&self) -> usize {
        (self.deferred_weights * self.epochs as f64).round() as usize
    }

    /// Learning rate of a step (from 0) when an epoch has `steps` steps: linear warm-up to the
    /// peak, then half a cosine down to `final_learning_rate` times the peak at the last step
    /// (Loshchilov and Hutter 2017, without restarts).
    pub fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        let warmup = self.warmup_epochs * steps;
        if step < warmup {
            return self.learning_rate * (step + 1) as f64 / warmup as f64;
        }
        let length = (self.epochs * steps).saturating_sub(warmup + 1).max(1);
        let progress = ((step - warmup) as f64 / length as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        let low = self.final_learning_rate;
        self.learning_rate * (low + (1.0 - low) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn settings_survive_toml_and_unknown_ones_are_refused() {
        let settings = TrainSettings {
            class_weights: ClassWeights::EffectiveNumber(0.99),
            selection: Selection::MacroMae,
            clip_norm: 0.0,
            ..TrainSettings::default()
        };
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<TrainSettings>(&text).unwrap(), settings);
        assert!(toml::from_str::<TrainSettings>("epoch = 3").is_err());
    }

    #[test]
    fn each_setting_is_checked() {
        let new = TrainSettings::default;
        assert!(new().validate().is_ok());
        let cases = [
            (TrainSettings { epochs: 0, ..new() }, "epochs"),
            (
                TrainSettings {
                    batch_size: 1,
                    ..new()
                },
                "batch_size",
            ),
            (
                TrainSettings {
                    learning_rate: f64::NAN,
                    ..new()
                },
                "learning_rate",
            ),
            (
                TrainSettings {
                    final_learning_rate: 1.5,
                    ..new()
                },
                "final_learning_rate",
            ),
            (
                TrainSettings {
                    warmup_epochs: 41,
                    ..new()
                },
                "warmup_epochs",
            ),
            (
                TrainSettings {
                    weight_decay: -1.0,
                    ..new()
                },
                "weight_decay",
            ),
            (
                TrainSettings {
                    clip_norm: f64::INFINITY,
                    ..new()
                },
                "clip_norm",
            ),
            (
                TrainSettings {
                    patience: 0,
                    ..new()
                },
                "patience",
            ),
            (
                TrainSettings {
                    label_smoothing: 1.0,
                    ..new()
                },
                "label_smoothing",
            ),
            (
                TrainSettings {
                    deferred_weights: 1.5,
                    ..new()
                },
                "deferred_weights",
            ),
            (
                TrainSettings {
                    ordinal_width: -0.5,
                    ..new()
                },
                "ordinal_width",
            ),
            (
                TrainSettings {
                    seed: u64::MAX,
                    ..new()
                },
                "seed",
            ),
        ];
        for (settings, field) in cases {
            let error = settings.validate().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("training settings: {field} must")),
                "{error}"
            );
        }
    }

    #[test]
    fn schedule_rises_linearly_and_falls_as_a_cosine() {
        let settings = TrainSettings {
            epochs: 11,
            warmup_epochs: 1,
            learning_rate: 2.0,
            final_learning_rate: 0.1,
            ..TrainSettings::default()
        };
        // 4 steps an epoch: steps 0..4 warm up, 4..44 fall; halfway is (2 + 0.2) / 2.
        for (step, expected) in [(0, 0.5), (1, 1.0), (3, 2.0), (4, 2.0), (43, 0.2), (99, 0.2)] {
            assert_relative_eq!(
                settings.learning_rate_at(step, 4),
                expected,
                epsilon = 1e-12
            );
        }
        let middle = 0.5 * (settings.learning_rate_at(23, 4) + settings.learning_rate_at(24, 4));
        assert_relative_eq!(middle, 1.1, epsilon = 1e-12);
    }
}
