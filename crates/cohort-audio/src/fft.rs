//! FFTs: of real numbers in double precision, by a complex transform of half the size and a split; of
//! complex numbers in single precision. The plans are kept for each thread.

use std::cell::RefCell;
use std::sync::Arc;

use rustfft::num_complex::{Complex32, Complex64};
use rustfft::{Fft, FftPlanner};

use crate::fast;

thread_local! {
    // Planning costs as much as dozens of transforms, and a folder of clips needs the same sizes.
    static PLANNER: RefCell<FftPlanner<f64>> = RefCell::new(FftPlanner::new());
    static SINGLE_PLANNER: RefCell<FftPlanner<f32>> = RefCell::new(FftPlanner::new());
}

/// Forward and inverse transform of one even size, with their scratch space.
pub(crate) struct RealFft {
    half: usize,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    /// `exp(-2 pi i k / size)` for k from 1 to below a quarter of the size.
    twiddles: Vec<Complex64>,
    packed: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl RealFft {
    /// Plans transforms of `size` real numbers, even and at least 2.
    pub(crate) fn new(size: usize) -> Self {
        debug_assert!(size >= 2 && size.is_multiple_of(2), "{size}");
        let half = size / 2;
        let (forward, inverse) = PLANNER.with_borrow_mut(|planner| {
            (
                planner.plan_fft_forward(half),
                planner.plan_fft_inverse(half),
            )
        });
        let scratch = forward
            .get_outofplace_scratch_len()
            .max(inverse.get_outofplace_scratch_len());
        let twiddles = (1..half.div_ceil(2))
            .map(|k| {
                Complex64::from_polar(1.0, -2.0 * std::f64::consts::PI * k as f64 / size as f64)
            })
            .collect();
        Self {
            half,
            forward,
            inverse,
            twiddles,
            packed: vec![Complex64::default(); half],
            scratch: vec![Complex64::default(); scratch],
        }
    }

    /// Number of complex bins: `size / 2 + 1`.
    pub(crate) fn bins(&self) -> usize {
        self.half + 1
    }

    /// `spectrum[k] = sum over n of input[n] exp(-2 pi i k n / size)`.
    pub(crate) fn forward(&mut self, input: &[f64], spectrum: &mut [Complex64]) {
        // Even samples are the real parts, odd ones the imaginary parts of half as many numbers.
        for (slot, pair) in self.packed.iter_mut().zip(input.chunks_exact(2)) {
            *slot = Complex64::new(pair[0], pair[1]);
        }
        let half = self.half;
        let need = self.forward.get_outofplace_scratch_len();
        self.forward.process_outofplace_with_scratch(
            &mut self.packed,
            &mut spectrum[..half],
            &mut self.scratch[..need],
        );
        let first = spectrum[0];
        spectrum[0] = Complex64::new(first.re + first.im, 0.0);
        spectrum[half] = Complex64::new(first.re - first.im, 0.0);
        fast::split(&mut spectrum[1..half], &self.twiddles);
    }

    /// The inverse of [`forward`](Self::forward) times `size` (no scaling); `spectrum` is
    /// overwritten, and the imaginary parts of its first and last bin are taken as zero.
    pub(crate) fn inverse(&mut self, spectrum: &mut [Complex64], output: &mut [f64]) {
        let half = self.half;
        let (first, last) = (spectrum[0].re, spectrum[half].re);
        spectrum[0] = Complex64::new(first + last, first - last);
        fast::join(&mut spectrum[1..half], &self.twiddles);
        let need = self.inverse.get_outofplace_scratch_len();
        self.inverse.process_outofplace_with_scratch(
            &mut spectrum[..half],
            &mut self.packed,
            &mut self.scratch[..need],
        );
        for (pair, value) in output.chunks_exact_mut(2).zip(&self.packed) {
            (pair[0], pair[1]) = (value.re, value.im);
        }
    }
}

/// Forward transform of complex numbers in single precision.
pub(crate) struct ComplexFft {
    forward: Arc<dyn Fft<f32>>,
    scratch: Vec<Complex32>,
}

impl ComplexFft {
    /// Plans transforms of `size` complex numbers, at least 1.
    pub(crate) fn new(size: usize) -> Self {
        let forward = SINGLE_PLANNER.with_borrow_mut(|planner| planner.plan_fft_forward(size));
        let scratch = vec![Complex32::default(); forward.get_outofplace_scratch_len()];
        Self { forward, scratch }
    }

    /// `spectrum[k] = sum over n of input[n] exp(-2 pi i k n / size)`; `input` is overwritten.
    pub(crate) fn forward(&mut self, input: &mut [Complex32], spectrum: &mut [Complex32]) {
        self.forward
            .process_outofplace_with_scratch(input, spectrum, &mut self.scratch);
    }
}

/// The smallest product of powers of 2, 3 and 5 that is even and at least `n`.
pub(crate) fn fast_len(n: usize) -> usize {
    let mut size = n.max(2).next_multiple_of(2);
    loop {
        let mut rest = size;
        for factor in [2, 3, 5] {
            while rest % factor == 0 {
                rest /= factor;
            }
        }
        if rest == 1 {
            return size;
        }
        size += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_equals_the_sum_and_inverse_undoes_it() {
        for size in [2, 4, 6, 8, 10, 16, 250, 1024] {
            let signal: Vec<f64> = (0..size).map(|n| ((n * n) as f64 * 0.37).sin()).collect();
            let mut fft = RealFft::new(size);
            let mut spectrum = vec![Complex64::default(); fft.bins()];
            fft.forward(&signal, &mut spectrum);
            for (k, value) in spectrum.iter().enumerate() {
                let mut sum = Complex64::default();
                for (n, x) in signal.iter().enumerate() {
                    let angle = -2.0 * std::f64::consts::PI * ((k * n) % size) as f64 / size as f64;
                    sum += Complex64::from_polar(*x, angle);
                }
                assert!(
                    (sum - value).norm() < 1e-9,
                    "size {size} bin {k}: {sum} {value}"
                );
            }
            let mut back = vec![0.0; size];
            fft.inverse(&mut spectrum, &mut back);
            for (a, b) in signal.iter().zip(&back) {
                assert!((a - b / size as f64).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn fast_lengths() {
        for (n, expected) in [(0, 2), (1, 2), (7, 8), (249, 250), (251, 256), (1377, 1440)] {
            assert_eq!(fast_len(n), expected, "{n}");
        }
    }
}
