//! Summary statistics of a list of values.

/// Mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        0.0
    } else {
        values.iter().sum::<f64>() / values.len() as f64
    }
}

/// Standard deviation of the values themselves (divisor `n`, numpy's default); 0 of nothing.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: Vec<f64> = values.iter().map(|v| (v - centre).powi(2)).collect();
    mean(&squares).sqrt()
}

/// Percentile of ascending values, linear between neighbours (numpy's default); 0 of nothing.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let (a, b) = (sorted[low], sorted[(low + 1).min(last)]);
    a + (b - a) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let values = [1.0, 2.0, 4.0, 9.0];
        assert_eq!(mean(&values), 4.0);
        assert!((deviation(&values) - 9.5_f64.sqrt()).abs() < 1e-12);
        // numpy.percentile([1, 2, 4, 9], [0, 5, 50, 95, 100])
        for (percent, expected) in [
            (0.0, 1.0),
            (5.0, 1.15),
            (50.0, 3.0),
            (95.0, 8.25),
            (100.0, 9.0),
        ] {
            assert!(
                (percentile(&values, percent) - expected).abs() < 1e-12,
                "{percent}"
            );
        }
        assert_eq!(
            (mean(&[]), deviation(&[]), percentile(&[], 50.0)),
            (0.0, 0.0, 0.0)
        );
    }
}
