//! Ancestral sampling (Ho, Jain and Abbeel 2020, algorithm 2 with the bounded picture of their equation 7).

use crate::DiffusionError;
use crate::config::{SchedulerConfig, Variance};
use crate::noise_schedule::NoiseSchedule;
use crate::step::{Coefficients, Step, conversion, sigma_of, whole_timesteps};

/// The step goes to the next timestep of the list, from the last one to no noise at all.
pub(crate) fn plan(
    config: &SchedulerConfig,
    schedule: &NoiseSchedule,
    steps: usize,
    variance: Variance,
) -> Result<Vec<Step>, DiffusionError> {
    let times = whole_timesteps(config, schedule.steps(), steps)?;
    let step = |i: usize, timestep: f64| {
        let kept = schedule.alpha_bar(timestep as usize)?;
        let next = match times.get(i + 1) {
            Some(&t) => schedule.alpha_bar(t as usize)?,
            None => 1.0,
        };
        // the library's rounding of a ratio near 1 is part of its values
        let forward = f64::from((kept / next) as f32);
        let posterior = (1.0 - next) / (1.0 - kept) * (1.0 - forward);
        let spread = match variance {
            Variance::Small => posterior.max(1e-20),
            Variance::Large => 1.0 - forward,
        };
        let draws = timestep > 0.0;
        let [prediction, _] = conversion(config.prediction, kept, timestep)?;
        Ok(Step {
            timestep,
            sigma: sigma_of(kept),
            input_scale: 1.0,
            prediction,
            correction: None,
            update: Coefficients {
                latent: forward.sqrt() * (1.0 - next) / (1.0 - kept),
                picture: next.sqrt() * (1.0 - forward) / (1.0 - kept),
                noise: if draws { spread.sqrt() } else { 0.0 },
                ..Coefficients::default()
            },
            draws,
        })
    };
    times.iter().enumerate().map(|(i, &t)| step(i, t)).collect()
}
