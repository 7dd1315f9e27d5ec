//! Pauses: where a sound is much softer than its loudest part.

use super::filter::pass_band;
use super::wave::{Wave, frame_times};

/// Lowest pitch that the loudness must not ripple with, hertz.
const FLOOR: f64 = 100.0;
/// Decibel below the maximum at which it is silent.
const THRESHOLD_DB: f64 = 25.0;
/// Shortest silence and shortest sound that count, seconds.
const SHORTEST: f64 = 0.1;

/// Lengths in seconds of the pauses, in order, those at the start and the end included: Praat's
/// `To TextGrid (silences): 100, 0, -25, 0.1, 0.1`,
/// which looks at the band from 80 to 8,000 Hz only.
pub(crate) fn pauses(wave: Wave) -> Vec<f64> {
    let band = pass_band(wave, 80.0, 8_000.0, 80.0);
    let (levels, first, step) = intensity(Wave {
        samples: &band,
        rate: wave.rate,
    });
    let loudest = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let threshold = loudest - THRESHOLD_DB;
    // Stretches of the same kind: whether silent, and where they end.
    let mut stretches: Vec<(bool, f64)> = Vec::new();
    for (i, level) in levels.iter().enumerate() {
        let silent = *level < threshold;
        match stretches.last_mut() {
            Some(last) if last.0 == silent => {}
            last => {
                if let Some(last) = last {
                    last.1 = first + i as f64 * step;
                }
                stretches.push((silent, wave.seconds()));
            }
        }
    }
    drop_short(&mut stretches, false);
    drop_short(&mut stretches, true);
    let mut start = 0.0;
    let mut lengths = Vec::new();
    for (silent, end) in stretches {
        if silent {
            lengths.push(end - start);
        }
        start = end;
    }
    lengths
}

/// Gives stretches of a kind that are too short to their neighbours, if they have any.
fn drop_short(stretches: &mut Vec<(bool, f64)>, silent: bool) {
    let mut kept: Vec<(bool, f64)> = Vec::with_capacity(stretches.len());
    let mut start = 0.0;
    let only = stretches.len() < 2;
    for &(kind, end) in stretches.iter() {
        let short = kind == silent && end - start < SHORTEST && !only;
        let kind = if short { !kind } else { kind };
        match kept.last_mut() {
            Some(last) if last.0 == kind => last.1 = end,
            _ => kept.push((kind, end)),
        }
        start = end;
    }
    *stretches = kept;
}

/// Intensity in decibel against 2e-5, its first time and its step: squares weighted by a Kaiser
/// window of 6.4 periods of the floor, the mean taken off (Praat's `To Intensity`).
fn intensity(wave: Wave) -> (Vec<f64>, f64, f64) {
    let (window, step) = (6.4 / FLOOR, 0.8 / FLOOR);
    let (count, first) = frame_times(wave.seconds(), window, step);
    let half = (window / 2.0 * wave.rate).floor() as i64;
    let shape = 2.0 * std::f64::consts::PI.powi(2) + 0.5;
    let weights: Vec<f64> = (-half..=half)
        .map(|i| {
            let x = i as f64 / wave.rate / (window / 2.0);
            let root = 1.0 - x * x;
            if root <= 0.0 {
                0.0
            } else {
                crate::resample::bessel_i0(shape * root.sqrt())
            }
        })
        .collect();
    let levels = (0..count)
        .map(|t| {
            let middle = (wave.index(first + t as f64 * step) + 0.5).floor() as i64;
            let low = (middle - half).max(0);
            let high = (middle + half).min(wave.samples.len() as i64 - 1);
            let n = (high - low + 1).max(1) as f64;
            let mean = (low..=high).map(|i| wave.at(i)).sum::<f64>() / n;
            let (mut sum, mut total) = (0.0, 0.0);
            for i in low..=high {
                let weight = weights
                    .get((i - middle + half) as usize)
                    .copied()
                    .unwrap_or(0.0);
                sum += (wave.at(i) - mean).powi(2) * weight;
                total += weight;
            }
            10.0 * (sum / total / 4e-10).max(1e-30).log10()
        })
        .collect();
    (levels, first, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_between_tones_are_pauses() {
        let rate = 8_000.0;
        // Half a second of tone, silences of 0.3 s and 0.04 s, tone after each; 0.2 s at the end.
        let parts = [
            (0.5, true),
            (0.3, false),
            (0.5, true),
            (0.04, false),
            (0.5, true),
            (0.2, false),
        ];
        let mut samples = Vec::new();
        for (seconds, on) in parts {
            for i in 0..(seconds * rate) as usize {
                samples.push(if on {
                    (i as f32 * 0.5).sin() * 0.5
                } else {
                    0.0
                });
            }
        }
        let found = pauses(Wave {
            samples: &samples,
            rate,
        });
        assert_eq!(found.len(), 2, "{found:?}");
        for (length, expected) in found.iter().zip([0.3, 0.2]) {
            assert!((length - expected).abs() < 0.04, "{found:?}");
        }
        assert!(
            pauses(Wave {
                samples: &[0.5; 10],
                rate
            })
            .is_empty()
        );
    }
}
