//! YIN: fundamental frequency from a normalised difference function.

use rustfft::num_complex::Complex64;

use crate::AudioError;
use crate::fast;
use crate::fft::RealFft;

/// Frames and pitch range of [`yin`] and [`pyin`](crate::pyin).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PitchRange {
    /// Lowest frequency looked for, hertz, above 0.
    pub fmin: f64,
    /// Highest frequency looked for, hertz, at most half the sample rate.
    pub fmax: f64,
    /// Samples of a frame, even; longer than a period of `fmin`, and better twice that.
    pub frame_length: usize,
    /// Samples between the centres of neighbouring frames; librosa's default is a quarter frame.
    pub hop: usize,
}

impl PitchRange {
    /// Number of frames of a sound of `samples`: `samples / hop + 1`.
    pub fn frames(&self, samples: usize) -> usize {
        samples / self.hop.max(1) + 1
    }

    /// Checks the ranges as librosa 0.11 does for `yin` and `pyin`.
    ///
    /// # Errors
    /// [`AudioError::Setting`] naming the first setting that is out of its range.
    pub fn check(&self, sample_rate: u32) -> Result<(), AudioError> {
        let operation = "fundamental frequency";
        let rate = f64::from(sample_rate);
        let wrong = |name, expected: String, found: String| {
            Err(AudioError::setting(operation, name, expected, found))
        };
        if !(self.fmin > 0.0 && self.fmin < self.fmax) {
            let found = format!("{} and {}", self.fmin, self.fmax);
            return wrong("fmin and fmax", "0 < fmin < fmax".to_owned(), found);
        }
        if self.fmax > rate / 2.0 {
            let expected = format!("at most {} Hz, half the sample rate", rate / 2.0);
            return wrong("fmax", expected, self.fmax.to_string());
        }
        if self.hop == 0 {
            return wrong("hop", "at least 1".to_owned(), self.hop.to_string());
        }
        if self.frame_length < 4
            || !self.frame_length.is_multiple_of(2)
            || self.frame_length > 1 << 22
            || rate / self.fmin >= (self.frame_length - 1) as f64
        {
            let least = (rate / self.fmin).ceil() as usize + 2;
            let expected = format!(
                "an even number from {} to 4194304",
                least.next_multiple_of(2)
            );
            return wrong("frame_length", expected, self.frame_length.to_string());
        }
        Ok(())
    }

    /// Smallest and largest period in samples; the second is above the first.
    pub(crate) fn periods(&self, sample_rate: u32) -> (usize, usize) {
        let rate = f64::from(sample_rate);
        let shortest = (rate / self.fmax).floor() as usize;
        let longest = ((rate / self.fmin).ceil() as usize).min(self.frame_length - 1);
        (shortest, longest)
    }
}

/// Cumulative mean normalised difference of a sound, frame by frame in order.
pub(crate) struct Differences<'a> {
    samples: &'a [f32],
    range: PitchRange,
    shortest: usize,
    longest: usize,
    correlator: Correlator,
    head: Vec<f64>,
    correlation: Vec<f64>,
    difference: Vec<f64>,
    sums: Vec<f64>,
}

impl<'a> Differences<'a> {
    /// `range` must have passed [`PitchRange::check`].
    pub(crate) fn new(samples: &'a [f32], sample_rate: u32, range: PitchRange) -> Self {
        let (shortest, longest) = range.periods(sample_rate);
        Self {
            samples,
            range,
            shortest,
            longest,
            correlator: Correlator::new(&range, longest),
            head: vec![0.0; longest],
            correlation: vec![0.0; longest + 1],
            difference: vec![0.0; longest + 1 - shortest],
            sums: vec![0.0; longest + 1 - shortest],
        }
    }

    /// Shortest period, to which the first value of [`frame`](Self::frame) belongs.
    pub(crate) fn shortest(&self) -> usize {
        self.shortest
    }

    /// The function for the periods from the shortest to the longest, in frame `t`. Going through
    /// the frames in order is cheapest.
    pub(crate) fn frame(&mut self, t: usize) -> &[f64] {
        self.correlator
            .frame(self.samples, t, &mut self.correlation);
        // The first samples of the frame, zeros before the sound and after it.
        let centre = t * self.range.hop;
        let before = (self.range.frame_length / 2)
            .saturating_sub(centre)
            .min(self.longest);
        let first = centre.saturating_sub(self.range.frame_length / 2);
        self.head.fill(0.0);
        let inside = self.samples.get(first..).unwrap_or(&[]);
        for (slot, sample) in self.head[before..].iter_mut().zip(inside) {
            *slot = f64::from(*sample);
        }
        let total = self.correlation[0];
        // d(k) = 2 (r(0) - r(k)) - energy of the first k samples. librosa leaves that energy out at
        // k = 1, and so the comparison with it demands the same here.
        let (mut energy, mut sum) = (0.0, 0.0);
        let lags = self.correlation[1..].iter().zip(&self.head);
        for (k, (correlation, sample)) in (1..).zip(lags) {
            energy += sample * sample;
            let before = if k == 1 { 0.0 } else { energy };
            let d = 2.0 * (total - correlation) - before;
            sum += d;
            if k >= self.shortest {
                self.difference[k - self.shortest] = d;
                self.sums[k - self.shortest] = sum;
            }
        }
        fast::over_mean(&mut self.difference, &self.sums, self.shortest);
        &self.difference
    }
}

/// Auto-correlations of overlapping frames.
///
/// When the frame is a whole number of hops and no lag is longer than a hop, the sound is cut into
/// blocks of one hop: the products of a block with itself and its successor are summed in the
/// frequency domain over the blocks of the frame. That takes transforms of two hops instead of two
/// frames, one forward and one back a frame.
struct Correlator {
    fft: RealFft,
    block: usize,
    blocks: usize,
    origin: usize,
    /// Spectra of the blocks of the frame, a ring: entry `b % blocks` is block `b`.
    spectra: Vec<Vec<Complex64>>,
    /// Products of each block with itself and its successor, in the same places.
    products: Vec<Vec<Complex64>>,
    /// First block that the rings hold.
    held: Option<usize>,
    sum: Vec<Complex64>,
    buffer: Vec<f64>,
}

impl Correlator {
    fn new(range: &PitchRange, longest: usize) -> Self {
        let (frame, hop) = (range.frame_length, range.hop);
        let by_hops = frame % hop == 0 && longest <= hop;
        // Otherwise the frame is one block, with room so that no lag wraps around.
        let (block, size) = if by_hops {
            (hop, 2 * hop)
        } else {
            (frame, (frame + longest + 1).next_power_of_two())
        };
        let fft = RealFft::new(size);
        let bins = fft.bins();
        let blocks = frame / block;
        Self {
            fft,
            block,
            blocks,
            origin: if by_hops { hop } else { range.hop },
            spectra: vec![vec![Complex64::default(); bins]; blocks],
            products: vec![vec![Complex64::default(); bins]; blocks],
            held: None,
            sum: vec![Complex64::default(); bins],
            buffer: vec![0.0; size],
        }
    }

    /// `correlation[k] = sum of y(m) y(m + k)` over the pairs inside frame `t`.
    fn frame(&mut self, samples: &[f32], t: usize, correlation: &mut [f64]) {
        let half = (self.blocks * self.block / 2) as isize;
        // With several blocks, frame t is blocks t to t + blocks - 1; a block starts at b * hop - half.
        let new = match self.held {
            Some(held) if self.blocks > 1 && t == held + 1 => t + self.blocks - 1..t + self.blocks,
            _ => t..t + self.blocks,
        };
        for b in new {
            let start = (b * self.origin) as isize - half;
            self.buffer.fill(0.0);
            let before = (-start).clamp(0, self.block as isize) as usize;
            let from = (start + before as isize).max(0) as usize;
            let inside = samples.get(from..).unwrap_or(&[]);
            for (slot, sample) in self.buffer[before..self.block].iter_mut().zip(inside) {
                *slot = f64::from(*sample);
            }
            self.fft
                .forward(&self.buffer, &mut self.spectra[b % self.blocks]);
            if b > t {
                let [own, next] = [b - 1, b].map(|b| &self.spectra[b % self.blocks]);
                let products = &mut self.products[(b - 1) % self.blocks];
                // The successor starts half a transform later: its odd bins change sign.
                fast::correlation(own, next, products);
            }
        }
        self.held = Some(t);
        let last = t + self.blocks - 1;
        fast::own_correlation(&self.spectra[last % self.blocks], &mut self.sum);
        for b in t..last {
            fast::add(&self.products[b % self.blocks], &mut self.sum);
        }
        self.fft.inverse(&mut self.sum, &mut self.buffer);
        let scale = 1.0 / self.buffer.len() as f64;
        for (slot, value) in correlation.iter_mut().zip(&self.buffer) {
            *slot = value * scale;
        }
    }
}

/// Where a parabola through the neighbours of `values[i]` has its vertex, relative to `i`; 0 at the
/// ends and where the vertex would be a step away or more.
pub(crate) fn parabolic_shift(values: &[f64], i: usize) -> f64 {
    if i == 0 || i + 1 >= values.len() {
        return 0.0;
    }
    let a = values[i + 1] + values[i - 1] - 2.0 * values[i];
    let b = (values[i + 1] - values[i - 1]) / 2.0;
    if b.abs() >= a.abs() { 0.0 } else { -b / a }
}

/// Where `values` has its local minima: below the left and not above the right neighbour; an end is
/// one when it is below its neighbour. In order, into `troughs`.
pub(crate) fn find_troughs(values: &[f64], troughs: &mut Vec<usize>) {
    // Whether a value is a trough is hard to foresee: every index is written, and those that are not
    // meant are written over.
    troughs.clear();
    troughs.resize(values.len(), 0);
    let mut count = usize::from(matches!(values, [a, b, ..] if a < b));
    for (i, w) in values.windows(3).enumerate() {
        troughs[count] = i + 1;
        count += usize::from((w[1] < w[0]) & (w[1] <= w[2]));
    }
    if matches!(values, [.., a, b] if b < a) {
        troughs[count] = values.len() - 1;
        count += 1;
    }
    troughs.truncate(count);
}

/// Fundamental frequency of each frame in hertz: the first trough of the normalised difference below
/// `trough_threshold` (librosa's default is 0.1), or its minimum where there is none, refined by a
/// parabola. There is no voicing decision. librosa 0.11 `yin` (de Cheveigné and Kawahara, 2002).
///
/// # Errors
/// [`AudioError::Setting`] when `range` fails [`PitchRange::check`].
pub fn yin(
    samples: &[f32],
    sample_rate: u32,
    range: &PitchRange,
    trough_threshold: f64,
) -> Result<Vec<f64>, AudioError> {
    range.check(sample_rate)?;
    let mut differences = Differences::new(samples, sample_rate, *range);
    let shortest = differences.shortest();
    let mut troughs = Vec::new();
    Ok((0..range.frames(samples.len()))
        .map(|t| {
            let d = differences.frame(t);
            find_troughs(d, &mut troughs);
            let first = troughs.iter().find(|&&i| d[i] < trough_threshold);
            let index = first.copied().unwrap_or_else(|| {
                let mut lowest = 0;
                for (i, value) in d.iter().enumerate() {
                    if *value < d[lowest] {
                        lowest = i;
                    }
                }
                lowest
            });
            f64::from(sample_rate) / ((shortest + index) as f64 + parabolic_shift(d, index))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 3_u32;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    #[test]
    fn differences_equal_the_sums() {
        let samples = noise(700);
        // By blocks of one hop, and by whole frames where hop and lags do not allow that.
        for (frame_length, hop, fmin) in [(256, 64, 130.0), (256, 100, 130.0), (256, 32, 40.0)] {
            let range = PitchRange {
                fmin,
                fmax: 1_000.0,
                frame_length,
                hop,
            };
            range.check(8_000).unwrap();
            let (shortest, longest) = range.periods(8_000);
            let mut differences = Differences::new(&samples, 8_000, range);
            for t in 0..range.frames(700) {
                let y: Vec<f64> = (0..frame_length)
                    .map(|i| {
                        (t * hop + i)
                            .checked_sub(frame_length / 2)
                            .and_then(|s| samples.get(s))
                    })
                    .map(|s| f64::from(*s.unwrap_or(&0.0)))
                    .collect();
                let r = |k: usize| -> f64 { (0..frame_length - k).map(|m| y[m] * y[m + k]).sum() };
                let d = |k: usize| -> f64 {
                    let energy: f64 = if k == 1 {
                        0.0
                    } else {
                        y[..k].iter().map(|v| v * v).sum()
                    };
                    2.0 * (r(0) - r(k)) - energy
                };
                let values = differences.frame(t);
                for k in shortest..=longest {
                    let mean = (1..=k).map(d).sum::<f64>() / k as f64;
                    let value = values[k - shortest];
                    assert!(
                        (value - d(k) / mean).abs() < 1e-9,
                        "{range:?} frame {t} period {k}"
                    );
                }
            }
        }
    }

    #[test]
    fn tones_equal_librosa() {
        // librosa 0.11: y = sin(2 pi hertz arange(16000) / 8000) as float32; yin(y, sr=8000, fmin=65,
        // fmax=450, frame_length=1024)[[10, 20, 30]]. The difference keeps the energy of the last k
        // samples of the frame, which grows with k, so the values lie a few cents above the tone.
        let cases = [
            (
                97.0,
                [97.3233668015154, 97.31372801832981, 97.28035961939241],
            ),
            (
                220.0,
                [220.16475230248616, 220.2733059763435, 220.3652721595013],
            ),
            (
                399.0,
                [399.75708104541565, 399.68991207002216, 399.594520965473],
            ),
        ];
        for (hertz, expected) in cases {
            let samples: Vec<f32> = (0..16_000)
                .map(|i| (2.0 * std::f64::consts::PI * hertz * f64::from(i) / 8_000.0).sin() as f32)
                .collect();
            let range = PitchRange {
                fmin: 65.0,
                fmax: 450.0,
                frame_length: 1_024,
                hop: 256,
            };
            let f0 = yin(&samples, 8_000, &range, 0.1).unwrap();
            for (frame, expected) in [10, 20, 30].into_iter().zip(expected) {
                let cents = 1200.0 * (f0[frame] / expected).log2();
                assert!(
                    cents.abs() < 0.1,
                    "{hertz}, frame {frame}: {} {expected}",
                    f0[frame]
                );
            }
        }
    }

    #[test]
    fn troughs_are_below_the_left_and_not_above_the_right() {
        let mut troughs = vec![7];
        let cases: [(&[f64], &[usize]); 6] = [
            (&[0.5, 1.0, 0.2, 0.2, 0.3, 0.1], &[0, 2, 5]),
            (&[1.0], &[]),
            (&[], &[]),
            (&[1.0, 2.0], &[0]),
            (&[2.0, 1.0], &[1]),
            (&[1.0, 1.0, 1.0], &[]),
        ];
        for (values, expected) in cases {
            find_troughs(values, &mut troughs);
            assert_eq!(troughs, expected, "{values:?}");
        }
    }

    #[test]
    fn ranges_out_of_range_are_errors() {
        let good = PitchRange {
            fmin: 65.0,
            fmax: 450.0,
            frame_length: 1_024,
            hop: 256,
        };
        assert!(good.check(8_000).is_ok());
        let cases = [
            PitchRange { fmin: 0.0, ..good },
            PitchRange {
                fmin: 450.0,
                ..good
            },
            PitchRange {
                fmin: f64::NAN,
                ..good
            },
            PitchRange {
                fmax: 4_001.0,
                ..good
            },
            PitchRange {
                frame_length: 124,
                ..good
            },
            PitchRange {
                frame_length: 1_023,
                ..good
            },
            PitchRange { hop: 0, ..good },
        ];
        for range in cases {
            assert!(range.check(8_000).is_err(), "{range:?}");
        }
    }
}
