//! A denoiser that is exact: for pictures drawn from a mixture of Gaussians, the expected picture behind a noisy one has a closed form.
//!
//! It stands for a trained network wherever samplers, guidance or a whole chain of generating and learning are checked.

use crate::DiffusionError;
use crate::config::Prediction;
use crate::step::Step;

/// One Gaussian of a mixture, the same spread in every direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Above 0; weights are taken relative to their sum.
    pub weight: f64,
    /// Its centre: one value for every value of a picture.
    pub mean: Vec<f64>,
    /// Standard deviation, 0 (a point) or more.
    pub deviation: f64,
    /// The class of its pictures.
    pub class: usize,
}

/// A law of pictures: a mixture of Gaussians with classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture(Vec<Component>);

impl Mixture {
    /// # Errors
    /// No components, centres of different or no lengths, weights, centres or deviations outside their range.
    pub fn new(components: Vec<Component>) -> Result<Self, DiffusionError> {
        let size = components.first().map_or(0, |c| c.mean.len());
        if size == 0 {
            return Err(DiffusionError::setting(
                "mixture",
                "one component of one value or more",
                "none",
            ));
        }
        let mut total = 0.0;
        for c in &components {
            DiffusionError::length("centre of a component", size, c.mean.len())?;
            let spread = c.deviation >= 0.0 && c.deviation.is_finite();
            if !(c.weight > 0.0 && spread && c.mean.iter().all(|m| m.is_finite())) {
                let found = format!("weight {}, deviation {}", c.weight, c.deviation);
                return Err(DiffusionError::setting(
                    "component",
                    "weight above 0, deviation 0 or more, all finite",
                    found,
                ));
            }
            total += c.weight;
        }
        if !f64::is_finite(total) {
            return Err(DiffusionError::setting("weights", "a finite sum", total));
        }
        let scaled = |c: Component| Component {
            weight: c.weight / total,
            ..c
        };
        Ok(Self(components.into_iter().map(scaled).collect()))
    }

    /// The components, weights summing to 1.
    pub fn components(&self) -> &[Component] {
        &self.0
    }

    /// Values of a picture.
    pub fn size(&self) -> usize {
        self.0[0].mean.len()
    }

    /// The expected picture behind `noisy`, which is a picture times the root of `kept` plus normal noise of variance `1 - kept`; `class`
    /// restricts the law to pictures of that class (the conditional form), none takes all (the unconditional one).
    ///
    /// # Errors
    /// Another number of values than a picture has, `kept` outside `[0, 1)`, a class without components.
    pub fn expected_picture(
        &self,
        noisy: &[f32],
        kept: f64,
        class: Option<usize>,
    ) -> Result<Vec<f64>, DiffusionError> {
        DiffusionError::length("the noisy picture", self.size(), noisy.len())?;
        if !(0.0..1.0).contains(&kept) {
            return Err(DiffusionError::setting("kept", "0 to below 1", kept));
        }
        let root = kept.sqrt();
        let of_class: Vec<&Component> = self
            .0
            .iter()
            .filter(|c| class.is_none_or(|k| k == c.class))
            .collect();
        let logs: Vec<f64> = of_class
            .iter()
            .map(|c| log_density(c, noisy, root, kept))
            .collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if of_class.is_empty() {
            return Err(DiffusionError::setting(
                "class",
                "one of the mixture's",
                format!("{class:?}"),
            ));
        }
        let shares: Vec<f64> = logs.iter().map(|log| (log - largest).exp()).collect();
        let total: f64 = shares.iter().sum();
        let mut picture = vec![0.0; self.size()];
        for (c, share) in of_class.iter().zip(&shares) {
            let own = c.deviation * c.deviation;
            let gain = root * own / (kept * own + 1.0 - kept);
            for (i, value) in picture.iter_mut().enumerate() {
                let expected = c.mean[i] + gain * (f64::from(noisy[i]) - root * c.mean[i]);
                *value += share / total * expected;
            }
        }
        Ok(picture)
    }

    /// What a perfect network of a kind answers in a step of a plan to its input.
    ///
    /// # Errors
    /// As [`Mixture::expected_picture`]; noise asked for where there is none.
    pub fn answer(
        &self,
        input: &[f32],
        step: &Step,
        prediction: Prediction,
        class: Option<usize>,
    ) -> Result<Vec<f32>, DiffusionError> {
        let kept = 1.0 / (step.sigma * step.sigma + 1.0);
        let picture = self.expected_picture(input, kept, class)?;
        let (a, b) = (kept.sqrt(), (1.0 - kept).sqrt());
        let answer = |(&x, &picture): (&f32, &f64)| {
            let noise = (f64::from(x) - a * picture) / b;
            match prediction {
                Prediction::Noise => noise as f32,
                Prediction::Velocity => (a * noise - b * picture) as f32,
                Prediction::Picture => picture as f32,
            }
        };
        Ok(input.iter().zip(&picture).map(answer).collect())
    }

    /// The class that a picture most probably has.
    ///
    /// # Errors
    /// Another number of values than a picture has.
    pub fn most_probable_class(&self, picture: &[f32]) -> Result<usize, DiffusionError> {
        DiffusionError::length("the picture", self.size(), picture.len())?;
        // hardly any noise, so that components that are points have a density
        let kept: f64 = 1.0 - 1e-6;
        let mut classes = std::collections::BTreeMap::<usize, f64>::new();
        let logs: Vec<f64> = self
            .0
            .iter()
            .map(|c| log_density(c, picture, kept.sqrt(), kept))
            .collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (c, log) in self.0.iter().zip(logs) {
            *classes.entry(c.class).or_default() += (log - largest).exp();
        }
        let best = classes.into_iter().rev().max_by(|a, b| a.1.total_cmp(&b.1));
        Ok(best.map_or(0, |(class, _)| class))
    }
}

/// Logarithm of a component's weighted density at a noisy picture, less a constant.
fn log_density(c: &Component, noisy: &[f32], root: f64, kept: f64) -> f64 {
    let variance = kept * c.deviation * c.deviation + 1.0 - kept;
    let squares: f64 = noisy
        .iter()
        .zip(&c.mean)
        .map(|(&x, m)| (f64::from(x) - root * m).powi(2))
        .sum();
    c.weight.ln() - 0.5 * (noisy.len() as f64 * variance.ln() + squares / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Mixture {
        let component = |weight, mean, deviation, class| Component {
            weight,
            mean: vec![mean],
            deviation,
            class,
        };
        Mixture::new(vec![
            component(3.0, -1.0, 0.4, 0),
            component(1.0, 1.5, 0.7, 1),
        ])
        .unwrap()
    }

    /// The posterior mean by adding up the joint density over a fine grid.
    #[test]
    fn the_expected_picture_is_that_of_a_sum_over_a_grid() {
        let mixture = two();
        for class in [None, Some(0), Some(1)] {
            for (x, kept) in [(-0.8_f32, 0.9), (0.1, 0.5), (0.7, 0.02), (2.0, 0.0)] {
                let (mut mass, mut sum) = (0.0, 0.0);
                for i in -80_000..80_000 {
                    let picture = f64::from(i) * 1e-4;
                    let density: f64 = mixture
                        .components()
                        .iter()
                        .filter(|c| class.is_none_or(|k| k == c.class))
                        .map(|c| {
                            c.weight / c.deviation
                                * (-0.5 * ((picture - c.mean[0]) / c.deviation).powi(2)).exp()
                        })
                        .sum();
                    let noise = f64::from(x) - f64::sqrt(kept) * picture;
                    let joint = density * (-0.5 * noise * noise / (1.0 - kept)).exp();
                    mass += joint;
                    sum += joint * picture;
                }
                let found = mixture.expected_picture(&[x], kept, class).unwrap()[0];
                assert!(
                    (found - sum / mass).abs() < 1e-6,
                    "{class:?} {x} {kept}: {found} {}",
                    sum / mass
                );
            }
        }
    }

    #[test]
    fn a_picture_s_class_is_that_of_the_nearer_centre() {
        assert_eq!(two().most_probable_class(&[-1.0]), Ok(0));
        assert_eq!(two().most_probable_class(&[1.5]), Ok(1));
    }

    #[test]
    fn laws_that_are_none_are_refused() {
        assert!(Mixture::new(Vec::new()).is_err());
        let broken = |change: fn(&mut Component)| {
            let mut components = two().components().to_vec();
            change(&mut components[1]);
            Mixture::new(components).is_err()
        };
        assert!(
            broken(|c| c.weight = 0.0)
                && broken(|c| c.deviation = f64::NAN)
                && broken(|c| c.mean = vec![0.0, 1.0])
        );
        assert!(two().expected_picture(&[0.0], 1.0, None).is_err());
        assert!(two().expected_picture(&[0.0], 0.5, Some(7)).is_err());
        assert!(two().expected_picture(&[0.0, 1.0], 0.5, None).is_err());
    }
}
