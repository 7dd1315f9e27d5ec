//! The acoustic description of a clip.

use serde::{Deserialize, Serialize};

use crate::denoise::{NonStationary, reduce_noise};
use crate::onset::{onset_detect, onset_strength, onset_strengths};
use crate::pyin::pyin;
use crate::settings::{AcousticSettings, Preset};
use crate::statistics::{deviation, mean, percentile};
use crate::tempo::{TempoSettings, tempo};
use crate::{AudioError, ExtendedFeatures, Sound, extended};

/// Samples between frames of the onset strength.
pub const ONSET_HOP: usize = 128;
/// Samples between frames of the onset strength from which the tempo is taken (librosa's default).
pub const TEMPO_HOP: usize = 512;
/// A sound whose samples stay within one step of 16 bits of their mean is silent.
pub const SILENCE: f64 = 1.0 / 32_768.0;

/// What [`acoustic_features`] computes. No value is ever NaN: what silence leaves undefined is zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AcousticFeatures {
    /// Length of the clip in seconds.
    pub seconds: f64,
    /// Onsets a second, of the denoised clip. (The reference called them words; they are not.)
    pub onsets_per_second: f64,
    /// Tempo in beats a minute; depends strongly on its prior.
    pub tempo_bpm: f64,
    /// Mean fundamental frequency over the voiced frames, hertz; 0 without any.
    pub f0_mean_hz: f64,
    /// Median of the same.
    pub f0_median_hz: f64,
    /// Standard deviation of the same.
    pub f0_sd_hz: f64,
    /// 5th percentile of the same.
    pub f0_p5_hz: f64,
    /// 95th percentile of the same.
    pub f0_p95_hz: f64,
    /// Voiced frames over all frames, 0 to 1.
    pub voiced_fraction: f64,
    /// Whether the clip holds no sound (see [`SILENCE`]); all values but `seconds` are then 0.
    pub silent: bool,
    /// Times of the onsets in seconds.
    pub onset_times_s: Vec<f64>,
    /// Fundamental frequency of each frame in hertz; None: unvoiced.
    pub f0_hz: Vec<Option<f64>>,
    /// Seconds between the frames of `f0_hz`; the first is centred at 0.
    pub f0_step_s: f64,
    /// More descriptors, where the settings ask for them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub extended: Option<ExtendedFeatures>,
}

/// Names of the seven values, in order.
const NAMES: [&str; 7] = [
    "onsets_per_second",
    "tempo_bpm",
    "f0_mean_hz",
    "f0_median_hz",
    "f0_sd_hz",
    "f0_p5_hz",
    "f0_p95_hz",
];

impl AcousticFeatures {
    /// Names of the components of [`vector`](Self::vector) for a preset, in order.
    pub fn names(preset: Preset) -> Vec<&'static str> {
        let mut names = NAMES.to_vec();
        if AcousticSettings::preset(preset).extended {
            names.push("voiced_fraction");
            names.extend(ExtendedFeatures::names());
        }
        names
    }

    /// The seven values in the order of the specification, then, where there are extended
    /// descriptors, the voiced fraction and those.
    pub fn vector(&self) -> Vec<f32> {
        let mut values = vec![
            self.onsets_per_second,
            self.tempo_bpm,
            self.f0_mean_hz,
            self.f0_median_hz,
            self.f0_sd_hz,
            self.f0_p5_hz,
            self.f0_p95_hz,
        ];
        if let Some(extended) = &self.extended {
            values.push(self.voiced_fraction);
            values.extend(extended.vector());
        }
        values.into_iter().map(|v| v as f32).collect()
    }
}

/// Describes a clip at its own sample rate: noise reduction, onsets, tempo, fundamental frequency
/// and, where asked for, the extended descriptors.
///
/// # Errors
/// [`AudioError::Signal`] for a sound that [`Sound::check`] refuses, [`AudioError::Setting`] for
/// settings that are out of range or do not fit its sample rate.
pub fn acoustic_features<S: AsRef<[f32]>>(
    sound: &Sound<S>,
    settings: &AcousticSettings,
) -> Result<AcousticFeatures, AudioError> {
    describe(&sound.borrowed(), settings)
}

fn describe(
    sound: &Sound<&[f32]>,
    settings: &AcousticSettings,
) -> Result<AcousticFeatures, AudioError> {
    sound.check("acoustic features")?;
    let range = settings.pitch_range(sound.sample_rate)?;
    let rate = f64::from(sound.sample_rate);
    let mut features = AcousticFeatures {
        seconds: sound.seconds(),
        onsets_per_second: 0.0,
        tempo_bpm: 0.0,
        f0_mean_hz: 0.0,
        f0_median_hz: 0.0,
        f0_sd_hz: 0.0,
        f0_p5_hz: 0.0,
        f0_p95_hz: 0.0,
        voiced_fraction: 0.0,
        silent: false,
        onset_times_s: Vec::new(),
        f0_hz: Vec::new(),
        f0_step_s: range.hop as f64 / rate,
        extended: None,
    };
    if sound.peak() <= SILENCE {
        features.silent = true;
        features.f0_hz = vec![None; range.frames(sound.samples.len())];
        features.extended = settings.extended.then(ExtendedFeatures::default);
        return Ok(features);
    }
    let reduced = match settings.denoise {
        true => Some(reduce_noise(sound, &NonStationary::default())?),
        false => None,
    };
    let clean = reduced.as_deref().unwrap_or(sound.samples);

    let (strength, slow_strength) = strengths(clean, sound.sample_rate)?;
    features.onset_times_s = onset_detect(&strength, sound.sample_rate, ONSET_HOP)
        .into_iter()
        .map(|frame| (frame * ONSET_HOP) as f64 / rate)
        .collect();
    features.onsets_per_second = features.onset_times_s.len() as f64 / features.seconds;
    let tempo_settings = TempoSettings {
        start_bpm: settings.start_bpm,
        ..Default::default()
    };
    features.tempo_bpm = tempo(
        &slow_strength,
        sound.sample_rate,
        TEMPO_HOP,
        &tempo_settings,
    )?;

    let source = if settings.f0_from_raw {
        sound.samples
    } else {
        clean
    };
    features.f0_hz = pyin(source, sound.sample_rate, &range)?.f0_hz;
    let mut voiced: Vec<f64> = features.f0_hz.iter().flatten().copied().collect();
    voiced.sort_by(f64::total_cmp);
    features.f0_mean_hz = mean(&voiced);
    features.f0_median_hz = percentile(&voiced, 50.0);
    features.f0_sd_hz = deviation(&voiced);
    features.f0_p5_hz = percentile(&voiced, 5.0);
    features.f0_p95_hz = percentile(&voiced, 95.0);
    features.voiced_fraction = voiced.len() as f64 / features.f0_hz.len().max(1) as f64;
    if settings.extended {
        features.extended = Some(extended::describe(sound)?);
    }
    Ok(features)
}

/// Onset strength at both hops, from one spectrogram.
fn strengths(samples: &[f32], sample_rate: u32) -> Result<(Vec<f32>, Vec<f32>), AudioError> {
    let both = onset_strengths(samples, sample_rate, ONSET_HOP, &[1, TEMPO_HOP / ONSET_HOP])?;
    match <[Vec<f32>; 2]>::try_from(both) {
        Ok([fast, slow]) => Ok((fast, slow)),
        Err(_) => Ok((
            onset_strength(samples, sample_rate, ONSET_HOP)?,
            onset_strength(samples, sample_rate, TEMPO_HOP)?,
        )),
    }
}
