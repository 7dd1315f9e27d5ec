//! The learning rate by step.

use crate::settings::{FitSettings, Schedule};

impl FitSettings {
    /// Learning rate of a step (from 0) when an epoch has `steps` steps: linear warm-up to the
    /// peak, then as the schedule says.
    pub fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        let warmup = self.warmup_epochs * steps;
        if step < warmup {
            return self.learning_rate * (step + 1) as f64 / warmup as f64;
        }
        let share = match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Step => {
                let falls = (step - warmup) / (self.step_epochs * steps).max(1);
                self.step_factor.powf(falls as f64)
            }
            Schedule::Cosine => {
                let length = (self.epochs * steps).saturating_sub(warmup + 1).max(1);
                let progress = ((step - warmup) as f64 / length as f64).min(1.0);
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
                let low = self.final_learning_rate;
                low + (1.0 - low) * cosine
            }
        };
        self.learning_rate * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn schedule_rises_linearly_and_falls_as_a_cosine() {
        let settings = FitSettings {
            epochs: 11,
            warmup_epochs: 1,
            learning_rate: 2.0,
            final_learning_rate: 0.1,
            ..FitSettings::default()
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

    #[test]
    fn steps_fall_by_their_factor_after_the_warm_up() {
        let settings = FitSettings {
            epochs: 9,
            warmup_epochs: 1,
            learning_rate: 0.8,
            schedule: Schedule::Step,
            step_epochs: 3,
            step_factor: 0.5,
            ..FitSettings::default()
        };
        // 2 steps an epoch: steps 0..2 warm up, 2..8 at the peak, 8..14 at half, then a quarter.
        let expected = [
            (0, 0.4),
            (1, 0.8),
            (2, 0.8),
            (7, 0.8),
            (8, 0.4),
            (13, 0.4),
            (14, 0.2),
        ];
        for (step, rate) in expected {
            assert_relative_eq!(settings.learning_rate_at(step, 2), rate, epsilon = 1e-12);
        }
        let constant = FitSettings {
            schedule: Schedule::Constant,
            ..settings
        };
        assert_relative_eq!(constant.learning_rate_at(17, 2), 0.8);
    }
}
