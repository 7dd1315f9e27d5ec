//! Sounds: one channel of `float32` samples, read where NumPy has them.

use std::path::PathBuf;

use cohort_audio::{
    AcousticFeatures, AcousticSettings, AudioError, Framing, GateSettings, MelScale, MelSettings,
    NonStationary, PeakPick, PitchRange, Preset, Sound, Stationary, TempoSettings,
    acoustic_features as describe, onset_backtrack, onset_peaks, peak_pick, power_to_db,
};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::errors::Refused;
use super::work::here;

type Samples<'py> = PyReadonlyArray1<'py, f32>;
type Values<'py, T> = Bound<'py, PyArray1<T>>;

/// Samples that an analysis can be made of: one at least, and all of them finite.
fn checked<'a>(name: &str, samples: &'a Samples<'_>) -> Result<&'a [f32], Refused> {
    let samples = samples
        .as_slice()
        .map_err(|error| Refused::new(name, "a contiguous array", error))?;
    if samples.is_empty() {
        return Err(Refused::new(name, "at least one sample", "none"));
    }
    match samples.iter().position(|sample| !sample.is_finite()) {
        None => Ok(samples),
        Some(at) => {
            let found = format!("{} at index {at}", samples[at]);
            Err(Refused::new(name, "finite values", found))
        }
    }
}

/// Runs an analysis of checked samples.
fn of<'py, T: numpy::Element + Send>(
    py: Python<'py>,
    name: &str,
    samples: &Samples<'py>,
    work: impl FnOnce(&[f32]) -> Result<Vec<T>, AudioError> + Send,
) -> PyResult<Values<'py, T>> {
    let samples = checked(name, samples).map_err(|refused| refused.raise(py))?;
    let values = here(py, || Ok(work(samples)?))?;
    Ok(PyArray1::from_vec(py, values))
}

/// Decodes a file to one channel: samples and their rate, and what the decoder warns of.
#[pyfunction]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<(Values<'_, f32>, u32, Vec<String>)> {
    let decoded = here(py, || Ok(cohort_audio::decode_warned(&path)?))?;
    let Sound {
        samples,
        sample_rate,
    } = decoded.sound;
    Ok((
        PyArray1::from_vec(py, samples),
        sample_rate,
        decoded.warnings,
    ))
}

/// The same sound at another rate.
#[pyfunction]
pub(crate) fn resample<'py>(
    py: Python<'py>,
    y: Samples<'py>,
    orig_sr: u32,
    target_sr: u32,
) -> PyResult<Values<'py, f32>> {
    of(py, "y", &y, |samples| {
        cohort_audio::resample(samples, orig_sr, target_sr)
    })
}

/// Fundamental frequency (NaN: unvoiced) and probability of voicing, a value a frame.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn pyin<'py>(
    py: Python<'py>,
    y: Samples<'py>,
    sr: u32,
    fmin: f64,
    fmax: f64,
    frame_length: usize,
    hop: usize,
) -> PyResult<(Values<'py, f64>, Values<'py, f64>)> {
    let range = PitchRange {
        fmin,
        fmax,
        frame_length,
        hop,
    };
    let samples = checked("y", &y).map_err(|refused| refused.raise(py))?;
    let track = here(py, || Ok(cohort_audio::pyin(samples, sr, &range)?))?;
    let f0 = track.f0_hz.into_iter().map(|f0| f0.unwrap_or(f64::NAN));
    Ok((
        PyArray1::from_vec(py, f0.collect()),
        PyArray1::from_vec(py, track.voiced_probability),
    ))
}

/// Fundamental frequency by YIN, a value a frame.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn yin<'py>(
    py: Python<'py>,
    y: Samples<'py>,
    sr: u32,
    fmin: f64,
    fmax: f64,
    frame_length: usize,
    hop: usize,
    trough_threshold: f64,
) -> PyResult<Values<'py, f64>> {
    let range = PitchRange {
        fmin,
        fmax,
        frame_length,
        hop,
    };
    of(py, "y", &y, |samples| {
        cohort_audio::yin(samples, sr, &range, trough_threshold)
    })
}

/// Onset strength, a value a frame.
#[pyfunction]
pub(crate) fn onset_strength<'py>(
    py: Python<'py>,
    y: Samples<'py>,
    sr: u32,
    hop: usize,
) -> PyResult<Values<'py, f32>> {
    of(py, "y", &y, |samples| {
        cohort_audio::onset_strength(samples, sr, hop)
    })
}

/// Frames of onsets. `widths` are `pre_max`, `post_max`, `pre_avg`, `post_avg` and `wait` in frames, where they are given.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn onset_detect<'py>(
    py: Python<'py>,
    strength: Samples<'py>,
    sr: u32,
    hop: usize,
    widths: [Option<usize>; 5],
    delta: Option<f32>,
    normalize: bool,
    backtrack: bool,
) -> PyResult<Values<'py, i64>> {
    of(py, "onset_envelope", &strength, |strength| {
        let usual = PeakPick::onsets(sr, hop);
        let [pre_max, post_max, pre_avg, post_avg, wait] = widths;
        let settings = PeakPick {
            pre_max: pre_max.unwrap_or(usual.pre_max),
            post_max: post_max.unwrap_or(usual.post_max),
            pre_avg: pre_avg.unwrap_or(usual.pre_avg),
            post_avg: post_avg.unwrap_or(usual.post_avg),
            wait: wait.unwrap_or(usual.wait),
            delta: delta.unwrap_or(usual.delta),
        };
        let mut frames = match normalize {
            true => onset_peaks(strength, &settings),
            // silence has none, however the peaks are picked
            false if strength.iter().all(|&value| value == 0.0) => Vec::new(),
            false => peak_pick(strength, &settings),
        };
        if backtrack {
            frames = onset_backtrack(&frames, strength);
        }
        Ok(frames.into_iter().map(|frame| frame as i64).collect())
    })
}

/// Tempo in beats a minute.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn tempo(
    py: Python<'_>,
    strength: Samples<'_>,
    sr: u32,
    hop: usize,
    start_bpm: f64,
    std_bpm: f64,
    ac_size: f64,
    max_tempo: f64,
) -> PyResult<f64> {
    let strength = checked("onset_envelope", &strength).map_err(|refused| refused.raise(py))?;
    let settings = TempoSettings {
        start_bpm,
        std_bpm,
        ac_size_s: ac_size,
        max_tempo,
    };
    here(py, || {
        Ok(cohort_audio::tempo(strength, sr, hop, &settings)?)
    })
}

fn mel_settings(
    n_mels: usize,
    fmin: f64,
    fmax: Option<f64>,
    htk: bool,
    slaney: bool,
) -> MelSettings {
    MelSettings {
        n_mels,
        fmin,
        fmax,
        scale: if htk { MelScale::Htk } else { MelScale::Slaney },
        slaney_norm: slaney,
    }
}

/// Mel powers, frame by frame.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn mel_spectrogram<'py>(
    py: Python<'py>,
    y: Samples<'py>,
    sr: u32,
    n_fft: usize,
    hop: usize,
    n_mels: usize,
    fmin: f64,
    fmax: Option<f64>,
    htk: bool,
    slaney: bool,
) -> PyResult<Values<'py, f32>> {
    let settings = mel_settings(n_mels, fmin, fmax, htk, slaney);
    of(py, "y", &y, |samples| {
        cohort_audio::mel_spectrogram(samples, sr, Framing { n_fft, hop }, &settings)
    })
}

/// Cepstral coefficients, frame by frame.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn mfcc<'py>(
    py: Python<'py>,
    y: Samples<'py>,
    sr: u32,
    n_mfcc: usize,
    n_fft: usize,
    hop: usize,
    n_mels: usize,
    fmin: f64,
    fmax: Option<f64>,
    htk: bool,
    slaney: bool,
) -> PyResult<Values<'py, f32>> {
    let settings = mel_settings(n_mels, fmin, fmax, htk, slaney);
    of(py, "y", &y, |samples| {
        let framing = Framing { n_fft, hop };
        let power = cohort_audio::mel_spectrogram(samples, sr, framing, &settings)?;
        let db = power_to_db(&power, 1.0, Some(80.0));
        Ok(cohort_audio::mfcc(&db, n_mels, n_mfcc))
    })
}

/// Cepstral coefficients of a mel spectrogram in decibel, both frame by frame.
#[pyfunction]
pub(crate) fn mfcc_of<'py>(
    py: Python<'py>,
    mel_db: Samples<'py>,
    n_mels: usize,
    n_mfcc: usize,
) -> PyResult<Values<'py, f32>> {
    of(py, "S", &mel_db, |db| {
        Ok(cohort_audio::mfcc(db, n_mels, n_mfcc))
    })
}

/// The sound without noise. `noise` and `n_std_thresh` are the stationary gate's.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn reduce_noise<'py>(
    py: Python<'py>,
    y: Samples<'py>,
    sr: u32,
    stationary: bool,
    noise: Option<Samples<'py>>,
    gate: (usize, f64, f64, f64),
    time_constant_s: f64,
    thresh_n_mult: f64,
    sigmoid_slope: f64,
    n_std_thresh: f64,
) -> PyResult<Values<'py, f32>> {
    let (n_fft, prop_decrease, freq_mask_smooth_hz, time_mask_smooth_ms) = gate;
    let gate = GateSettings {
        n_fft,
        prop_decrease,
        freq_mask_smooth_hz,
        time_mask_smooth_ms,
    };
    let noise = match &noise {
        Some(noise) => Some(checked("y_noise", noise).map_err(|refused| refused.raise(py))?),
        None => None,
    };
    of(py, "y", &y, |samples| {
        let sound = |samples| Sound {
            samples,
            sample_rate: sr,
        };
        if stationary {
            let settings = Stationary { gate, n_std_thresh };
            let noise = noise.map(sound);
            return cohort_audio::reduce_noise_stationary(
                &sound(samples),
                noise.as_ref(),
                &settings,
            );
        }
        let settings = NonStationary {
            gate,
            time_constant_s,
            thresh_n_mult,
            sigmoid_slope,
        };
        cohort_audio::reduce_noise(&sound(samples), &settings)
    })
}

/// What describes a voice, as JSON, and its vector of values.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn acoustic_features<'py>(
    py: Python<'py>,
    y: Samples<'py>,
    sr: u32,
    preset: &str,
    fmin: Option<f64>,
    fmax: Option<f64>,
    frame_length: Option<usize>,
    denoise: Option<bool>,
) -> PyResult<(String, Values<'py, f32>)> {
    let samples = checked("y", &y).map_err(|refused| refused.raise(py))?;
    let (json, vector) = here(py, || {
        let preset = AcousticSettings::preset(preset.parse::<Preset>()?);
        let settings = AcousticSettings {
            fmin: fmin.unwrap_or(preset.fmin),
            fmax: fmax.unwrap_or(preset.fmax),
            frame_length: frame_length.unwrap_or(preset.frame_length),
            denoise: denoise.unwrap_or(preset.denoise),
            ..preset
        };
        settings.validate()?;
        let sound = Sound {
            samples,
            sample_rate: sr,
        };
        let features = describe(&sound, &settings)?;
        let json = serde_json::to_string(&features);
        let json = json.map_err(|error| Refused::new("features", "a document", error))?;
        Ok((json, features.vector()))
    })?;
    Ok((json, PyArray1::from_vec(py, vector)))
}

/// Names of a preset's vector of values, in order.
#[pyfunction]
pub(crate) fn feature_names(py: Python<'_>, preset: &str) -> PyResult<Vec<&'static str>> {
    here(py, || {
        Ok(AcousticFeatures::names(preset.parse::<Preset>()?))
    })
}
