//! Implicit models (Song, Meng and Ermon 2021, equation 12).

use crate::DiffusionError;
use crate::config::SchedulerConfig;
use crate::noise_schedule::NoiseSchedule;
use crate::step::{Coefficients, Step, conversion, sigma_of, whole_timesteps};

/// The step goes `T / steps` training steps back, whatever the list says next: with trailing or linspace timesteps the two differ.
/// A bounded picture does not change the noise that the step keeps.
pub(crate) fn plan(
    config: &SchedulerConfig,
    schedule: &NoiseSchedule,
    steps: usize,
    set_alpha_to_one: bool,
    eta: f64,
) -> Result<Vec<Step>, DiffusionError> {
    let stride = schedule.steps() / steps;
    let after_last = if set_alpha_to_one {
        1.0
    } else {
        schedule.alpha_bar(0)?
    };
    let times = whole_timesteps(config, schedule.steps(), steps)?;
    let step = |timestep: f64| {
        let t = timestep as usize;
        let kept = schedule.alpha_bar(t)?;
        let next = match t.checked_sub(stride) {
            Some(t) => schedule.alpha_bar(t)?,
            None => after_last,
        };
        // the library's rounding of a ratio near 1 is part of its values
        let ratio = f64::from((kept / next) as f32);
        let variance = (1.0 - next) / (1.0 - kept) * (1.0 - ratio);
        let spread = eta * variance.max(0.0).sqrt();
        let [prediction, noise] = conversion(config.prediction, kept, timestep)?;
        let direction = (1.0 - next - spread * spread).max(0.0).sqrt();
        Ok(Step {
            timestep,
            sigma: sigma_of(kept),
            input_scale: 1.0,
            prediction,
            correction: None,
            update: Coefficients {
                latent: direction * noise[0],
                output: direction * noise[1],
                picture: next.sqrt(),
                noise: spread,
                ..Coefficients::default()
            },
            draws: eta > 0.0,
        })
    };
    times.into_iter().map(step).collect()
}
