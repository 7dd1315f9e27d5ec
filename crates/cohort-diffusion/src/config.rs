//! What a scheduler is told: its class and settings, as `scheduler_config.json` holds them.

use crate::DiffusionError;
use crate::bound::Bound;
use crate::noise_schedule::Betas;

/// What the network answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prediction {
    /// The noise in the latent (`epsilon`).
    Noise,
    /// `sqrt(a) noise - sqrt(1 - a) picture` (`v_prediction`; Salimans and Ho 2022).
    Velocity,
    /// The picture without noise (`sample`).
    Picture,
}

/// How the timesteps of a short run are chosen among the training steps (Lin, Liu, Li and Yang 2023, table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Multiples of `T / steps` from 0, plus `steps_offset`: the last training step is left out.
    Leading,
    /// Backwards from T in equal strides: the last training step is in, the first is not.
    Trailing,
    /// Evenly from the first to the last training step.
    Linspace,
}

/// The schedulers that are computed here, by what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Ancestral sampling of denoising diffusion models (Ho, Jain and Abbeel 2020).
    Ddpm,
    /// Denoising diffusion implicit models (Song, Meng and Ermon 2021).
    Ddim,
    /// Euler steps of the probability flow (Karras, Aittala, Aila and Laine 2022).
    Euler,
    /// Euler steps with fresh noise.
    EulerAncestral,
    /// DPM-Solver++ with several steps of memory, and its stochastic form (Lu, Zhou, Bao, Chen, Li and Zhu 2022).
    DpmSolver,
    /// Latent consistency models (Luo, Tan, Huang, Li and Zhao 2023).
    Lcm,
    /// UniPC, predictor and corrector (Zhao, Bai, Rao, Zhou and Lu 2023).
    UniPc,
}

impl Class {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Ddpm,
        Self::Ddim,
        Self::Euler,
        Self::EulerAncestral,
        Self::DpmSolver,
        Self::Lcm,
        Self::UniPc,
    ];

    /// Its name in files of diffusers (`_class_name`).
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Ddpm => "DDPMScheduler",
            Self::Ddim => "DDIMScheduler",
            Self::Euler => "EulerDiscreteScheduler",
            Self::EulerAncestral => "EulerAncestralDiscreteScheduler",
            Self::DpmSolver => "DPMSolverMultistepScheduler",
            Self::Lcm => "LCMScheduler",
            Self::UniPc => "UniPCMultistepScheduler",
        }
    }

    /// The class of a name in a file.
    ///
    /// # Errors
    /// A name that is none of [`Class::ALL`]'s.
    pub fn named(name: &str) -> Result<Self, DiffusionError> {
        Self::ALL
            .into_iter()
            .find(|class| class.class_name() == name)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|class| class.class_name()).collect();
                DiffusionError::unsupported(
                    format!("scheduler {name}"),
                    format!("its settings can be read as those of {}", known.join(", ")),
                )
            })
    }
}

/// Which variance DDPM's fresh noise has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variance {
    /// That of the posterior given the picture (`fixed_small`, `fixed_small_log`).
    Small,
    /// That of the forward step (`fixed_large`).
    Large,
}

/// Settings of the two solvers that remember earlier answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Multistep {
    /// Order of the solver: 1 or 2 for DPM-Solver++, 1 to 3 for UniPC. Default 2.
    pub order: usize,
    /// Lower order in the last steps (DPM-Solver++: of runs below 15 steps). Default true.
    pub lower_order_final: bool,
    /// Sigmas spaced as Karras and others (2022) do, with rho 7. Default false.
    pub karras: bool,
    /// End at the first training step's sigma instead of 0. Default false.
    pub ends_at_smallest_sigma: bool,
}

/// Settings of one class alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Solver {
    /// See [`Class::Ddpm`].
    Ddpm {
        /// Variance of the noise; small by default.
        variance: Variance,
    },
    /// See [`Class::Ddim`].
    Ddim {
        /// The step after the last has no noise at all; otherwise it has that of the first training step. Default true.
        set_alpha_to_one: bool,
        /// Share of DDPM's fresh noise, 0 (none, the default) to 1. No file holds it: see [`SchedulerConfig::with_eta`].
        eta: f64,
    },
    /// See [`Class::Euler`].
    Euler {
        /// Sigmas spaced as Karras and others (2022) do, with rho 7. Default false.
        karras: bool,
        /// End at the first training step's sigma instead of 0. Default false.
        ends_at_smallest_sigma: bool,
    },
    /// See [`Class::EulerAncestral`].
    EulerAncestral,
    /// See [`Class::DpmSolver`].
    DpmSolver {
        /// What it shares with UniPC.
        multistep: Multistep,
        /// The stochastic form (`sde-dpmsolver++`). Default false.
        stochastic: bool,
        /// Second order by Heun's rule instead of the midpoint. Default false.
        heun: bool,
        /// First order in the last step of any run. Default false.
        euler_at_final: bool,
        /// Leave out training steps whose log of signal over noise lies below. Default minus infinity.
        lambda_min_clipped: f64,
    },
    /// See [`Class::Lcm`].
    Lcm {
        /// Steps of the run that the network was distilled from. Default 50.
        original_inference_steps: usize,
        /// Factor of timesteps in the boundary condition. Default 10.
        timestep_scaling: f64,
    },
    /// See [`Class::UniPc`].
    UniPc {
        /// What it shares with DPM-Solver++.
        multistep: Multistep,
        /// The variant `bh1` of its step; `bh2` by default.
        bh1: bool,
    },
}

/// A scheduler with all settings resolved: [`crate::Plan::new`] makes steps of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SchedulerConfig {
    /// The training schedule.
    pub betas: Betas,
    /// What the network answers. Default: noise.
    pub prediction: Prediction,
    /// Choice of timesteps. Default: leading for DDPM and DDIM, linspace for the others; LCM has its own.
    pub spacing: Spacing,
    /// Added to timesteps of leading spacing. Default 0; published files of Stable Diffusion say 1.
    pub steps_offset: usize,
    /// Bound of the predicted picture. DDPM and DDIM clip to `[-1, 1]` unless the file says otherwise.
    pub bound: Bound,
    /// What the class alone has.
    pub solver: Solver,
}

impl SchedulerConfig {
    /// The class.
    pub fn class(&self) -> Class {
        match self.solver {
            Solver::Ddpm { .. } => Class::Ddpm,
            Solver::Ddim { .. } => Class::Ddim,
            Solver::Euler { .. } => Class::Euler,
            Solver::EulerAncestral => Class::EulerAncestral,
            Solver::DpmSolver { .. } => Class::DpmSolver,
            Solver::Lcm { .. } => Class::Lcm,
            Solver::UniPc { .. } => Class::UniPc,
        }
    }

    /// What the scheduler is called on pages: its method, never another's.
    pub fn title(&self) -> String {
        let karras = |on: bool| if on { " Karras" } else { "" };
        match self.solver {
            Solver::Ddpm { .. } => "DDPM".into(),
            Solver::Ddim { eta, .. } if eta > 0.0 => format!("DDIM (eta {eta})"),
            Solver::Ddim { .. } => "DDIM".into(),
            Solver::Euler { karras: k, .. } => format!("Euler{}", karras(k)),
            Solver::EulerAncestral => "Euler ancestral".into(),
            Solver::DpmSolver {
                multistep,
                stochastic,
                ..
            } => {
                let sde = if stochastic { " SDE" } else { "" };
                format!(
                    "DPM-Solver++ {}M{sde}{}",
                    multistep.order,
                    karras(multistep.karras)
                )
            }
            Solver::Lcm { .. } => "LCM".into(),
            Solver::UniPc { multistep, .. } => format!("UniPC{}", karras(multistep.karras)),
        }
    }

    /// DDIM with a share of fresh noise: 0 none, 1 as much as DDPM.
    ///
    /// # Errors
    /// A share outside `[0, 1]`, or above 0 for another class than DDIM.
    pub fn with_eta(mut self, share: f64) -> Result<Self, DiffusionError> {
        if !(0.0..=1.0).contains(&share) {
            return Err(DiffusionError::setting("eta", "0 to 1", share));
        }
        match &mut self.solver {
            Solver::Ddim { eta, .. } => *eta = share,
            _ if share == 0.0 => {}
            _ => {
                let title = self.title();
                return Err(DiffusionError::setting(
                    "eta",
                    format!("0 for {title}, which has no such share"),
                    share,
                ));
            }
        }
        Ok(self)
    }
}
