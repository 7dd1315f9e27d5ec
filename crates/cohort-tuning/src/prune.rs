//! Which trials need not be trained to their end.

/// The merits of a trial after its first step, its second, and so on; larger is better.
pub type Curve = [f64];

/// Finished trials before any is given up.
const STARTUP: usize = 5;

/// The median stopping rule (Golovin et al. 2017): whether the best merit of a trial so far lies below the median of what the
/// finished trials had reached by the same step. Never before `warm_up` steps, nor before five trials are finished. A trial
/// whose merits are no numbers is poor.
pub fn is_poor(own: &Curve, finished: &[&Curve], warm_up: usize) -> bool {
    let steps = own.len();
    if steps == 0 || steps < warm_up || finished.len() < STARTUP {
        return false;
    }
    let best = |curve: &Curve| {
        let merits = curve.iter().take(steps).copied().filter(|m| !m.is_nan());
        merits.fold(f64::NEG_INFINITY, f64::max)
    };
    let mut reached: Vec<f64> = finished.iter().map(|curve| best(curve)).collect();
    reached.sort_by(f64::total_cmp);
    let middle = reached.len() / 2;
    let median = match reached.len() % 2 {
        1 => reached[middle],
        _ => 0.5 * (reached[middle - 1] + reached[middle]),
    };
    best(own) < median
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_below_the_median_of_the_others_at_its_step_is_poor() {
        let curves: [&Curve; 5] = [
            &[0.1, 0.5],
            &[0.2, 0.4, 0.9],
            &[0.3, 0.3, 0.9],
            &[0.4, 0.2],
            &[0.5],
        ];
        // best after one step: .1 .2 .3 .4 .5, after two: .5 .4 .3 .4 .5
        assert!(is_poor(&[0.29], &curves, 1));
        assert!(!is_poor(&[0.3], &curves, 1));
        assert!(is_poor(&[0.3, 0.39], &curves, 1));
        assert!(!is_poor(&[0.4, 0.1], &curves, 1));
        assert!(!is_poor(&[0.0], &curves, 2));
        assert!(!is_poor(&[0.0], &curves[1..], 1));
        assert!(!is_poor(&[], &curves, 0));
        assert!(is_poor(&[f64::NAN], &curves, 0));
    }
}
