//! What both kinds of gate share: chunks, transforms, mask smoothing.

use std::cell::Cell;

use rustfft::num_complex::Complex64;

use crate::fast;
use crate::fft::RealFft;
use crate::window::hann;
use crate::{AudioError, Sound};

/// Samples of a chunk that are kept (noisereduce's `chunk_size`).
const CHUNK: usize = 600_000;
/// Samples added on both sides of a chunk (noisereduce's `padding`).
const PADDING: usize = 30_000;

/// Settings of the transform and the mask that both kinds of gate share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSettings {
    /// Samples of a frame, a multiple of 4 from 64 to 32,768; the hop is a quarter. Default 1,024.
    pub n_fft: usize,
    /// How much of the noise is removed, 0 to 1. Default 1.
    pub prop_decrease: f64,
    /// Width in hertz over which the mask is smoothed. Default 500.
    pub freq_mask_smooth_hz: f64,
    /// Width in milliseconds over which the mask is smoothed. Default 50.
    pub time_mask_smooth_ms: f64,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            n_fft: 1024,
            prop_decrease: 1.0,
            freq_mask_smooth_hz: 500.0,
            time_mask_smooth_ms: 50.0,
        }
    }
}

impl GateSettings {
    pub(super) fn check(&self, operation: &'static str) -> Result<(), AudioError> {
        let in_range = |name, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(AudioError::setting(
                    operation,
                    name,
                    format!("from {low} to {high}"),
                    value,
                ))
            }
        };
        if !self.n_fft.is_multiple_of(4) || !(64..=32_768).contains(&self.n_fft) {
            let expected = "a multiple of 4 from 64 to 32768";
            return Err(AudioError::setting(
                operation, "n_fft", expected, self.n_fft,
            ));
        }
        in_range("prop_decrease", self.prop_decrease, 0.0, 1.0)?;
        in_range("freq_mask_smooth_hz", self.freq_mask_smooth_hz, 0.0, 1e6)?;
        in_range("time_mask_smooth_ms", self.time_mask_smooth_ms, 0.0, 1e4)
    }

    pub(super) fn hop(&self) -> usize {
        self.n_fft / 4
    }

    /// Reach of the smoothing triangle in bins and frames. noisereduce refuses a width below one
    /// step; here it is then one, so that low sample rates work.
    fn reach(&self, sample_rate: u32) -> (usize, usize) {
        let rate = f64::from(sample_rate);
        let bins = self.freq_mask_smooth_hz / (rate / (self.n_fft as f64 / 2.0));
        let frames = self.time_mask_smooth_ms / (self.hop() as f64 / rate * 1000.0);
        ((bins as usize).max(1), (frames as usize).max(1))
    }
}

thread_local! {
    // A folder of clips needs the same room again and again, and pages fresh from the system cost more
    // than the transforms: at most that of one chunk (about 60 MiB) stays with each thread.
    static ROOM: Cell<Room> = Cell::default();
}

/// Memory that is used again.
#[derive(Default)]
struct Room {
    spectra: Vec<Complex64>,
    mask: Vec<f64>,
    other: Vec<f64>,
    sum: Vec<f64>,
}

/// The frames of one chunk that are not silent for certain, with room for their mask.
pub(super) struct Chunk {
    /// Bins in a frame.
    pub bins: usize,
    /// Number of frames of the padded chunk before those kept: all zero.
    pub silent_before: usize,
    /// Number of frames of the padded chunk after those kept: all zero.
    pub silent_after: usize,
    /// Frames kept, `bins` values each.
    pub spectra: Vec<Complex64>,
    /// The mask of the frames kept.
    pub mask: Vec<f64>,
    /// Room for as many values, of any content.
    pub other: Vec<f64>,
}

/// Runs `mask` over every chunk of `sound`, smooths what it wrote into [`Chunk::mask`] and applies
/// `prop_decrease` of it. `mask` returns the mask of a silent frame, bin by bin.
pub(super) fn gate(
    sound: &Sound<&[f32]>,
    settings: &GateSettings,
    prop_decrease: f64,
    mut mask: impl FnMut(&mut Chunk) -> Vec<f64>,
) -> Vec<f32> {
    let n = sound.samples.len();
    let mut out = Vec::with_capacity(n);
    let hop = settings.hop();
    let n_fft = settings.n_fft;
    let window = hann(n_fft);
    let mut fft = RealFft::new(n_fft);
    let reach = settings.reach(sound.sample_rate);
    let mut frame = vec![0.0; n_fft];
    let room = ROOM.take();
    let mut sum = room.sum;
    let mut chunk = Chunk {
        bins: n_fft / 2 + 1,
        silent_before: 0,
        silent_after: 0,
        spectra: room.spectra,
        mask: room.mask,
        other: room.other,
    };
    for start in (0..n).step_by(CHUNK) {
        // The padded chunk is [origin - PADDING, origin + length), in samples of the sound.
        let length = if n <= CHUNK { n } else { CHUNK };
        let total = length + 2 * PADDING;
        let frames = total / hop + 1;
        // Positions in the padded chunk that hold sound.
        let first = PADDING.saturating_sub(start);
        let last = (n + PADDING - start).min(total);
        // Frame t covers [t * hop - n_fft / 2, t * hop + n_fft / 2) of the padded chunk.
        let from =
            (first.saturating_sub(n_fft / 2) / hop + usize::from(first >= n_fft / 2)).min(frames);
        let to = ((last + n_fft / 2).div_ceil(hop)).min(frames).max(from);
        // Samples of the sound that the padded chunk holds.
        let (low, high) = (
            start.saturating_sub(PADDING),
            (start + last).saturating_sub(PADDING),
        );
        chunk.silent_before = from;
        chunk.silent_after = frames - to;
        chunk
            .spectra
            .resize((to - from) * chunk.bins, Complex64::default());
        chunk.mask.resize((to - from) * chunk.bins, 0.0);
        chunk.other.resize((to - from) * chunk.bins, 0.0);
        for (t, spectrum) in (from..to).zip(chunk.spectra.chunks_exact_mut(chunk.bins)) {
            // Position p of the padded chunk is sample start + p - PADDING of the sound.
            let at = start + t * hop;
            let before = (low + PADDING + n_fft / 2).saturating_sub(at).min(n_fft);
            let begin = (at + before).saturating_sub(PADDING + n_fft / 2).min(high);
            let inside = &sound.samples[begin..high.min(begin + n_fft - before)];
            frame[..before].fill(0.0);
            fast::windowed(inside, &window[before..], &mut frame[before..]);
            frame[before + inside.len()..].fill(0.0);
            fft.forward(&frame, spectrum);
        }
        let silent = mask(&mut chunk);
        smooth(&mut chunk, reach, &silent);
        let keep = 1.0 - prop_decrease;
        if keep != 0.0 {
            chunk
                .mask
                .iter_mut()
                .for_each(|m| *m = *m * prop_decrease + keep);
        }
        let wanted = (n - start).min(CHUNK);
        sum.clear();
        sum.resize(wanted, 0.0);
        for (t, (spectrum, mask)) in (from..to).zip(
            chunk
                .spectra
                .chunks_exact_mut(chunk.bins)
                .zip(chunk.mask.chunks_exact(chunk.bins)),
        ) {
            fast::scale(spectrum, mask);
            fft.inverse(spectrum, &mut frame);
            // Overlap-add into the kept part, which starts at PADDING.
            let at = t * hop;
            let before = (PADDING + n_fft / 2).saturating_sub(at).min(n_fft);
            let slot = (at + before)
                .saturating_sub(PADDING + n_fft / 2)
                .min(wanted);
            fast::add_windowed(&frame[before..], &window[before..], &mut sum[slot..]);
        }
        // Four squared Hann windows a quarter apart add up to 3/2 everywhere.
        let scale = 1.0 / (1.5 * n_fft as f64);
        out.extend(sum.iter().map(|s| (s * scale) as f32));
    }
    ROOM.set(Room {
        spectra: chunk.spectra,
        mask: chunk.mask,
        other: chunk.other,
        sum,
    });
    out
}

/// Convolves the mask with a triangle of `reach` bins and frames to each side, whose weights add up
/// to 1, taking `silent` for the mask of the silent frames and 0 beyond the chunk.
fn smooth(chunk: &mut Chunk, (bin_reach, frame_reach): (usize, usize), silent: &[f64]) {
    if (bin_reach, frame_reach) == (1, 1) || chunk.mask.is_empty() {
        return;
    }
    let bins = chunk.bins;
    let frames = chunk.mask.len() / bins;
    // Along time: weights 1, 2, .., r + 1, .., 2, 1 over (r + 1)^2.
    let scale = 1.0 / ((frame_reach + 1) * (frame_reach + 1)) as f64;
    let smoothed = &mut chunk.other;
    for t in 0..frames {
        let row = &mut smoothed[t * bins..(t + 1) * bins];
        row.fill(0.0);
        for d in 0..=2 * frame_reach {
            let weight = (frame_reach + 1 - d.abs_diff(frame_reach)) as f64 * scale;
            let source = (t + d).checked_sub(frame_reach);
            match source {
                Some(s) if s < frames => {
                    for (slot, m) in row.iter_mut().zip(&chunk.mask[s * bins..(s + 1) * bins]) {
                        *slot += m * weight;
                    }
                }
                _ => {
                    let inside = match source {
                        Some(s) => s - frames < chunk.silent_after,
                        None => frame_reach - t - d <= chunk.silent_before,
                    };
                    if inside {
                        row.iter_mut()
                            .zip(silent)
                            .for_each(|(slot, m)| *slot += m * weight);
                    }
                }
            }
        }
    }
    // Along frequency the triangle is two boxes of r + 1 bins, each a difference of running sums.
    let scale = 1.0 / ((bin_reach + 1) * (bin_reach + 1)) as f64;
    let mut lines = Lines::new(bins, bin_reach);
    let mut rows = smoothed.chunks_exact(LANES * bins);
    let mut targets = chunk.mask.chunks_exact_mut(LANES * bins);
    for (rows, targets) in (&mut rows).zip(&mut targets) {
        lines.triangle(rows, targets, scale);
    }
    let (rest, target) = (rows.remainder(), targets.into_remainder());
    if !rest.is_empty() {
        let mut padded = rest.to_vec();
        padded.resize(LANES * bins, 0.0);
        let mut result = vec![0.0; LANES * bins];
        lines.triangle(&padded, &mut result, scale);
        target.copy_from_slice(&result[..target.len()]);
    }
}

/// Frames whose running sums advance side by side: an addition waits for the one before it, so
/// one frame alone would leave the adder idle.
const LANES: usize = 8;

/// Scratch for the running sums of [`LANES`] frames.
struct Lines {
    bins: usize,
    reach: usize,
    once: Vec<[f64; LANES]>,
    twice: Vec<[f64; LANES]>,
}

impl Lines {
    fn new(bins: usize, reach: usize) -> Self {
        // Running sums start at 0 and go on `reach` bins past the end, where the mask is 0.
        let length = bins + 2 * reach + 1;
        Self {
            bins,
            reach,
            once: vec![[0.0; LANES]; length],
            twice: vec![[0.0; LANES]; length],
        }
    }

    fn triangle(&mut self, rows: &[f64], targets: &mut [f64], scale: f64) {
        let Self {
            bins,
            reach,
            once,
            twice,
        } = self;
        let (bins, reach) = (*bins, *reach);
        let width = reach + 1;
        let mut sum = [0.0; LANES];
        for (i, slot) in once.iter_mut().enumerate() {
            if i < bins {
                for (lane, s) in sum.iter_mut().enumerate() {
                    *s += rows[lane * bins + i];
                }
            }
            *slot = sum;
        }
        let mut sum = [0.0; LANES];
        for (i, slot) in twice.iter_mut().enumerate() {
            for (lane, s) in sum.iter_mut().enumerate() {
                let past = if i >= width {
                    once[i - width][lane]
                } else {
                    0.0
                };
                *s += once[i][lane] - past;
            }
            *slot = sum;
        }
        for i in 0..bins {
            for lane in 0..LANES {
                let past = if i + reach >= width {
                    twice[i + reach - width][lane]
                } else {
                    0.0
                };
                targets[lane * bins + i] = (twice[i + reach][lane] - past) * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_equals_the_convolution() {
        for (bins, frames, bin_reach, frame_reach, before, after) in [
            (33, 11, 5, 2, 3, 1),
            (33, 8, 40, 1, 0, 0),
            (17, 3, 1, 4, 2, 9),
            (9, 17, 2, 1, 1, 1),
        ] {
            let mask: Vec<f64> = (0..bins * frames)
                .map(|i| ((i * 37 % 101) as f64) / 101.0)
                .collect();
            let silent = 0.25;
            let mut chunk = Chunk {
                bins,
                silent_before: before,
                silent_after: after,
                spectra: vec![],
                mask: mask.clone(),
                other: vec![f64::NAN; mask.len()],
            };
            smooth(&mut chunk, (bin_reach, frame_reach), &vec![silent; bins]);
            let at = |t: isize, k: isize| -> f64 {
                if k < 0 || k >= bins as isize {
                    0.0
                } else if (0..frames as isize).contains(&t) {
                    mask[t as usize * bins + k as usize]
                } else if (-(before as isize)..(frames + after) as isize).contains(&t) {
                    silent
                } else {
                    0.0
                }
            };
            let (b, f) = (bin_reach as isize, frame_reach as isize);
            let total = ((b + 1) * (b + 1) * (f + 1) * (f + 1)) as f64;
            for t in 0..frames as isize {
                for k in 0..bins as isize {
                    let mut sum = 0.0;
                    for dt in -f..=f {
                        for dk in -b..=b {
                            let weight = ((f + 1 - dt.abs()) * (b + 1 - dk.abs())) as f64;
                            sum += weight * at(t + dt, k + dk);
                        }
                    }
                    let value = chunk.mask[t as usize * bins + k as usize];
                    assert!(
                        (value - sum / total).abs() < 1e-12,
                        "{bins} {frames}: {t} {k}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_mask_of_one_returns_the_sound() {
        let noise = |n: usize| -> Vec<f32> {
            let mut state = 1_u32;
            (0..n)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 8) as f32 / 8_388_608.0 - 1.0
                })
                .collect()
        };
        // The last is longer than a chunk, so that chunks must fit together.
        for n in [1, 255, 5_000, 610_000] {
            let sound = Sound {
                samples: noise(n),
                sample_rate: 8_000,
            };
            let settings = GateSettings {
                freq_mask_smooth_hz: 0.0,
                time_mask_smooth_ms: 0.0,
                ..Default::default()
            };
            let out = gate(&sound.borrowed(), &settings, 1.0, |chunk| {
                chunk.mask.fill(1.0);
                vec![1.0; chunk.bins]
            });
            assert_eq!(out.len(), n);
            for (i, (a, b)) in sound.samples.iter().zip(&out).enumerate() {
                assert!((a - b).abs() < 1e-6, "{n} samples, sample {i}: {a} {b}");
            }
        }
    }
}
