//! Whether a sound is whole: what is cut is refused or told, whatever it is cut out of, and what cannot be known is said.

mod containers;

use std::path::Path;

use cohort_audio::{Decoded, decode_bytes_warned};

/// What is said where nothing states a length.
const OPEN: &str = "its length is nowhere stated";

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode");
    std::fs::read(folder.join(name)).expect(name)
}

fn read(name: &str, bytes: &[u8]) -> Result<Decoded, String> {
    decode_bytes_warned(name.as_ref(), bytes.to_vec()).map_err(|error| error.to_string())
}

#[track_caller]
fn whole(name: &str, bytes: &[u8]) -> Decoded {
    let decoded = read(name, bytes).expect(name);
    assert!(
        decoded.warnings.is_empty(),
        "{name}: {:?}",
        decoded.warnings
    );
    decoded
}

/// The one thing that is said of a file that is read.
#[track_caller]
fn told(name: &str, bytes: &[u8]) -> (usize, String) {
    let decoded = read(name, bytes).expect(name);
    let [one] = &decoded.warnings[..] else {
        panic!("{name}: {:?}", decoded.warnings);
    };
    (decoded.sound.samples.len(), one.clone())
}

fn values() -> Vec<i16> {
    let bytes = golden("i16.wav");
    let pairs = bytes[44..].chunks_exact(2);
    pairs.map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

/// Wherever a file is cut, it is refused, or told, or nothing of its sound is gone. Gives how many cuts passed unsaid.
fn unsaid(name: &str, bytes: &[u8], step: usize) -> usize {
    let length = read(name, bytes).expect(name).sound.samples.len();
    let cuts = (1..bytes.len())
        .step_by(step)
        .chain(bytes.len().saturating_sub(25)..bytes.len());
    cuts.filter(|&cut| match read(name, &bytes[..cut]) {
        Err(_) => false,
        Ok(cut) => cut.warnings.is_empty() && cut.sound.samples.len() < length,
    })
    .count()
}

#[test]
fn no_cut_passes_in_silence() {
    let plain = containers::all(&values()[..600]).map(|(name, bytes)| (name.to_owned(), bytes));
    let mut files: Vec<(String, Vec<u8>)> = plain.into();
    let names = [
        "no-edit-list.mp4",
        "edit-list.m4a",
        "alac.m4a",
        "opus.webm",
        "vorbis.mka",
        "vorbis.ogg",
        "opus.opus",
        "flac.oga",
        "i16.flac",
        "lame.mp3",
        "ima-adpcm.wav",
        "mp3-inside.wav",
        "adts.aac",
    ];
    files.extend(names.map(|name| (name.to_owned(), golden(name))));
    files.push((
        "pcm.mkv".to_owned(),
        matroska(&values()[..600], &Form::default()),
    ));
    for (name, bytes) in files {
        assert_eq!(unsaid(&name, &bytes, bytes.len() / 60 + 1), 0, "{name}");
    }
}

/// The outer boxes of an MP4.
fn boxes(file: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        all.push((&file[at + 4..at + 8], &file[at..at + size]));
        at += size;
    }
    all
}

fn joined(boxes: &[(&[u8], &[u8])]) -> Vec<u8> {
    boxes
        .iter()
        .flat_map(|(_, bytes)| bytes.iter().copied())
        .collect()
}

/// `fragments.mp4` with its one part (5,824 ticks at 16 kHz) three times, one after the other in time.
fn three_parts() -> Vec<u8> {
    let one = golden("fragments.mp4");
    let all = boxes(&one);
    let names: Vec<&[u8]> = all.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, [&b"ftyp"[..], b"moov", b"moof", b"mdat", b"mfra"]);
    let mut file = joined(&all[..2]);
    for part in 0..3_u64 {
        let mut table = all[2].1.to_vec();
        assert_eq!(
            (&table[12..16], &table[36..40], &table[72..76]),
            (&b"mfhd"[..], &b"tfhd"[..], &b"tfdt"[..])
        );
        table[20..24].copy_from_slice(&(part as u32 + 1).to_be_bytes());
        table[48..56].copy_from_slice(&(file.len() as u64).to_be_bytes());
        table[80..88].copy_from_slice(&(part * 5_824).to_be_bytes());
        file.extend(table);
        file.extend(all[3].1);
    }
    file.extend(all[4].1);
    file
}

#[test]
fn an_mp4_in_parts_is_whole_or_told() {
    let file = three_parts();
    let length = whole("fragments.mp4", &file).sound.samples.len();
    let all = boxes(&file);
    let parts: Vec<usize> = (0..all.len()).filter(|&i| all[i].0 == b"moof").collect();
    assert!(parts.len() >= 3 && all.last().unwrap().0 == b"mfra");
    // the index behind the parts says that they are all
    let open = joined(&all[..all.len() - 1]);
    let (found, said) = told("open.mp4", &open);
    assert!(found == length && said.contains(OPEN), "{said}");
    // a part less cannot be known; a cut in a part can
    let last = *parts.last().unwrap();
    let (found, said) = told("less.mp4", &joined(&all[..last]));
    assert!(found < length && said.contains(OPEN), "{said}");
    let (_, said) = told("cut.mp4", &open[..open.len() - 5]);
    assert!(
        said.contains("the last box (mdat) has") && said.contains("the file is cut short"),
        "{said}"
    );
    let (_, said) = told("table.mp4", &joined(&all[..=last]));
    assert!(
        said.contains("a table and no sound: the file is cut short"),
        "{said}"
    );
    // one in the middle is gone
    // (its place is kept, since tables tell theirs from the beginning of the file)
    let mut filler = all[parts[1]].1.len() + all[parts[1] + 1].1.len();
    filler -= 8;
    let free = [
        &((filler as u32 + 8).to_be_bytes())[..],
        b"free",
        &vec![0; filler],
    ]
    .concat();
    let hole = joined(
        &[
            &all[..parts[1]],
            &[(&b"free"[..], &free[..])],
            &all[parts[2]..],
        ]
        .concat(),
    );
    let decoded = read("hole.mp4", &hole).expect("the rest");
    assert!(decoded.sound.samples.len() < length);
    assert!(
        decoded.warnings[0].contains("0.364 s are missing between its parts"),
        "{:?}",
        decoded.warnings
    );
    // a table that announces more than there is beside it
    let mut wrong = joined(&all[..=parts[0]]);
    let at = wrong.windows(4).rposition(|four| four == b"trun").unwrap();
    let flags = u32::from_be_bytes(wrong[at + 4..at + 8].try_into().unwrap());
    assert_eq!(flags & 0x201, 0x201, "sizes and an offset");
    let first =
        at + 16 + if flags & 4 != 0 { 4 } else { 0 } + if flags & 0x100 != 0 { 4 } else { 0 };
    wrong[first + 1] = 1;
    wrong.extend(joined(&all[parts[0] + 1..]));
    let error = read("wrong.mp4", &wrong).expect_err("a table that lies");
    assert!(
        error.contains("bytes of sound announced for part 1, which has"),
        "{error}"
    );
    // a length of all that is stated in front, as others write it
    let scale = |stated: u32| {
        let mut file = open.clone();
        let mut put = |name: &[u8; 4], at: usize, value: u32| {
            let place = file.windows(4).position(|four| four == name).unwrap() + at;
            file[place..place + 4].copy_from_slice(&value.to_be_bytes());
        };
        put(b"mdhd", 4 + 16, stated);
        file
    };
    let primed = length as u32 + 1_024;
    assert_eq!(
        whole("stated.mp4", &scale(primed)).sound.samples.len(),
        length
    );
    let error = read("stated.mp4", &scale(primed + 10_000)).expect_err("less than stated");
    assert!(error.contains("the file is cut short"), "{error}");
}

/// How a Matroska file is written.
#[derive(Clone, Copy)]
struct Form {
    /// Whether segment and clusters state their length.
    sized: bool,
    /// Milliseconds.
    duration: Option<f64>,
    /// Nanoseconds at the end of the last block that are no part of the sound.
    padding: Option<u32>,
    /// Whether the head announces an index at the end.
    announced: bool,
    /// Whether there is one.
    index: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            sized: false,
            duration: Some(37.5),
            padding: None,
            announced: false,
            index: false,
        }
    }
}

fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, body].concat()
}

fn open_element(id: &[u8], body: &[u8]) -> Vec<u8> {
    [id, &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], body].concat()
}

/// 16-bit samples at 16 kHz, 100 a block, three blocks a cluster, as browsers record.
fn matroska(values: &[i16], form: &Form) -> Vec<u8> {
    let head = element(
        &[0x1a, 0x45, 0xdf, 0xa3],
        &[
            element(&[0x42, 0x82], b"matroska"),
            element(&[0x42, 0x87], &[4]),
            element(&[0x42, 0x85], &[2]),
        ]
        .concat(),
    );
    let mut info = element(&[0x2a, 0xd7, 0xb1], &1_000_000_u32.to_be_bytes());
    info.extend(element(&[0x4d, 0x80], b"test"));
    info.extend(element(&[0x57, 0x41], b"test"));
    if let Some(duration) = form.duration {
        info.extend(element(&[0x44, 0x89], &duration.to_be_bytes()));
    }
    let audio = [
        element(&[0xb5], &16_000_f64.to_be_bytes()),
        element(&[0x9f], &[1]),
        element(&[0x62, 0x64], &[16]),
    ];
    let track = [
        element(&[0xd7], &[1]),
        element(&[0x73, 0xc5], &[1]),
        element(&[0x83], &[2]),
        element(&[0x86], b"A_PCM/INT/LIT"),
        element(&[0xe1], &audio.concat()),
    ];
    let mut body = [
        element(&[0x15, 0x49, 0xa9, 0x66], &info),
        element(
            &[0x16, 0x54, 0xae, 0x6b],
            &element(&[0xae], &track.concat()),
        ),
    ]
    .concat();
    let blocks: Vec<&[i16]> = values.chunks(100).collect();
    for (number, three) in blocks.chunks(3).enumerate() {
        let start = number as f64 * 300.0 / 16.0;
        let mut cluster = element(&[0xe7], &(start as u16).to_be_bytes());
        for (place, block) in three.iter().enumerate() {
            let mut bytes = vec![0x81];
            bytes.extend(((place as f64 * 6.25) as i16).to_be_bytes());
            bytes.push(0x80);
            bytes.extend(block.iter().flat_map(|value| value.to_le_bytes()));
            let last = number * 3 + place + 1 == blocks.len();
            cluster.extend(match form.padding.filter(|_| last) {
                None => element(&[0xa3], &bytes),
                Some(padding) => {
                    bytes[3] = 0;
                    let group = [
                        element(&[0xa1], &bytes),
                        element(&[0x75, 0xa2], &padding.to_be_bytes()),
                    ];
                    element(&[0xa0], &group.concat())
                }
            });
        }
        let id = [0x1f, 0x43, 0xb6, 0x75];
        body.extend(if form.sized {
            element(&id, &cluster)
        } else {
            open_element(&id, &cluster)
        });
    }
    if form.announced {
        let seek = |at: u64| {
            let seek = [
                element(&[0x53, 0xab], &[0x1c, 0x53, 0xbb, 0x6b]),
                element(&[0x53, 0xac], &at.to_be_bytes()),
            ];
            element(
                &[0x11, 0x4d, 0x9b, 0x74],
                &element(&[0x4d, 0xbb], &seek.concat()),
            )
        };
        let own = seek(0).len();
        body = [seek((own + body.len()) as u64), body].concat();
    }
    if form.index {
        let place = [element(&[0xf7], &[1]), element(&[0xf1], &[0])].concat();
        let point = [element(&[0xb3], &[0]), element(&[0xb7], &place)].concat();
        body.extend(element(
            &[0x1c, 0x53, 0xbb, 0x6b],
            &element(&[0xbb], &point),
        ));
    }
    let id = [0x18, 0x53, 0x80, 0x67];
    let segment = if form.sized {
        element(&id, &body)
    } else {
        open_element(&id, &body)
    };
    [head, segment].concat()
}

#[test]
fn matroska_is_whole_or_told() {
    let values = &values()[..600];
    let form = Form::default();
    let sound = whole("stated.webm", &matroska(values, &form)).sound;
    let expected: Vec<f32> = values.iter().map(|v| f32::from(*v) / 32_768.0).collect();
    assert_eq!(
        (sound.samples, sound.sample_rate),
        (expected.clone(), 16_000)
    );
    whole(
        "sized.mkv",
        &matroska(
            values,
            &Form {
                sized: true,
                duration: None,
                ..form
            },
        ),
    );
    whole(
        "indexed.mkv",
        &matroska(
            values,
            &Form {
                duration: None,
                announced: true,
                index: true,
                ..form
            },
        ),
    );

    // as a browser records: no length of anything, so that the end is anywhere
    let recorded = Form {
        duration: None,
        ..form
    };
    let file = matroska(values, &recorded);
    let (found, said) = told("recorded.webm", &file);
    assert!(
        found == 600 && said.contains(OPEN) && said.contains(" 0.037 s are read")
            || said.contains(" 0.038 s are read"),
        "{said}"
    );
    let block = 200 + 4 + 9;
    let (found, said) = told("less.webm", &file[..file.len() - block]);
    assert!(found == 500 && said.contains(OPEN), "{said}");
    for cut in [1, 77, block - 1] {
        let (found, said) = told("cut.webm", &file[..file.len() - cut]);
        assert!(
            found == 500 && said.contains("ends inside an element: the file is cut short"),
            "{cut}: {said}"
        );
    }

    // the same with a duration, in blocks that browsers write: a packet may be missing, two may not
    let stated = matroska(values, &form);
    let error =
        read("short.webm", &stated[..stated.len() - 2 * block]).expect_err("two blocks less");
    assert!(
        error.contains("400 of them: the file is cut short"),
        "{error}"
    );
    let (found, said) = told(
        "long.webm",
        &matroska(
            values,
            &Form {
                duration: Some(6.0),
                ..form
            },
        ),
    );
    assert!(
        found == 600 && said.contains("it states 96 samples, its packets have 600"),
        "{said}"
    );

    // lengths and tables that lead beyond the end
    let sized = matroska(
        values,
        &Form {
            sized: true,
            ..form
        },
    );
    let error = read("sized.mkv", &sized[..sized.len() - block]).expect_err("less than stated");
    assert!(
        error.contains(&format!("expected {} bytes", sized.len())) && error.contains("cut short"),
        "{error}"
    );
    let announced = matroska(
        values,
        &Form {
            announced: true,
            duration: None,
            ..form
        },
    );
    let error = read("unfinished.mkv", &announced).expect_err("no table");
    assert!(
        error.contains("expected the table that it announces at byte")
            && error.contains("cut short or was not finished"),
        "{error}"
    );
}

#[test]
fn padding_of_the_last_block_is_no_part_of_the_sound() {
    let values = &values()[..600];
    // 25 samples
    let form = Form {
        padding: Some(1_562_500),
        ..Form::default()
    };
    let sound = whole("padded.mkv", &matroska(values, &form)).sound;
    assert_eq!(sound.samples.len(), 575);
    let all = Form {
        padding: Some(0),
        ..Form::default()
    };
    assert_eq!(
        whole("whole.mkv", &matroska(values, &all))
            .sound
            .samples
            .len(),
        600
    );
}

#[test]
fn what_was_written_to_a_pipe_is_read_and_said() {
    let values = values();
    let count = values.len();
    for (name, bytes) in containers::all(&values) {
        let mut bytes = bytes;
        let mut put = |tag: &[u8], at: usize, with: &[u8]| {
            let place = bytes.windows(tag.len()).position(|w| w == tag).unwrap() + at;
            bytes[place..place + with.len()].copy_from_slice(with);
        };
        match name {
            "sound.au" => put(b".snd", 8, &[0xff; 4]),
            "sound.caf" => put(b"data", 4, &[0xff; 8]),
            "sound.aiff" => {
                put(b"FORM", 4, &[0; 4]);
                put(b"COMM", 10, &[0; 4]);
                put(b"SSND", 4, &[0; 4]);
            }
            "rifx.wav" => put(b"data", 4, &[0xff; 4]),
            "rf64.wav" => put(b"ds64", 8, &[0; 24]),
            _ => continue,
        }
        let (found, said) = told(name, &bytes);
        assert!(
            found == count && said.contains(OPEN),
            "{name}: {found}, {said}"
        );
        // sox leaves this
        if name == "sound.aiff" {
            for (tag, at) in [(&b"FORM"[..], 4), (b"COMM", 10), (b"SSND", 4)] {
                let place = bytes.windows(4).position(|w| w == tag).unwrap() + at;
                bytes[place..place + 4].copy_from_slice(&0x7f00_0000_u32.to_be_bytes());
            }
            let (found, said) = told(name, &bytes);
            assert!(
                found == count && said.contains(OPEN),
                "{name}: {found}, {said}"
            );
        }
    }
    let mut flac = golden("i16.flac");
    let length = whole("i16.flac", &flac).sound.samples.len();
    flac[21] &= 0xf0;
    flac[22..26].fill(0);
    let (found, said) = told("pipe.flac", &flac);
    assert!(found == length && said.contains(OPEN), "{said}");
    // more than there is: 36 bits of samples
    let mut flac = golden("i16.flac");
    flac[25] = flac[25].wrapping_add(1);
    let error = read("short.flac", &flac).expect_err("a sample less");
    assert!(error.contains("the file is cut short"), "{error}");
}
