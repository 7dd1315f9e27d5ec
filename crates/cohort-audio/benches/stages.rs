//! Each stage of the analysis, and all of it, on ten seconds of a voice-like sound at 8 kHz.
//!
//! `cargo bench -p cohort-audio -- STAGE`. To hold the stages against librosa, see
//! `scripts/speed_librosa.py`.

use std::hint::black_box;

use cohort_audio::{
    AcousticSettings, Framing, MelSettings, NonStationary, Preset, Sound, TempoSettings,
    acoustic_features, decode_bytes, mel_db, mfcc, onset_detect, onset_strength, pyin,
    reduce_noise, resample, tempo, yin,
};
use criterion::{Criterion, criterion_group, criterion_main};

const RATE: u32 = 8_000;

/// Gliding harmonics in syllables with pauses, and noise 40 dB below.
fn voice() -> Sound {
    let mut state = 1_u32;
    let (mut phase, turn) = (0.0_f64, 2.0 * std::f64::consts::PI);
    let samples = (0..10 * RATE).map(|i| {
        let t = f64::from(i) / f64::from(RATE);
        phase += (140.0 + 40.0 * (1.7 * t).sin()) / f64::from(RATE);
        let syllable = (0.5 + 0.5 * (turn * 3.3 * t).sin()).powi(2);
        let pause = if t % 2.5 > 2.0 { 0.0 } else { 1.0 };
        let tone: f64 = (1..12)
            .map(|h| (turn * f64::from(h) * phase).sin() / f64::from(h))
            .sum();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = f64::from(state >> 8) / 8_388_608.0 - 1.0;
        (0.25 * syllable * pause * tone + 0.003 * noise) as f32
    });
    Sound {
        samples: samples.collect(),
        sample_rate: RATE,
    }
}

/// A WAV file of 16 bits.
fn wav(sound: &Sound) -> Vec<u8> {
    let data = 2 * sound.samples.len() as u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((2 * RATE).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(data.to_le_bytes());
    let steps = sound.samples.iter().map(|s| (s * 32_767.0) as i16);
    bytes.extend(steps.flat_map(i16::to_le_bytes));
    bytes
}

fn stages(c: &mut Criterion) {
    let sound = voice();
    let file = wav(&sound);
    c.bench_function("decode", |b| {
        b.iter(|| decode_bytes("voice.wav".as_ref(), black_box(file.clone())))
    });
    let gate = NonStationary::default();
    c.bench_function("reduce_noise", |b| {
        b.iter(|| reduce_noise(black_box(&sound), &gate))
    });
    let clean = reduce_noise(&sound, &gate).expect("a good sound");
    c.bench_function("onset", |b| {
        b.iter(|| onset_strength(black_box(&clean), RATE, 128).map(|s| onset_detect(&s, RATE, 128)))
    });
    let slow = onset_strength(&clean, RATE, 512).expect("a good sound");
    c.bench_function("tempo", |b| {
        b.iter(|| tempo(black_box(&slow), RATE, 512, &TempoSettings::default()))
    });
    for (name, preset) in [
        ("pyin_10_450", Preset::FirstImpressions),
        ("pyin_65_450", Preset::Speech),
    ] {
        let range = AcousticSettings::preset(preset).pitch_range(RATE);
        let range = range.expect("a good range");
        c.bench_function(name, |b| b.iter(|| pyin(black_box(&clean), RATE, &range)));
        if preset == Preset::Speech {
            c.bench_function("yin", |b| {
                b.iter(|| yin(black_box(&clean), RATE, &range, 0.1))
            });
        }
    }
    let framing = Framing {
        n_fft: 2048,
        hop: 512,
    };
    c.bench_function("mfcc", |b| {
        b.iter(|| {
            mel_db(
                black_box(&sound.samples),
                RATE,
                framing,
                &MelSettings::new(128),
            )
            .map(|db| mfcc(&db, 128, 13))
        })
    });
    c.bench_function("resample_to_16000", |b| {
        b.iter(|| resample(black_box(&sound.samples), RATE, 16_000))
    });
    for preset in Preset::ALL {
        let settings = AcousticSettings::preset(preset);
        c.bench_function(&format!("all/{preset}"), |b| {
            b.iter(|| acoustic_features(black_box(&sound), &settings))
        });
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
