//! The range of every setting.

use crate::settings::{MOST, first_out_of_range, is_not_negative, is_positive};
use crate::{TrainError, TrainSettings};

impl TrainSettings {
    /// Checks every setting, the loop's first.
    ///
    /// # Errors
    /// [`TrainError::Settings`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.fit().validate()?;
        const FINITE: &str = "finite and at least 0";
        let tuning = self.fine_tuning.map(|tuning| tuning.rate);
        first_out_of_range([
            (
                "batch_size",
                (2..=MOST).contains(&self.batch_size),
                "at least 2 and at most 1000000",
                self.batch_size.to_string(),
            ),
            (
                "focal_gamma",
                is_not_negative(self.focal_gamma),
                FINITE,
                self.focal_gamma.to_string(),
            ),
            (
                "mean_loss",
                is_not_negative(self.mean_loss),
                FINITE,
                self.mean_loss.to_string(),
            ),
            (
                "variance_loss",
                is_not_negative(self.variance_loss),
                FINITE,
                self.variance_loss.to_string(),
            ),
            (
                "fine_tuning.rate",
                tuning.is_none_or(|rate| is_positive(rate) && rate <= 1.0),
                "above 0 and at most 1",
                tuning.map_or_else(String::new, |rate| rate.to_string()),
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
                is_not_negative(self.ordinal_width),
                FINITE,
                self.ordinal_width.to_string(),
            ),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OptimiserKind;

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
                    weight_decay: Some(-1.0),
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
                    momentum: Some(1.0),
                    ..new()
                },
                "momentum",
            ),
            (
                TrainSettings {
                    optimiser: OptimiserKind::Adam,
                    momentum: Some(0.5),
                    ..new()
                },
                "momentum",
            ),
            (
                TrainSettings {
                    nesterov: true,
                    ..new()
                },
                "nesterov",
            ),
            (
                TrainSettings {
                    optimiser: OptimiserKind::Sgd,
                    momentum: Some(0.0),
                    nesterov: true,
                    ..new()
                },
                "nesterov",
            ),
            (
                TrainSettings {
                    alpha: Some(0.5),
                    ..new()
                },
                "alpha",
            ),
            (
                TrainSettings {
                    optimiser: OptimiserKind::RmsProp,
                    alpha: Some(1.0),
                    ..new()
                },
                "alpha",
            ),
            (
                TrainSettings {
                    optimiser: OptimiserKind::Adagrad,
                    centred: true,
                    ..new()
                },
                "centred",
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
