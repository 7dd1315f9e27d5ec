//! Random draws that are the same on every machine and in every version of the `rand` crates.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A seeded stream of draws.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A whole number in `0..n` (0 when `n` is 0); the bias is below `n / 2^64`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// A number in `[0, 1)` on a grid of `2^-53`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (0.5f64).powi(53)
    }

    /// A number in `[low, high)`.
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Two independent standard normal numbers (Box and Muller 1958).
    pub(crate) fn normal_pair(&mut self) -> (f64, f64) {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.unit()).sin_cos();
        (radius * cos, radius * sin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_moments_of_their_laws() {
        let n = 200_000;
        let mut dice = Dice::new(1);
        let unit: f64 = (0..n).map(|_| dice.unit()).sum::<f64>() / n as f64;
        assert!(
            (unit - 0.5).abs() < 5.0 * (1.0 / 12.0 / n as f64).sqrt(),
            "{unit}"
        );
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..n / 2 {
            let (a, b) = dice.normal_pair();
            sum += a + b;
            square += a * a + b * b;
        }
        let n = n as f64;
        assert!((sum / n).abs() < 5.0 / n.sqrt(), "mean {}", sum / n);
        assert!(
            (square / n - 1.0).abs() < 5.0 * (2.0 / n).sqrt(),
            "variance {}",
            square / n
        );
        let counts = (0..14_000).fold([0u32; 14], |mut counts, _| {
            counts[dice.below(14)] += 1;
            counts
        });
        assert!(
            counts.iter().all(|&c| c.abs_diff(1000) < 5 * 31),
            "{counts:?}"
        );
    }

    #[test]
    fn a_seed_is_a_stream() {
        let draw = |seed| Dice::new(seed).unit();
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
