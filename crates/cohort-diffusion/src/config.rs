//! What a scheduler is told: its class and settings, as `scheduler_config.json` holds them.

use crate::DiffusionError;
use crate::bound::Bound;
use crate::fields::Fields;
use crate::signal::{BetaSchedule, Betas};

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
    /// Reads a `scheduler_config.json`. Fields that the file lacks have the defaults of the *class*, as in diffusers 0.42.1:
    /// the same file makes leading timesteps as DDIM and linspace ones as Euler. `class` reads the file as if it were of
    /// another class, as when a pipeline's scheduler is exchanged; without it the file's `_class_name` decides.
    /// Answers the fields that this class does not read, in the file's order.
    ///
    /// # Errors
    /// Text that is not a JSON object, an unknown class, a field outside its range, or one that would change values in a way
    /// that is not computed here.
    pub fn read(
        text: &str,
        file: &str,
        class: Option<Class>,
    ) -> Result<(Self, Vec<String>), DiffusionError> {
        let fields = Fields::parse(text, file)?;
        let class = match class {
            Some(class) => class,
            None => Class::named(&fields.class_name()?)?,
        };
        let config = Self::from_fields(&fields, class)?;
        Ok((config, fields.ignored()))
    }

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

    fn from_fields(fields: &Fields, class: Class) -> Result<Self, DiffusionError> {
        let betas = betas(fields, class)?;
        let solver = solver(fields, class)?;
        let default = match class {
            Class::Ddpm | Class::Ddim => Spacing::Leading,
            _ => Spacing::Linspace,
        };
        let (spacing, steps_offset) = if class == Class::Lcm {
            (default, 0)
        } else {
            let known = [
                ("leading", Spacing::Leading),
                ("trailing", Spacing::Trailing),
                ("linspace", Spacing::Linspace),
            ];
            (
                fields.word("timestep_spacing", &known, default)?,
                fields.whole("steps_offset", 0..=betas.steps, 0)?,
            )
        };
        let predictions = [
            ("epsilon", Prediction::Noise),
            ("v_prediction", Prediction::Velocity),
            ("sample", Prediction::Picture),
        ];
        let prediction = fields.word("prediction_type", &predictions, Prediction::Noise)?;
        if class == Class::EulerAncestral && prediction == Prediction::Picture {
            return Err(DiffusionError::unsupported(
                "Euler ancestral with prediction_type sample",
                "the reference library has no such step; take Euler",
            ));
        }
        Ok(Self {
            betas,
            prediction,
            spacing,
            steps_offset,
            bound: bound(fields, class)?,
            solver,
        })
    }
}

fn betas(fields: &Fields, class: Class) -> Result<Betas, DiffusionError> {
    let schedules = [
        ("linear", BetaSchedule::Linear),
        ("scaled_linear", BetaSchedule::ScaledLinear),
        ("squaredcos_cap_v2", BetaSchedule::SquaredCosine),
    ];
    let (start, end, schedule) = match class {
        Class::Lcm => (0.00085, 0.012, BetaSchedule::ScaledLinear),
        _ => (0.0001, 0.02, BetaSchedule::Linear),
    };
    Ok(Betas {
        steps: fields.whole("num_train_timesteps", 2..=100_000, 1000)?,
        start: fields.number("beta_start", start)?,
        end: fields.number("beta_end", end)?,
        schedule: fields.word("beta_schedule", &schedules, schedule)?,
        trained: fields.numbers("trained_betas")?,
        zero_terminal: fields.truth("rescale_betas_zero_snr", false)?,
    })
}

fn bound(fields: &Fields, class: Class) -> Result<Bound, DiffusionError> {
    let (clips, thresholds) = match class {
        Class::Ddpm | Class::Ddim => (Some(true), true),
        Class::Lcm => (Some(false), true),
        Class::DpmSolver | Class::UniPc => (None, true),
        Class::Euler | Class::EulerAncestral => (None, false),
    };
    let thresholding = thresholds && fields.truth("thresholding", false)?;
    let clip = match clips {
        Some(default) => fields.truth("clip_sample", default)?,
        None => false,
    };
    let range = match clips {
        Some(_) => fields.positive("clip_sample_range", 1.0)?,
        None => 1.0,
    };
    if !thresholds {
        return Ok(Bound::None);
    }
    let ratio = fields.number("dynamic_thresholding_ratio", 0.995)?;
    let largest = fields.positive("sample_max_value", 1.0)?;
    if thresholding && !(0.0..=1.0).contains(&ratio) {
        return Err(fields.refuse("dynamic_thresholding_ratio", "0 to 1", ratio));
    }
    if thresholding && largest < 1.0 {
        return Err(fields.refuse("sample_max_value", "1 or more", largest));
    }
    Ok(match (thresholding, clip) {
        (true, _) => Bound::Quantile { ratio, largest },
        (false, true) => Bound::Clip { range },
        (false, false) => Bound::None,
    })
}

fn solver(fields: &Fields, class: Class) -> Result<Solver, DiffusionError> {
    match class {
        Class::Ddpm => {
            let known = [
                ("fixed_small", Variance::Small),
                ("fixed_small_log", Variance::Small),
                ("fixed_large", Variance::Large),
            ];
            Ok(Solver::Ddpm {
                variance: fields.word("variance_type", &known, Variance::Small)?,
            })
        }
        Class::Ddim => Ok(Solver::Ddim {
            set_alpha_to_one: fields.truth("set_alpha_to_one", true)?,
            eta: 0.0,
        }),
        Class::Euler => {
            fields.only("interpolation_type", "linear")?;
            fields.only("timestep_type", "discrete")?;
            other_sigmas(fields)?;
            Ok(Solver::Euler {
                karras: fields.truth("use_karras_sigmas", false)?,
                ends_at_smallest_sigma: ends_at_smallest_sigma(fields)?,
            })
        }
        Class::EulerAncestral => Ok(Solver::EulerAncestral),
        Class::DpmSolver => {
            other_sigmas(fields)?;
            fields.off(&[
                "use_lu_lambdas",
                "use_flow_sigmas",
                "use_dynamic_shifting",
                "variance_type",
            ])?;
            let algorithms = [
                ("dpmsolver++", false),
                ("deis", false),
                ("sde-dpmsolver++", true),
            ];
            let rules = [
                ("midpoint", false),
                ("heun", true),
                // names of other solvers, which stand for the midpoint here
                ("logrho", false),
                ("bh1", false),
                ("bh2", false),
            ];
            Ok(Solver::DpmSolver {
                multistep: multistep(fields, 2)?,
                stochastic: fields.word("algorithm_type", &algorithms, false)?,
                heun: fields.word("solver_type", &rules, false)?,
                euler_at_final: fields.truth("euler_at_final", false)?,
                lambda_min_clipped: fields.any_number("lambda_min_clipped", f64::NEG_INFINITY)?,
            })
        }
        Class::Lcm => {
            // the step after the last is never asked for
            fields.truth("set_alpha_to_one", true)?;
            Ok(Solver::Lcm {
                original_inference_steps: fields.whole(
                    "original_inference_steps",
                    1..=100_000,
                    50,
                )?,
                timestep_scaling: fields.positive("timestep_scaling", 10.0)?,
            })
        }
        Class::UniPc => {
            other_sigmas(fields)?;
            fields.off(&[
                "use_flow_sigmas",
                "use_dynamic_shifting",
                "solver_p",
                "shift_terminal",
            ])?;
            fields.on("predict_x0")?;
            fields.empty("disable_corrector")?;
            let rules = [
                ("bh2", false),
                ("bh1", true),
                // names of other solvers, which stand for bh2 here
                ("midpoint", false),
                ("heun", false),
                ("logrho", false),
            ];
            Ok(Solver::UniPc {
                multistep: multistep(fields, 3)?,
                bh1: fields.word("solver_type", &rules, false)?,
            })
        }
    }
}

fn other_sigmas(fields: &Fields) -> Result<(), DiffusionError> {
    fields.off(&[
        "use_exponential_sigmas",
        "use_beta_sigmas",
        "sigma_min",
        "sigma_max",
    ])
}

fn ends_at_smallest_sigma(fields: &Fields) -> Result<bool, DiffusionError> {
    fields.word(
        "final_sigmas_type",
        &[("zero", false), ("sigma_min", true)],
        false,
    )
}

fn multistep(fields: &Fields, largest: usize) -> Result<Multistep, DiffusionError> {
    Ok(Multistep {
        order: fields.whole("solver_order", 1..=largest, 2)?,
        lower_order_final: fields.truth("lower_order_final", true)?,
        karras: fields.truth("use_karras_sigmas", false)?,
        ends_at_smallest_sigma: ends_at_smallest_sigma(fields)?,
    })
}
