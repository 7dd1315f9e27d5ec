//! Power and amplitude to decibel, and back.

/// Smallest power that is told from silence (librosa's `amin` of `power_to_db`).
pub const MIN_POWER: f32 = 1e-10;

/// `10 log10(max(amin, power) / max(amin, reference))`, then, with `top_db`, nothing more than that
/// below the largest value. librosa 0.11 `power_to_db` with `amin = 1e-10`.
///
/// `power` and the result are in the same order; `reference` is a power; NaN stays NaN.
pub fn power_to_db(power: &[f32], reference: f32, top_db: Option<f32>) -> Vec<f32> {
    let base = 10.0 * reference.max(MIN_POWER).log10();
    let mut db: Vec<f32> = power
        .iter()
        .map(|p| 10.0 * p.max(MIN_POWER).log10() - base)
        .collect();
    if let Some(top) = top_db {
        let floor = db.iter().copied().fold(f32::NEG_INFINITY, f32::max) - top;
        db.iter_mut().for_each(|value| *value = value.max(floor));
    }
    db
}

/// [`power_to_db`] of squared magnitudes: librosa 0.11 `amplitude_to_db` with `amin = 1e-5`.
pub fn amplitude_to_db(amplitude: &[f32], reference: f32, top_db: Option<f32>) -> Vec<f32> {
    let power: Vec<f32> = amplitude.iter().map(|a| a * a).collect();
    power_to_db(&power, reference * reference, top_db)
}

/// `reference * 10^(db / 10)`, the inverse of [`power_to_db`] above its floor.
pub fn db_to_power(db: &[f32], reference: f32) -> Vec<f32> {
    db.iter()
        .map(|value| reference * 10f32.powf(value * 0.1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let db = power_to_db(&[1.0, 0.1, 0.0, 100.0], 1.0, None);
        for (value, expected) in db.iter().zip([0.0, -10.0, -100.0, 20.0]) {
            assert!((value - expected).abs() < 1e-5, "{value} {expected}");
        }
        let floored = power_to_db(&[1.0, 0.0], 1.0, Some(80.0));
        assert!((floored[1] + 80.0).abs() < 1e-5);
        let relative = amplitude_to_db(&[0.5, 2.0], 2.0, None);
        assert!((relative[0] + 12.0412).abs() < 1e-4 && relative[1].abs() < 1e-6);
    }

    #[test]
    fn back_and_forth() {
        let power = [1e-6, 0.02, 3.0];
        for (a, b) in power
            .iter()
            .zip(db_to_power(&power_to_db(&power, 0.7, None), 0.7))
        {
            assert!((a / b - 1.0).abs() < 1e-5);
        }
    }
}
