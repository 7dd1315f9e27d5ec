//! Temperature calibration.

use crate::numeric::argmax;

/// Range that fitted temperatures are kept in: a model without skill would take an infinite one.
pub const TEMPERATURES: (f64, f64) = (0.02, 50.0);

/// The temperature `T` that minimises the negative log likelihood of `softmax(logits / T)` (Guo et al. 2017).
///
/// `logits` is row-major, rows x `classes`. A penalty worth half an observation, `(1 / T - 1)^2 / 2`, keeps a model
/// that is right on a few rows from a temperature of zero; it vanishes among hundreds. The loss is convex in
/// `1 / T`: Newton steps on `1 / T`, bisected when they leave the bracket, within [`TEMPERATURES`]. 1 when there is no row.
pub fn temperature(logits: &[f64], classes: usize, truth: &[usize]) -> f64 {
    if truth.is_empty() || classes == 0 {
        return 1.0;
    }
    let (mut low, mut high) = (1.0 / TEMPERATURES.1, 1.0 / TEMPERATURES.0);
    let mut beta = 1.0;
    for _ in 0..200 {
        let (slope, curvature) = slope_and_curvature(logits, classes, truth, beta);
        if slope > 0.0 {
            high = beta;
        } else {
            low = beta;
        }
        let newton = beta - slope / curvature;
        let next = if newton > low && newton < high {
            newton
        } else {
            0.5 * (low + high)
        };
        let done = (next - beta).abs() <= 1e-13 * beta;
        beta = next;
        if done {
            break;
        }
    }
    1.0 / beta
}

/// First and second derivative of the penalised loss in `beta = 1 / T`.
fn slope_and_curvature(logits: &[f64], classes: usize, truth: &[usize], beta: f64) -> (f64, f64) {
    let (mut slope, mut curvature) = (0.0, 0.0);
    for (row, &truth) in logits.chunks_exact(classes).zip(truth) {
        let largest = row[argmax(row)];
        let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
        for &z in row {
            let z = z - largest;
            let p = (beta * z).exp();
            total += p;
            first += p * z;
            second += p * z * z;
        }
        let mean = first / total;
        slope += mean - (row[truth] - largest);
        curvature += second / total - mean * mean;
    }
    (slope + beta - 1.0, curvature + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::Draws;

    /// Labels in exact proportion to `softmax(logits / t)` (each row repeated `many` times), so that the
    /// minimum is at the planted temperature up to the rounding of the counts.
    fn planted(t: f64, many: usize) -> (Vec<f64>, Vec<usize>) {
        let mut draws = Draws::new(1);
        let (mut logits, mut truth) = (Vec::new(), Vec::new());
        for _ in 0..40 {
            let row: Vec<f64> = (0..4).map(|_| 3.0 * draws.normal()).collect();
            let mut p: Vec<f64> = row.iter().map(|z| z / t).collect();
            crate::numeric::softmax(&mut p);
            let mut cumulative = 0.0;
            let mut class = 0;
            for i in 0..many {
                while class < 3 && (i as f64 + 0.5) / many as f64 > cumulative + p[class] {
                    cumulative += p[class];
                    class += 1;
                }
                logits.extend_from_slice(&row);
                truth.push(class);
            }
        }
        (logits, truth)
    }

    #[test]
    fn recovers_a_planted_temperature() {
        for t in [0.3, 1.0, 2.5, 8.0] {
            let (logits, truth) = planted(t, 2000);
            let found = temperature(&logits, 4, &truth);
            assert!((found / t - 1.0).abs() < 2e-3, "planted {t}, found {found}");
        }
    }

    #[test]
    fn extremes_stay_in_range() {
        let logits = [5.0, 0.0, 0.0, 5.0];
        let cases = [
            ("always right", vec![0, 1], 0.5, 1.0),
            (
                "always wrong",
                vec![1, 0],
                0.99 * TEMPERATURES.1,
                TEMPERATURES.1 * (1.0 + 1e-9),
            ),
        ];
        for (name, truth, low, high) in cases {
            let found = temperature(&logits, 2, &truth);
            assert!(low < found && found < high, "{name}: {found}");
        }
        assert_eq!(temperature(&[], 2, &[]), 1.0, "no row");
        assert!(
            (temperature(&[0.0; 6], 2, &[0, 1, 1]) - 1.0).abs() < 1e-9,
            "flat logits"
        );
    }

    #[test]
    fn scaling_the_logits_scales_the_temperature() {
        let (logits, truth) = planted(2.0, 100);
        let once = temperature(&logits, 4, &truth);
        let doubled: Vec<f64> = logits.iter().map(|z| 2.0 * z).collect();
        assert!((temperature(&doubled, 4, &truth) / once - 2.0).abs() < 1e-2);
    }
}
