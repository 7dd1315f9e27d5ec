//! What a file is, by its first bytes.

use super::container::Kind;
use super::wav::Form;
use super::{mpeg, source::Window};

/// Who reads a file.
pub(super) enum Found {
    Wave(Form),
    Au,
    Sphere,
    /// By a decoder of a library.
    Coded(Kind),
    /// Nobody: its name.
    Refused(String),
}

/// Wave64 begins with the GUID of `riff`.
const W64: [u8; 16] = [
    b'r', b'i', b'f', b'f', 0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0, 0,
];
/// ASF, which holds WMA.
const ASF: [u8; 8] = [0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11];

/// Formats that are not read, by what they begin with.
const REFUSED: [(&[u8], &str); 39] = [
    (b"#!AMR-WB", "AMR-WB"),
    (b"#!AMR", "AMR"),
    (&ASF, "ASF (Windows Media Audio or Video)"),
    (&[0x0b, 0x77], "AC-3"),
    (&[0x7f, 0xfe, 0x80, 0x01], "DTS"),
    (b"DSD ", "DSD (DSF)"),
    (b"FRM8", "DSD (DSDIFF)"),
    (b"MAC ", "Monkey's Audio"),
    (b"wvpk", "WavPack"),
    (b"TTA1", "True Audio (TTA)"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"ajkg", "Shorten"),
    (b"OFR ", "OptimFROG"),
    (b"LA04", "Lossless Audio"),
    (b"MThd", "MIDI"),
    (b".RMF", "RealMedia"),
    (b".ra\xfd", "RealAudio"),
    (b"Creative Voice File", "Creative Voice (VOC)"),
    (b"#!SILK_V3", "SILK"),
    (b"\x02#!SILK_V3", "SILK"),
    (b"2BIT", "AVR"),
    (b"\x64\xa3\x01\0", "IRCAM"),
    (b"\0\x02\xa3\x64", "IRCAM"),
    (b"8SVX", "8SVX"),
    (b"FLV\x01", "Flash Video"),
    (b"\0\0\x01\xba", "MPEG program stream"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (&[0x1f, 0x8b], "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"\x89PNG", "PNG (a picture)"),
    (b"\xff\xd8\xff", "JPEG (a picture)"),
    (b"GIF8", "GIF (a picture)"),
    (b"\x89HDF", "HDF5"),
    (b"MATLAB ", "MATLAB"),
];

/// What the file is, and where it begins when an ID3 tag lies before it.
pub(super) fn find(file: &mut Window) -> std::io::Result<(Found, u64)> {
    let start = mpeg::after_id3(file)?;
    let head = file.peek(start, 4_096)?;
    let is = |at: usize, tag: &[u8]| head.get(at..at + tag.len()) == Some(tag);
    let text = |at: usize| {
        String::from_utf8_lossy(head.get(at..at + 4).unwrap_or_default())
            .trim()
            .to_owned()
    };
    let found = if is(0, b"RIFF") || is(0, b"RIFX") || is(0, b"RF64") || is(0, b"BW64") {
        match head.get(8..12) {
            None | Some(b"WAVE") => Found::Wave(match &head[..4] {
                b"RIFF" => Form::Riff,
                b"RIFX" => Form::Rifx,
                _ => Form::Rf64,
            }),
            Some(b"AVI ") => Found::Refused("AVI (video)".to_owned()),
            Some(b"WEBP") => Found::Refused("WebP (a picture)".to_owned()),
            Some(_) => Found::Refused(format!("RIFF of the form {:?}", text(8))),
        }
    } else if is(0, &W64) {
        Found::Wave(Form::W64)
    } else if is(0, b"NIST_1A") {
        Found::Sphere
    } else if is(0, b".snd") || is(0, b"dns.") {
        Found::Au
    } else if is(0, b"FORM") {
        match head.get(8..12) {
            Some(b"AIFF" | b"AIFC") => Found::Coded(Kind::Aiff),
            _ => Found::Refused(format!("IFF of the form {:?}", text(8))),
        }
    } else if is(0, b"caff") {
        Found::Coded(Kind::Caf)
    } else if is(0, b"fLaC") {
        Found::Coded(Kind::Flac)
    } else if is(0, b"OggS") {
        ogg(&head)
    } else if [
        b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot",
    ]
    .iter()
    .any(|tag| is(4, *tag))
    {
        Found::Coded(Kind::Mp4)
    } else if is(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
        Found::Coded(Kind::Matroska)
    } else if let Some((_, name)) = REFUSED.iter().find(|(tag, _)| is(0, tag)) {
        Found::Refused((*name).to_owned())
    } else if head.len() > 188 && head[0] == 0x47 && head[188] == 0x47 {
        Found::Refused("MPEG transport stream".to_owned())
    } else if let Some(channels) = mpeg::adts(&head) {
        match channels {
            0..=2 => Found::Coded(Kind::Adts),
            7 => Found::Refused("AAC with 8 channels".to_owned()),
            n => Found::Refused(format!("AAC with {n} channels")),
        }
    } else if head.starts_with(b"version https://git-lfs") {
        Found::Refused("a Git LFS pointer: the sound itself was not downloaded".to_owned())
    } else {
        return Ok(match mpeg::first_frame(file, start)? {
            mpeg::First::At(at) => (Found::Coded(Kind::Mpeg), at),
            mpeg::First::FreeFormat => (
                Found::Refused("MPEG audio of free format (no bit rate stated)".to_owned()),
                start,
            ),
            mpeg::First::None => (Found::Refused(unknown(&head)), start),
        });
    };
    Ok((found, start))
}

fn unknown(head: &[u8]) -> String {
    let text =
        std::str::from_utf8(head).map_or_else(|e| e.valid_up_to() + 4 > head.len(), |_| true);
    let plain = |b: &u8| !b.is_ascii_control() || b"\n\r\t\x0c".contains(b);
    if head.iter().all(|b| *b == 0) {
        format!("{} zero bytes or more", head.len())
    } else if text && head.iter().all(plain) {
        let lower = head.to_ascii_lowercase();
        if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
            "a page of HTML".to_owned()
        } else {
            "text".to_owned()
        }
    } else {
        let first: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("a file of another kind, beginning with {}", first.join(" "))
    }
}

/// The streams of an Ogg file, each begun by a page of its own.
fn ogg(head: &[u8]) -> Found {
    let mut at = 0;
    let mut others = Vec::new();
    while head.get(at..at + 4) == Some(b"OggS") && head.get(at + 5).is_some_and(|f| f & 2 != 0) {
        let Some(&segments) = head.get(at + 26) else {
            break;
        };
        let table = head
            .get(at + 27..at + 27 + usize::from(segments))
            .unwrap_or_default();
        let length: usize = table.iter().map(|&n| usize::from(n)).sum();
        let body = at + 27 + usize::from(segments);
        let is = |tag: &[u8]| head.get(body..body + tag.len()) == Some(tag);
        if is(b"\x01vorbis") || is(b"OpusHead") || is(b"\x7fFLAC") {
            return Found::Coded(Kind::Ogg);
        }
        others.push(if is(b"Speex   ") {
            "Speex"
        } else if is(b"\x80theora") {
            "Theora (video)"
        } else if is(b"fLaC") {
            "FLAC of an old mapping"
        } else if is(b"PCM     ") {
            "PCM"
        } else if is(b"fishead") || is(b"CMML") {
            "an index"
        } else {
            "a stream of another kind"
        });
        at = body + length;
    }
    if others.is_empty() {
        return Found::Coded(Kind::Ogg);
    }
    others.dedup();
    Found::Refused(format!("Ogg with {}", others.join(" and ")))
}
