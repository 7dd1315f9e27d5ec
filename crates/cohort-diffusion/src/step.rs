//! One step of a run: where it stands in time, and the weights of what it adds up.

use crate::DiffusionError;
use crate::config::{Prediction, SchedulerConfig};
use crate::spacing::timesteps;

/// Coefficients of a sum over one picture's values. What is not named is not added.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Coefficients {
    /// Of the latent before the step; in a correction, of the latent before the step before.
    pub latent: f64,
    /// Of the network's answer.
    pub output: f64,
    /// Of the picture predicted in this step, bounded.
    pub picture: f64,
    /// Of the pictures predicted one, two and three steps before.
    pub past: [f64; 3],
    /// Of fresh noise, standard normal.
    pub noise: f64,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the network is told of the time: 0 (no noise) to T - 1, with fractions where a scheduler has them.
    pub timestep: f64,
    /// Standard deviation of the noise over that of the picture's part. Infinite where nothing of the picture is left.
    pub sigma: f64,
    /// The network sees the latent times this.
    pub input_scale: f64,
    /// The predicted picture: weights of latent and answer.
    pub prediction: [f64; 2],
    /// A better latent in the light of this step's answer, taken instead before `update` (UniPC's corrector).
    pub correction: Option<Coefficients>,
    /// The next latent.
    pub update: Coefficients,
    /// Whether noise is drawn in this step. diffusers draws in some steps that give it no weight: the generator moves on.
    pub draws: bool,
}

/// Coefficients of latent and answer that give the picture, and those that give the noise, where `kept` of the variance is picture.
/// The latent has the variance of picture and noise together.
pub(crate) fn conversion(
    prediction: Prediction,
    kept: f64,
    timestep: f64,
) -> Result<[[f64; 2]; 2], DiffusionError> {
    let (a, b) = (kept.sqrt(), (1.0 - kept).sqrt());
    Ok(match prediction {
        Prediction::Noise if kept == 0.0 => {
            return Err(DiffusionError::setting(
                "prediction_type",
                format!(
                    "v_prediction or sample, as nothing but noise is left at timestep {timestep}"
                ),
                "epsilon",
            ));
        }
        Prediction::Noise => [[1.0 / a, -b / a], [0.0, 1.0]],
        Prediction::Velocity => [[a, -b], [b, a]],
        Prediction::Picture => [[0.0, 1.0], [1.0 / b, -a / b]],
    })
}

/// Sigma of a step that keeps `kept` of the picture.
pub(crate) fn sigma_of(kept: f64) -> f64 {
    ((1.0 - kept) / kept).sqrt()
}

/// The timesteps of the schedulers that visit training steps themselves, descending.
pub(crate) fn whole_timesteps(
    config: &SchedulerConfig,
    train: usize,
    steps: usize,
) -> Result<Vec<f64>, DiffusionError> {
    let times = timesteps(config.spacing, train, steps, config.steps_offset, true);
    within(&times, train)?;
    Ok(times)
}

/// No timestep that the network was not trained on.
pub(crate) fn within(times: &[f64], train: usize) -> Result<(), DiffusionError> {
    let last = (train - 1) as f64;
    match times.iter().position(|t| !(0.0..=last).contains(t)) {
        None => Ok(()),
        Some(i) => Err(DiffusionError::setting(
            format!("timestep of step {} of {}", i + 1, times.len()),
            format!("0 to {last} (fewer steps, or a smaller steps_offset)"),
            times[i],
        )),
    }
}
