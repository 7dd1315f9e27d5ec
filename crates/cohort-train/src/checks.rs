//! The range of every setting.

use crate::{TrainError, TrainSettings};

impl TrainSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`TrainError::Settings`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), TrainError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let not_negative = |x: f64| x.is_finite() && x >= 0.0;
        let checks = [
            (
                "epochs",
                self.epochs >= 1,
                "at least 1",
                self.epochs.to_string(),
            ),
            (
                "epochs",
                self.epochs <= 1_000_000,
                "at most 1000000",
                self.epochs.to_string(),
            ),
            (
                "batch_size",
                self.batch_size >= 2,
                "at least 2",
                self.batch_size.to_string(),
            ),
            (
                "batch_size",
                self.batch_size <= 1_000_000,
                "at most 1000000",
                self.batch_size.to_string(),
            ),
            (
                "learning_rate",
                positive(self.learning_rate),
                "finite and above 0",
                self.learning_rate.to_string(),
            ),
            (
                "accumulate",
                (1..=1_000_000).contains(&self.accumulate),
                "at least 1 and at most 1000000",
                self.accumulate.to_string(),
            ),
            (
                "momentum",
                (0.0..1.0).contains(&self.momentum),
                "at least 0 and below 1",
                self.momentum.to_string(),
            ),
            (
                "step_epochs",
                self.step_epochs >= 1,
                "at least 1",
                self.step_epochs.to_string(),
            ),
            (
                "step_factor",
                positive(self.step_factor) && self.step_factor <= 1.0,
                "above 0 and at most 1",
                self.step_factor.to_string(),
            ),
            (
                "average_decay",
                (0.0..1.0).contains(&self.average_decay),
                "at least 0 and below 1",
                self.average_decay.to_string(),
            ),
            (
                "focal_gamma",
                not_negative(self.focal_gamma),
                "finite and at least 0",
                self.focal_gamma.to_string(),
            ),
            (
                "mean_loss",
                not_negative(self.mean_loss),
                "finite and at least 0",
                self.mean_loss.to_string(),
            ),
            (
                "variance_loss",
                not_negative(self.variance_loss),
                "finite and at least 0",
                self.variance_loss.to_string(),
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
                not_negative(self.weight_decay),
                "finite and at least 0",
                self.weight_decay.to_string(),
            ),
            (
                "clip_norm",
                not_negative(self.clip_norm),
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
                "fine_tuning.rate",
                self.fine_tuning
                    .is_none_or(|tuning| positive(tuning.rate) && tuning.rate <= 1.0),
                "above 0 and at most 1",
                self.fine_tuning
                    .map_or_else(String::new, |tuning| tuning.rate.to_string()),
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
                not_negative(self.ordinal_width),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_checked() {
        let new = TrainSettings::default;
        assert!(new().validate().is_ok());
        let cases = [
            (TrainSettings { epochs: 0, ..new() }, "epochs"),
            (
                TrainSettings {
                    fine_tuning: Some(crate::FineTuning {
                        rate: 0.0,
                        fixed_norms: true,
                    }),
                    ..new()
                },
                "fine_tuning.rate",
            ),
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
                    accumulate: 0,
                    ..new()
                },
                "accumulate",
            ),
            (
                TrainSettings {
                    momentum: 1.0,
                    ..new()
                },
                "momentum",
            ),
            (
                TrainSettings {
                    step_epochs: 0,
                    ..new()
                },
                "step_epochs",
            ),
            (
                TrainSettings {
                    step_factor: 0.0,
                    ..new()
                },
                "step_factor",
            ),
            (
                TrainSettings {
                    average_decay: 1.0,
                    ..new()
                },
                "average_decay",
            ),
            (
                TrainSettings {
                    focal_gamma: -1.0,
                    ..new()
                },
                "focal_gamma",
            ),
            (
                TrainSettings {
                    mean_loss: f64::NAN,
                    ..new()
                },
                "mean_loss",
            ),
            (
                TrainSettings {
                    variance_loss: -0.1,
                    ..new()
                },
                "variance_loss",
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
}
