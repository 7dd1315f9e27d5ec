//! Real voices against what librosa 0.11.0 and noisereduce 3.0.3 computed for them on another machine
//! (`data/audio-reference` of the shared folder: `COHORT_SHARED`, or `shared` beside the repository).

use std::path::PathBuf;

use cohort_audio::{
    AcousticSettings, Framing, MelSettings, NonStationary, PitchRange, Preset, acoustic_features,
    decode, mel_spectrogram, onset_strength, power_to_db, pyin, reduce_noise,
};
use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data/audio-reference");
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: {} is absent (set COHORT_SHARED)",
        folder.display()
    );
    None
}

fn list(clip: &Value, key: &str) -> Vec<f64> {
    let values = clip[key].as_array().expect(key);
    values
        .iter()
        .map(|v| v.as_f64().unwrap_or(f64::NAN))
        .collect()
}

fn close(name: &str, found: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(found.len(), expected.len(), "{name}: number of values");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let equal = (a.is_nan() && b.is_nan()) || (a - b).abs() <= bound;
        assert!(equal, "{name}, value {i}: {a}, reference {b}");
    }
}

fn track(f0_hz: &[Option<f64>]) -> Vec<f64> {
    f0_hz.iter().map(|f| f.unwrap_or(f64::NAN)).collect()
}

fn rms(samples: &[f32]) -> f64 {
    let sum: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (sum / samples.len() as f64).sqrt()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn every_clip_has_the_values_of_the_reference() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("reference.json")).expect("reference.json");
    let reference: Value = serde_json::from_str(&text).expect("JSON");
    let clips = reference["clips"].as_array().expect("clips");
    assert!(!clips.is_empty());
    for clip in clips {
        let name = clip["file"].as_str().expect("file");
        let label = |what: &str| format!("{name}: {what}");
        let sound = decode(&folder.join(name)).expect(name);
        let rate = sound.sample_rate;
        assert_eq!(clip["samples"], sound.samples.len(), "{name}");

        let clean = reduce_noise(&sound, &NonStationary::default()).expect(name);
        // What the reference calls the head starts here.
        let head = wide(&clean[20_000..20_032]);
        close(
            &label("denoised"),
            &head,
            &list(clip, "denoised_head"),
            1e-7,
        );
        let level = clip["denoised_rms"].as_f64().expect("denoised_rms");
        assert!((rms(&clean) / level - 1.0).abs() < 1e-6, "{name}");
        let strength = wide(&onset_strength(&clean, rate, 128).expect(name)[..64]);
        let expected = list(clip, "onset_envelope_head");
        close(&label("onset strength"), &strength, &expected, 1e-4);

        let settings = AcousticSettings::preset(Preset::FirstImpressions);
        let features = acoustic_features(&sound, &settings).expect(name);
        let onsets = &features.onset_times_s;
        close(&label("onsets"), onsets, &list(clip, "onsets"), 1e-9);
        let tempo = clip["tempo_bpm"].as_f64().expect("tempo_bpm");
        close(&label("tempo"), &[features.tempo_bpm], &[tempo], 1e-9);
        let f0 = track(&features.f0_hz);
        close(&label("f0"), &f0, &list(clip, "f0"), 1e-6);
        let five = [
            features.f0_mean_hz,
            features.f0_median_hz,
            features.f0_sd_hz,
            features.f0_p5_hz,
            features.f0_p95_hz,
        ];
        close(
            &label("f0 statistics"),
            &five,
            &list(clip, "f0_stats"),
            1e-6,
        );

        let range = PitchRange {
            fmin: 65.0,
            fmax: 450.0,
            frame_length: 1024,
            hop: 256,
        };
        let raw = track(&pyin(&sound.samples, rate, &range).expect(name).f0_hz);
        let expected = list(clip, "f0_raw_65_450_fl1024");
        close(&label("f0 of the raw sound"), &raw, &expected, 1e-6);

        let framing = Framing {
            n_fft: 512,
            hop: 128,
        };
        let mel = mel_spectrogram(&sound.samples, rate, framing, &MelSettings::new(64));
        // librosa's default top_db
        let db = power_to_db(&mel.expect(name), 1.0, Some(80.0));
        let mean: Vec<f64> = (0..64)
            .map(|band| {
                let line = || db[band..].iter().step_by(64);
                line().map(|v| f64::from(*v)).sum::<f64>() / line().count() as f64
            })
            .collect();
        close(&label("mel"), &mean, &list(clip, "mel_mean_db"), 1e-3);
    }
}
