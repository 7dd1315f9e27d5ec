//! The instants of the glottal pulses.

use super::periodicity::PitchContour;
use super::wave::Wave;

/// Times in seconds, ascending, of one extremum a period in the voiced parts: the largest one near
/// the middle of each part, then from period to period to both sides, to where the waveform of the
/// length of a period is most like that around the last (Praat's `To PointProcess (cc)`).
pub(crate) fn pulses(wave: Wave, contour: &PitchContour) -> Vec<f64> {
    let loudest = wave
        .samples
        .iter()
        .fold(0.0, |peak: f64, s| peak.max(f64::from(s.abs())));
    let mut all = Vec::new();
    let mut last_added = f64::NEG_INFINITY;
    for (start, end) in contour.voiced_intervals() {
        let middle = (start + end) / 2.0;
        let Some(f0) = contour.at(middle) else {
            continue;
        };
        let first = extremum(wave, middle - 0.5 / f0, middle + 0.5 / f0);
        all.push(first);
        for direction in [-1.0, 1.0] {
            let mut time = first;
            // Every round moves by 0.8 periods or more, so it ends with the part.
            while let Some(f0) = contour.at(time) {
                let here = time;
                let Some(best) = most_alike(wave, here, 1.0 / f0, direction) else {
                    time += direction / f0;
                    if time < start || time > end {
                        break;
                    }
                    continue;
                };
                time = best.time;
                let outside = if direction < 0.0 {
                    time < start
                } else {
                    time > end
                };
                let alike = best.correlation > if outside { 0.7 } else { 0.3 };
                let share = if outside { 0.023_333 } else { 0.01 };
                let loud = best.peak > share * loudest || (!outside && best.peak == 0.0);
                let free = direction > 0.0 || time - last_added > 0.8 / f0;
                if alike && loud && free {
                    all.push(time);
                    if direction > 0.0 {
                        last_added = time;
                    }
                }
                if outside || (time - here) * direction <= 0.0 {
                    break;
                }
            }
        }
    }
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// Time of the largest absolute local extremum between two times, refined by a parabola.
fn extremum(wave: Wave, from: f64, to: f64) -> f64 {
    let last = wave.samples.len() as i64 - 1;
    let low = (wave.index(from).floor() as i64).clamp(0, last.max(0));
    let high = (wave.index(to).ceil() as i64).clamp(0, last.max(0));
    let (mut least, mut most) = (low, low);
    for i in low..=high {
        if wave.at(i) < wave.at(least) {
            least = i;
        }
        if wave.at(i) > wave.at(most) {
            most = i;
        }
    }
    if wave.at(least) == wave.at(most) {
        return wave.time((low + high) as f64 / 2.0);
    }
    let best = if wave.at(least).abs() > wave.at(most).abs() {
        least
    } else {
        most
    };
    if best == low || best == high {
        return wave.time(best as f64);
    }
    let (before, here, after) = (wave.at(best - 1), wave.at(best), wave.at(best + 1));
    wave.time(best as f64 + 0.5 * (after - before) / (2.0 * here - before - after))
}

struct Match {
    time: f64,
    correlation: f64,
    peak: f64,
}

/// The place 0.8 to 1.25 periods before or after `time` whose surroundings of one period correlate
/// most with those of `time`; None where no correlation has a maximum.
fn most_alike(wave: Wave, time: f64, period: f64, direction: f64) -> Option<Match> {
    let half = period / 2.0;
    let (a, b) = (
        time + direction * 0.8 * period,
        time + direction * 1.25 * period,
    );
    let (from, to) = (a.min(b), a.max(b));
    let start = (wave.index(time - half) + 0.5).floor() as i64;
    let end = (wave.index(time + half) + 0.5).floor() as i64;
    let low = wave.index(from - half).floor() as i64;
    let high = wave.index(to - half).ceil() as i64;
    let count = wave.samples.len() as i64;
    let mut best: Option<(f64, f64, f64, i64, f64)> = None;
    let (mut two_back, mut back, mut peak_back) = (0.0, 0.0, 0.0);
    for offset in low..=high {
        let shift = offset - start;
        // Both windows must lie in the sound.
        let inside = start.max(0).max(-shift)..=end.min(count - 1).min(count - 1 - shift);
        let (mut one, mut two, mut product, mut peak) = (0.0, 0.0, 0.0, 0.0_f64);
        for i in inside {
            let (x, y) = (wave.at(i), wave.at(i + shift));
            one += x * x;
            two += y * y;
            product += x * y;
            peak = peak.max(y.abs());
        }
        let here = if product == 0.0 {
            0.0
        } else {
            product / (one * two).sqrt()
        };
        let is_peak = back >= two_back && back >= here;
        if is_peak && best.is_none_or(|best| back > best.0) && offset > low {
            best = Some((back, two_back, here, offset - 1, peak_back));
        }
        (two_back, back, peak_back) = (back, here, peak);
    }
    let (mut correlation, before, after, offset, peak) = best?;
    let mut position = (offset - start) as f64;
    let bend = 2.0 * correlation - before - after;
    if bend != 0.0 {
        let slope = 0.5 * (after - before);
        correlation += 0.5 * slope * slope / bend;
        position += slope / bend;
    }
    Some(Match {
        time: time + position / wave.rate,
        correlation,
        peak,
    })
}

#[cfg(test)]
mod tests {
    use super::super::pitch_contour;
    use super::*;

    #[test]
    fn pulses_of_a_pulse_train_are_a_period_apart() {
        let rate = 8_000.0;
        let samples: Vec<f32> = (0..12_000)
            .map(|i| 0.8 * (-((i % 64) as f32) / 6.0).exp())
            .collect();
        let wave = Wave {
            samples: &samples,
            rate,
        };
        let times = pulses(wave, &pitch_contour(wave));
        assert!(times.len() > 170, "{}", times.len());
        for pair in times.windows(2) {
            assert!((pair[1] - pair[0] - 64.0 / rate).abs() < 1e-6, "{pair:?}");
        }
    }
}
