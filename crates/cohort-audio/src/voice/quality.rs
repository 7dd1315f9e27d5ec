//! Jitter and shimmer.

use super::wave::Wave;

/// Shortest and longest period that counts, seconds.
const PERIODS: std::ops::RangeInclusive<f64> = 0.0001..=0.02;
/// Largest ratio of neighbouring periods.
const PERIOD_FACTOR: f64 = 1.3;
/// Largest ratio of neighbouring amplitudes.
const AMPLITUDE_FACTOR: f64 = 1.6;

fn ratio(a: f64, b: f64) -> f64 {
    if a > b { a / b } else { b / a }
}

/// Mean absolute difference of neighbouring periods over the mean period; 0 where fewer than two
/// pairs count. Praat's `Get jitter (local): 0, 0, 0.0001, 0.02, 1.3`.
pub(crate) fn jitter_local(pulses: &[f64]) -> f64 {
    let periods: Vec<f64> = pulses.windows(2).map(|p| p[1] - p[0]).collect();
    let differences: Vec<f64> = periods
        .windows(2)
        .filter(|p| p.iter().all(|p| PERIODS.contains(p)) && ratio(p[0], p[1]) <= PERIOD_FACTOR)
        .map(|p| (p[0] - p[1]).abs())
        .collect();
    // A period that is far from both of its neighbours is no period.
    let good: Vec<f64> = (0..periods.len())
        .filter(|&i| {
            let far = |j: Option<usize>| {
                j.and_then(|j| periods.get(j))
                    .map(|p| ratio(*p, periods[i]) > PERIOD_FACTOR)
            };
            let far = (far(i.checked_sub(1)), far(Some(i + 1)));
            PERIODS.contains(&periods[i]) && far != (Some(true), Some(true))
        })
        .map(|i| periods[i])
        .collect();
    let period = crate::statistics::mean(&good);
    if differences.is_empty() || period <= 0.0 {
        return 0.0;
    }
    crate::statistics::mean(&differences) / period
}

/// Mean absolute difference of the amplitudes of neighbouring pulses over the mean amplitude; 0 where
/// none counts. Praat's `Get shimmer (local): 0, 0, 0.0001, 0.02, 1.3, 1.6`: the amplitude of a pulse
/// is the Hann-weighted root mean square from a fifth of a period before it to a fifth after.
pub(crate) fn shimmer_local(wave: Wave, pulses: &[f64]) -> f64 {
    let amplitudes: Vec<(f64, f64)> = pulses
        .windows(3)
        .filter_map(|p| {
            let (before, after) = (p[1] - p[0], p[2] - p[1]);
            let good = PERIODS.contains(&before)
                && PERIODS.contains(&after)
                && ratio(before, after) <= PERIOD_FACTOR;
            let amplitude = good.then(|| amplitude(wave, p[1], 0.2 * before, 0.2 * after))??;
            Some((p[1], amplitude))
        })
        .collect();
    let differences: Vec<f64> = amplitudes
        .windows(2)
        .filter(|a| {
            PERIODS.contains(&(a[1].0 - a[0].0)) && ratio(a[0].1, a[1].1) <= AMPLITUDE_FACTOR
        })
        .map(|a| (a[0].1 - a[1].1).abs())
        .collect();
    // The last amplitude has no successor.
    let counted: Vec<f64> = amplitudes.iter().rev().skip(1).map(|a| a.1).collect();
    let mean = crate::statistics::mean(&counted);
    if differences.is_empty() || mean <= 0.0 {
        return 0.0;
    }
    crate::statistics::mean(&differences) / mean
}

/// Hann-weighted root mean square around `time`; None where it spans fewer than three samples or
/// is zero.
fn amplitude(wave: Wave, time: f64, before: f64, after: f64) -> Option<f64> {
    let low = (wave.index(time - before).ceil() as i64).max(0);
    let high = (wave.index(time + after).floor() as i64).min(wave.samples.len() as i64 - 1);
    if high - low < 2 {
        return None;
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for i in low..=high {
        let t = wave.time(i as f64);
        let phase = (t - time) / if t < time { before } else { after };
        let weight = 0.5 + 0.5 * (std::f64::consts::PI * phase).cos();
        sum += (wave.at(i) * weight).powi(2);
        weights += weight * weight;
    }
    Some((sum / weights).sqrt()).filter(|value| *value > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_of_alternating_periods() {
        // Periods 9 and 11 ms in turn: differences of 2 ms over a mean of 10 ms.
        let mut time = 0.0;
        let mut pulses = vec![time];
        for i in 0..40 {
            time += if i % 2 == 0 { 0.009 } else { 0.011 };
            pulses.push(time);
        }
        assert!((jitter_local(&pulses) - 0.2).abs() < 1e-9);
        // A pause between two voiced parts counts for nothing.
        let shifted: Vec<f64> = pulses.iter().map(|t| t + 5.0).collect();
        pulses.extend(shifted);
        assert!((jitter_local(&pulses) - 0.2).abs() < 1e-9);
        assert_eq!(jitter_local(&[]), 0.0);
        assert_eq!(jitter_local(&[0.1, 0.2]), 0.0);
    }

    #[test]
    fn shimmer_of_alternating_amplitudes() {
        let rate = 16_000.0;
        let samples: Vec<f32> = (0..16_000)
            .map(|i| {
                let height = if (i / 160) % 2 == 0 { 0.5 } else { 0.6 };
                height * (2.0 * std::f32::consts::PI * (i % 160) as f32 / 160.0).sin()
            })
            .collect();
        // Pulses at the positive crests.
        let pulses: Vec<f64> = (0..100)
            .map(|k| (f64::from(k) * 160.0 + 40.5) / rate)
            .collect();
        let shimmer = shimmer_local(
            Wave {
                samples: &samples,
                rate,
            },
            &pulses,
        );
        assert!((shimmer - 0.1 / 0.55).abs() < 2e-3, "{shimmer}");
    }
}
