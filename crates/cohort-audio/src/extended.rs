//! Descriptors of a voice beyond the seven values.

use serde::{Deserialize, Serialize};

use crate::db::MIN_POWER;
use crate::mel::{MelFrames, MelSettings, mfcc};
use crate::statistics::{deviation, mean};
use crate::stft::Framing;
use crate::{AudioError, Sound, fast, voice};

/// Number of cepstral coefficients described.
const N_MFCC: usize = 13;

/// Voice quality, pauses and spectral shape.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ExtendedFeatures {
    /// Mean absolute difference of neighbouring periods over their mean (Praat's local jitter).
    pub jitter_local: f64,
    /// Mean absolute difference of the amplitudes of neighbouring periods over their mean (Praat's
    /// local shimmer).
    pub shimmer_local: f64,
    /// Mean harmonics-to-noise ratio over the frames with sound, decibel (Praat's, by
    /// cross-correlation).
    pub hnr_db: f64,
    /// Number of pauses of a tenth of a second or more, 25 dB or more below the loudest part, those
    /// at both ends included (Praat's silences).
    pub pause_count: f64,
    /// Mean length of a pause in seconds.
    pub pause_mean_s: f64,
    /// Mean power density from 1 to 4 kHz over that below 1 kHz, decibel.
    pub spectral_tilt_db: f64,
    /// Mean over time of 13 mel-frequency cepstral coefficients.
    pub mfcc_mean: [f64; N_MFCC],
    /// Standard deviation over time of the same.
    pub mfcc_sd: [f64; N_MFCC],
}

/// Names in the order of [`ExtendedFeatures::vector`].
const NAMES: [&str; 6 + 2 * N_MFCC] = [
    "jitter_local",
    "shimmer_local",
    "hnr_db",
    "pause_count",
    "pause_mean_s",
    "spectral_tilt_db",
    "mfcc_mean_1",
    "mfcc_mean_2",
    "mfcc_mean_3",
    "mfcc_mean_4",
    "mfcc_mean_5",
    "mfcc_mean_6",
    "mfcc_mean_7",
    "mfcc_mean_8",
    "mfcc_mean_9",
    "mfcc_mean_10",
    "mfcc_mean_11",
    "mfcc_mean_12",
    "mfcc_mean_13",
    "mfcc_sd_1",
    "mfcc_sd_2",
    "mfcc_sd_3",
    "mfcc_sd_4",
    "mfcc_sd_5",
    "mfcc_sd_6",
    "mfcc_sd_7",
    "mfcc_sd_8",
    "mfcc_sd_9",
    "mfcc_sd_10",
    "mfcc_sd_11",
    "mfcc_sd_12",
    "mfcc_sd_13",
];

impl ExtendedFeatures {
    /// Names of the components of [`vector`](Self::vector), in order.
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// All descriptors, in the order of the fields.
    pub fn vector(&self) -> Vec<f64> {
        let mut values = vec![
            self.jitter_local,
            self.shimmer_local,
            self.hnr_db,
            self.pause_count,
            self.pause_mean_s,
            self.spectral_tilt_db,
        ];
        values.extend(self.mfcc_mean);
        values.extend(self.mfcc_sd);
        values
    }
}

/// Describes a sound that is not silent.
///
/// # Errors
/// None that a checked sound can cause.
pub(crate) fn describe(sound: &Sound<&[f32]>) -> Result<ExtendedFeatures, AudioError> {
    let wave = voice::Wave {
        samples: sound.samples,
        rate: f64::from(sound.sample_rate),
    };
    let pulses = voice::pulses(wave, &voice::pitch_contour(wave));
    let pauses = voice::pauses(wave);
    let (mfcc_mean, mfcc_sd) = cepstrum(sound)?;
    Ok(ExtendedFeatures {
        jitter_local: voice::jitter_local(&pulses),
        shimmer_local: voice::shimmer_local(wave, &pulses),
        hnr_db: voice::harmonics_to_noise_db(wave),
        pause_count: pauses.len() as f64,
        pause_mean_s: mean(&pauses),
        spectral_tilt_db: voice::spectral_tilt_db(wave)?,
        mfcc_mean,
        mfcc_sd,
    })
}

/// Mean and standard deviation over time of the cepstral coefficients, with librosa's defaults:
/// 128 mel bands, frames of 2,048 samples every 512, 80 dB below the loudest value cut off.
fn cepstrum(sound: &Sound<&[f32]>) -> Result<([f64; N_MFCC], [f64; N_MFCC]), AudioError> {
    const N_MELS: usize = 128;
    // Frames transformed at a time: the cosines are worked out once for each block.
    const BLOCK: usize = 256;
    let framing = Framing {
        n_fft: 2048,
        hop: 512,
    };
    let settings = MelSettings::new(N_MELS);
    let mut frames = MelFrames::new(sound.samples, sound.sample_rate, framing, &settings)?;
    let mut rows = vec![0.0_f32; BLOCK * N_MELS];
    // The cut must be known before the first coefficient; two passes need no spectrogram in memory.
    let mut loudest = MIN_POWER;
    let blocks: Vec<(usize, usize)> = (0..frames.len())
        .step_by(BLOCK)
        .map(|start| (start, BLOCK.min(frames.len() - start) * N_MELS))
        .collect();
    for &(start, length) in &blocks {
        let rows = &mut rows[..length];
        frames.powers(start, rows);
        loudest = rows.iter().copied().fold(loudest, f32::max);
    }
    let floor = 10.0 * loudest.log10() - 80.0;
    let mut columns: Vec<Vec<f64>> = (0..N_MFCC)
        .map(|_| Vec::with_capacity(frames.len()))
        .collect();
    for &(start, length) in &blocks {
        let rows = &mut rows[..length];
        frames.powers(start, rows);
        fast::power_to_db(rows);
        rows.iter_mut().for_each(|db| *db = db.max(floor));
        for coefficients in mfcc(rows, N_MELS, N_MFCC).chunks_exact(N_MFCC) {
            for (column, value) in columns.iter_mut().zip(coefficients) {
                column.push(f64::from(*value));
            }
        }
    }
    let of = |statistic: fn(&[f64]) -> f64| {
        std::array::from_fn(|i| columns.get(i).map_or(0.0, |column| statistic(column)))
    };
    Ok((of(mean), of(deviation)))
}
