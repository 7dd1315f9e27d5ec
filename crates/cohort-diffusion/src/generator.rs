//! The noise that torch draws on a CPU: a seed means the same picture here and there.

use std::f64::consts::TAU;

const WORDS: usize = 624;

/// torch's generator on a CPU: the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) and Box-Muller normals in torch's order.
///
/// torch seeds with the lower 32 bits of a seed. Drawing 16 values or more takes single-precision uniforms in groups of 16;
/// fewer take double-precision ones in pairs, of which an odd last one is kept for the next small draw.
#[derive(Debug, Clone)]
pub struct TorchGenerator {
    words: [u32; WORDS],
    next: usize,
    spare: Option<f64>,
}

impl TorchGenerator {
    /// `torch.Generator().manual_seed(seed)`.
    pub fn new(seed: u64) -> Self {
        let mut words = [seed as u32; WORDS];
        for i in 1..WORDS {
            let before = words[i - 1] ^ (words[i - 1] >> 30);
            words[i] = before.wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self {
            words,
            next: WORDS,
            spare: None,
        }
    }

    /// `torch.rand(count)` in single precision: multiples of 2^-24 in `[0, 1)`.
    pub fn uniform(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.uniform_single()).collect()
    }

    /// `torch.randn` of `count` values in single precision, in whatever shape.
    pub fn normal(&mut self, count: usize) -> Vec<f32> {
        if count < 16 {
            return (0..count).map(|_| self.normal_double() as f32).collect();
        }
        // all uniforms first; what is left over of groups of 16 is drawn anew together with its neighbours
        let mut values = self.uniform(count);
        for group in values.chunks_exact_mut(16) {
            turn(group);
        }
        if count % 16 != 0 {
            let last = &mut values[count - 16..];
            last.copy_from_slice(&self.uniform(16));
            turn(last);
        }
        values
    }

    /// `torch.randn(count, dtype=torch.float16)` as torch 2.15 draws it: group after group in single precision, then rounded to half.
    /// Counts that 16 divides are those of [`TorchGenerator::normal`], rounded. torch 2.9 draws other values.
    pub fn normal_half(&mut self, count: usize) -> Vec<f32> {
        if count < 16 {
            return (0..count).map(|_| to_half(self.normal_double())).collect();
        }
        let mut values = vec![0.0; count];
        let starts = (0..count / 16).map(|group| 16 * group);
        for start in starts.chain((count % 16 != 0).then(|| count - 16)) {
            let group = &mut values[start..start + 16];
            group.copy_from_slice(&self.uniform(16));
            turn(group);
        }
        values.iter().map(|&x| to_half(f64::from(x))).collect()
    }

    fn uniform_single(&mut self) -> f32 {
        (self.word() & 0x00ff_ffff) as f32 / 16_777_216.0
    }

    fn uniform_double(&mut self) -> f64 {
        let high = u64::from(self.word());
        let bits = (high << 32 | u64::from(self.word())) & ((1 << 53) - 1);
        bits as f64 / (1_u64 << 53) as f64
    }

    fn normal_double(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let angle = TAU * self.uniform_double();
        let radius = (-2.0 * (-self.uniform_double()).ln_1p()).sqrt();
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    fn word(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
            self.next = 0;
        }
        let mut y = self.words[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for i in 0..WORDS {
            let joined =
                (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[i] = self.words[(i + 397) % WORDS] ^ (joined >> 1) ^ odd;
        }
    }
}

/// Box and Muller: 16 uniforms, of which the first eight give radii and the last eight angles, become 16 normals in place.
fn turn(group: &mut [f32]) {
    let (radii, angles) = group.split_at_mut(8);
    for (u, v) in radii.iter_mut().zip(angles) {
        let radius = (-2.0 * f64::from(1.0 - *u).ln()).sqrt();
        // torch has the angle in single precision
        let angle = f64::from(TAU as f32 * *v);
        *u = (radius * angle.cos()) as f32;
        *v = (radius * angle.sin()) as f32;
    }
}

/// The nearest half-precision number, ties to even; normals never reach half's largest.
fn to_half(x: f64) -> f32 {
    let x = f64::from(x as f32);
    // half has 10 binary digits after the first, and no exponent below -14
    let exponent = x.abs().log2().floor().max(-14.0);
    let unit = (exponent - 10.0).exp2();
    ((x / unit).round_ties_even() * unit) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_thousandth_word_is_the_standard_s() {
        // ISO C++ [rand.predef]: the 10000th value of a default-seeded mt19937
        let mut generator = TorchGenerator::new(5489);
        let word = (0..10_000).map(|_| generator.word()).last();
        assert_eq!(word, Some(4_123_659_995));
    }

    #[test]
    fn halves_are_rounded_to_the_nearest() {
        assert_eq!(to_half(0.0), 0.0);
        assert_eq!(to_half(1.0 + 2.0_f64.powi(-11)), 1.0);
        assert_eq!(
            to_half(1.0 + 3.0 * 2.0_f64.powi(-11)),
            1.0 + 2.0_f32.powi(-9)
        );
        assert_eq!(to_half(-2.0_f64.powi(-24) * 1.4), -2.0_f32.powi(-24));
    }
}
