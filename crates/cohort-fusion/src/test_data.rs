//! Made-up data for the tests of this crate.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::design::{Design, centre};

/// Seeded draws.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// A class drawn from probabilities.
    pub fn class(&mut self, p: &[f64]) -> usize {
        let u = self.uniform();
        let mut sum = 0.0;
        for (k, p) in p.iter().enumerate() {
            sum += p;
            if u < sum {
                return k;
            }
        }
        p.len() - 1
    }
}

/// Rows whose modality `m` has logits `strength[m]` times (one-hot truth + unit noise), classes equally frequent.
pub(crate) fn gaussian_design(rows: usize, classes: usize, strength: &[f64], seed: u64) -> Design {
    let mut draws = Draws::new(seed);
    let mut design = Design {
        modalities: strength.len(),
        classes,
        x: Vec::new(),
        truth: Vec::new(),
    };
    for i in 0..rows {
        let truth = i % classes;
        for &s in strength {
            let mut row: Vec<f64> = (0..classes)
                .map(|k| s * (f64::from(k == truth) + draws.normal()))
                .collect();
            centre(&mut row);
            design.x.extend(row);
        }
        design.truth.push(truth);
    }
    design
}
