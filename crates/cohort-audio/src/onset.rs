//! Onset strength and onset detection.

use crate::mel::{MelFrames, MelSettings};
use crate::stft::Framing;
use crate::{AudioError, db, fast};

/// Samples of a frame of the onset spectrogram (librosa's default).
const N_FFT: usize = 2048;
/// Mel filters of the onset spectrogram (librosa's default).
const N_MELS: usize = 128;
/// Values kept below the loudest, decibel (librosa's `top_db`).
const TOP_DB: f32 = 80.0;
/// Mel powers kept in memory (32 MiB); longer sounds are transformed twice instead.
const KEPT_VALUES: usize = 8 << 20;
/// Single precision errs by up to about 2e-5 dB in a sound of steady tones. That is nothing beside an
/// onset of a voice, but the strength of a sound without any is compared with its own small peak: below
/// this peak, in decibel, it is computed in double precision.
const ENOUGH_FOR_SINGLE: f32 = 2.0;
/// Frames transformed at a time where powers are not kept.
const BLOCK: usize = 64;

/// Onset strength of a sound: for each frame the mean over 128 mel bands of the rise in decibel
/// since the frame before, falls counting as zero (spectral flux; librosa 0.11 `onset_strength`
/// with its defaults: frames of 2,048 samples, 80 dB below the loudest value cut off).
///
/// One value for each `hop` samples, `samples / hop + 1` in all; the first `1 + 1024 / hop` are zero:
/// a rise is attributed to the middle of the frame that shows it.
///
/// # Errors
/// [`AudioError::Setting`] when `hop` is zero.
pub fn onset_strength(
    samples: &[f32],
    sample_rate: u32,
    hop: usize,
) -> Result<Vec<f32>, AudioError> {
    Ok(onset_strengths(samples, sample_rate, hop, &[1])?
        .pop()
        .unwrap_or_default())
}

/// [`onset_strength`] at several multiples of `hop` (each at least 1) from one spectrogram: within
/// rounding a frame is the same whichever hop leads to it.
///
/// # Errors
/// As [`onset_strength`].
pub fn onset_strengths(
    samples: &[f32],
    sample_rate: u32,
    hop: usize,
    multiples: &[usize],
) -> Result<Vec<Vec<f32>>, AudioError> {
    strengths(samples, sample_rate, hop, multiples, KEPT_VALUES)
}

fn strengths(
    samples: &[f32],
    sample_rate: u32,
    hop: usize,
    multiples: &[usize],
    kept_values: usize,
) -> Result<Vec<Vec<f32>>, AudioError> {
    let operation = "onset strength";
    if multiples.contains(&0) {
        return Err(AudioError::setting(operation, "multiples", "at least 1", 0));
    }
    let framing = Framing { n_fft: N_FFT, hop };
    let settings = MelSettings::new(N_MELS);
    let single = MelFrames::single(samples, sample_rate, framing, &settings)?;
    let quick = strengths_of(single, samples.len(), hop, multiples, kept_values);
    let peak = |values: &Vec<f32>| values.iter().copied().fold(0.0, f32::max);
    if quick.iter().map(peak).all(|peak| peak >= ENOUGH_FOR_SINGLE) {
        return Ok(quick);
    }
    let double = MelFrames::new(samples, sample_rate, framing, &settings)?;
    Ok(strengths_of(
        double,
        samples.len(),
        hop,
        multiples,
        kept_values,
    ))
}

fn strengths_of(
    mut mel: MelFrames,
    samples: usize,
    hop: usize,
    multiples: &[usize],
    kept_values: usize,
) -> Vec<Vec<f32>> {
    let frames = mel.len();
    let keep = frames.saturating_mul(N_MELS) <= kept_values;
    // Kept powers are one block.
    let block = if keep { frames } else { BLOCK };
    let mut rows = vec![0.0; block * N_MELS];
    // Values are cut off below the loudest one, so that must be known before the first difference.
    let mut loudest = vec![db::MIN_POWER; multiples.len()];
    for start in (0..frames).step_by(block) {
        let rows = &mut rows[..block.min(frames - start) * N_MELS];
        mel.powers(start, rows);
        for (t, row) in (start..).zip(rows.chunks_exact(N_MELS)) {
            let top = row.iter().copied().fold(0.0, f32::max);
            for (loudest, multiple) in loudest.iter_mut().zip(multiples) {
                if t % multiple == 0 {
                    *loudest = loudest.max(top);
                }
            }
        }
    }
    let mut lines: Vec<Line> = multiples
        .iter()
        .zip(&loudest)
        .map(|(&multiple, &top)| {
            let delay = 1 + N_FFT / (2 * hop * multiple);
            let frames = samples / (hop * multiple) + 1;
            let mut values = Vec::with_capacity(frames + delay);
            values.resize(delay, 0.0);
            let floor = 10.0 * top.log10() - TOP_DB;
            Line {
                multiple,
                floor,
                previous: vec![0.0; N_MELS],
                values,
                frames,
            }
        })
        .collect();
    for start in (0..frames).step_by(block) {
        let rows = &mut rows[..block.min(frames - start) * N_MELS];
        if !keep {
            mel.powers(start, rows);
        }
        fast::power_to_db(rows);
        for (t, db) in (start..).zip(rows.chunks_exact(N_MELS)) {
            for line in lines.iter_mut().filter(|line| t % line.multiple == 0) {
                let rise = fast::rise(db, &mut line.previous, line.floor);
                if t > 0 {
                    line.values.push(rise / N_MELS as f32);
                }
            }
        }
    }
    lines
        .into_iter()
        .map(|mut line| {
            // Centring delays the strength; what it pushes past the end is dropped.
            line.values.resize(line.frames, 0.0);
            line.values
        })
        .collect()
}

/// One onset strength in the making.
struct Line {
    multiple: usize,
    floor: f32,
    previous: Vec<f32>,
    values: Vec<f32>,
    frames: usize,
}

/// Where peaks are picked: librosa 0.11 `util.peak_pick`, all widths in frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeakPick {
    /// Frames before a peak among which it is the largest.
    pub pre_max: usize,
    /// Frames from the peak on among which it is the largest, itself included (at least 1).
    pub post_max: usize,
    /// Frames before a peak over which the mean is taken.
    pub pre_avg: usize,
    /// Frames from the peak on over which the mean is taken, itself included (at least 1).
    pub post_avg: usize,
    /// How far above the mean a peak must be.
    pub delta: f32,
    /// Frames after a peak in which no other is picked.
    pub wait: usize,
}

impl PeakPick {
    /// librosa's values for onsets: 30 ms and 100 ms around the peak, 30 ms wait, delta 0.07. At low
    /// sample rates with a long hop the widths round down to zero frames.
    pub fn onsets(sample_rate: u32, hop: usize) -> Self {
        let frames =
            |seconds: f64| (seconds * f64::from(sample_rate) / hop.max(1) as f64).floor() as usize;
        Self {
            pre_max: frames(0.03),
            post_max: 1,
            pre_avg: frames(0.10),
            post_avg: frames(0.10) + 1,
            delta: 0.07,
            wait: frames(0.03),
        }
    }
}

/// Indices of the peaks of `x`, in order. NaN is never a peak.
pub fn peak_pick(x: &[f32], settings: &PeakPick) -> Vec<usize> {
    let window = |n: usize, pre: usize, post: usize| {
        &x[n.saturating_sub(pre)..n.saturating_add(post.max(1)).min(x.len())]
    };
    let mean = |values: &[f32]| {
        let sum: f64 = values.iter().map(|v| f64::from(*v)).sum();
        sum / values.len() as f64
    };
    let mut peaks = Vec::new();
    let mut n = 0;
    while n < x.len() {
        let largest = window(n, settings.pre_max, settings.post_max)
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max);
        let floor =
            mean(window(n, settings.pre_avg, settings.post_avg)) + f64::from(settings.delta);
        if x[n] >= largest && f64::from(x[n]) >= floor {
            peaks.push(n);
            n += settings.wait;
        }
        n += 1;
    }
    peaks
}

/// Frames of the onsets in an onset strength: it is scaled to 0..1 and its peaks are picked (librosa
/// 0.11 `onset_detect`). A constant strength has none.
pub fn onset_detect(strength: &[f32], sample_rate: u32, hop: usize) -> Vec<usize> {
    onset_peaks(strength, &PeakPick::onsets(sample_rate, hop))
}

/// [`onset_detect`] with peaks picked by other settings.
pub fn onset_peaks(strength: &[f32], settings: &PeakPick) -> Vec<usize> {
    let low = strength.iter().copied().fold(f32::INFINITY, f32::min);
    let high = strength.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low;
    if !(high.is_finite() && high > 0.0) {
        return Vec::new();
    }
    let scaled: Vec<f32> = strength
        .iter()
        .map(|s| (s - low) / (high + f32::MIN_POSITIVE))
        .collect();
    peak_pick(&scaled, settings)
}

/// Moves each onset back to the nearest local minimum of `energy` at or before it, or to frame 0
/// where there is none (librosa 0.11 `onset_backtrack`).
pub fn onset_backtrack(onsets: &[usize], energy: &[f32]) -> Vec<usize> {
    let mut minima = vec![0];
    minima.extend(
        energy
            .windows(3)
            .enumerate()
            .filter(|(_, w)| w[1] <= w[0] && w[1] < w[2])
            .map(|(i, _)| i + 1),
    );
    onsets
        .iter()
        .map(|onset| minima[minima.partition_point(|m| m <= onset).max(1) - 1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_local_maxima_above_the_mean() {
        let settings = PeakPick {
            pre_max: 2,
            post_max: 2,
            pre_avg: 2,
            post_avg: 3,
            delta: 0.1,
            wait: 2,
        };
        let cases: [(&str, &[f32], &[usize]); 6] = [
            ("none in nothing", &[], &[]),
            ("one", &[0.0, 0.0, 1.0, 0.0, 0.0], &[2]),
            ("the first frame", &[1.0, 0.0, 0.0, 0.0], &[0]),
            ("too low", &[0.5, 0.52, 0.5, 0.5, 0.5], &[]),
            ("wait", &[0.0, 1.0, 0.0, 1.1, 0.0, 0.0, 1.0, 0.0], &[1, 6]),
            ("plateau", &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0], &[2]),
        ];
        for (name, x, expected) in cases {
            assert_eq!(peak_pick(x, &settings), expected, "{name}");
        }
    }

    #[test]
    fn windows_shrink_to_nothing_at_low_rates() {
        let pick = PeakPick::onsets(8_000, 512);
        assert_eq!(
            (
                pick.pre_max,
                pick.post_max,
                pick.pre_avg,
                pick.post_avg,
                pick.wait
            ),
            (0, 1, 1, 2, 0)
        );
        let pick = PeakPick::onsets(44_100, 512);
        assert_eq!((pick.pre_max, pick.pre_avg, pick.wait), (2, 8, 2));
    }

    #[test]
    fn backtracking_goes_to_the_minimum_before() {
        let energy = [3.0, 1.0, 2.0, 5.0, 4.0, 4.0, 6.0, 1.0];
        assert_eq!(
            onset_backtrack(&[0, 1, 3, 4, 5, 6, 7], &energy),
            [0, 1, 1, 1, 5, 5, 5]
        );
    }

    #[test]
    fn strided_and_streamed_strengths_are_the_same() {
        let samples: Vec<f32> = (0..20_000)
            .map(|i| {
                if (i / 2_500) % 2 == 0 {
                    (i as f32 * 0.3).sin() * 0.5
                } else {
                    0.001
                }
            })
            .collect();
        let both = onset_strengths(&samples, 8_000, 128, &[1, 4]).unwrap();
        assert_eq!(both[0], onset_strength(&samples, 8_000, 128).unwrap());
        // There each frame shares its transform with another neighbour, which rounds it otherwise.
        let strided = onset_strength(&samples, 8_000, 512).unwrap();
        assert_eq!(both[1].len(), strided.len());
        for (a, b) in both[1].iter().zip(&strided) {
            assert!((a - b).abs() <= 1e-5 * (1.0 + b), "{a} {b}");
        }
        assert_eq!(both, strengths(&samples, 8_000, 128, &[1, 4], 0).unwrap());
        assert!(both[0].iter().any(|v| *v > 1.0));
    }

    #[test]
    fn constant_strength_has_no_onset() {
        assert!(onset_detect(&[0.0; 50], 8_000, 128).is_empty());
        assert!(onset_detect(&[], 8_000, 128).is_empty());
        assert!(onset_detect(&[f32::NAN, 1.0], 8_000, 128).is_empty());
    }
}
