//! UniPC on predicted pictures: a predictor, and a corrector that takes the next answer to improve the step before
//! (Zhao, Bai, Rao, Zhou and Lu 2023, algorithms 1 to 4).

use crate::DiffusionError;
use crate::config::{Multistep, SchedulerConfig};
use crate::multistep::Path;
use crate::step::{Coefficients, Step, conversion};

pub(crate) fn plan(
    config: &SchedulerConfig,
    sigmas: &[f32],
    steps: usize,
    multistep: Multistep,
    bh1: bool,
) -> Result<Vec<Step>, DiffusionError> {
    let mut path = Path::new(config, multistep, sigmas, sigmas.len(), steps, true)?;
    if multistep.karras && multistep.ends_at_smallest_sigma {
        // here the library repeats the path's own last sigma
        path.sigmas[steps] = path.sigmas[steps - 1];
    }
    let count = path.times.len();
    let order = |i: usize| {
        let allowed = if multistep.lower_order_final {
            count - i
        } else {
            usize::MAX
        };
        multistep.order.min(allowed).min(i + 1)
    };
    let step = |i: usize| {
        let timestep = path.times[i];
        let [prediction, _] = conversion(config.prediction, path.alpha_bar(i), timestep)?;
        Ok(Step {
            timestep,
            sigma: path.sigmas[i],
            input_scale: 1.0,
            prediction,
            correction: (i > 0).then(|| correct(&path, i, order(i - 1), bh1)),
            update: predict(&path, i, order(i), bh1),
            draws: false,
        })
    };
    (0..count).map(step).collect()
}

/// What both halves know of the step from point `i` to the next.
struct Stretch {
    /// Weight of the latent at `i`.
    latent: f64,
    /// Weight of the picture at `i`.
    picture: f64,
    /// What the difference quotients are multiplied by: minus `alpha B(h)`.
    factor: f64,
    /// Ratios of earlier stretches to this one, then 1.
    ratios: Vec<f64>,
    /// Right hand side of the system that weighs the quotients.
    moments: Vec<f64>,
}

fn stretch(path: &Path, i: usize, order: usize, bh1: bool) -> Stretch {
    let (from, to) = (path.point(i), path.point(i + 1));
    let h = f64::from((to.lambda - from.lambda) as f32);
    let grows = (-h).exp_m1();
    let b = if bh1 { -h } else { grows };
    let mut ratios: Vec<f64> = (1..order)
        .map(|back| (path.point(i - back).lambda - from.lambda) / h)
        .collect();
    ratios.push(1.0);
    let mut phi = grows / -h - 1.0;
    let mut factorial = 1.0;
    let mut moments = Vec::with_capacity(order);
    for k in 1..=order {
        moments.push(phi * factorial / b);
        factorial *= (k + 1) as f64;
        phi = phi / -h - 1.0 / factorial;
    }
    Stretch {
        latent: to.noise / from.noise,
        picture: -to.alpha * grows,
        factor: -to.alpha * b,
        ratios,
        moments,
    }
}

/// The step from point `i`, in which `picture` is that of `i` and `past` those before.
fn predict(path: &Path, i: usize, order: usize, bh1: bool) -> Coefficients {
    let s = stretch(path, i, order, bh1);
    let mut weights = Coefficients {
        latent: s.latent,
        picture: s.picture,
        ..Coefficients::default()
    };
    let shares = match order {
        1 => Vec::new(),
        // the paper's choice in place of the system's solution
        2 => vec![0.5],
        _ => solve(&s.ratios[..order - 1], &s.moments[..order - 1]),
    };
    for (k, share) in shares.into_iter().enumerate() {
        let quotient = s.factor * share / s.ratios[k];
        weights.past[k] += quotient;
        weights.picture -= quotient;
    }
    weights
}

/// The step that led to point `i`, again: `latent` is that of `i - 1`, `picture` that of `i`, `past` those from `i - 1` back.
fn correct(path: &Path, i: usize, order: usize, bh1: bool) -> Coefficients {
    let s = stretch(path, i - 1, order, bh1);
    let shares = match order {
        1 => vec![0.5],
        _ => solve(&s.ratios, &s.moments),
    };
    let now = s.factor * shares[order - 1];
    let mut weights = Coefficients {
        latent: s.latent,
        picture: now,
        ..Coefficients::default()
    };
    weights.past[0] = s.picture - now;
    for k in 0..order - 1 {
        let quotient = s.factor * shares[k] / s.ratios[k];
        weights.past[k + 1] += quotient;
        weights.past[0] -= quotient;
    }
    weights
}

/// Shares whose sums with the powers 0, 1, .. of the ratios are the moments (Vandermonde, at most 3 by 3), by elimination.
fn solve(ratios: &[f64], moments: &[f64]) -> Vec<f64> {
    let n = ratios.len();
    let row = |k: usize| {
        ratios
            .iter()
            .map(|r| r.powi(k as i32))
            .chain([moments[k]])
            .collect()
    };
    let mut rows: Vec<Vec<f64>> = (0..n).map(row).collect();
    for pivot in 0..n {
        // ratios differ, so that every leading block of a Vandermonde matrix can be divided by its pivot
        for below in pivot + 1..n {
            let factor = rows[below][pivot] / rows[pivot][pivot];
            for column in pivot..=n {
                rows[below][column] -= factor * rows[pivot][column];
            }
        }
    }
    let mut shares = vec![0.0; n];
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| rows[k][j] * shares[j]).sum();
        shares[k] = (rows[k][n] - known) / rows[k][k];
    }
    shares
}
