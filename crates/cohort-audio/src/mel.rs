//! Mel scale, filter bank, spectrogram and cepstrum.

use crate::fast::{self, LANES};
use crate::power::PowerFrames;
use crate::stft::{Frames, Framing};
use crate::{AudioError, db};

/// Which formula maps hertz to mel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MelScale {
    /// Linear to 1,000 Hz, logarithmic above (Slaney's Auditory Toolbox; librosa's default).
    Slaney,
    /// `2595 log10(1 + f / 700)` (HTK).
    Htk,
}

impl MelScale {
    /// Mel of `hertz`.
    pub fn from_hertz(self, hertz: f64) -> f64 {
        match self {
            Self::Htk => 2595.0 * (1.0 + hertz / 700.0).log10(),
            Self::Slaney if hertz >= 1000.0 => 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln(),
            Self::Slaney => hertz * 3.0 / 200.0,
        }
    }

    /// Hertz of `mel`.
    pub fn to_hertz(self, mel: f64) -> f64 {
        match self {
            Self::Htk => 700.0 * (10f64.powf(mel / 2595.0) - 1.0),
            Self::Slaney if mel >= 15.0 => 1000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp(),
            Self::Slaney => mel * 200.0 / 3.0,
        }
    }
}

/// Triangular filters, evenly spaced on the mel scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MelSettings {
    /// Number of filters, at least 1.
    pub n_mels: usize,
    /// Lower edge of the first filter, hertz, from 0.
    pub fmin: f64,
    /// Upper edge of the last filter, hertz; None is half the sample rate.
    pub fmax: Option<f64>,
    /// The scale.
    pub scale: MelScale,
    /// Whether each filter is divided by half its width in hertz (librosa's `norm="slaney"`), so
    /// that filters pass about equal energy.
    pub slaney_norm: bool,
}

impl MelSettings {
    /// `n_mels` filters from 0 Hz to half the sample rate, Slaney scale and norm: librosa's
    /// defaults, whose `n_mels` is 128.
    pub fn new(n_mels: usize) -> Self {
        Self {
            n_mels,
            fmin: 0.0,
            fmax: None,
            scale: MelScale::Slaney,
            slaney_norm: true,
        }
    }
}

/// A bank of mel filters over the bins of a spectrum, kept without its zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct MelBank {
    /// For each filter the first bin and where its weights end in `weights`.
    filters: Vec<(usize, usize)>,
    weights: Vec<f32>,
    bins: usize,
}

impl MelBank {
    /// The filters for spectra of `n_fft` samples at `sample_rate`, as librosa 0.11 `filters.mel`.
    ///
    /// # Errors
    /// [`AudioError::Setting`] when there is no filter or the edges are not
    /// `0 <= fmin < fmax <= sample_rate / 2`.
    pub fn new(sample_rate: u32, n_fft: usize, settings: &MelSettings) -> Result<Self, AudioError> {
        let operation = "mel filter bank";
        let nyquist = f64::from(sample_rate) / 2.0;
        let fmax = settings.fmax.unwrap_or(nyquist);
        if settings.n_mels == 0 {
            return Err(AudioError::setting(operation, "n_mels", "at least 1", 0));
        }
        if !(0.0..=nyquist).contains(&settings.fmin) || settings.fmin >= fmax || fmax > nyquist {
            return Err(AudioError::setting(
                operation,
                "fmin and fmax",
                format!("0 <= fmin < fmax <= {nyquist}"),
                format!("{} and {fmax}", settings.fmin),
            ));
        }
        let low = settings.scale.from_hertz(settings.fmin);
        let step = (settings.scale.from_hertz(fmax) - low) / (settings.n_mels + 1) as f64;
        let edges: Vec<f64> = (0..settings.n_mels + 2)
            .map(|i| settings.scale.to_hertz(low + step * i as f64))
            .collect();
        let bins = n_fft / 2 + 1;
        let bin_width = f64::from(sample_rate) / n_fft as f64;
        let mut bank = Self {
            filters: Vec::with_capacity(settings.n_mels),
            weights: vec![],
            bins,
        };
        for edge in edges.windows(3) {
            let [left, centre, right] = [edge[0], edge[1], edge[2]];
            let norm = if settings.slaney_norm {
                2.0 / (right - left)
            } else {
                1.0
            };
            let first = ((left / bin_width).floor().max(0.0) as usize).min(bins);
            let last = ((right / bin_width).ceil() as usize + 1).min(bins);
            bank.weights.extend((first..last).map(|bin| {
                let hertz = bin as f64 * bin_width;
                let rise = (hertz - left) / (centre - left);
                let fall = (right - hertz) / (right - centre);
                // librosa rounds to f32 before the norm is applied.
                (f64::from(rise.min(fall).max(0.0) as f32) * norm) as f32
            }));
            bank.filters.push((first, bank.weights.len()));
        }
        Ok(bank)
    }

    /// Number of filters.
    pub fn len(&self) -> usize {
        self.filters.len()
    }

    /// Never: a bank has one filter at least.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Weighted sums of one spectrum (`n_fft / 2 + 1` powers) into `mel`, one value a filter.
    pub fn apply(&self, power: &[f32], mel: &mut [f32]) {
        let mut from = 0;
        for (slot, &(first, to)) in mel.iter_mut().zip(&self.filters) {
            let values = power.get(first..).unwrap_or(&[]);
            let products = self.weights[from..to].iter().zip(values);
            *slot = products.map(|(weight, value)| weight * value).sum();
            from = to;
        }
    }

    /// The filters as a dense matrix, one row of `n_fft / 2 + 1` weights a filter.
    pub fn to_dense(&self) -> Vec<f32> {
        let mut dense = vec![0.0; self.filters.len() * self.bins];
        let mut from = 0;
        for (row, &(first, to)) in dense.chunks_exact_mut(self.bins).zip(&self.filters) {
            row[first..first + to - from].copy_from_slice(&self.weights[from..to]);
            from = to;
        }
        dense
    }
}

/// Where the powers come from.
enum Spectra<'a> {
    Double(Frames<'a>),
    Single(PowerFrames<'a>),
}

/// Mel spectrogram, frame by frame, so that nothing larger than a frame is held.
pub struct MelFrames<'a> {
    spectra: Spectra<'a>,
    bank: MelBank,
    /// Powers of a block of frames, bin by bin.
    power: Vec<[f32; LANES]>,
    /// Mel powers of a block of frames, filter by filter.
    mel: Vec<[f32; LANES]>,
}

impl<'a> MelFrames<'a> {
    /// Mel frames of `samples`.
    ///
    /// # Errors
    /// [`AudioError::Setting`] when the layout or the filters are not valid.
    pub fn new(
        samples: &'a [f32],
        sample_rate: u32,
        framing: Framing,
        settings: &MelSettings,
    ) -> Result<Self, AudioError> {
        let spectra = Spectra::Double(Frames::new(samples, framing)?);
        Self::of(spectra, sample_rate, framing, settings)
    }

    /// [`new`](Self::new) in single precision, for uses that need nothing far below the loudest.
    pub(crate) fn single(
        samples: &'a [f32],
        sample_rate: u32,
        framing: Framing,
        settings: &MelSettings,
    ) -> Result<Self, AudioError> {
        let spectra = Spectra::Single(PowerFrames::new(samples, framing)?);
        Self::of(spectra, sample_rate, framing, settings)
    }

    fn of(
        spectra: Spectra<'a>,
        sample_rate: u32,
        framing: Framing,
        settings: &MelSettings,
    ) -> Result<Self, AudioError> {
        let bank = MelBank::new(sample_rate, framing.n_fft, settings)?;
        Ok(Self {
            spectra,
            power: vec![[0.0; LANES]; framing.bins()],
            mel: vec![[0.0; LANES]; bank.len()],
            bank,
        })
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        match &self.spectra {
            Spectra::Double(frames) => frames.len(),
            Spectra::Single(frames) => frames.len(),
        }
    }

    /// Never: there is one frame at least.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Mel powers of the frames from `t` on into `rows`, as many as it has room for, one value a
    /// filter each. Eight frames or more at a time are cheapest.
    pub fn powers(&mut self, t: usize, rows: &mut [f32]) {
        let n_mels = self.bank.len();
        let end = t + rows.len() / n_mels;
        // Frames go in pairs from an even one on, so that each has the same partner in every call.
        for start in (t - t % 2..end).step_by(LANES) {
            let lanes = LANES.min(end - start);
            match &mut self.spectra {
                Spectra::Double(frames) => (0..lanes).for_each(|lane| {
                    fast::powers(frames.spectrum(start + lane), lane, &mut self.power)
                }),
                Spectra::Single(frames) => (0..lanes)
                    .step_by(2)
                    .for_each(|lane| frames.pair(start + lane, lane, &mut self.power)),
            }
            let Self {
                bank, power, mel, ..
            } = self;
            fast::weigh(&bank.filters, &bank.weights, power, mel);
            for lane in start.max(t) - start..lanes {
                let row = &mut rows[(start + lane - t) * n_mels..][..n_mels];
                for (slot, values) in row.iter_mut().zip(&*mel) {
                    *slot = values[lane];
                }
            }
        }
    }
}

/// Mel spectrogram of a sound: powers, frame by frame, `n_mels` values each (librosa 0.11
/// `melspectrogram`, transposed). For long sounds use [`MelFrames`].
///
/// # Errors
/// As [`MelFrames::new`].
pub fn mel_spectrogram(
    samples: &[f32],
    sample_rate: u32,
    framing: Framing,
    settings: &MelSettings,
) -> Result<Vec<f32>, AudioError> {
    let mut frames = MelFrames::new(samples, sample_rate, framing, settings)?;
    let mut values = vec![0.0; frames.len() * settings.n_mels];
    frames.powers(0, &mut values);
    Ok(values)
}

/// Mel-frequency cepstral coefficients of a mel spectrogram in decibel: orthonormal DCT-II of each
/// row of `n_mels` values, the first `n_mfcc` kept (librosa 0.11 `mfcc(S=...)`, transposed).
/// `n_mfcc` above `n_mels` is cut to it.
pub fn mfcc(mel_db: &[f32], n_mels: usize, n_mfcc: usize) -> Vec<f32> {
    if n_mels == 0 {
        return Vec::new();
    }
    let n_mfcc = n_mfcc.min(n_mels);
    let n = n_mels as f64;
    let basis: Vec<f64> = (0..n_mfcc)
        .flat_map(|k| {
            let scale = if k == 0 {
                (1.0 / n).sqrt()
            } else {
                (2.0 / n).sqrt()
            };
            (0..n_mels).map(move |i| {
                scale * (std::f64::consts::PI * (i as f64 + 0.5) * k as f64 / n).cos()
            })
        })
        .collect();
    mel_db
        .chunks_exact(n_mels)
        .flat_map(|row| {
            basis.chunks_exact(n_mels).map(move |cosines| {
                row.iter()
                    .zip(cosines)
                    .map(|(x, c)| f64::from(*x) * c)
                    .sum::<f64>() as f32
            })
        })
        .collect()
}

/// [`mel_spectrogram`] in decibel against a power of 1 with librosa's `top_db` of 80.
///
/// # Errors
/// As [`MelFrames::new`].
pub fn mel_db(
    samples: &[f32],
    sample_rate: u32,
    framing: Framing,
    settings: &MelSettings,
) -> Result<Vec<f32>, AudioError> {
    let power = mel_spectrogram(samples, sample_rate, framing, settings)?;
    Ok(db::power_to_db(&power, 1.0, Some(80.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_inverse_and_known() {
        for scale in [MelScale::Slaney, MelScale::Htk] {
            for hertz in [0.0, 60.0, 999.0, 1000.0, 1001.0, 8000.0] {
                assert!((scale.to_hertz(scale.from_hertz(hertz)) - hertz).abs() < 1e-8);
            }
        }
        // librosa.hz_to_mel(60), [110, 220, 440]; htk=True of 1000.
        for (hertz, mel) in [(60.0, 0.9), (110.0, 1.65), (220.0, 3.3), (440.0, 6.6)] {
            assert!((MelScale::Slaney.from_hertz(hertz) - mel).abs() < 1e-12);
        }
        assert!((MelScale::Htk.from_hertz(1000.0) - 999.985_537_139_624_3).abs() < 1e-9);
    }

    #[test]
    fn filters_are_triangles_of_unit_area() {
        let bank = MelBank::new(16_000, 8_192, &MelSettings::new(20)).unwrap();
        for (i, row) in bank.to_dense().chunks_exact(4_097).enumerate() {
            // With the norm the area under each triangle is 1, up to the grid of bins.
            let area: f32 = row.iter().sum::<f32>() * 16_000.0 / 8_192.0;
            assert!((area - 1.0).abs() < 0.01, "filter {i}: {area}");
        }
    }

    #[test]
    fn sparse_equals_dense() {
        let bank = MelBank::new(8_000, 512, &MelSettings::new(64)).unwrap();
        let power: Vec<f32> = (0..257).map(|i| (i as f32 * 0.7).sin().abs()).collect();
        let mut mel = vec![0.0; 64];
        bank.apply(&power, &mut mel);
        for (value, row) in mel.iter().zip(bank.to_dense().chunks_exact(257)) {
            let sum: f32 = row.iter().zip(&power).map(|(a, b)| a * b).sum();
            assert!((value - sum).abs() < 1e-5);
        }
    }

    #[test]
    fn frames_in_blocks_equal_the_bank_on_each_spectrum() {
        let samples: Vec<f32> = (0..3_000).map(|i| (i as f32 * 0.37).sin()).collect();
        let framing = Framing {
            n_fft: 256,
            hop: 64,
        };
        let settings = MelSettings::new(40);
        let mut mel = MelFrames::new(&samples, 8_000, framing, &settings).unwrap();
        let mut spectra = Frames::new(&samples, framing).unwrap();
        let bank = MelBank::new(8_000, 256, &settings).unwrap();
        let mut rows = vec![0.0; 19 * 40];
        mel.powers(3, &mut rows);
        for (t, row) in rows.chunks_exact(40).enumerate() {
            let (mut power, mut expected) = (vec![0.0; 129], vec![0.0; 40]);
            spectra.power(3 + t, &mut power);
            bank.apply(&power, &mut expected);
            for (a, b) in row.iter().zip(&expected) {
                assert!((a - b).abs() <= 1e-5 * b, "frame {t}: {a} {b}");
            }
        }
    }

    #[test]
    fn cepstrum_of_one_cosine_is_one_coefficient() {
        let row: Vec<f32> = (0..40)
            .map(|i| (std::f64::consts::PI * (i as f64 + 0.5) * 3.0 / 40.0).cos() as f32)
            .collect();
        let coefficients = mfcc(&row, 40, 13);
        for (k, value) in coefficients.iter().enumerate() {
            let expected = if k == 3 { 20f32.sqrt() } else { 0.0 };
            assert!((value - expected).abs() < 1e-5, "{k}: {value}");
        }
    }

    #[test]
    fn wrong_settings_are_errors() {
        let cases = [
            MelSettings {
                n_mels: 0,
                ..MelSettings::new(1)
            },
            MelSettings {
                fmin: -1.0,
                ..MelSettings::new(4)
            },
            MelSettings {
                fmax: Some(5_000.0),
                ..MelSettings::new(4)
            },
            MelSettings {
                fmin: 300.0,
                fmax: Some(300.0),
                ..MelSettings::new(4)
            },
        ];
        for settings in cases {
            assert!(MelBank::new(8_000, 512, &settings).is_err(), "{settings:?}");
        }
    }
}
