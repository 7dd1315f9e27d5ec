//! Power spectra in single precision, two frames at a time.

use rustfft::num_complex::Complex32;

use crate::AudioError;
use crate::fast::{self, LANES};
use crate::fft::ComplexFft;
use crate::stft::Framing;
use crate::window::hann;

/// Power spectra of a sound for uses that need no bin far below the loudest. Frames 2 i and 2 i + 1 are
/// the real and the imaginary part of one complex transform, which is less work than two real ones; an
/// amplitude is within about 1e-7 of the largest of the two what [`Frames`](crate::Frames) gives.
pub(crate) struct PowerFrames<'a> {
    samples: &'a [f32],
    framing: Framing,
    window: Vec<f32>,
    fft: ComplexFft,
    /// Two frames with the zeros around the sound.
    padded: [Vec<f32>; 2],
    packed: Vec<Complex32>,
    spectrum: Vec<Complex32>,
}

impl<'a> PowerFrames<'a> {
    /// Frames of `samples`.
    ///
    /// # Errors
    /// [`AudioError::Setting`] when `framing` is not valid.
    pub(crate) fn new(samples: &'a [f32], framing: Framing) -> Result<Self, AudioError> {
        framing.check("short-time Fourier transform")?;
        let n_fft = framing.n_fft;
        Ok(Self {
            samples,
            framing,
            window: hann(n_fft).into_iter().map(|w| w as f32).collect(),
            fft: ComplexFft::new(n_fft),
            padded: [vec![0.0; n_fft], vec![0.0; n_fft]],
            packed: vec![Complex32::default(); n_fft],
            spectrum: vec![Complex32::default(); n_fft],
        })
    }

    /// Number of frames.
    pub(crate) fn len(&self) -> usize {
        self.framing.frames(self.samples.len())
    }

    /// Powers of the even frame `t` and the one after it into two lanes of `power`, one entry a bin.
    /// A frame beyond the sound is silent.
    pub(crate) fn pair(&mut self, t: usize, lane: usize, power: &mut [[f32; LANES]]) {
        let n_fft = self.framing.n_fft;
        let [first, second] = &mut self.padded;
        let [first, second] = [(t, first), (t + 1, second)].map(|(t, padded)| {
            let (before, inside) = self.framing.place(self.samples, t);
            if inside.len() == n_fft {
                return inside;
            }
            padded.fill(0.0);
            padded[before..before + inside.len()].copy_from_slice(inside);
            &padded[..]
        });
        fast::pack(first, second, &self.window, &mut self.packed);
        self.fft.forward(&mut self.packed, &mut self.spectrum);
        fast::pair_powers(&self.spectrum, lane, power);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frames;

    #[test]
    fn pairs_equal_single_frames() {
        let samples: Vec<f32> = (0..777).map(|i| ((i * i) as f32 * 0.01).sin()).collect();
        for (n_fft, hop) in [(64, 16), (2, 1), (6, 5), (2_048, 100)] {
            let framing = Framing { n_fft, hop };
            let mut pairs = PowerFrames::new(&samples, framing).unwrap();
            let mut frames = Frames::new(&samples, framing).unwrap();
            let mut lanes = vec![[f32::NAN; LANES]; framing.bins()];
            let mut expected = vec![vec![0.0; framing.bins()]; 2];
            for t in (0..pairs.len()).step_by(2) {
                pairs.pair(t, 4, &mut lanes);
                frames.power(t, &mut expected[0]);
                frames.power(t + 1, &mut expected[1]);
                let top = expected.iter().flatten().copied().fold(0.0, f32::max);
                for (lane, expected) in expected.iter().enumerate() {
                    for (k, (value, expected)) in lanes.iter().zip(expected).enumerate() {
                        let error = (value[4 + lane].sqrt() - expected.sqrt()).abs();
                        assert!(
                            error <= 3e-7 * top.sqrt(),
                            "{n_fft} {hop}: frame {t} + {lane}, bin {k}: {error} {top}"
                        );
                    }
                }
            }
        }
    }
}
