//! DPM-Solver++ of first and second order with memory, and its stochastic form (Lu, Zhou, Bao, Chen, Li and Zhu 2022).

use crate::DiffusionError;
use crate::config::{Multistep, SchedulerConfig, Solver};
use crate::multistep::Path;
use crate::step::{Coefficients, Step, conversion};

/// First order in the first step; in the last as well where the run ends without noise or has fewer than 15 steps.
pub(crate) fn plan(
    config: &SchedulerConfig,
    sigmas: &[f32],
    steps: usize,
) -> Result<Vec<Step>, DiffusionError> {
    let Solver::DpmSolver {
        multistep,
        stochastic,
        heun,
        euler_at_final,
        lambda_min_clipped,
    } = config.solver
    else {
        return Ok(Vec::new());
    };
    let clipped = sigmas
        .iter()
        .filter(|sigma| -f64::from(sigma.ln()) < lambda_min_clipped)
        .count();
    let last = sigmas.len() - clipped;
    if last == 0 {
        let range = format!("below {}, where training steps are left", -sigmas[0].ln());
        return Err(DiffusionError::setting(
            "lambda_min_clipped",
            range,
            lambda_min_clipped,
        ));
    }
    let path = Path::new(config, multistep, sigmas, last, steps, false)?;
    let count = path.times.len();
    let step = |i: usize| {
        let timestep = path.times[i];
        let [prediction, _] = conversion(config.prediction, path.alpha_bar(i), timestep)?;
        let ends = i + 1 == count && first_order_at_the_end(multistep, euler_at_final, count);
        let second = i > 0 && multistep.order > 1 && !ends;
        Ok(Step {
            timestep,
            sigma: path.sigmas[i],
            input_scale: 1.0,
            prediction,
            correction: None,
            update: update(&path, i, second, heun, stochastic),
            draws: stochastic,
        })
    };
    (0..count).map(step).collect()
}

fn first_order_at_the_end(multistep: Multistep, euler_at_final: bool, count: usize) -> bool {
    euler_at_final
        || (multistep.lower_order_final && count < 15)
        || !multistep.ends_at_smallest_sigma
}

fn update(path: &Path, i: usize, second: bool, heun: bool, stochastic: bool) -> Coefficients {
    let (from, to) = (path.point(i), path.point(i + 1));
    let h = f64::from((to.lambda - from.lambda) as f32);
    // how much of the picture comes in: 1 - exp(-h), of the stochastic form 1 - exp(-2h)
    let rate = if stochastic { 2.0 } else { 1.0 };
    let comes = f64::from(1.0 - (-rate * h).exp() as f32);
    let mut weights = Coefficients {
        latent: to.noise / from.noise * if stochastic { (-h).exp() } else { 1.0 },
        picture: to.alpha * comes,
        noise: if stochastic {
            to.noise * comes.sqrt()
        } else {
            0.0
        },
        ..Coefficients::default()
    };
    if second {
        let before = path.point(i - 1);
        let ratio = (from.lambda - before.lambda) / h;
        // weight of the pictures' difference quotient
        let slope = if heun {
            1.0 - comes / (rate * h)
        } else {
            0.5 * comes
        };
        let slope = to.alpha * slope / ratio;
        weights.picture += slope;
        weights.past[0] = -slope;
    }
    weights
}
