//! Damaged files: whatever the bytes are, decoding ends with a picture or an error. Run longer by
//! `PROPTEST_CASES=200000 cargo test -p cohort-vision --test mutations`.

use std::path::Path;
use std::sync::LazyLock;

use cohort_vision::{Transform, decode_bytes, perceptual_hash};
use proptest::prelude::*;

/// The files without damage that the damage starts from.
static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode");
    include_str!("golden/decode/index.txt")
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(|name| std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}")))
        .collect()
});

/// One change to a file; places are fractions of its length.
#[derive(Clone, Debug)]
enum Damage {
    Set(f64, u8),
    Flip(f64, u8),
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
    prop_oneof![
        4 => (place.clone(), any::<u8>()).prop_map(|(p, v)| Damage::Set(p, v)),
        4 => (place.clone(), 0..8u8).prop_map(|(p, b)| Damage::Flip(p, b)),
        1 => (place.clone(), 1..20usize).prop_map(|(p, n)| Damage::Remove(p, n)),
        1 => (place.clone(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(p, v)| Damage::Insert(p, v)),
        1 => place.clone().prop_map(Damage::Cut),
        1 => (place, any::<usize>()).prop_map(|(p, o)| Damage::Graft(p, o)),
    ]
}

/// Every bit of the first kilobyte of every file, one at a time: the fields of the headers, all of them.
#[test]
fn no_flipped_bit_in_a_header_panics() {
    for file in FILES.iter() {
        for bit in 0..8 * file.len().min(1024) {
            let mut bytes = file.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(picture) = decode_bytes(&bytes, Path::new("damaged")) {
                assert_eq!(picture.rgb().len(), picture.width() * picture.height() * 3);
            }
        }
    }
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
        // A bomb within the limit takes long, and that is not what is tested here.
        if let Ok(picture) = decode_bytes(&bytes, Path::new("damaged")) {
            prop_assert_eq!(picture.rgb().len(), picture.width() * picture.height() * 3);
        }
    }

    #[test]
    fn every_small_picture_goes_through_every_step(
        w in 1..40usize,
        h in 1..40usize,
        byte in any::<u8>(),
        seed in any::<u64>(),
    ) {
        let rgb: Vec<u8> = (0..w * h * 3).map(|i| (i as u8).wrapping_mul(byte | 1)).collect();
        let picture = cohort_vision::Picture::new(w, h, rgb).expect("it fits");
        let _ = perceptual_hash(&picture);
        for transform in [Transform::plain(8), Transform::minority_strong(33), Transform::light(16)] {
            let mut out = vec![f32::NAN; transform.output_len()];
            transform.apply(&picture, Some(seed), &mut out).expect("valid settings");
            prop_assert!(out.iter().all(|v| v.is_finite()));
        }
    }
}
