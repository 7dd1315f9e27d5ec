//! Latent consistency models (Luo, Tan, Huang, Li and Zhao 2023, algorithm 3).

use crate::DiffusionError;
use crate::config::SchedulerConfig;
use crate::noise_schedule::NoiseSchedule;
use crate::step::{Coefficients, Step, conversion, sigma_of};

/// Standard deviation of the data that the boundary condition supposes.
const DATA: f64 = 0.5;

/// Steps are taken from the `original` ones of the distillation, evenly from the noisiest; each but the last adds fresh noise to the
/// network's picture.
pub(crate) fn plan(
    config: &SchedulerConfig,
    schedule: &NoiseSchedule,
    steps: usize,
    original: usize,
    scaling: f64,
) -> Result<Vec<Step>, DiffusionError> {
    let train = schedule.steps();
    if original > train {
        let range = format!("1 to {train}, the training steps");
        return Err(DiffusionError::setting(
            "original_inference_steps",
            range,
            original,
        ));
    }
    if steps > original {
        let range =
            format!("1 to {original}, the steps of the distillation (original_inference_steps)");
        return Err(DiffusionError::setting("steps", range, steps));
    }
    let stride = train / original;
    let share = original as f64 / steps as f64;
    let times: Vec<usize> = (0..steps)
        .map(|i| (original - (i as f64 * share).floor() as usize) * stride - 1)
        .collect();
    let step = |i: usize, t: usize| {
        let kept = schedule.alpha_bar(t)?;
        let [prediction, _] = conversion(config.prediction, kept, t as f64)?;
        let scaled = t as f64 * scaling;
        let norm = scaled * scaled + DATA * DATA;
        let (of_latent, of_picture) = (DATA * DATA / norm, scaled / norm.sqrt());
        let next = match times.get(i + 1) {
            Some(&t) => schedule.alpha_bar(t)?,
            None => 1.0,
        };
        Ok(Step {
            timestep: t as f64,
            sigma: sigma_of(kept),
            input_scale: 1.0,
            prediction,
            correction: None,
            update: Coefficients {
                latent: next.sqrt() * of_latent,
                picture: next.sqrt() * of_picture,
                noise: (1.0 - next).sqrt(),
                ..Coefficients::default()
            },
            draws: i + 1 < steps,
        })
    };
    times.iter().enumerate().map(|(i, &t)| step(i, t)).collect()
}
