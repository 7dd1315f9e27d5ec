//! Short-time Fourier transform and its inverse.

use rustfft::num_complex::Complex64;

use crate::AudioError;
use crate::fft::RealFft;
use crate::window::hann;

/// Frame layout of a short-time Fourier transform with a periodic Hann window as long as the
/// transform. Frames are centred: frame `t` covers `n_fft` samples around sample `t * hop`, with
/// zeros beyond both ends. librosa 0.11 `stft` with its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    /// Samples in a frame, even, at least 2.
    pub n_fft: usize,
    /// Samples between the centres of neighbouring frames, at least 1.
    pub hop: usize,
}

impl Framing {
    /// Number of frames of a sound of `samples`: `samples / hop + 1`.
    pub fn frames(&self, samples: usize) -> usize {
        samples / self.hop + 1
    }

    /// Number of frequency bins: `n_fft / 2 + 1`; bin `k` is at `k * rate / n_fft` hertz.
    pub fn bins(&self) -> usize {
        self.n_fft / 2 + 1
    }

    /// What frame `t` holds of `samples`, and how many zeros before that; what is left of it is zero.
    pub(crate) fn place<'a>(&self, samples: &'a [f32], t: usize) -> (usize, &'a [f32]) {
        // The frame starts at t * hop - n_fft / 2, which may lie before the sound.
        let centre = t.saturating_mul(self.hop);
        let before = (self.n_fft / 2).saturating_sub(centre);
        let start = centre.saturating_sub(self.n_fft / 2);
        let inside = samples.get(start..).unwrap_or(&[]);
        (before, &inside[..inside.len().min(self.n_fft - before)])
    }

    pub(crate) fn check(&self, operation: &'static str) -> Result<(), AudioError> {
        if self.n_fft < 2 || !self.n_fft.is_multiple_of(2) {
            return Err(AudioError::setting(
                operation,
                "n_fft",
                "an even number",
                self.n_fft,
            ));
        }
        if self.hop == 0 {
            return Err(AudioError::setting(
                operation,
                "hop",
                "at least 1",
                self.hop,
            ));
        }
        Ok(())
    }
}

/// Spectra of a sound, frame by frame and in any order, so that nothing larger than a frame is
/// held.
pub struct Frames<'a> {
    samples: &'a [f32],
    framing: Framing,
    window: Vec<f64>,
    fft: RealFft,
    buffer: Vec<f64>,
    spectrum: Vec<Complex64>,
}

impl<'a> Frames<'a> {
    /// Frames of `samples`.
    ///
    /// # Errors
    /// [`AudioError::Setting`] when `framing` is not valid.
    pub fn new(samples: &'a [f32], framing: Framing) -> Result<Self, AudioError> {
        framing.check("short-time Fourier transform")?;
        let fft = RealFft::new(framing.n_fft);
        Ok(Self {
            samples,
            framing,
            window: hann(framing.n_fft),
            buffer: vec![0.0; framing.n_fft],
            spectrum: vec![Complex64::default(); fft.bins()],
            fft,
        })
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.framing.frames(self.samples.len())
    }

    /// Never: there is one frame at least.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Complex spectrum of frame `t`; a frame beyond the sound is silent.
    pub fn spectrum(&mut self, t: usize) -> &[Complex64] {
        let (before, inside) = self.framing.place(self.samples, t);
        self.buffer[..before].fill(0.0);
        let windows = &self.window[before..];
        let filled = &mut self.buffer[before..];
        crate::fast::windowed(inside, windows, filled);
        filled[inside.len()..].fill(0.0);
        self.fft.forward(&self.buffer, &mut self.spectrum);
        &self.spectrum
    }

    /// Power (squared magnitude) of frame `t` into `power`, one value a bin.
    pub fn power(&mut self, t: usize, power: &mut [f32]) {
        for (slot, value) in power.iter_mut().zip(self.spectrum(t)) {
            *slot = value.norm_sqr() as f32;
        }
    }
}

/// A whole short-time spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct Stft {
    /// The layout.
    pub framing: Framing,
    /// Frame by frame, [`Framing::bins`] values each.
    pub values: Vec<Complex64>,
}

/// Short-time Fourier transform of `samples`, all frames at once. For long sounds use [`Frames`].
///
/// # Errors
/// [`AudioError::Setting`] when `framing` is not valid.
pub fn stft(samples: &[f32], framing: Framing) -> Result<Stft, AudioError> {
    let mut frames = Frames::new(samples, framing)?;
    let mut values = Vec::with_capacity(frames.len() * framing.bins());
    for t in 0..frames.len() {
        values.extend_from_slice(frames.spectrum(t));
    }
    Ok(Stft { framing, values })
}

/// The sound of `samples` samples whose [`stft`] is closest to `spectra` in the least-squares sense
/// (overlap-add, divided by the sum of squared windows; librosa 0.11 `istft`).
///
/// # Errors
/// [`AudioError::Setting`] when the layout is not valid, [`AudioError::Signal`] when the number of
/// values is not a whole number of frames.
pub fn istft(spectra: &Stft, samples: usize) -> Result<Vec<f32>, AudioError> {
    let Framing { n_fft, hop } = spectra.framing;
    spectra
        .framing
        .check("inverse short-time Fourier transform")?;
    let bins = spectra.framing.bins();
    if spectra.values.len() % bins != 0 {
        return Err(AudioError::signal(
            "inverse short-time Fourier transform",
            format!("frames of {bins} values"),
            format!("{} values", spectra.values.len()),
        ));
    }
    let window = hann(n_fft);
    let mut fft = RealFft::new(n_fft);
    let mut spectrum = vec![Complex64::default(); bins];
    let mut frame = vec![0.0; n_fft];
    let mut sum = vec![0.0; samples];
    let mut weight = vec![0.0; samples];
    for (t, values) in spectra.values.chunks_exact(bins).enumerate() {
        spectrum.copy_from_slice(values);
        fft.inverse(&mut spectrum, &mut frame);
        let before = (n_fft / 2).saturating_sub(t * hop);
        let start = (t * hop).saturating_sub(n_fft / 2).min(samples);
        let slots = sum[start..].iter_mut().zip(&mut weight[start..]);
        for ((sum, weight), (value, w)) in slots.zip(frame[before..].iter().zip(&window[before..]))
        {
            *sum += value * w / n_fft as f64;
            *weight += w * w;
        }
    }
    // librosa leaves samples that no window reaches as they are.
    let tiny = f64::from(f32::MIN_POSITIVE);
    Ok(sum
        .iter()
        .zip(&weight)
        .map(|(s, w)| (if *w > tiny { s / w } else { *s }) as f32)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(n: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * i) as f32 * 0.001).sin() * 0.5)
            .collect()
    }

    #[test]
    fn inverse_returns_the_sound() {
        for (n, n_fft, hop) in [
            (5_000, 512, 128),
            (777, 64, 16),
            (1, 16, 4),
            (300, 2_048, 512),
        ] {
            let samples = signal(n);
            let spectra = stft(&samples, Framing { n_fft, hop }).unwrap();
            assert_eq!(spectra.values.len(), (n / hop + 1) * (n_fft / 2 + 1));
            // The last samples are reached by no frame centre when hop does not divide n.
            let back = istft(&spectra, n).unwrap();
            for (i, (a, b)) in samples.iter().zip(&back).enumerate() {
                assert!(
                    (a - b).abs() < 1e-5,
                    "{n} {n_fft} {hop}: sample {i}: {a} {b}"
                );
            }
        }
    }

    #[test]
    fn a_frame_equals_the_transform_of_the_padded_sound() {
        let samples = signal(50);
        let framing = Framing { n_fft: 16, hop: 5 };
        let mut frames = Frames::new(&samples, framing).unwrap();
        let window = hann(16);
        for t in 0..frames.len() {
            let values = frames.spectrum(t).to_vec();
            for (k, value) in values.iter().enumerate() {
                let mut sum = Complex64::default();
                for (i, w) in window.iter().enumerate() {
                    let at = (t * 5 + i) as isize - 8;
                    let x = usize::try_from(at)
                        .ok()
                        .and_then(|at| samples.get(at))
                        .unwrap_or(&0.0);
                    let angle = -2.0 * std::f64::consts::PI * (k * i) as f64 / 16.0;
                    sum += Complex64::from_polar(f64::from(*x) * w, angle);
                }
                assert!((sum - value).norm() < 1e-9, "frame {t} bin {k}");
            }
        }
    }

    #[test]
    fn wrong_layouts_are_errors() {
        for framing in [
            Framing { n_fft: 0, hop: 1 },
            Framing { n_fft: 3, hop: 1 },
            Framing { n_fft: 8, hop: 0 },
        ] {
            assert!(stft(&[0.0; 20], framing).is_err(), "{framing:?}");
        }
        let ragged = Stft {
            framing: Framing { n_fft: 8, hop: 2 },
            values: vec![Complex64::default(); 7],
        };
        assert!(istft(&ragged, 10).is_err());
    }
}
