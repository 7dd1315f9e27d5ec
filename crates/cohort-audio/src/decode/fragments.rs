//! What an MP4 in parts (fragments) tells of its end, which its demuxer does not look at: ISO/IEC 14496-12, 8.8 and 8.16.3.

use std::io::Result;

use super::source::Window;

/// Boxes and bytes of a table of contents that are looked at; a crafted file must not keep us busy or fill the memory.
const MOST_BOXES: usize = 1 << 20;
const LONGEST_TABLE: u64 = 1 << 26;

/// The parts of a file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// How many there are.
    pub(super) count: u64,
    /// Bytes that an index states and the file has, when the index states more.
    pub(super) short: Option<(u64, u64)>,
    /// How the last part is not whole, in words.
    pub(super) cut: Option<String>,
    /// Whether an index says that nothing more comes: one at the end of the file, or one in front of several parts.
    pub(super) indexed: bool,
    /// Ticks of the sound track that are missing between parts.
    pub(super) missing: u64,
    /// A part whose table announces other sound than lies beside it, in words.
    pub(super) wrong: Option<String>,
}

/// The track of sound, as the tables of the parts name it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults {
    pub(super) track: u32,
    /// Duration and size of samples whose table says nothing.
    pub(super) duration: u32,
    pub(super) size: u32,
}

/// One part's sound: where its bytes end and begin, and its time.
#[derive(Debug, Default)]
struct Run {
    from: Option<u64>,
    bytes: u64,
    time: Option<u64>,
    ticks: u64,
    samples: u64,
}

/// Goes through the outer boxes of a file; `None` when it has no parts.
pub(super) fn look(file: &mut Window, track: Defaults) -> Result<Option<Parts>> {
    let length = file.length();
    let mut parts = Parts::default();
    let mut at = 0;
    let mut waiting: Option<Run> = None;
    let mut expected: Option<u64> = None;
    let mut after_index = 0_u64;
    let mut indices = 0;
    for _ in 0..MOST_BOXES {
        if at >= length {
            break;
        }
        let head = file.peek(at, 16)?;
        let Some((kind, header, size)) = outer(&head, length - at) else {
            // zeros fill some files up to a block
            if head.iter().any(|&byte| byte != 0) {
                parts.cut = Some("the file ends inside the head of a box".to_owned());
            }
            break;
        };
        let there = length - at;
        match &kind {
            b"mfra" => parts.indexed = true,
            b"sidx" => {
                let body = file.peek(at + header, (size - header).min(1 << 20) as usize)?;
                indices += 1;
                if let Some((several, bytes)) = index(&body) {
                    let end = (at + size).saturating_add(bytes);
                    if end > length {
                        parts.short = Some((end, length));
                        return Ok(Some(parts));
                    }
                    parts.indexed |= several && end == length;
                    after_index = after_index.max(end);
                }
            }
            b"moof" if size <= there => {
                parts.count += 1;
                let body = file.peek(at + header, (size - header).min(LONGEST_TABLE) as usize)?;
                let run = part(&body, at, track);
                if let (Some(time), Some(expected)) = (run.time, expected) {
                    // rounding of clocks is none of our business
                    let longest = run.ticks / run.samples.max(1);
                    let gap = time.saturating_sub(expected);
                    parts.missing += if gap > 4 * longest { gap } else { 0 };
                }
                expected = run.time.map(|time| time + run.ticks).or(expected);
                waiting = Some(run);
            }
            b"mdat" if size <= there => {
                if let Some(run) = waiting.take()
                    && let Some(from) = run.from.filter(|from| *from >= at && *from < at + size)
                    && from.saturating_add(run.bytes) > at + size
                {
                    parts.wrong.get_or_insert(format!(
                        "{} bytes of sound announced for part {}, which has {}",
                        run.bytes,
                        parts.count,
                        at + size - from
                    ));
                }
            }
            _ => {}
        }
        if size > there {
            let name = String::from_utf8_lossy(&kind).trim().to_owned();
            if &kind != b"mfra" {
                parts.count += u64::from(&kind == b"moof");
                parts.cut = Some(format!(
                    "the last box ({name}) has {there} of its {size} bytes"
                ));
            }
            break;
        }
        at += size;
    }
    if waiting.is_some_and(|run| run.bytes > 0) && parts.cut.is_none() && !parts.indexed {
        parts.cut = Some("the last part has a table and no sound".to_owned());
    }
    // one index for each part says nothing of the next
    parts.indexed |= indices == 1 && parts.count > 1 && after_index == length;
    Ok((parts.count > 0).then_some(parts))
}

/// Name, length of the head and of the whole of a box with `rest` bytes to the end of the file.
fn outer(head: &[u8], rest: u64) -> Option<([u8; 4], u64, u64)> {
    let kind: [u8; 4] = head.get(4..8)?.try_into().ok()?;
    let (header, size) = match u64::from(word(head, 0)?) {
        0 => (8, rest),
        1 => (16, u64::from_be_bytes(head.get(8..16)?.try_into().ok()?)),
        size => (8, size),
    };
    (size >= header && kind.iter().all(|byte| (0x20..0x7f).contains(byte)))
        .then_some((kind, header, size))
}

/// The boxes in a body, each with its name and its own body.
fn inner(body: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let head = body.get(at..)?;
        let size = word(head, 0)? as usize;
        let found = (head.get(4..8)?, head.get(8..size.min(head.len()))?);
        at += size.max(8);
        Some(found)
    })
}

/// What the parts take for granted: the defaults of a track and the length that is stated for all (`mvex`).
pub(super) fn extends(body: &[u8], track: u32) -> (Defaults, Option<u64>) {
    let mut defaults = Defaults {
        track,
        ..Defaults::default()
    };
    let mut stated = None;
    for (kind, body) in inner(body) {
        match kind {
            b"mehd" => stated = time(body, 4),
            b"trex" if word(body, 4) == Some(track) => {
                defaults.duration = word(body, 12).unwrap_or(0);
                defaults.size = word(body, 16).unwrap_or(0);
            }
            _ => {}
        }
    }
    (defaults, stated.filter(|ticks| *ticks > 0))
}

/// The sound of the part whose table (`moof`) begins at byte `start`.
fn part(body: &[u8], start: u64, track: Defaults) -> Run {
    let mut run = Run::default();
    let fragments = inner(body).filter(|(kind, _)| *kind == b"traf");
    for (number, (_, fragment)) in fragments.enumerate() {
        let Some((_, head)) = inner(fragment).find(|(kind, _)| *kind == b"tfhd") else {
            continue;
        };
        if word(head, 4) != Some(track.track) {
            continue;
        }
        let flags = word(head, 0).unwrap_or(0);
        let mut at = 8;
        let mut optional = |flag: u32, bytes: usize| {
            let here = (flags & flag != 0).then_some(at);
            at += if here.is_some() { bytes } else { 0 };
            here
        };
        let base = optional(0x1, 8).and_then(|at| long(head, at));
        optional(0x2, 4);
        let duration = optional(0x8, 4).and_then(|at| word(head, at));
        let size = optional(0x10, 4).and_then(|at| word(head, at));
        let defaults = Defaults {
            track: track.track,
            duration: duration.unwrap_or(track.duration),
            size: size.unwrap_or(track.size),
        };
        // of another than the first track the place depends on the tracks before it
        let base = base.or((flags & 0x02_0000 != 0 || number == 0).then_some(start));
        for (kind, body) in inner(fragment) {
            match kind {
                b"tfdt" => run.time = time(body, 4),
                b"trun" => samples(body, base, defaults, &mut run),
                _ => {}
            }
        }
    }
    run
}

/// Adds the samples of a run (`trun`).
fn samples(body: &[u8], base: Option<u64>, defaults: Defaults, run: &mut Run) {
    let (Some(flags), Some(count)) = (word(body, 0), word(body, 4)) else {
        return;
    };
    let mut at = 8;
    if flags & 0x1 != 0 {
        let offset = word(body, at).unwrap_or(0) as i32;
        let from = base.and_then(|base| base.checked_add_signed(i64::from(offset)));
        run.from = run.from.or(from);
        at += 4;
    }
    at += if flags & 0x4 != 0 { 4 } else { 0 };
    let step = 4 * (flags >> 8 & 0xf).count_ones() as usize;
    if step == 0 {
        run.ticks += u64::from(count) * u64::from(defaults.duration);
        run.bytes += u64::from(count) * u64::from(defaults.size);
        run.samples += u64::from(count);
        return;
    }
    let size_at = if flags & 0x100 != 0 { 4 } else { 0 };
    for entry in body
        .get(at..)
        .unwrap_or_default()
        .chunks_exact(step)
        .take(count as usize)
    {
        let duration = (flags & 0x100 != 0).then(|| word(entry, 0)).flatten();
        let size = (flags & 0x200 != 0).then(|| word(entry, size_at)).flatten();
        run.ticks += u64::from(duration.unwrap_or(defaults.duration));
        run.bytes += u64::from(size.unwrap_or(defaults.size));
        run.samples += 1;
    }
}

/// Whether an index (`sidx`) is of several parts, and how many bytes after it they have.
fn index(body: &[u8]) -> Option<(bool, u64)> {
    let wide = *body.first()? == 1;
    let (first, at) = if wide {
        (long(body, 20)?, 28)
    } else {
        (u64::from(word(body, 16)?), 20)
    };
    let count = usize::from(u16::from_be_bytes(
        body.get(at + 2..at + 4)?.try_into().ok()?,
    ));
    let references = body.get(at + 4..at + 4 + 12 * count)?.chunks_exact(12);
    let bytes = references.map(|entry| u64::from(word(entry, 0).unwrap_or(0) & 0x7fff_ffff));
    Some((count > 1, first.saturating_add(bytes.sum())))
}

/// A time of 32 or, in version 1, of 64 bits.
fn time(body: &[u8], at: usize) -> Option<u64> {
    match body.first()? {
        1 => long(body, at),
        _ => word(body, at).map(u64::from),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
