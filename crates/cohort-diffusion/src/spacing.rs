//! Which of the training steps a short run visits, and their sigmas.

use crate::config::Spacing;

/// What numpy's `linspace` gives for `count` numbers from 0 to `last`.
fn linspace(last: f64, count: usize) -> Vec<f64> {
    let step = last / count.saturating_sub(1).max(1) as f64;
    let inner = |i: usize| {
        if i > 0 && i + 1 == count {
            last
        } else {
            step * i as f64
        }
    };
    (0..count).map(inner).collect()
}

/// Backwards from `from` in strides of `stride`, rounded, less one: at most `count` of them, none below 0. numpy's `arange`
/// adds a difference that it takes from its first two numbers; for 62 counts up to 1,000 it gives one number too many,
/// a timestep of -1, which is left out here.
fn trailing(from: f64, stride: f64, count: usize) -> Vec<f64> {
    let stride = from - (from - stride);
    (0..count)
        .map(|i| (from - stride * i as f64).round_ties_even() - 1.0)
        .filter(|t| *t >= 0.0)
        .collect()
}

/// DDPM's and DDIM's timesteps, descending and whole; Euler's when `rounded` is off: linspace leaves fractions, in single precision.
pub(crate) fn timesteps(
    spacing: Spacing,
    train: usize,
    steps: usize,
    offset: usize,
    rounded: bool,
) -> Vec<f64> {
    match spacing {
        Spacing::Linspace => {
            let whole = |t: f64| {
                if rounded {
                    t.round_ties_even()
                } else {
                    f64::from(t as f32)
                }
            };
            let points = linspace((train - 1) as f64, steps);
            points.into_iter().rev().map(whole).collect()
        }
        Spacing::Leading => {
            let stride = train / steps;
            (0..steps)
                .rev()
                .map(|i| (i * stride + offset) as f64)
                .collect()
        }
        Spacing::Trailing => trailing(train as f64, train as f64 / steps as f64, steps),
    }
}

/// Timesteps of the solvers with memory: one point more, of which the lowest is left out. `last` is the number of training
/// steps that are used, below `train` where the noisiest are left out.
pub(crate) fn timesteps_of_multistep(
    spacing: Spacing,
    train: usize,
    last: usize,
    steps: usize,
    offset: usize,
) -> Vec<f64> {
    match spacing {
        Spacing::Linspace => {
            let points = linspace(last as f64 - 1.0, steps + 1);
            points[1..]
                .iter()
                .rev()
                .map(|t| t.round_ties_even())
                .collect()
        }
        Spacing::Leading => {
            let stride = last / (steps + 1);
            (1..=steps)
                .rev()
                .map(|i| (i * stride + offset) as f64)
                .collect()
        }
        Spacing::Trailing => trailing(last as f64, train as f64 / steps as f64, steps),
    }
}

/// The sigma of a timestep between training steps, linear; beyond the ends that of the end.
pub(crate) fn sigma_at(timestep: f64, sigmas: &[f32]) -> f64 {
    let last = sigmas.len() - 1;
    let below = (timestep.max(0.0) as usize).min(last);
    let low = f64::from(sigmas[below]);
    match sigmas.get(below + 1) {
        Some(&high) => low + (f64::from(high) - low) * (timestep.max(0.0) - below as f64),
        None => low,
    }
}

/// Sigmas from `largest` to `smallest`, evenly in their seventh roots (Karras, Aittala, Aila and Laine 2022, equation 5).
pub(crate) fn karras(smallest: f64, largest: f64, steps: usize) -> Vec<f64> {
    let (from, to) = (largest.powf(1.0 / 7.0), smallest.powf(1.0 / 7.0));
    let ramp = linspace(1.0, steps);
    ramp.into_iter()
        .map(|r| (from + r * (to - from)).powf(7.0))
        .collect()
}

/// A path of sigmas down to its end, no noise at all or the smallest sigma of training, in single precision as the library keeps it.
pub(crate) fn ended(mut path: Vec<f64>, at_smallest: bool, sigmas: &[f32]) -> Vec<f64> {
    path.push(if at_smallest {
        f64::from(sigmas[0])
    } else {
        0.0
    });
    path.into_iter()
        .map(|sigma| f64::from(sigma as f32))
        .collect()
}

/// The timestep of a sigma between training steps, linear in its logarithm.
pub(crate) fn timestep_of(sigma: f64, sigmas: &[f32]) -> f64 {
    let log = sigma.max(1e-10).ln();
    let logs = |i: usize| sigmas[i].ln();
    let last = sigmas.len() - 1;
    // the last training step may have been given a sigma of its own, below the others'
    let reached = if log >= f64::from(logs(last)) {
        last
    } else {
        let above = |sigma: &f32| log >= f64::from(sigma.ln());
        sigmas[..last].partition_point(above).saturating_sub(1)
    };
    let below = reached.min(last - 1);
    let (low, high) = (logs(below), logs(below + 1));
    let share = ((f64::from(low) - log) / f64::from(low - high)).clamp(0.0, 1.0);
    (1.0 - share) * below as f64 + share * (below + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_for_which_numpy_gives_a_step_too_many_end_at_a_training_step() {
        let steps = timesteps(Spacing::Trailing, 1000, 61, 0, true);
        assert_eq!(steps.len(), 61);
        assert_eq!(steps[60], 15.0);
        for count in 1..=1000 {
            let steps = timesteps(Spacing::Trailing, 1000, count, 0, true);
            assert_eq!((steps.len(), steps[0]), (count, 999.0));
            assert!(steps.windows(2).all(|w| w[0] > w[1]), "{count}");
        }
    }

    #[test]
    fn one_step_starts_where_the_reference_starts() {
        assert_eq!(timesteps(Spacing::Linspace, 1000, 1, 1, true), [0.0]);
        assert_eq!(timesteps(Spacing::Leading, 1000, 1, 1, true), [1.0]);
        assert_eq!(timesteps(Spacing::Trailing, 1000, 1, 1, true), [999.0]);
        assert_eq!(
            timesteps_of_multistep(Spacing::Linspace, 1000, 1000, 1, 1),
            [999.0]
        );
        assert_eq!(
            timesteps_of_multistep(Spacing::Leading, 1000, 1000, 1, 1),
            [501.0]
        );
    }

    #[test]
    fn a_timestep_comes_back_from_its_sigma() {
        let sigmas: Vec<f32> = (0..10).map(|i| 0.1 * 1.5_f32.powi(i)).collect();
        for t in 0..10 {
            let sigma = sigma_at(t as f64, &sigmas);
            assert!((timestep_of(sigma, &sigmas) - t as f64).abs() < 1e-5);
        }
        assert_eq!(timestep_of(1e9, &sigmas), 9.0);
        assert_eq!(timestep_of(0.0, &sigmas), 0.0);
    }
}
