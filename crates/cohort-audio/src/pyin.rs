//! Probabilistic YIN: fundamental frequency with a voicing decision.

use crate::AudioError;
use crate::viterbi::{Evidence, MAX_BINS, Model, Tracker};
use crate::yin::{Differences, PitchRange, find_troughs, parabolic_shift};

/// Number of thresholds that the troughs are held against.
const THRESHOLDS: usize = 100;
/// Rate of the exponential prior that prefers the first trough (librosa's `boltzmann_parameter`).
const BOLTZMANN: f64 = 2.0;
/// Pitch bins in a semitone (librosa's `resolution=0.1`).
const BINS_PER_SEMITONE: usize = 10;
/// Fastest change of pitch in octaves a second (librosa's `max_transition_rate`).
const MAX_TRANSITION_RATE: f64 = 35.92;
/// Probability that voicing changes from one frame to the next.
const SWITCH: f64 = 0.01;
/// Weight of the lowest trough when it is above a threshold.
const NO_TROUGH: f64 = 0.01;

/// A pitch track: one entry a frame, frame `t` centred at sample `t * hop`.
#[derive(Debug, Clone, PartialEq)]
pub struct PitchTrack {
    /// Fundamental frequency in hertz on a grid of a tenth of a semitone; None: unvoiced.
    pub f0_hz: Vec<Option<f64>>,
    /// Probability that the frame is voiced, 0 to 1, before the path is sought.
    pub voiced_probability: Vec<f64>,
}

/// Fundamental frequency by pYIN (Mauch and Dixon, 2014), as librosa 0.11 `pyin` with its default
/// parameters: troughs of the normalised difference are held against 100 thresholds with a beta(2,
/// 18) prior, which gives each pitch candidate a probability; the most probable path through the
/// candidates, with changes of at most 35.92 octaves a second, is found by the Viterbi algorithm.
///
/// Differences are computed in double precision, where librosa has single.
///
/// # Errors
/// [`AudioError::Setting`] when `range` fails [`PitchRange::check`], or spans more than 16,384 tenths
/// of a semitone.
pub fn pyin(
    samples: &[f32],
    sample_rate: u32,
    range: &PitchRange,
) -> Result<PitchTrack, AudioError> {
    range.check(sample_rate)?;
    let rate = f64::from(sample_rate);
    let per_octave = 12.0 * BINS_PER_SEMITONE as f64;
    let bins = (per_octave * (range.fmax / range.fmin).log2()).floor() as usize + 1;
    if bins > MAX_BINS {
        let expected = format!("at most {MAX_BINS} tenths of a semitone apart");
        let found = format!("{bins}");
        return Err(AudioError::setting(
            "pYIN",
            "fmin and fmax",
            expected,
            found,
        ));
    }
    // Python's round is half to even.
    let semitones = (MAX_TRANSITION_RATE * 12.0 * range.hop as f64 / rate).round_ties_even();
    // librosa's triangle is semitones * bins + 1 wide, and reaches half of that to each side.
    let reach = (semitones as usize).saturating_mul(BINS_PER_SEMITONE) / 2;
    let mut tracker = Tracker::new(Model::new(bins, reach, SWITCH));
    let mut candidates = Candidates::new();
    let mut differences = Differences::new(samples, sample_rate, *range);
    let shortest = differences.shortest();
    let frames = range.frames(samples.len());
    let mut voiced_probability = Vec::with_capacity(frames);
    let mut evidence = Evidence::default();
    for t in 0..frames {
        let d = differences.frame(t);
        candidates.find(d);
        evidence.voiced.clear();
        for (&index, &probability) in candidates.troughs.iter().zip(&candidates.probabilities) {
            if probability == 0.0 {
                continue;
            }
            let period = (shortest + index) as f64 + parabolic_shift(d, index);
            let bin = (per_octave * (rate / period / range.fmin).log2()).round_ties_even();
            // Above the highest bin is no voiced state; below the lowest is the lowest.
            let bin = bin.max(0.0) as usize;
            if bin >= bins {
                continue;
            }
            // Of two candidates in a bin the longer period counts, as in librosa.
            match evidence.voiced.iter_mut().find(|v| v.0 == bin) {
                Some(slot) => slot.1 = probability,
                None => evidence.voiced.push((bin, probability)),
            }
        }
        // Not `sum`, which of nothing is -0.
        let voiced = evidence.voiced.iter().fold(0.0, |sum, v| sum + v.1);
        let voiced = voiced.clamp(0.0, 1.0);
        evidence.unvoiced = (1.0 - voiced) / bins as f64;
        voiced_probability.push(voiced);
        tracker.push(&evidence);
    }
    let f0_hz = tracker
        .path()
        .into_iter()
        .map(|bin| bin.map(|bin| range.fmin * (bin as f64 / per_octave).exp2()))
        .collect();
    Ok(PitchTrack {
        f0_hz,
        voiced_probability,
    })
}

/// Troughs of a difference function and the probability that each is the period.
struct Candidates {
    /// Prior probability of each threshold; threshold `i` is `(i + 1) / 100`.
    prior: [f64; THRESHOLDS],
    /// Sums of the first priors.
    below: [f64; THRESHOLDS + 1],
    troughs: Vec<usize>,
    probabilities: Vec<f64>,
}

impl Candidates {
    fn new() -> Self {
        // Cumulative beta(2, 18) distribution: the chance of two or more successes in 19 trials.
        let cdf = |x: f64| 1.0 - (1.0 - x).powi(19) - 19.0 * x * (1.0 - x).powi(18);
        let threshold = |i: usize| i as f64 / THRESHOLDS as f64;
        let prior: [f64; THRESHOLDS] =
            std::array::from_fn(|i| cdf(threshold(i + 1)) - cdf(threshold(i)));
        let mut below = [0.0; THRESHOLDS + 1];
        for i in 0..THRESHOLDS {
            below[i + 1] = below[i] + prior[i];
        }
        Self {
            prior,
            below,
            troughs: Vec::new(),
            probabilities: Vec::new(),
        }
    }

    fn find(&mut self, d: &[f64]) {
        self.probabilities.clear();
        find_troughs(d, &mut self.troughs);
        let Some(lowest) = self
            .troughs
            .iter()
            .copied()
            .reduce(|a, b| if d[b] < d[a] { b } else { a })
        else {
            return;
        };
        // Thresholds above a height are those from this one on.
        let first_above = |height: f64| {
            let guess = (height * THRESHOLDS as f64).clamp(0.0, THRESHOLDS as f64) as usize;
            (guess.saturating_sub(1)..THRESHOLDS)
                .find(|i| height < (i + 1) as f64 / THRESHOLDS as f64)
                .unwrap_or(THRESHOLDS)
        };
        let mut counts = [0_u32; THRESHOLDS + 1];
        for &trough in &self.troughs {
            counts[first_above(d[trough])] += 1;
        }
        // For each threshold, with N troughs below it, the k-th of them has the prior
        // (1 - e^-2) / (1 - e^-2N) e^-2k; `weights` holds that of the next one, times the
        // probability of the threshold.
        let mut weights = [0.0; THRESHOLDS];
        let mut below = 0;
        for ((weight, prior), count) in weights.iter_mut().zip(&self.prior).zip(&counts) {
            below += count;
            if below > 0 {
                let share =
                    (1.0 - (-BOLTZMANN).exp()) / (1.0 - (-BOLTZMANN * f64::from(below)).exp());
                *weight = share * prior;
            }
        }
        let decay = (-BOLTZMANN).exp();
        for &trough in &self.troughs {
            let first = first_above(d[trough]);
            let mut probability = crate::fast::sum_and_decay(&mut weights[first..], decay);
            if trough == lowest {
                probability += NO_TROUGH * self.below[first];
            }
            self.probabilities.push(probability);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_equal_the_definition() {
        let mut state = 9_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / 16_777_216.0
        };
        let mut candidates = Candidates::new();
        for length in [3, 10, 60, 300] {
            let d: Vec<f64> = (0..length).map(|_| random() * 1.2).collect();
            candidates.find(&d);
            let heights: Vec<f64> = candidates.troughs.iter().map(|&i| d[i]).collect();
            let mut expected = vec![0.0; heights.len()];
            let lowest =
                (0..heights.len()).reduce(|a, b| if heights[b] < heights[a] { b } else { a });
            for (i, prior) in candidates.prior.iter().enumerate() {
                let below: Vec<usize> = (0..heights.len())
                    .filter(|&k| heights[k] < (i + 1) as f64 / 100.0)
                    .collect();
                for (position, &k) in below.iter().enumerate() {
                    let n = below.len() as f64;
                    let share = (1.0 - (-2.0_f64).exp()) / (1.0 - (-2.0 * n).exp());
                    expected[k] += prior * share * (-2.0 * position as f64).exp();
                }
                if let (true, Some(lowest)) = (below.is_empty(), lowest) {
                    expected[lowest] += 0.01 * prior;
                }
            }
            for (a, b) in candidates.probabilities.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-12, "{length}: {a} {b}");
            }
            assert_eq!(candidates.probabilities.len(), expected.len());
        }
    }

    #[test]
    fn prior_is_a_distribution() {
        let candidates = Candidates::new();
        assert!((candidates.below[THRESHOLDS] - 1.0).abs() < 1e-12);
        // scipy.stats.beta.cdf(0.1, 2, 18)
        assert!((candidates.below[10] - 0.579_735_021_168_402_6).abs() < 1e-12);
    }

    #[test]
    fn silence_is_unvoiced() {
        let range = PitchRange {
            fmin: 65.0,
            fmax: 450.0,
            frame_length: 1_024,
            hop: 256,
        };
        let track = pyin(&[0.0; 5_000], 8_000, &range).unwrap();
        assert_eq!(track.f0_hz.len(), 5_000 / 256 + 1);
        assert!(track.f0_hz.iter().all(Option::is_none));
        let zero = |p: &f64| *p == 0.0 && p.is_sign_positive();
        assert!(track.voiced_probability.iter().all(zero));
    }

    #[test]
    fn a_gliding_tone_is_followed() {
        let mut phase = 0.0;
        let hertz = |i: usize| 110.0 * (i as f64 / 16_000.0).exp2();
        let samples: Vec<f32> = (0..16_000)
            .map(|i| {
                phase += 2.0 * std::f64::consts::PI * hertz(i) / 8_000.0;
                (phase.sin() + 0.5 * (2.0 * phase).sin()) as f32 * 0.3
            })
            .collect();
        let range = PitchRange {
            fmin: 65.0,
            fmax: 450.0,
            frame_length: 1_024,
            hop: 256,
        };
        let track = pyin(&samples, 8_000, &range).unwrap();
        for (t, f0) in track.f0_hz.iter().enumerate().skip(4).take(54) {
            let cents = 1200.0 * (f0.expect("voiced") / hertz(t * 256)).log2();
            assert!(cents.abs() < 12.0, "frame {t}: {cents} cents");
        }
    }
}
