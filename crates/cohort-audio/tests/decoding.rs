//! Every format that is decoded, held against libsndfile and FFmpeg (`scripts/make_encoded.py`), and
//! files that are cut short or whose headers lie.

use std::path::{Path, PathBuf};

use cohort_audio::{Sound, decode, decode_bytes};
use serde_json::Value;

/// Of the expected samples every 29th is kept.
const EVERY: usize = 29;
const RATE: u32 = 16_000;
const LENGTH: usize = 4_800;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/decode")
        .join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect(name)
}

fn read(name: &str, bytes: Vec<u8>) -> Result<Sound, String> {
    decode_bytes(name.as_ref(), bytes).map_err(|error| error.to_string())
}

/// The sound that the files were made from: first channel, and the mean of both.
fn source() -> [Vec<f64>; 2] {
    let turn = 2.0 * std::f64::consts::PI;
    let step = |x: f64| (x * 32_767.0 + 0.5).floor() / 32_768.0;
    let last = (LENGTH - 1) as f64 / f64::from(RATE);
    (0..LENGTH)
        .map(|i| {
            let t = i as f64 / f64::from(RATE);
            let chirp = (turn * (300.0 * t + 2_000.0 * t * t) + 1.0).sin();
            let left = (1.0 - t / last) * 0.5 * chirp;
            let right = 0.5 * left + 0.2 * (turn * 441.0 * t).sin();
            (step(left), (step(left) + step(right)) / 2.0)
        })
        .unzip::<f64, f64, Vec<f64>, Vec<f64>>()
        .into()
}

/// The shift of `found` against `expected`, in samples, at which they are most alike.
fn lag(found: &[f32], expected: &[f64]) -> isize {
    let likeness = |shift: isize| -> f64 {
        let pair = |(i, e): (usize, &f64)| {
            let at = usize::try_from(i as isize + shift).ok()?;
            Some(f64::from(*found.get(at)?) * e)
        };
        expected.iter().enumerate().filter_map(pair).sum()
    };
    (-1_200..=1_200)
        .max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)))
        .expect("a range")
}

fn correlation(found: &[f32], expected: &[f64]) -> f64 {
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        let pairs = found.iter().zip(expected);
        pairs.map(|(a, b)| f(f64::from(*a), *b)).sum()
    };
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

#[test]
fn every_format_has_the_samples_of_the_reference_decoders() {
    // File; largest difference from the reference decoder and from the sound that was encoded. What
    // MP3, Vorbis and AAC lose is not bounded by sample, so they must be like it (`None`); and their
    // decoders round differently.
    let half_step = |bits: i32| 0.51 * 2f64.powi(1 - bits);
    let cases = [
        ("u8.wav", 1e-7, Some(2.0 * half_step(8))),
        ("i16.wav", 1e-7, Some(1e-7)),
        ("i16-stereo.wav", 1e-7, Some(1e-7)),
        ("i24.wav", 1e-7, Some(1e-7)),
        ("i32.wav", 1e-7, Some(1e-7)),
        ("f32.wav", 1e-7, Some(1e-7)),
        ("f64.wav", 1e-7, Some(1e-7)),
        ("extensible.wav", 1e-7, Some(1e-7)),
        ("alaw.wav", 1e-7, Some(0.02)),
        ("mulaw.wav", 1e-7, Some(0.02)),
        ("i16.flac", 1e-7, Some(1e-7)),
        ("i24-stereo.flac", 1e-7, Some(1e-7)),
        ("vorbis.ogg", 1e-5, None),
        ("vorbis-stereo.ogg", 1e-5, None),
        ("lame.mp3", 1e-5, None),
        ("lame-stereo.mp3", 1e-5, None),
        ("edit-list.m4a", 1e-5, None),
    ];
    let expected: Value =
        serde_json::from_slice(&bytes("expected.json")).expect("the golden file is JSON");
    let [left, both] = source();
    for (name, bound, loss) in cases {
        let sound = decode(&path(name)).expect(name);
        assert_eq!(sound.sample_rate, RATE, "{name}");
        let source = if name.contains("stereo") || name == "extensible.wav" {
            &both
        } else {
            &left
        };
        let reference = &expected[name];
        // AAC comes in packets of 1,024 samples; the table of times says how much of the last one is sound.
        assert_eq!(reference["samples"], sound.samples.len(), "{name}");
        let values = reference["every_29th"].as_array().expect(name);
        for (i, value) in values.iter().enumerate() {
            let (found, value) = (sound.samples[i * EVERY], value.as_f64().expect(name));
            let off = (f64::from(found) - value).abs();
            assert!(
                off <= bound,
                "{name}, sample {}: {found}, {value}",
                i * EVERY
            );
        }
        assert_eq!(
            lag(&sound.samples, source),
            0,
            "{name}: starts late or early"
        );
        let Some(loss) = loss else {
            let like = correlation(&sound.samples, source);
            assert!(like > 0.95, "{name}: correlation {like}");
            continue;
        };
        for (i, (found, value)) in sound.samples.iter().zip(source).enumerate() {
            let off = (f64::from(*found) - value).abs();
            assert!(off <= loss, "{name}, sample {i}: {found}, encoded {value}");
        }
    }
}

#[test]
fn the_priming_of_aac_is_cut_where_no_edit_list_says_so() {
    let sound = decode(&path("no-edit-list.mp4")).expect("a good file");
    assert_eq!(lag(&sound.samples, &source()[0]), 0);
    assert_eq!(
        sound.samples.len(),
        decode(&path("edit-list.m4a"))
            .expect("a good file")
            .samples
            .len()
    );
}

#[test]
fn the_content_decides_and_not_the_name() {
    for (name, other) in [
        ("lame.mp3", "x.wav"),
        ("i16.flac", "x.mp3"),
        ("edit-list.m4a", "x"),
        ("i16.wav", "x.ogg"),
    ] {
        let right = read(name, bytes(name)).expect(name);
        assert_eq!(
            read(other, bytes(name)).expect(other),
            right,
            "{name} as {other}"
        );
    }
}

#[test]
fn cut_files_are_refused_or_read_to_their_last_whole_packet() {
    for name in [
        "i16.wav",
        "i16.flac",
        "vorbis.ogg",
        "lame.mp3",
        "lame-stereo.mp3",
        "edit-list.m4a",
    ] {
        let whole = bytes(name);
        let samples = read(name, whole.clone()).expect(name).samples.len();
        for tenth in 0..10 {
            let length = whole.len() * tenth / 10;
            match read(name, whole[..length].to_vec()) {
                // Ogg and MP3 are streams: what is there is a sound, and the length they state is
                // rounded to packets. Never more than that may be missing without a word.
                Ok(sound) => assert!(
                    sound.samples.len() + 4_608 >= samples && sound.samples.len() <= samples,
                    "{name} cut to {length}: {} of {samples} samples",
                    sound.samples.len()
                ),
                Err(error) => assert!(
                    error.contains(name) && error.contains("expected "),
                    "{error}"
                ),
            }
        }
    }
}

/// `i16.wav` with some bytes of its header replaced.
fn lying(at: usize, with: &[u8]) -> Vec<u8> {
    let mut wav = bytes("i16.wav");
    wav[at..at + with.len()].copy_from_slice(with);
    wav
}

#[test]
fn headers_that_lie_are_found_out() {
    let data = 2 * LENGTH as u32;
    assert_eq!(
        bytes("i16.wav").len(),
        44 + data as usize,
        "a header of 44 bytes"
    );
    let cases: [(&str, Vec<u8>, &str); 11] = [
        (
            "more data than there is and than the header has",
            lying(40, &(data + 46).to_le_bytes()),
            "expected 9646 bytes of samples, found 9600: the file is cut short",
        ),
        (
            "far more",
            lying(40, &0x7ffe_0000_u32.to_le_bytes()),
            "found 9600",
        ),
        ("no channel", lying(22, &[0, 0]), "found 0 channels"),
        (
            "65,535 channels",
            lying(22, &[0xff, 0xff]),
            "expected blocks of 131070 bytes, found blocks of 2",
        ),
        ("rate 0", lying(24, &[0; 4]), "at 0 Hz"),
        (
            "64 bits in 2 bytes",
            lying(34, &[64, 0]),
            "expected blocks of 8 bytes, found blocks of 2",
        ),
        (
            "0 bits",
            lying(32, &[0, 0, 0, 0]),
            "found format tag 1 with 0 bits",
        ),
        (
            "another coding",
            lying(20, &[0x31, 0]),
            "found GSM 6.10, format tag 49 with 16 bits",
        ),
        (
            "no fmt chunk",
            lying(12, b"junk"),
            "expected a fmt chunk first",
        ),
        (
            "a fmt chunk beyond the end",
            lying(16, &0xffff_fff0_u32.to_le_bytes()),
            "expected a data chunk",
        ),
        ("no data chunk", lying(36, b"junk"), "expected a data chunk"),
    ];
    for (name, wav, found) in cases {
        let error = read("lies.wav", wav).expect_err(name);
        assert!(
            error.contains("lies.wav") && error.contains(found),
            "{name}: {error}"
        );
    }
}

#[test]
fn headers_that_leave_the_length_open_are_read_to_the_end() {
    let whole = read("i16.wav", bytes("i16.wav")).expect("a good file");
    for length in [0, u32::MAX, 0x7fff_ffff] {
        let open = read("open.wav", lying(40, &length.to_le_bytes())).expect("a piped file");
        assert_eq!(open, whole);
    }
    // The length of the whole is not used, so a wrong one does no harm.
    assert_eq!(
        read("riff.wav", lying(4, &[1, 2, 3, 4])).expect("a good file"),
        whole
    );
    // What follows the samples is no sound.
    let mut followed = bytes("i16.wav");
    followed.extend(b"LIST\x04\0\0\0INFO");
    assert_eq!(read("list.wav", followed).expect("a good file"), whole);
}
