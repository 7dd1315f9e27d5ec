//! What the vector of a sound says, against the sound's making.

use std::f64::consts::TAU;

use cohort_audio::{AcousticFeatures, AcousticSettings, Preset, Sound, acoustic_features};

const RATE: u32 = 16_000;

/// A buzz of ten harmonics whose pitch goes from `from` to `to` hertz.
fn glide(from: f64, to: f64, seconds: f64) -> Vec<f32> {
    let samples = (seconds * f64::from(RATE)) as usize;
    let mut phase = 0.0;
    (0..samples)
        .map(|i| {
            phase += TAU * (from + (to - from) * i as f64 / samples as f64) / f64::from(RATE);
            let sum: f64 = (1..=10)
                .map(|h| (phase * f64::from(h)).sin() / f64::from(h))
                .sum();
            (0.2 * sum) as f32
        })
        .collect()
}

fn describe(samples: Vec<f32>, preset: Preset) -> (AcousticFeatures, impl Fn(&str) -> f64) {
    let sound = Sound {
        samples,
        sample_rate: RATE,
    };
    let features = acoustic_features(&sound, &AcousticSettings::preset(preset)).unwrap();
    let vector = features.vector();
    let names = AcousticFeatures::names(preset);
    assert_eq!(vector.len(), names.len());
    let value = move |name: &str| {
        let at = names.iter().position(|known| *known == name).unwrap();
        f64::from(vector[at])
    };
    (features, value)
}

/// The `q`-th percentile as NumPy interpolates it.
fn percentile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = q / 100.0 * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

#[test]
fn pitch_descriptors_are_those_of_the_contour() {
    let (features, value) = describe(glide(100.0, 250.0, 3.0), Preset::Speech);
    let voiced: Vec<f64> = features.f0_hz.iter().flatten().copied().collect();
    let mean = voiced.iter().sum::<f64>() / voiced.len() as f64;
    let deviation = voiced.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / voiced.len() as f64;
    for (name, expected) in [
        ("f0_mean_hz", mean),
        ("f0_median_hz", percentile(&voiced, 50.0)),
        ("f0_sd_hz", deviation.sqrt()),
        ("f0_p5_hz", percentile(&voiced, 5.0)),
        ("f0_p95_hz", percentile(&voiced, 95.0)),
    ] {
        let found = value(name);
        assert!(
            (found / expected - 1.0).abs() < 1e-6,
            "{name}: {found} {expected}"
        );
    }
    // and the contour is that of the sound: a straight line from 100 to 250
    let made = [
        ("f0_p5_hz", 107.5),
        ("f0_median_hz", 175.0),
        ("f0_p95_hz", 242.5),
    ];
    for (name, made) in made {
        assert!((value(name) - made).abs() < 6.0, "{name}: {}", value(name));
    }
}

#[test]
fn pauses_are_as_many_and_as_long_as_they_were_made() {
    let mut samples = glide(140.0, 140.0, 0.6);
    for pause in [0.5, 0.9] {
        samples.resize(samples.len() + (pause * f64::from(RATE)) as usize, 0.0);
        samples.extend(glide(140.0, 140.0, 0.6));
    }
    let (_, value) = describe(samples, Preset::SpeechExtended);
    assert_eq!(value("pause_count"), 2.0);
    let found = value("pause_mean_s");
    assert!((found - 0.7).abs() < 0.05, "{found}");
}
