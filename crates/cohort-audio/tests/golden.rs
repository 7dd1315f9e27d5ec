//! Every stage against what librosa 0.11.0 and noisereduce 3.0.3 compute (`scripts/make_golden.py`),
//! for sounds made here.

use cohort_audio::{
    Framing, MelScale, MelSettings, NonStationary, PitchRange, Sound, Stationary, TempoSettings,
    mel_db, mel_spectrogram, mfcc, onset_backtrack, onset_detect, onset_strength, power_to_db,
    pyin, reduce_noise, reduce_noise_stationary, tempo, yin,
};
use serde_json::Value;

/// Of long arrays every 41st value is kept.
const EVERY: usize = 41;

fn noise(n: usize) -> Vec<f64> {
    let mut state = 1_u32;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / 8_388_608.0 - 1.0
        })
        .collect()
}

fn sounds() -> Vec<(&'static str, Sound)> {
    let turn = 2.0 * std::f64::consts::PI;
    let to_16_bit = |x: f64| ((x * 32_767.0 + 0.5).floor() / 32_768.0) as f32;
    let long = noise(22_050);
    let sweep = |i: usize| {
        let t = i as f64 / 8_000.0;
        0.4 * (turn * (90.0 * t + 55.0 * t * t)).sin() + 0.004 * long[i]
    };
    let pulses = |i: usize| {
        let gate = 0.5 + 0.5 * (turn * 1.5 * (i as f64 / 8_000.0)).sin();
        let pulse = if i % 57 == 0 { 0.7 } else { 0.0 };
        pulse * gate + 0.05 * long[i] * gate * gate
    };
    let tones = |i: usize| {
        let (t, step) = (i as f64 / 11_025.0, i / 3_675);
        let level = if step % 2 == 0 { 0.3 } else { 0.02 };
        level * (turn * (150.0 + 40.0 * step as f64) * t).sin() + 0.002 * long[i]
    };
    let make = |n: usize, sample_rate, f: &dyn Fn(usize) -> f64| Sound {
        samples: (0..n).map(|i| to_16_bit(f(i))).collect(),
        sample_rate,
    };
    vec![
        ("sweep", make(16_000, 8_000, &sweep)),
        ("pulses", make(16_000, 8_000, &pulses)),
        ("tones", make(22_050, 11_025, &tones)),
    ]
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/librosa.json")).expect("the golden file is JSON")
}

fn expected(golden: &Value, sound: &str, stage: &str) -> Vec<f64> {
    let values = golden[sound][stage].as_array().expect(stage);
    values
        .iter()
        .map(|v| v.as_f64().unwrap_or(f64::NAN))
        .collect()
}

/// Asserts that two lists are equal up to `bound`; NaN equals NaN only.
fn close(name: &str, found: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(found.len(), expected.len(), "{name}: number of values");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let equal = (a.is_nan() && b.is_nan()) || (a - b).abs() <= bound;
        assert!(equal, "{name}, value {i}: {a}, librosa {b}");
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

fn thinned(values: &[f32]) -> Vec<f64> {
    values
        .iter()
        .step_by(EVERY)
        .map(|v| f64::from(*v))
        .collect()
}

#[test]
fn stages_equal_the_reference() {
    let golden = golden();
    for (name, sound) in sounds() {
        let rate = sound.sample_rate;
        let want = |stage: &str| expected(&golden, name, stage);
        let label = |stage: &str| format!("{name} {stage}");
        close(
            &label("samples"),
            &thinned(&sound.samples),
            &want("samples"),
            1e-7,
        );
        let clean = reduce_noise(&sound, &NonStationary::default()).expect(name);
        close(
            &label("denoised"),
            &thinned(&clean),
            &want("denoised"),
            1e-6,
        );
        let flat = reduce_noise_stationary(&sound, None, &Stationary::default()).expect(name);
        close(
            &label("stationary"),
            &thinned(&flat),
            &want("stationary"),
            1e-6,
        );

        let strength = onset_strength(&clean, rate, 128).expect(name);
        let largest = strength.iter().fold(0.0_f32, |a, b| a.max(*b));
        close(
            &label("strength"),
            &wide(&strength),
            &want("strength"),
            1e-5 * f64::from(largest),
        );
        let frames = |list: &[usize]| list.iter().map(|f| *f as f64).collect::<Vec<f64>>();
        let onsets = onset_detect(&strength, rate, 128);
        assert!(
            !onsets.is_empty(),
            "{name}: a sound without onsets tests nothing"
        );
        close(&label("onsets"), &frames(&onsets), &want("onsets"), 0.0);
        let back = onset_backtrack(&onsets, &strength);
        close(
            &label("backtracked"),
            &frames(&back),
            &want("backtracked"),
            0.0,
        );

        let slow = onset_strength(&clean, rate, 512).expect(name);
        for (stage, start_bpm) in [("tempo_10", 10.0), ("tempo_120", 120.0)] {
            let settings = TempoSettings {
                start_bpm,
                ..Default::default()
            };
            let bpm = tempo(&slow, rate, 512, &settings).expect(name);
            close(
                &label(stage),
                &[bpm],
                &[golden[name][stage].as_f64().expect(stage)],
                1e-9,
            );
        }

        let framing = Framing {
            n_fft: 512,
            hop: 128,
        };
        let slaney = MelSettings::new(32);
        let htk = MelSettings {
            scale: MelScale::Htk,
            slaney_norm: false,
            ..slaney
        };
        for (stage, settings) in [("mel", slaney), ("mel_htk", htk)] {
            let mel = mel_spectrogram(&sound.samples, rate, framing, &settings).expect(name);
            close(
                &label(stage),
                &thinned(&power_to_db(&mel, 1.0, None)),
                &want(stage),
                1e-3,
            );
        }
        let framing = Framing {
            n_fft: 2048,
            hop: 512,
        };
        let db = mel_db(&sound.samples, rate, framing, &MelSettings::new(128)).expect(name);
        close(
            &label("mfcc"),
            &wide(&mfcc(&db, 128, 13)),
            &want("mfcc"),
            2e-3,
        );
    }
}

#[test]
fn pitch_equals_the_reference() {
    let golden = golden();
    for (name, sound) in sounds() {
        let clean = reduce_noise(&sound, &NonStationary::default()).expect(name);
        let range = |fmin, frame_length: usize| PitchRange {
            fmin,
            fmax: 450.0,
            frame_length,
            hop: frame_length / 4,
        };
        let rate = sound.sample_rate;
        let f0 = yin(&sound.samples, rate, &range(65.0, 1024), 0.1).expect(name);
        let want = expected(&golden, name, "yin");
        let cents: Vec<f64> = f0
            .iter()
            .zip(&want)
            .map(|(a, b)| 1200.0 * (a / b).log2())
            .collect();
        close(
            &format!("{name} yin in cents"),
            &cents,
            &vec![0.0; want.len()],
            1.0,
        );
        for (stage, samples, fmin, frame) in [
            ("pyin", &clean, 10.0, 4096),
            ("pyin_raw", &sound.samples, 65.0, 1024),
        ] {
            let track = pyin(samples, rate, &range(fmin, frame)).expect(name);
            let f0: Vec<f64> = track.f0_hz.iter().map(|f| f.unwrap_or(f64::NAN)).collect();
            let want = expected(&golden, name, stage);
            assert!(
                want.iter().any(|f| !f.is_nan()),
                "{name} {stage}: nothing voiced"
            );
            close(&format!("{name} {stage}"), &f0, &want, 1e-6);
        }
    }
}
