//! Real FFTs in double precision, with the plans kept for each thread.

use std::cell::RefCell;
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

thread_local! {
    // Planning costs as much as dozens of transforms, and a folder of clips needs the same sizes.
    static PLANNER: RefCell<RealFftPlanner<f64>> = RefCell::new(RealFftPlanner::new());
}

/// Forward and inverse transform of one size, with their scratch space.
pub(crate) struct RealFft {
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    scratch: Vec<Complex64>,
}

impl RealFft {
    /// Plans transforms of `size` real numbers (at least 1).
    pub(crate) fn new(size: usize) -> Self {
        let (forward, inverse) = PLANNER.with_borrow_mut(|planner| {
            (
                planner.plan_fft_forward(size),
                planner.plan_fft_inverse(size),
            )
        });
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            forward,
            inverse,
            scratch: vec![Complex64::default(); scratch],
        }
    }

    /// Number of complex bins: `size / 2 + 1`.
    pub(crate) fn bins(&self) -> usize {
        self.forward.complex_len()
    }

    /// `spectrum[k] = sum over n of input[n] exp(-2 pi i k n / size)`; `input` is overwritten.
    pub(crate) fn forward(&mut self, input: &mut [f64], spectrum: &mut [Complex64]) {
        let need = self.forward.get_scratch_len();
        self.forward
            .process_with_scratch(input, spectrum, &mut self.scratch[..need])
            .expect("both buffers are made for this plan");
    }

    /// The inverse of [`forward`](Self::forward) times `size` (no scaling); `spectrum` is
    /// overwritten, and the imaginary parts of its first and last bin are taken as zero.
    pub(crate) fn inverse(&mut self, spectrum: &mut [Complex64], output: &mut [f64]) {
        if let Some(first) = spectrum.first_mut() {
            first.im = 0.0;
        }
        if output.len() % 2 == 0
            && let Some(last) = spectrum.last_mut()
        {
            last.im = 0.0;
        }
        let need = self.inverse.get_scratch_len();
        self.inverse
            .process_with_scratch(spectrum, output, &mut self.scratch[..need])
            .expect("both buffers are made for this plan");
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
        for size in [2, 6, 10, 16, 250, 1024] {
            let signal: Vec<f64> = (0..size).map(|n| ((n * n) as f64 * 0.37).sin()).collect();
            let mut fft = RealFft::new(size);
            let mut spectrum = vec![Complex64::default(); fft.bins()];
            fft.forward(&mut signal.clone(), &mut spectrum);
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
