//! Reads a scheduler's settings, with the defaults of its class.

use crate::DiffusionError;
use crate::bound::Bound;
use crate::config::{Class, Multistep, Prediction, SchedulerConfig, Solver, Spacing, Variance};
use crate::fields::Fields;
use crate::noise_schedule::{BetaSchedule, Betas};

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
