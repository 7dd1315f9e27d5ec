//! Corrections of a family of p values for the number of tests.

/// Holm's step-down correction (1979): adjusted p values in the given order; controls the chance of any false alarm.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let n = p.len() as f64;
    let mut running: f64 = 0.0;
    adjust(p, false, |rank, p| {
        running = running.max(p * (n - rank as f64)).min(1.0);
        running
    })
}

/// Benjamini and Hochberg's step-up correction (1995): controls the share of false alarms among the alarms.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let n = p.len() as f64;
    let mut running: f64 = 1.0;
    adjust(p, true, |rank, p| {
        running = running.min(p * n / (n - rank as f64));
        running
    })
}

/// Walks through the p values, ascending or descending, and puts each adjusted value at its place.
fn adjust(p: &[f64], descending: bool, mut each: impl FnMut(usize, f64) -> f64) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = p.iter().copied().enumerate().collect();
    order.sort_by(|a, b| {
        if descending {
            b.1.total_cmp(&a.1)
        } else {
            a.1.total_cmp(&b.1)
        }
    });
    let mut adjusted = vec![f64::NAN; p.len()];
    for (rank, (place, p)) in order.into_iter().enumerate() {
        adjusted[place] = each(rank, p);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_the_reference() {
        // statsmodels.stats.multitest.multipletests(p, method="holm" and "fdr_bh"), by hand.
        let p = [0.01, 0.04, 0.03, 0.005, 0.5];
        let holm_expected = [0.04, 0.09, 0.09, 0.025, 0.5];
        let bh_expected = [0.025, 0.05, 0.05, 0.025, 0.5];
        for (found, expected) in [
            (holm(&p), holm_expected),
            (benjamini_hochberg(&p), bh_expected),
        ] {
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-12, "{found:?} {expected:?}");
            }
        }
        assert!(holm(&[]).is_empty());
        assert_eq!(holm(&[0.9, 0.9]), [1.0, 1.0]);
    }
}
