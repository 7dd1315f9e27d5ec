//! Random numbers: one seed, a stream a trial.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a suggestion draws from.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of a trial. `u64::MAX` is that of the search itself.
    pub(crate) fn new(seed: u64, trial: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(trial);
        Self(generator)
    }

    /// Between 0 and 1, both excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// A number in `0..bound`, by multiplication of 32 random bits: bias below `bound / 2^32`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u64::from(self.0.next_u32()) * bound as u64) >> 32) as usize
    }

    /// A position, each as often as its weight says; the weights add up to one.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit();
        for (at, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return at;
            }
        }
        // rounding may leave a little
        weights.len() - 1
    }

    /// A normal number within `[0, 1]`, for a mean in `[0, 1]`: drawn anew until it is (one of three is at least).
    pub(crate) fn normal_in_unit(&mut self, mean: f64, deviation: f64) -> f64 {
        loop {
            // Box and Muller
            let radius = (-2.0 * self.unit().ln()).sqrt();
            let x = mean + deviation * radius * (std::f64::consts::TAU * self.unit()).cos();
            if (0.0..=1.0).contains(&x) {
                return x;
            }
        }
    }

    /// Shuffles in place (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}
