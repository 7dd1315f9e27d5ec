//! Where MPEG audio (MP1, MP2, MP3) begins and ends, and how many frames it has: its headers, without the sound.

use std::io::{Read, Result, Seek, SeekFrom};

use super::source::Window;

/// How far a first frame is looked for.
const SEARCH: usize = 1 << 16;

/// The first bytes after all ID3v2 tags at the beginning of a file.
pub(super) fn after_id3(file: &mut Window) -> Result<u64> {
    let mut at = 0;
    // Taggers have been seen to write two; a crafted file must not keep us busy.
    for _ in 0..16 {
        let head = file.peek(at, 10)?;
        if head.len() < 10 || &head[..3] != b"ID3" || head[6..].iter().any(|b| *b >= 0x80) {
            break;
        }
        let size = head[6..].iter().fold(0, |n, b| n << 7 | u64::from(*b));
        let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
        at += 10 + size + footer;
    }
    Ok(at)
}

/// Where the sound ends: before ID3v1, Lyrics3 and APE tags at the end of a file.
pub(super) fn before_tags(file: &mut Window) -> Result<u64> {
    let mut end = file.length();
    if end >= 128 && file.peek(end - 128, 3)? == b"TAG" {
        end -= 128;
    }
    if end >= 15 && file.peek(end - 9, 9)? == b"LYRICS200" {
        let digits = file.peek(end - 15, 6)?;
        let size = std::str::from_utf8(&digits)
            .ok()
            .and_then(|d| d.parse().ok());
        end = end.saturating_sub(size.map_or(0, |n: u64| n + 15));
    }
    if end >= 32 {
        let footer = file.peek(end - 32, 32)?;
        if footer.starts_with(b"APETAGEX") {
            let word = |at: usize| {
                let bytes = [footer[at], footer[at + 1], footer[at + 2], footer[at + 3]];
                u32::from_le_bytes(bytes)
            };
            let header = if word(20) >> 31 == 1 { 32 } else { 0 };
            end = end.saturating_sub(u64::from(word(12)) + header);
        }
    }
    Ok(end)
}

/// The channel configuration of AAC in ADTS, when `head` begins with two of its frames.
pub(super) fn adts(head: &[u8]) -> Option<u8> {
    let is = |at: usize| {
        let h = head.get(at..at + 7)?;
        (h[0] == 0xff && h[1] & 0xf6 == 0xf0 && h[2] >> 2 & 15 < 13).then_some(h)
    };
    let h = is(0)?;
    let length = usize::from(h[3] & 3) << 11 | usize::from(h[4]) << 3 | usize::from(h[5] >> 5);
    // The second frame may lie beyond what was looked at, or the file may have but one.
    if length < 7 || head.len() >= length + 7 && is(length).is_none() {
        return None;
    }
    Some((h[2] & 1) << 2 | h[3] >> 6)
}

/// The last frame of AAC in ADTS: bytes that are there and that there should be, when they are fewer.
pub(super) fn adts_cut(stream: &mut Window) -> Result<Option<(usize, usize)>> {
    let mut body = Vec::new();
    stream.seek(SeekFrom::Start(0))?;
    loop {
        let mut h = [0; 7];
        let got = super::source::read_up_to(stream, &mut h)?;
        if got < 7 || h[0] != 0xff || h[1] & 0xf6 != 0xf0 {
            return Ok(None);
        }
        let length = usize::from(h[3] & 3) << 11 | usize::from(h[4]) << 3 | usize::from(h[5] >> 5);
        let rest = length.saturating_sub(7);
        body.clear();
        let read = stream.by_ref().take(rest as u64).read_to_end(&mut body)?;
        if read < rest {
            return Ok(Some((7 + read, length)));
        }
    }
}

/// What a frame's header says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    /// Bytes with the header.
    pub(super) length: usize,
    /// Samples a channel.
    pub(super) samples: u32,
    /// What all frames of a stream have in common: version, layer and rate.
    fixed: u32,
    /// Where the tag of an encoder would be, from the frame's start.
    tag: usize,
}

/// ISO/IEC 11172-3, 2.4.1.3; ISO/IEC 13818-3, 2.4.2.3; version 2.5 is Fraunhofer's.
fn frame(header: [u8; 4]) -> Option<Frame> {
    const RATES: [[u32; 3]; 3] = [
        [44_100, 48_000, 32_000],
        [22_050, 24_000, 16_000],
        [11_025, 12_000, 8_000],
    ];
    const KILOBITS: [[u32; 14]; 5] = [
        [
            32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
        ],
        [
            32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
        ],
        [
            32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
        [
            32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
        ],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let word = u32::from_be_bytes(header);
    if word >> 21 != 0x7ff {
        return None;
    }
    let version = match word >> 19 & 3 {
        0 => 2,
        2 => 1,
        3 => 0,
        _ => return None,
    };
    let layer = 4 - (word >> 17 & 3);
    if layer == 4 {
        return None;
    }
    let rate = *RATES[version].get((word >> 10 & 3) as usize)?;
    let row = match (version, layer) {
        (0, layer) => layer as usize - 1,
        (_, 1) => 3,
        _ => 4,
    };
    // The index 0 is free format, 15 is not allowed.
    let index = ((word >> 12 & 15) as usize).checked_sub(1)?;
    let bits = 1_000 * KILOBITS[row].get(index)?;
    let padding = word >> 9 & 1;
    let (length, samples) = match (layer, version) {
        (1, _) => ((12 * bits / rate + padding) * 4, 384),
        (3, 1 | 2) => (72 * bits / rate + padding, 576),
        _ => (144 * bits / rate + padding, 1_152),
    };
    let mono = word >> 6 & 3 == 3;
    let side = match (version, mono) {
        (0, false) => 32,
        (0, true) | (_, false) => 17,
        _ => 9,
    };
    Some(Frame {
        length: length as usize,
        samples,
        fixed: word & 0xfffe_0c00,
        tag: 4 + side,
    })
}

fn frame_at(bytes: &[u8], at: usize) -> Option<Frame> {
    frame(bytes.get(at..at + 4)?.try_into().ok()?)
}

/// Where the first frame is.
pub(super) enum First {
    At(u64),
    /// Frames without a bit rate, which no library here reads.
    FreeFormat,
    None,
}

/// Looks for the first frame from `start` on: one that is followed by two more of its kind, or by the end
/// of the file. A chance sync word is not followed by another at the distance that it states.
pub(super) fn first_frame(file: &mut Window, start: u64) -> Result<First> {
    let bytes = file.peek(start, SEARCH)?;
    let whole = start + bytes.len() as u64 == file.length();
    let follows = |first: usize| {
        let mut at = first;
        for n in 0..3 {
            let Some(frame) = frame_at(&bytes, at) else {
                // At the end of the file there may be a tag, or part of a frame.
                return n > 0
                    && (at >= bytes.len() && whole && (n > 1 || first == 0)
                        || is_tag(&bytes[at.min(bytes.len())..]));
            };
            if frame_at(&bytes, first).is_some_and(|f| f.fixed != frame.fixed) {
                return false;
            }
            at += frame.length;
        }
        true
    };
    let found = (0..bytes.len().saturating_sub(4)).find(|&at| bytes[at] == 0xff && follows(at));
    if let Some(at) = found {
        return Ok(First::At(start + at as u64));
    }
    let free = bytes.len() > 4
        && bytes[0] == 0xff
        && bytes[1] >> 5 == 7
        && bytes[2] >> 4 == 0
        && frame([bytes[0], bytes[1], bytes[2] | 0x10, bytes[3]]).is_some();
    Ok(if free { First::FreeFormat } else { First::None })
}

fn is_tag(bytes: &[u8]) -> bool {
    [&b"TAG"[..], b"APETAGEX", b"LYRICSBEGIN"]
        .iter()
        .any(|tag| bytes.starts_with(tag))
}

/// What the headers of a stream tell.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Count {
    /// Frames of sound, without that of an encoder's tag.
    pub(super) frames: u64,
    /// Samples a channel of all of them.
    pub(super) samples: u64,
    /// Frames that the encoder's tag (Xing, Info or VBRI) states, when there is one.
    pub(super) stated: Option<u64>,
    /// The last frame: bytes that are there and that there should be, when they are fewer.
    pub(super) cut: Option<(usize, usize)>,
}

/// Goes from header to header of a stream that begins at once. Stops at what is no frame.
pub(super) fn count(stream: &mut Window) -> Result<Count> {
    let mut count = Count::default();
    let mut body = Vec::new();
    let mut first = true;
    stream.seek(SeekFrom::Start(0))?;
    loop {
        let mut header = [0; 4];
        if super::source::read_up_to(stream, &mut header)? < 4 {
            break;
        }
        let Some(frame) = frame(header) else {
            break;
        };
        let rest = frame.length.saturating_sub(4);
        body.clear();
        body.extend(header);
        let got = stream.by_ref().take(rest as u64).read_to_end(&mut body)?;
        if got < rest {
            count.cut = Some((body.len(), frame.length));
            break;
        }
        if first && let Some(stated) = tag(&body, frame) {
            count.stated = stated;
        } else {
            count.frames += 1;
            count.samples += u64::from(frame.samples);
        }
        first = false;
    }
    Ok(count)
}

/// Whether a frame is an encoder's tag instead of sound, and the number of frames that it states.
fn tag(body: &[u8], frame: Frame) -> Option<Option<u64>> {
    let word = |at: usize| -> Option<u64> {
        Some(u64::from(u32::from_be_bytes(
            body.get(at..at + 4)?.try_into().ok()?,
        )))
    };
    let xing = body.get(frame.tag..frame.tag + 4)?;
    if xing == b"Xing" || xing == b"Info" {
        let flags = word(frame.tag + 4)?;
        return Some((flags & 1 == 1).then(|| word(frame.tag + 8)).flatten());
    }
    (body.get(36..40)? == b"VBRI").then(|| word(36 + 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_frame_is_that_of_the_standard() {
        // 128 kbit/s at 44.1 kHz: 144 * 128,000 / 44,100 = 417; version 2 has 576 samples a frame.
        let first = frame([0xff, 0xfb, 0x90, 0x00]).unwrap();
        assert_eq!((first.length, first.samples, first.tag), (417, 1_152, 36));
        assert_eq!(frame([0xff, 0xfb, 0x92, 0x00]).unwrap().length, 418);
        // 8 kbit/s at 8 kHz, version 2.5, layer 3, mono: 72 * 8,000 / 8,000.
        let slow = frame([0xff, 0xe3, 0x18, 0xc0]).unwrap();
        assert_eq!((slow.length, slow.samples, slow.tag), (72, 576, 13));
        // Layer 2, 192 kbit/s at 48 kHz; layer 1, 384 kbit/s at 48 kHz.
        assert_eq!(frame([0xff, 0xfd, 0xa4, 0x00]).unwrap().length, 576);
        assert_eq!(frame([0xff, 0xff, 0xc4, 0x00]).unwrap().length, 384);
        for none in [
            [0xff, 0xfb, 0, 0],
            [0xff, 0xfb, 0xf0, 0],
            [0xff, 0xeb, 0x90, 0],
            [0, 0, 0, 0],
        ] {
            assert_eq!(frame(none), None);
        }
    }
}
