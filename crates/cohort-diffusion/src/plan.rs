//! A run laid out beforehand: every step with its timestep, its sigma and the weights of what it adds up.
//!
//! A step of any scheduler is the same sum with other weights: of the latent, the network's answer, the picture predicted now and
//! before, and fresh noise. So the plan is data; [`crate::Run`] knows no scheduler.

use crate::DiffusionError;
use crate::bound::Bound;
use crate::config::{Prediction, SchedulerConfig, Solver};
use crate::noise_schedule::NoiseSchedule;
use crate::{consistency, ddim, ddpm, dpm_solver, euler, unipc};

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
