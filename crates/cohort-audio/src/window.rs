//! Windows.

use std::f64::consts::PI;

/// Periodic Hann window: `0.5 - 0.5 cos(2 pi n / length)`, as `scipy.signal.get_window("hann",
/// length, fftbins=True)` (scipy 1.17). One sample gives 1.
pub fn hann(length: usize) -> Vec<f64> {
    if length == 1 {
        return vec![1.0];
    }
    (0..length)
        .map(|n| 0.5 - 0.5 * (2.0 * PI * n as f64 / length as f64).cos())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_add_up_to_three_halves_at_a_quarter_hop() {
        let window = hann(1024);
        for n in 0..256 {
            let sum: f64 = (0..4).map(|i| window[n + 256 * i].powi(2)).sum();
            assert!((sum - 1.5).abs() < 1e-12, "{n}: {sum}");
        }
    }

    #[test]
    fn small_lengths() {
        assert_eq!(hann(0), Vec::<f64>::new());
        assert_eq!(hann(1), vec![1.0]);
        let four = hann(4);
        for (a, b) in four.iter().zip([0.0, 0.5, 1.0, 0.5]) {
            assert!((a - b).abs() < 1e-15);
        }
    }
}
