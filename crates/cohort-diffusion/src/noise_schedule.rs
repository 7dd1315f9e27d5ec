//! How much of the picture is left at every timestep: the training schedule of the noise.
//!
//! The tables are made in single precision, operation by operation as diffusers makes them: the rescaling to zero terminal
//! signal subtracts numbers that are nearly equal, so that another order of rounding shows in the fifth digit of a picture.

use crate::DiffusionError;

/// How the variances of the noise grow over the training steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BetaSchedule {
    /// `linear`: evenly spaced from `beta_start` to `beta_end` (Ho, Jain and Abbeel 2020).
    Linear,
    /// `scaled_linear`: square roots evenly spaced (latent diffusion, all of Stable Diffusion).
    ScaledLinear,
    /// `squaredcos_cap_v2`: the squared cosine, capped at 0.999 (Nichol and Dhariwal 2021).
    SquaredCosine,
}

/// The training schedule as numbers: what a configuration says of the noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Betas {
    /// Training steps T, 2 to 100,000.
    pub steps: usize,
    /// First variance, above 0; the squared cosine does not read it.
    pub start: f64,
    /// Last variance, below 1; the squared cosine does not read it.
    pub end: f64,
    /// How they lie between.
    pub schedule: BetaSchedule,
    /// The variances themselves, T of them, instead of a schedule.
    pub trained: Option<Vec<f64>>,
    /// Shift the schedule so that nothing of the picture is left at the last step (Lin, Liu, Li and Yang 2023).
    pub zero_terminal: bool,
}

/// `alphas_cumprod`: the part of the variance that is picture, for each of the T training steps, descending within `[0, 1)`.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseSchedule {
    alpha_bars: Vec<f32>,
}

impl NoiseSchedule {
    /// The table of a schedule.
    ///
    /// # Errors
    /// T outside its range, variances outside `(0, 1)`, a list of another length.
    pub fn new(betas: &Betas) -> Result<Self, DiffusionError> {
        let steps = betas.steps;
        if !(2..=100_000).contains(&steps) {
            return Err(DiffusionError::setting(
                "num_train_timesteps",
                "2 to 100000",
                steps,
            ));
        }
        let mut values = match &betas.trained {
            Some(trained) => {
                DiffusionError::length("trained_betas", steps, trained.len())?;
                trained.iter().map(|&b| b as f32).collect()
            }
            None => variances(betas)?,
        };
        if let Some(at) = values.iter().position(|b| !(*b > 0.0 && *b < 1.0)) {
            let name = if betas.trained.is_some() {
                "trained_betas"
            } else {
                "beta_start, beta_end"
            };
            return Err(DiffusionError::setting(
                name,
                "variances above 0 and below 1",
                format!("{} at training step {at}", values[at]),
            ));
        }
        if betas.zero_terminal {
            values = without_terminal_signal(&values);
        }
        let alpha_bars = products(values.iter().map(|b| 1.0 - b));
        let (first, last) = (alpha_bars[0], alpha_bars[steps - 1]);
        let some_left = last > 0.0 || (betas.zero_terminal && last == 0.0);
        if !(first < 1.0 && some_left && alpha_bars.windows(2).all(|w| w[0] >= w[1])) {
            return Err(DiffusionError::setting(
                "beta_start, beta_end",
                "variances that change the picture in the first training step and leave some of it in the last",
                format!("{first} of it left in the first, {last} in the last"),
            ));
        }
        Ok(Self { alpha_bars })
    }

    /// As samplers in terms of sigma take it: no step is without any signal, since its sigma would be infinite. diffusers
    /// puts 2^-24 there, a sigma of 4096.
    pub(crate) fn with_finite_sigmas(mut self, zero_terminal: bool) -> Self {
        if zero_terminal && let Some(last) = self.alpha_bars.last_mut() {
            *last = 2.0_f32.powi(-24);
        }
        self
    }

    /// Training steps T.
    pub fn steps(&self) -> usize {
        self.alpha_bars.len()
    }

    /// The part of the variance that is picture at training step `t`, 0-based.
    ///
    /// # Errors
    /// A step outside `0..T`.
    pub fn alpha_bar(&self, t: usize) -> Result<f64, DiffusionError> {
        self.alpha_bars
            .get(t)
            .map(|&a| f64::from(a))
            .ok_or_else(|| {
                DiffusionError::setting(
                    "timestep",
                    format!("0 to {}", self.alpha_bars.len() - 1),
                    t,
                )
            })
    }

    /// Sigma of every training step: standard deviation of the noise over that of the picture's part, ascending.
    pub(crate) fn sigmas(&self) -> Vec<f32> {
        self.alpha_bars
            .iter()
            .map(|a| ((1.0 - a) / a).sqrt())
            .collect()
    }

    /// A picture with the noise of training step `t`: `sqrt(a) picture + sqrt(1 - a) noise`, all of one length.
    ///
    /// # Errors
    /// A step outside `0..T`, lengths that differ.
    pub fn add_noise(
        &self,
        picture: &[f32],
        noise: &[f32],
        t: usize,
    ) -> Result<Vec<f32>, DiffusionError> {
        let alpha_bar = self.alpha_bar(t)?;
        weighted(picture, alpha_bar.sqrt(), noise, (1.0 - alpha_bar).sqrt())
    }

    /// What a network of v prediction is trained to answer for `picture` with `noise`: `sqrt(a) noise - sqrt(1 - a) picture`.
    ///
    /// # Errors
    /// As [`NoiseSchedule::add_noise`].
    pub fn velocity(
        &self,
        picture: &[f32],
        noise: &[f32],
        t: usize,
    ) -> Result<Vec<f32>, DiffusionError> {
        let alpha_bar = self.alpha_bar(t)?;
        weighted(picture, -(1.0 - alpha_bar).sqrt(), noise, alpha_bar.sqrt())
    }
}

fn weighted(
    picture: &[f32],
    of_picture: f64,
    noise: &[f32],
    of_noise: f64,
) -> Result<Vec<f32>, DiffusionError> {
    DiffusionError::length("noise", picture.len(), noise.len())?;
    Ok(picture
        .iter()
        .zip(noise)
        .map(|(&x, &e)| (of_picture * f64::from(x) + of_noise * f64::from(e)) as f32)
        .collect())
}

fn variances(betas: &Betas) -> Result<Vec<f32>, DiffusionError> {
    let Betas {
        steps, start, end, ..
    } = *betas;
    if betas.schedule != BetaSchedule::SquaredCosine {
        for (name, value) in [("beta_start", start), ("beta_end", end)] {
            if !(value > 0.0 && value < 1.0) {
                return Err(DiffusionError::setting(name, "above 0 and below 1", value));
            }
        }
    }
    Ok(match betas.schedule {
        BetaSchedule::Linear => evenly(start, end, steps),
        BetaSchedule::ScaledLinear => evenly(start.sqrt(), end.sqrt(), steps)
            .into_iter()
            .map(|root| root * root)
            .collect(),
        BetaSchedule::SquaredCosine => {
            let kept = |t: f64| {
                ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2)
                    .cos()
                    .powi(2)
            };
            let time = |i: usize| i as f64 / steps as f64;
            (0..steps)
                .map(|i| (1.0 - kept(time(i + 1)) / kept(time(i))).min(0.999) as f32)
                .collect()
        }
    })
}

/// torch's `linspace` in single precision: from both ends to the middle, a product and a sum rounded at once.
fn evenly(start: f64, end: f64, steps: usize) -> Vec<f32> {
    let (start, end) = (start as f32, end as f32);
    let step = f64::from((end - start) / (steps - 1) as f32);
    (0..steps)
        .map(|i| {
            if i < steps / 2 {
                (f64::from(start) + step * i as f64) as f32
            } else {
                (f64::from(end) - step * (steps - 1 - i) as f64) as f32
            }
        })
        .collect()
}

/// Running products: accumulated in double precision, each rounded to single, as torch does.
fn products(factors: impl Iterator<Item = f32>) -> Vec<f32> {
    factors
        .scan(1.0_f64, |product, factor| {
            *product *= f64::from(factor);
            Some(*product as f32)
        })
        .collect()
}

/// Roots of the kept part shifted to end at 0 and scaled to keep the first (Lin, Liu, Li and Yang 2023, algorithm 1).
fn without_terminal_signal(betas: &[f32]) -> Vec<f32> {
    let mut roots: Vec<f32> = products(betas.iter().map(|b| 1.0 - b))
        .iter()
        .map(|a| a.sqrt())
        .collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    let scale = first / (first - last);
    for root in &mut roots {
        *root = (*root - last) * scale;
    }
    let kept: Vec<f32> = roots.iter().map(|root| root * root).collect();
    (0..kept.len())
        .map(|i| {
            1.0 - if i == 0 {
                kept[0]
            } else {
                kept[i] / kept[i - 1]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(zero_terminal: bool) -> Betas {
        Betas {
            steps: 1000,
            start: 0.00085,
            end: 0.012,
            schedule: BetaSchedule::ScaledLinear,
            trained: None,
            zero_terminal,
        }
    }

    #[test]
    fn nothing_is_left_after_rescaling_and_the_first_step_is_kept() {
        let plain = NoiseSchedule::new(&scaled(false)).unwrap();
        let shifted = NoiseSchedule::new(&scaled(true)).unwrap();
        assert_eq!(shifted.alpha_bar(999).unwrap(), 0.0);
        assert!((shifted.alpha_bar(0).unwrap() - plain.alpha_bar(0).unwrap()).abs() < 1e-6);
        for t in 1..1000 {
            assert!(shifted.alpha_bar(t).unwrap() < shifted.alpha_bar(t - 1).unwrap());
            assert!(shifted.alpha_bar(t).unwrap() < plain.alpha_bar(t).unwrap());
        }
    }

    #[test]
    fn noise_and_velocity_turn_into_each_other() {
        let schedule = NoiseSchedule::new(&scaled(false)).unwrap();
        let (x, e) = ([0.3_f32, -1.2], [1.1_f32, 0.4]);
        for t in [0, 500, 999] {
            let kept = schedule.alpha_bar(t).unwrap();
            let noisy = schedule.add_noise(&x, &e, t).unwrap();
            let v = schedule.velocity(&x, &e, t).unwrap();
            for i in 0..2 {
                let back =
                    kept.sqrt() * f64::from(noisy[i]) - (1.0 - kept).sqrt() * f64::from(v[i]);
                assert!((back - f64::from(x[i])).abs() < 1e-6, "{t} {back}");
            }
        }
    }

    #[test]
    fn variances_outside_their_range_are_refused_by_name() {
        let refused = |change: fn(&mut Betas)| {
            let mut betas = scaled(false);
            change(&mut betas);
            NoiseSchedule::new(&betas).unwrap_err().to_string()
        };
        assert!(refused(|b| b.start = 0.0).contains("beta_start"));
        assert!(refused(|b| b.end = f64::NAN).contains("beta_end"));
        assert!(refused(|b| b.steps = 1).contains("num_train_timesteps"));
        assert!(
            refused(|b| b.trained = Some(vec![0.1; 7])).contains("expected 1000 values, found 7")
        );
        assert!(refused(|b| b.trained = Some(vec![1.5; 1000])).contains("training step 0"));
    }
}
