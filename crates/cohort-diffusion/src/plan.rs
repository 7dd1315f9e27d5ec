//! A run laid out beforehand: every step with its timestep, its sigma and the weights of what it adds up.
//!
//! A step of any scheduler is the same sum with other weights: of the latent, the network's answer, the picture predicted now and
//! before, and fresh noise. So the plan is data; [`crate::Run`] knows no scheduler.

use crate::DiffusionError;
use crate::bound::Bound;
use crate::config::{SchedulerConfig, Solver};
use crate::noise_schedule::NoiseSchedule;
use crate::step::{Coefficients, Step, within};
use crate::{consistency, ddim, ddpm, dpm_solver, euler, unipc};

/// All steps of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What the scheduler is called.
    pub title: String,
    /// The first latent is standard normal noise times this.
    pub initial_sigma: f64,
    /// What is done to predicted pictures.
    pub bound: Bound,
    /// In the order in which they are taken: 1 and more.
    pub steps: Vec<Step>,
    /// How many earlier predictions the steps add up, at most.
    pub(crate) memory: usize,
    /// Whether some step corrects the one before, for which the latent before that is kept.
    pub(crate) corrects: bool,
}

impl Plan {
    /// Lays out `steps` steps of a scheduler, as diffusers 0.42.1 takes them.
    ///
    /// # Errors
    /// No steps, more than the scheduler has training steps for, a training schedule outside its range, a network that predicts noise
    /// asked where nothing but noise is left, settings under which some step has no finite weights.
    pub fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, DiffusionError> {
        let schedule = NoiseSchedule::new(&config.betas)?;
        let train = schedule.steps();
        if !(1..=train).contains(&steps) {
            let range = format!("1 to {train}, the training steps");
            return Err(DiffusionError::setting("steps", range, steps));
        }
        let mut initial_sigma = 1.0;
        let planned = match config.solver {
            Solver::Ddpm { variance } => ddpm::plan(config, &schedule, steps, variance)?,
            Solver::Ddim {
                set_alpha_to_one,
                eta,
            } => ddim::plan(config, &schedule, steps, set_alpha_to_one, eta)?,
            Solver::Lcm {
                original_inference_steps,
                timestep_scaling,
            } => consistency::plan(
                config,
                &schedule,
                steps,
                original_inference_steps,
                timestep_scaling,
            )?,
            _ => {
                let sigmas = schedule
                    .with_finite_sigmas(config.betas.zero_terminal)
                    .sigmas();
                match config.solver {
                    Solver::DpmSolver { .. } => dpm_solver::plan(config, &sigmas, steps)?,
                    Solver::UniPc { multistep, bh1 } => {
                        unipc::plan(config, &sigmas, steps, multistep, bh1)?
                    }
                    _ => {
                        let (planned, first) = euler::plan(config, &sigmas, steps);
                        initial_sigma = first;
                        planned
                    }
                }
            }
        };
        let times: Vec<f64> = planned.iter().map(|step| step.timestep).collect();
        within(&times, train)?;
        finite(&planned)?;
        Ok(Self {
            title: config.title(),
            initial_sigma,
            bound: config.bound,
            memory: memory(&planned),
            corrects: planned.iter().any(|step| step.correction.is_some()),
            steps: planned,
        })
    }

    /// How often noise is drawn after the first latent's.
    pub fn draws(&self) -> usize {
        self.steps.iter().filter(|step| step.draws).count()
    }
}

/// The farthest back that any step adds up.
fn memory(steps: &[Step]) -> usize {
    let depth = |c: Coefficients| {
        c.past
            .iter()
            .rposition(|weight| *weight != 0.0)
            .map_or(0, |k| k + 1)
    };
    let sums = steps
        .iter()
        .flat_map(|step| [Some(step.update), step.correction]);
    sums.flatten().map(depth).max().unwrap_or(0)
}

/// No step with weights that are not numbers.
fn finite(steps: &[Step]) -> Result<(), DiffusionError> {
    let numbers = |step: &Step| {
        let sums = [Some(step.update), step.correction];
        let all = |w: Coefficients| {
            let named = [w.latent, w.output, w.picture, w.noise];
            named.iter().chain(&w.past).all(|weight| weight.is_finite())
        };
        sums.into_iter().flatten().all(all)
            && step.prediction.iter().all(|weight| weight.is_finite())
    };
    match steps.iter().position(|step| !numbers(step)) {
        None => Ok(()),
        Some(i) => Err(DiffusionError::setting(
            format!("step {} of {}", i + 1, steps.len()),
            "finite weights (fewer steps, or settings nearer to the published ones)",
            "a division by zero",
        )),
    }
}
