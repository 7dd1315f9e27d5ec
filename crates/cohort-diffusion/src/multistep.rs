//! What DPM-Solver++ and UniPC share: the path of sigmas, and a latent with the variance of picture and noise together.

use crate::DiffusionError;
use crate::config::{Multistep, SchedulerConfig};
use crate::noise_schedule::BetaSchedule;
use crate::spacing::{ended, karras, sigma_at, timestep_of, timesteps_of_multistep};

/// Timesteps, and one sigma more than there are of them: the last is where the run ends.
pub(crate) struct Path {
    pub(crate) times: Vec<f64>,
    pub(crate) sigmas: Vec<f64>,
}

/// Where a point of the path lies.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    /// Weight of the picture.
    pub(crate) alpha: f64,
    /// Weight of the noise.
    pub(crate) noise: f64,
    /// Logarithm of the two weights' ratio; infinite at the end.
    pub(crate) lambda: f64,
}

impl Path {
    /// `rounds` says whether Karras timesteps are rounded for every training schedule; otherwise those of the squared cosine lose
    /// their fraction.
    pub(crate) fn new(
        config: &SchedulerConfig,
        multistep: Multistep,
        sigmas: &[f32],
        last: usize,
        steps: usize,
        rounds: bool,
    ) -> Result<Self, DiffusionError> {
        let train = sigmas.len();
        let mut times =
            timesteps_of_multistep(config.spacing, train, last, steps, config.steps_offset);
        let mut path: Vec<f64> = times.iter().map(|&t| sigma_at(t, sigmas)).collect();
        if multistep.karras {
            path = karras(f64::from(sigmas[0]), f64::from(sigmas[train - 1]), steps);
            let whole = |t: f64| {
                if rounds || config.betas.schedule != BetaSchedule::SquaredCosine {
                    t.round_ties_even()
                } else {
                    t.trunc()
                }
            };
            times = path
                .iter()
                .map(|&sigma| whole(timestep_of(sigma, sigmas)))
                .collect();
        }
        let path = ended(path, multistep.ends_at_smallest_sigma, sigmas);
        let falls = path
            .windows(2)
            .enumerate()
            .all(|(i, w)| w[0] > w[1] || (i + 1 == times.len() && w[0] == w[1]));
        if times.is_empty() || !falls {
            return Err(DiffusionError::setting(
                "steps",
                format!(
                    "fewer than the {last} training steps in use, so that the noise falls in every step"
                ),
                steps,
            ));
        }
        Ok(Self {
            times,
            sigmas: path,
        })
    }

    /// In single precision, as the library has it: the difference of two of these logarithms is small in a long run, and what rounding
    /// leaves of it is part of the library's values.
    pub(crate) fn point(&self, i: usize) -> Point {
        let sigma = self.sigmas[i] as f32;
        let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
        let noise = sigma * alpha;
        Point {
            alpha: f64::from(alpha),
            noise: f64::from(noise),
            lambda: f64::from(alpha.ln() - noise.ln()),
        }
    }

    /// The part of the variance that is picture.
    pub(crate) fn alpha_bar(&self, i: usize) -> f64 {
        let sigma = self.sigmas[i];
        1.0 / (sigma * sigma + 1.0)
    }
}
