//! Euler steps of the probability flow, with and without fresh noise (Karras, Aittala, Aila and Laine 2022).
//!
//! The latent here is the picture plus noise of standard deviation sigma; the network sees it divided by `sqrt(sigma^2 + 1)`.

use crate::config::{Prediction, SchedulerConfig, Solver, Spacing};
use crate::spacing::{ended, karras, sigma_at, timestep_of, timesteps};
use crate::step::{Coefficients, Step};

/// The steps, and what the first latent's noise is multiplied by.
pub(crate) fn plan(config: &SchedulerConfig, sigmas: &[f32], steps: usize) -> (Vec<Step>, f64) {
    let mut times = timesteps(
        config.spacing,
        sigmas.len(),
        steps,
        config.steps_offset,
        false,
    );
    let mut path: Vec<f64> = times.iter().map(|&t| sigma_at(t, sigmas)).collect();
    let (respaced, ends_at_smallest) = match config.solver {
        Solver::Euler {
            karras,
            ends_at_smallest_sigma,
        } => (karras, ends_at_smallest_sigma),
        _ => (false, false),
    };
    if respaced {
        path = karras(path[steps - 1], path[0], steps);
        times = path
            .iter()
            .map(|&sigma| timestep_of(sigma, sigmas))
            .collect();
    }
    let path = ended(path, ends_at_smallest, sigmas);
    let ancestral = config.solver == Solver::EulerAncestral;
    let largest = path.iter().copied().fold(0.0, f64::max);
    let first = match config.spacing {
        Spacing::Leading => (largest * largest + 1.0).sqrt(),
        Spacing::Trailing | Spacing::Linspace => largest,
    };
    let step = |(i, &timestep): (usize, &f64)| {
        let (sigma, next) = (path[i], path[i + 1]);
        let whole = sigma * sigma + 1.0;
        let prediction = match config.prediction {
            Prediction::Noise => [1.0, -sigma],
            Prediction::Velocity => [1.0 / whole, -sigma / whole.sqrt()],
            Prediction::Picture => [0.0, 1.0],
        };
        let fresh = if ancestral {
            (next * next * (sigma * sigma - next * next) / (sigma * sigma))
                .max(0.0)
                .sqrt()
        } else {
            0.0
        };
        let reached = (next * next - fresh * fresh).max(0.0).sqrt();
        Step {
            timestep: f64::from(timestep as f32),
            sigma,
            input_scale: 1.0 / whole.sqrt(),
            prediction,
            correction: None,
            update: Coefficients {
                latent: reached / sigma,
                picture: 1.0 - reached / sigma,
                noise: fresh,
                ..Coefficients::default()
            },
            draws: ancestral,
        }
    };
    (times.iter().enumerate().map(step).collect(), first)
}
