//! Damaged files: whatever the bytes are, decoding ends with a sound or an error. Run longer by
//! `PROPTEST_CASES=200000 cargo test -p cohort-audio --test mutations`.

mod containers;

use std::path::Path;
use std::sync::LazyLock;

use cohort_audio::{AcousticSettings, Preset, acoustic_features, decode_bytes};
use proptest::prelude::*;

/// The sound files that the damage starts from.
static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let values: Vec<i16> = (0..600).map(|i| (i * i % 30_000) as i16).collect();
    let mut files: Vec<Vec<u8>> = containers::all(&values).map(|(_, bytes)| bytes).into();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode");
    let names = [
        "i16.wav",
        "extensible.wav",
        "f32.wav",
        "i16.flac",
        "i24-stereo.flac",
        "vorbis.ogg",
        "vorbis-stereo.ogg",
        "lame.mp3",
        "lame-stereo.mp3",
        "edit-list.m4a",
        "no-edit-list.mp4",
        "ms-adpcm.wav",
        "ima-adpcm.wav",
        "mp3-inside.wav",
        "alac.m4a",
        "opus.opus",
        "opus.webm",
        "vorbis.mka",
        "layer2.mp2",
        "flac.oga",
        "fragments.mp4",
    ];
    files
        .extend(names.map(|name| {
            std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
        }));
    files
});

/// One change to a file; places are fractions of its length.
#[derive(Clone, Debug)]
enum Damage {
    Set(f64, u8),
    Flip(f64, u8),
    /// Four bytes that are a length or a count at its extremes.
    Extreme(f64, u32),
    Remove(f64, usize),
    Insert(f64, Vec<u8>),
    Cut(f64),
    /// The end of another file from here on.
    Graft(f64, usize),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        let place = |p: f64| ((p * len as f64) as usize).min(len.saturating_sub(1));
        if len == 0 {
            return;
        }
        match self {
            Self::Set(p, value) => bytes[place(*p)] = *value,
            Self::Flip(p, bit) => bytes[place(*p)] ^= 1 << (bit % 8),
            Self::Extreme(p, value) => {
                for (slot, byte) in bytes[place(*p)..].iter_mut().zip(value.to_be_bytes()) {
                    *slot = byte;
                }
            }
            Self::Remove(p, n) => drop(bytes.drain(place(*p)..(place(*p) + n).min(len))),
            Self::Insert(p, more) => drop(bytes.splice(place(*p)..place(*p), more.iter().copied())),
            Self::Cut(p) => bytes.truncate(place(*p)),
            Self::Graft(p, other) => {
                let other = &FILES[other % FILES.len()];
                bytes.truncate(place(*p));
                bytes.extend(other.iter().skip(place(*p)));
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    // Headers are where the interesting fields are: half of the places lie in the first tenth.
    let place = prop_oneof![0.0..0.1, 0.0..1.0f64];
    let extreme = prop::sample::select(vec![
        0,
        1,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
        0xffff_0000,
        0x0100_0000,
    ]);
    prop_oneof![
        4 => (place.clone(), any::<u8>()).prop_map(|(p, v)| Damage::Set(p, v)),
        4 => (place.clone(), 0..8u8).prop_map(|(p, b)| Damage::Flip(p, b)),
        2 => (place.clone(), extreme).prop_map(|(p, v)| Damage::Extreme(p, v)),
        1 => (place.clone(), 1..20usize).prop_map(|(p, n)| Damage::Remove(p, n)),
        1 => (place.clone(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(p, v)| Damage::Insert(p, v)),
        1 => place.clone().prop_map(Damage::Cut),
        1 => (place, any::<usize>()).prop_map(|(p, o)| Damage::Graft(p, o)),
    ]
}

proptest! {
    #[test]
    fn damaged_files_never_panic(
        file in any::<prop::sample::Index>(),
        damages in prop::collection::vec(damage(), 1..8),
    ) {
        let mut bytes = FILES[file.index(FILES.len())].clone();
        for d in &damages {
            d.apply(&mut bytes);
        }
        let length = bytes.len();
        if let Ok(sound) = decode_bytes("damaged".as_ref(), bytes) {
            prop_assert!(!sound.samples.is_empty() && sound.sample_rate > 0);
            prop_assert!(sound.samples.iter().all(|s| s.is_finite()));
            // FLAC packs a constant block of 65,535 samples into some 10 bytes.
            prop_assert!(sound.samples.len() <= 10_000 * length);
        }
    }

    #[test]
    fn any_bytes_after_a_known_beginning_never_panic(
        file in any::<prop::sample::Index>(),
        kept in 0..64usize,
        rest in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut bytes = FILES[file.index(FILES.len())][..kept].to_vec();
        bytes.extend(rest);
        let _ = decode_bytes("damaged".as_ref(), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..Default::default() })]
    #[test]
    fn every_finite_sound_gives_finite_values(
        samples in prop::collection::vec(prop_oneof![
            8 => -1.0..1.0f32,
            1 => Just(0.0f32),
            1 => -1e30..1e30f32,
            1 => Just(f32::MIN_POSITIVE),
        ], 1..3_000),
        sample_rate in prop::sample::select(vec![4_000, 8_000, 11_025, 44_100, 192_000]),
        preset in prop::sample::select(Preset::ALL.to_vec()),
    ) {
        let sound = cohort_audio::Sound { samples, sample_rate };
        let features = acoustic_features(&sound, &AcousticSettings::preset(preset)).expect("valid");
        prop_assert!(features.vector().iter().all(|v| v.is_finite()), "{features:?}");
    }
}
