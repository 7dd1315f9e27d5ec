//! Guidance: how far the answer for a prompt is followed beyond the answer without one.

use crate::DiffusionError;

/// How two answers of the network become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guidance {
    /// Factor s of `without + s (with - without)` (Ho and Salimans 2022), 0 to 1,000: 0 is the answer without the prompt, 1 the one with it,
    /// usual are 5 to 10.
    pub scale: f64,
    /// Share of a rescaling to the spread of the answer with the prompt (Lin, Liu, Li and Yang 2023, equations 15 and 16), 0 (none) to 1.
    pub rescale: f64,
}

impl Guidance {
    /// # Errors
    /// A scale or a share outside its range.
    pub fn new(scale: f64, rescale: f64) -> Result<Self, DiffusionError> {
        if !(0.0..=1000.0).contains(&scale) {
            return Err(DiffusionError::setting("guidance", "0 to 1000", scale));
        }
        if !(0.0..=1.0).contains(&rescale) {
            return Err(DiffusionError::setting(
                "guidance rescale",
                "0 to 1",
                rescale,
            ));
        }
        Ok(Self { scale, rescale })
    }

    /// Whether the network has to answer twice: not at scale 1, where the answer without the prompt has no weight.
    pub fn needs_both(self) -> bool {
        self.scale != 1.0
    }

    /// One picture's answer. `with` is the answer for the prompt; `without` the one for the negative prompt or, when there is none, for the empty
    /// one. Both have the latent's length. At scale 0 and 1 one of the two comes back as it is, rescaled where that is asked for.
    ///
    /// # Errors
    /// Lengths that differ; rescaling of fewer than two values.
    pub fn answer(self, without: &[f32], with: &[f32]) -> Result<Vec<f32>, DiffusionError> {
        DiffusionError::length("the answer without the prompt", with.len(), without.len())?;
        let scale = self.scale as f32;
        let guided: Vec<f32> = if self.scale == 1.0 {
            with.to_vec()
        } else {
            without
                .iter()
                .zip(with)
                .map(|(u, c)| u + scale * (c - u))
                .collect()
        };
        if self.rescale == 0.0 {
            return Ok(guided);
        }
        if with.len() < 2 {
            return Err(DiffusionError::setting(
                "guidance rescale",
                "0 for a picture of one value",
                self.rescale,
            ));
        }
        let spread = deviation(&guided);
        if spread == 0.0 {
            // all values are the same: there is no spread to bring to another
            return Ok(guided);
        }
        let factor = self.rescale * deviation(with) / spread + (1.0 - self.rescale);
        Ok(guided
            .iter()
            .map(|&x| (f64::from(x) * factor) as f32)
            .collect())
    }
}

/// Sample standard deviation, with n - 1.
fn deviation(values: &[f32]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
    (squares / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const U: [f32; 4] = [0.3, -1.7, 0.9, 0.1];
    const C: [f32; 4] = [1.1, 0.2, -0.4, 0.7];

    fn answer(scale: f64, rescale: f64) -> Vec<f32> {
        Guidance::new(scale, rescale)
            .unwrap()
            .answer(&U, &C)
            .unwrap()
    }

    #[test]
    fn scale_one_is_the_prompt_s_answer_and_scale_zero_the_other() {
        assert_eq!(answer(1.0, 0.0), C);
        assert_eq!(answer(0.0, 0.0), U);
        assert!(!Guidance::new(1.0, 0.5).unwrap().needs_both());
    }

    #[test]
    fn the_answer_is_linear_in_the_scale() {
        let (three, seven, five) = (answer(3.0, 0.0), answer(7.0, 0.0), answer(5.0, 0.0));
        for i in 0..4 {
            assert!((three[i] + seven[i] - 2.0 * five[i]).abs() < 1e-5);
        }
    }

    #[test]
    fn full_rescaling_has_the_spread_of_the_prompt_s_answer() {
        let full = answer(7.5, 1.0);
        assert!((deviation(&full) - deviation(&C)).abs() < 1e-6);
        let (none, half) = (answer(7.5, 0.0), answer(7.5, 0.5));
        for i in 0..4 {
            assert!((half[i] - 0.5 * (none[i] + full[i])).abs() < 1e-5);
        }
    }

    #[test]
    fn absurd_values_are_refused_by_name() {
        for (scale, rescale, name) in [
            (-1.0, 0.0, "guidance"),
            (1e9, 0.0, "guidance"),
            (f64::NAN, 0.0, "guidance"),
            (7.0, 1.1, "rescale"),
        ] {
            let message = Guidance::new(scale, rescale).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(
            Guidance::new(7.0, 0.0)
                .unwrap()
                .answer(&U[..3], &C)
                .is_err()
        );
        assert!(
            Guidance::new(7.0, 0.5)
                .unwrap()
                .answer(&U[..1], &C[..1])
                .is_err()
        );
        let flat = Guidance::new(1.0, 1.0)
            .unwrap()
            .answer(&[0.5; 3], &[0.5; 3])
            .unwrap();
        assert_eq!(flat, [0.5; 3]);
    }
}
