//! Sound files as other programs write them: other containers, headers that are a little wrong, and what is
//! refused, by its name.

mod containers;

use std::path::{Path, PathBuf};

use cohort_audio::{Decoded, decode_bytes_warned, decode_warned};
use serde_json::Value;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/decode")
        .join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect(name)
}

fn read(name: &str, bytes: Vec<u8>) -> Result<Decoded, String> {
    decode_bytes_warned(name.as_ref(), bytes).map_err(|error| error.to_string())
}

fn refused(name: &str, bytes: &[u8]) -> String {
    read(name, bytes.to_vec()).expect_err(name)
}

/// The samples of `i16.wav`, whose header has 44 bytes.
fn values() -> Vec<i16> {
    let data = bytes("i16.wav");
    let pairs = data[44..].chunks_exact(2);
    pairs.map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

#[test]
fn every_container_of_plain_samples_holds_the_same_samples() {
    let values = values();
    for (name, file) in containers::all(&values) {
        let Decoded { sound, warnings } = read(name, file.clone()).expect(name);
        assert_eq!(
            (sound.sample_rate, sound.samples.len()),
            (16_000, values.len()),
            "{name}"
        );
        let same = sound
            .samples
            .iter()
            .zip(&values)
            .all(|(a, b)| *a == f32::from(*b) / 32_768.0);
        assert!(same && warnings.is_empty(), "{name}: {warnings:?}");
        // The name does not matter, and a file that lost its end is told.
        assert_eq!(
            read("x.mp3", file.clone()).expect(name).sound,
            sound,
            "{name}"
        );
        let error = refused(name, &file[..file.len() / 2 + 600]);
        assert!(
            error.contains("cut short") || error.contains("whole"),
            "{name}: {error}"
        );
    }
}

#[test]
fn what_libraries_decode_is_what_ffmpeg_decodes() {
    // File, bound of the difference from FFmpeg; samples at the start that FFmpeg keeps and which are the
    // encoder's.
    let cases = [
        ("ms-adpcm.wav", 1e-7, 0),
        ("ima-adpcm.wav", 1e-7, 0),
        ("mp3-inside.wav", 1e-5, 0),
        ("alac.m4a", 1e-7, 0),
        ("opus.opus", 5e-5, 0),
        ("opus.webm", 5e-5, 0),
        ("vorbis.mka", 1e-5, 0),
        ("layer2.mp2", 1e-4, 0),
        ("flac.oga", 1e-7, 0),
        ("mpeg25.mp3", 1e-5, 0),
        ("fragments.mp4", 1e-5, 1_024),
        ("adts.aac", 1e-5, 1_024),
    ];
    let expected: Value = serde_json::from_slice(&bytes("containers.json")).expect("JSON");
    for (name, bound, early) in cases {
        let Decoded { sound, warnings } = decode_warned(&path(name)).expect(name);
        let reference = &expected[name];
        assert_eq!(reference["sample_rate"], sound.sample_rate, "{name}");
        assert_eq!(reference["samples"], sound.samples.len() + early, "{name}");
        assert_eq!(warnings, Vec::<String>::new(), "{name}");
        let values = reference["every_29th"].as_array().expect(name);
        for (i, value) in values.iter().enumerate() {
            let Some(at) = (29 * i).checked_sub(early) else {
                continue;
            };
            let (found, value) = (f64::from(sound.samples[at]), value.as_f64().expect(name));
            assert!(
                (found - value).abs() <= bound,
                "{name}, sample {at}: {found}, {value}"
            );
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
fn headers_that_are_a_little_wrong_are_read_with_a_warning() {
    let whole = read("i16.wav", bytes("i16.wav"))
        .expect("a good file")
        .sound;
    let size = |by: i64| lying(40, &((9_600 + by) as u32).to_le_bytes());
    let mut odd = whole.clone();
    odd.samples.pop();
    let cases: [(&str, Vec<u8>, &_, &str); 7] = [
        (
            "the length of the file",
            size(44),
            &whole,
            "states 9644 bytes of samples, 9600 are there",
        ),
        (
            "less its first 8 bytes",
            size(36),
            &whole,
            "states 9636 bytes",
        ),
        (
            "half a sample less",
            size(-1),
            &odd,
            "9599 bytes of samples are no whole number of blocks of 2",
        ),
        (
            "no block",
            lying(32, &[0, 0]),
            &whole,
            "blocks of 0 bytes (nBlockAlign)",
        ),
        (
            "another block",
            lying(32, &[1, 0]),
            &whole,
            "blocks of 1 bytes (nBlockAlign)",
        ),
        (
            "a recorder",
            lying(40, &0x7fff_f000_u32.to_le_bytes()),
            &whole,
            "2147479552 bytes of samples, 9600",
        ),
        (
            "never finished",
            lying(40, &[0; 4]),
            &whole,
            "9600 bytes that are no chunk follow",
        ),
    ];
    for (name, wav, sound, warning) in cases {
        let decoded = read(name, wav).expect(name);
        assert_eq!(&decoded.sound, sound, "{name}");
        let [one] = &decoded.warnings[..] else {
            panic!("{name}: {:?}", decoded.warnings)
        };
        assert!(
            one.contains(warning) && one.starts_with(name),
            "{name}: {one}"
        );
    }
    // Pipes write this: nothing says where the sound ends.
    let mut pipe = lying(40, &[0xff; 4]);
    pipe[4..8].copy_from_slice(&[0xff; 4]);
    let decoded = read("pipe", pipe).expect("a pipe");
    assert_eq!(decoded.sound, whole);
    assert_eq!(
        decoded.warnings,
        [
            "pipe: its length is nowhere stated: 0.300 s are read, and whether that is all of it cannot be known"
        ]
    );
}

#[test]
fn an_empty_data_chunk_is_empty_whatever_follows() {
    let mut wav = bytes("i16.wav")[..44].to_vec();
    wav[40..].fill(0);
    wav.extend(b"LIST\x0e\0\0\0INFOISFT\x02\0\0\0ab");
    let length = wav.len() as u32 - 8;
    wav[4..8].copy_from_slice(&length.to_le_bytes());
    for file in [wav[..44].to_vec(), wav] {
        let error = refused("empty.wav", &file);
        assert!(
            error.contains("expected at least one sample, found none"),
            "{error}"
        );
    }
}

#[test]
fn twenty_four_bits_in_four_bytes_are_the_upper_ones() {
    let values = values();
    let mut wav = bytes("i16.wav")[..44].to_vec();
    let size = 4 * values.len() as u32;
    wav[28..32].copy_from_slice(&64_000_u32.to_le_bytes());
    wav[32..36].copy_from_slice(&[4, 0, 24, 0]);
    wav[40..].copy_from_slice(&size.to_le_bytes());
    wav.extend(
        values
            .iter()
            .flat_map(|v| (i32::from(*v) << 16).to_le_bytes()),
    );
    let whole = read("i16.wav", bytes("i16.wav")).expect("a good file");
    assert_eq!(read("24-in-32.wav", wav).expect("a good file"), whole);
}

#[test]
fn what_is_not_read_is_named() {
    let cases: [(&str, &[u8], &str); 12] = [
        ("a.amr", b"#!AMR\n\x3c", "found AMR"),
        ("a.wma", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "found ASF (Windows Media"),
        ("a.wav", b"\x0b\x77\x12\x34", "found AC-3"),
        ("a.dsf", b"DSD \x1c\0\0\0", "found DSD"),
        ("a.wv", b"wvpk\0\0", "found WavPack"),
        ("text.wav", b"hello, this is text\n", "found text"),
        ("page.mp3", b"<!DOCTYPE html><html>", "found a page of HTML"),
        ("video.wav", b"RIFF\x10\0\0\0AVI LIST", "found AVI"),
        ("lfs.wav", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        ("x.wav", b"\x01\x02\x03\xff\xfb\x90\0\x05", "found a file of another kind, beginning with 01 02"),
        ("zeros.wav", &[0; 64], "found 64 zero bytes"),
        (
            "s.sph",
            b"NIST_1A\n   1024\nsample_rate -i 16000\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n",
            "NIST SPHERE compressed by shorten",
        ),
    ];
    for (name, file, found) in cases {
        let error = refused(name, file);
        assert!(
            error.contains(found) && error.contains(name),
            "{name}: {error}"
        );
    }
    let mut speex = b"OggS\0\x02".to_vec();
    speex.extend([0; 20]);
    speex.extend(b"\x01\x50Speex   ");
    assert!(refused("a.ogg", &speex).contains("found Ogg with Speex"));
}

#[test]
fn mpeg_audio_is_as_long_as_its_frames() {
    // Silent frames of layer 3 at 44.1 kHz and 128 kbit/s, then at 320 kbit/s: an average says otherwise.
    let frame = |third: u8, length: usize, mode: u8| {
        let mut frame = vec![0xff, 0xfb, third, mode];
        frame.resize(length, 0);
        frame
    };
    let mut file = frame(0x90, 417, 0xc0).repeat(50);
    file.extend(frame(0xe0, 1_044, 0xc0).repeat(7));
    let sound = read("vbr.mp3", file.clone()).expect("a good file").sound;
    assert_eq!(sound.samples.len(), 57 * 1_152);
    // From one channel to two and back.
    let mut mixed = frame(0x90, 417, 0xc0).repeat(5);
    mixed.extend(frame(0x90, 417, 0x00).repeat(4));
    mixed.extend(frame(0x90, 417, 0xc0).repeat(3));
    let sound = read("mixed.mp3", mixed).expect("a good file").sound;
    assert_eq!(sound.samples.len(), 12 * 1_152);
    // A tag in front, tags behind, and the last frame cut.
    let mut tagged = b"ID3\x03\0\0\0\0\x02\0".to_vec();
    tagged.resize(10 + 256, 0xff);
    tagged.extend(&file);
    tagged.extend(b"TAG");
    tagged.resize(tagged.len() + 125, 0);
    let decoded = read("tagged.mp3", tagged).expect("a good file");
    assert_eq!(
        (decoded.sound.samples.len(), decoded.warnings.len()),
        (57 * 1_152, 0)
    );
    file.truncate(file.len() - 100);
    let decoded = read("cut.mp3", file).expect("whole frames");
    assert_eq!(decoded.sound.samples.len(), 56 * 1_152);
    assert!(decoded.warnings[0].contains("944 of its 1044 bytes: the file is cut short"));
}

#[test]
fn streams_that_lost_their_end_say_so() {
    let whole = bytes("adts.aac");
    let decoded = read("cut.aac", whole[..whole.len() - 20].to_vec()).expect("whole frames");
    let length = read("adts.aac", whole)
        .expect("a good file")
        .sound
        .samples
        .len();
    assert_eq!(decoded.sound.samples.len() + 1_024, length);
    assert!(
        decoded.warnings[0].contains("the file is cut short"),
        "{:?}",
        decoded.warnings
    );
}

#[test]
fn a_chained_ogg_is_read_to_its_last_link() {
    let one = read("vorbis.ogg", bytes("vorbis.ogg"))
        .expect("a good file")
        .sound;
    let other = read("stereo", bytes("vorbis-stereo.ogg"))
        .expect("a good file")
        .sound;
    let chain = [bytes("vorbis.ogg"), bytes("vorbis-stereo.ogg")].concat();
    let both = read("chain.ogg", chain).expect("a chain").sound;
    assert_eq!(both.samples, [one.samples, other.samples].concat());
}

#[test]
fn a_sound_that_is_too_long_is_refused_before_memory_is_taken() {
    // The header of a FLAC of 2^36 - 1 samples.
    let mut flac = bytes("i16.flac");
    flac[21] |= 15;
    flac[22..26].fill(0xff);
    let error = refused("bomb.flac", &flac);
    assert!(
        error.contains("at most 345600000 samples a channel (360 minutes at 16000 Hz)")
            && error.contains("found 68719476735 or more"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_or_folder_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe.wav");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let error = decode_warned(&pipe).expect_err("a pipe").to_string();
    assert!(
        error.contains("expected a regular file, found a pipe, socket or device"),
        "{error}"
    );
    let error = decode_warned(folder.path())
        .expect_err("a folder")
        .to_string();
    assert!(error.contains("found a folder"), "{error}");
}
