//! How the values must change, or not, when a sound is shifted, made louder or turned over.

use cohort_audio::{
    AcousticFeatures, AcousticSettings, NonStationary, PitchRange, PitchTrack, Preset, SILENCE,
    Sound, acoustic_features, onset_strength, pyin, reduce_noise, yin,
};
use proptest::prelude::*;

const RATE: u32 = 8_000;
const RANGE: PitchRange = PitchRange {
    fmin: 65.0,
    fmax: 450.0,
    frame_length: 1_024,
    hop: 256,
};

/// Syllables: a harmonic tone that glides, with pauses and noise below it.
fn voice(hertz: f64, glide: f64, syllable: usize, seed: u32, length: usize) -> Vec<f32> {
    let (mut state, mut phase) = (seed, 0.0);
    (0..length)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / 8_388_608.0 - 1.0;
            let within = (i % syllable) as f64 / syllable as f64;
            let level = (within * 1.4).min(1.0).sqrt() * f64::from(u8::from(within < 0.7));
            phase += 2.0 * std::f64::consts::PI * (hertz + glide * within) / f64::from(RATE);
            let tone = phase.sin() + 0.6 * (2.0 * phase).sin() + 0.3 * (5.0 * phase).sin();
            (0.2 * level * tone + 0.003 * noise) as f32
        })
        .collect()
}

fn sounds() -> impl Strategy<Value = Vec<f32>> {
    (
        90.0..300.0f64,
        -40.0..60.0f64,
        1_200..4_000usize,
        any::<u32>(),
        6_000..20_000usize,
    )
        .prop_map(|(hertz, glide, syllable, seed, length)| {
            voice(hertz, glide, syllable, seed, length)
        })
}

fn sound(samples: Vec<f32>) -> Sound {
    Sound {
        samples,
        sample_rate: RATE,
    }
}

fn clean(samples: &[f32]) -> Vec<f32> {
    reduce_noise(&sound(samples.to_vec()), &NonStationary::default()).expect("a good sound")
}

fn pitch(samples: &[f32]) -> PitchTrack {
    pyin(samples, RATE, &RANGE).expect("a good range")
}

fn pitch_yin(samples: &[f32]) -> Vec<f64> {
    yin(samples, RATE, &RANGE, 0.1).expect("a good range")
}

fn features(samples: Vec<f32>, preset: Preset) -> AcousticFeatures {
    acoustic_features(&sound(samples), &AcousticSettings::preset(preset)).expect("a good sound")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 16, ..Default::default() })]

    #[test]
    fn gain_changes_no_value(samples in sounds(), power in -6..3i32) {
        // A power of two, so that only exponents change: every value but the logarithms is the same
        // to the last bit.
        let gain = 2f32.powi(power);
        let louder: Vec<f32> = samples.iter().map(|s| s * gain).collect();
        let scaled: Vec<f32> = clean(&samples).iter().map(|s| s * gain).collect();
        prop_assert_eq!(clean(&louder), scaled);
        prop_assert_eq!(pitch(&louder), pitch(&samples));
        let strength = |s: &[f32]| onset_strength(s, RATE, 128).expect("a good hop");
        for (a, b) in strength(&louder).iter().zip(strength(&samples)) {
            // In decibel a gain is a sum, rounded at values of up to 100.
            prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
        }
        for preset in [Preset::FirstImpressions, Preset::Speech] {
            let (a, b) = (features(louder.clone(), preset), features(samples.clone(), preset));
            prop_assert_eq!(a.onset_times_s, b.onset_times_s);
            prop_assert_eq!(a.f0_hz, b.f0_hz);
            prop_assert_eq!(a.tempo_bpm, b.tempo_bpm);
        }
    }

    #[test]
    fn polarity_changes_no_value(samples in sounds()) {
        let turned: Vec<f32> = samples.iter().map(|s| -s).collect();
        let clean_turned: Vec<f32> = clean(&samples).iter().map(|s| -s).collect();
        prop_assert_eq!(clean(&turned), clean_turned);
        prop_assert_eq!(pitch_yin(&turned), pitch_yin(&samples));
        for preset in [Preset::FirstImpressions, Preset::Speech] {
            prop_assert_eq!(features(turned.clone(), preset), features(samples.clone(), preset));
        }
    }

    #[test]
    fn silence_in_front_moves_every_value(samples in sounds(), hops in 1..12usize) {
        // Whole hops of the strength, the gate and the pitch track.
        let shift = hops * 256;
        let mut later = vec![0.0; shift];
        later.extend(&samples);

        let moved = clean(&later);
        for (a, b) in moved[shift..].iter().zip(clean(&samples)) {
            prop_assert!((a - b).abs() < 1e-6, "{} {}", a, b);
        }
        let strength = |s: &[f32]| onset_strength(s, RATE, 128).expect("a good hop");
        // The sound's first frame has nothing before it to rise from, but silence when it is moved.
        let (first, by) = (1 + 1_024 / 128, shift / 128);
        // In single precision or in double, by how strong the strongest onset is; the silence may add one.
        for (a, b) in strength(&later)[first + by..].iter().zip(&strength(&samples)[first..]) {
            prop_assert!((a - b).abs() < 2e-5, "{} {}", a, b);
        }

        prop_assert_eq!(
            &pitch_yin(&later)[hops..],
            &pitch_yin(&samples)[..]
        );
        let (a, b) = (pitch(&later), pitch(&samples));
        prop_assert_eq!(&a.voiced_probability[hops..], &b.voiced_probability[..]);
        // The path may begin otherwise, since it may now begin earlier; then it is the same.
        let same = a.f0_hz[hops..].iter().zip(&b.f0_hz).filter(|(a, b)| a == b).count();
        prop_assert!(same + 4 >= b.f0_hz.len(), "{} of {} frames", same, b.f0_hz.len());
    }
}

#[test]
fn silence_has_a_flag_and_no_value() {
    let dither = |i: usize| [0.0, 1.0, -1.0][i * 7 % 3] * SILENCE as f32;
    let kinds: [(&str, Vec<f32>); 4] = [
        ("zeros", vec![0.0; 24_000]),
        ("a constant offset", vec![0.25; 24_000]),
        ("one step of 16 bits", (0..24_000).map(dither).collect()),
        ("one sample", vec![0.5]),
    ];
    for (name, samples) in kinds {
        for preset in Preset::ALL {
            let found = features(samples.clone(), preset);
            assert!(found.silent, "{name}");
            assert!(
                found.vector().iter().all(|v| *v == 0.0),
                "{name}: {found:?}"
            );
            assert!(found.f0_hz.iter().all(Option::is_none), "{name}");
            assert!(found.onset_times_s.is_empty(), "{name}");
            assert_eq!(found.voiced_fraction, 0.0, "{name}");
        }
    }
    let faint = features(
        voice(120.0, 0.0, 2_000, 1, 16_000)
            .iter()
            .map(|s| s * 0.01)
            .collect(),
        Preset::Speech,
    );
    assert!(!faint.silent && faint.voiced_fraction > 0.2, "{faint:?}");
}
