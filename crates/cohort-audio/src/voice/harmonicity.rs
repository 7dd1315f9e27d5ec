//! How much stronger the periodic part of a voice is than the rest.

use super::periodicity::{Method, Search, search};
use super::wave::Wave;

/// Mean harmonics-to-noise ratio in decibel over the frames that are not silent, and 0 without any:
/// Praat's `To Harmonicity (cc): 0.01, 75, 0.1, 1.0` and `Get mean`. A frame whose correlation one
/// period on is `r` has `10 log10(r / (1 - r))`.
pub(crate) fn harmonics_to_noise_db(wave: Wave) -> f64 {
    let parameters = Search {
        method: Method::Cross,
        step: 0.01,
        floor: 75.0,
        ceiling: wave.rate / 2.0,
        periods: 1.0,
        silence_threshold: 0.1,
        voicing_threshold: 0.0,
        octave_cost: 0.0,
        octave_jump_cost: 0.0,
        voiced_unvoiced_cost: 0.0,
    };
    let (choices, _) = search(wave, &parameters);
    let values: Vec<f64> = choices
        .iter()
        .filter(|choice| choice.frequency > 0.0)
        .map(|choice| match choice.strength {
            r if r <= 1e-15 => -150.0,
            r if r > 1.0 - 1e-15 => 150.0,
            r => 10.0 * (r / (1.0 - r)).log10(),
        })
        .collect();
    crate::statistics::mean(&values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_of_a_hundredth_of_the_power_is_twenty_decibel() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / 8_388_608.0 - 1.0
        };
        // Power of the sine 1/2, of the uniform noise a^2 / 3.
        let a = (0.005_f64 * 3.0).sqrt();
        let samples: Vec<f32> = (0..40_000)
            .map(|i| (0.5 * ((f64::from(i) * 0.12).sin() + a * noise())) as f32)
            .collect();
        let db = harmonics_to_noise_db(Wave {
            samples: &samples,
            rate: 8_000.0,
        });
        assert!((db - 20.0).abs() < 1.0, "{db}");
    }
}
