//! What a Matroska or WebM file tells of its end and of the padding in its last packets, which its demuxer does not look at:
//! RFC 9559.

use std::io::Result;

use super::source::Window;

/// Elements that are looked at; a crafted file must not keep us busy. Two hours of Opus have fewer than 400,000.
const MOST_ELEMENTS: usize = 1 << 22;

const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const INFO: u32 = 0x1549_a966;
const CUES: u32 = 0x1c53_bb6b;
const CLUSTER: u32 = 0x1f43_b675;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const SIMPLE_BLOCK: u32 = 0xa3;
const DISCARD_PADDING: u32 = 0x75a2;
const DURATION: u32 = 0x4489;

/// A file, as far as its end is concerned.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Bytes that the file states and has, when it states more.
    pub(super) short: Option<(u64, u64)>,
    /// Whether a file that states no length ends inside an element.
    pub(super) cut: bool,
    /// Where an index lies that the head of the file announces, when that is beyond the end.
    pub(super) index_beyond: Option<u64>,
    /// Whether the file states its length in bytes, or ends with an index as finished ones do.
    pub(super) ended: bool,
    /// Whether it states how long it plays.
    pub(super) duration: bool,
    /// The last block of each track: number of the track, nanoseconds of its end that are no part of the sound.
    pub(super) padding: Vec<(u64, u64)>,
}

/// An element's name, where its body begins, and how long it is; `None` for one whose length is left open.
struct Element {
    id: u32,
    body: u64,
    size: Option<u64>,
}

/// Goes through the elements of a file.
pub(super) fn look(file: &mut Window) -> Result<Outline> {
    let length = file.length();
    let mut found = Outline::default();
    // the head of the file, then the segment that all else lies in
    let mut at = 0;
    let segment = loop {
        match element(file, at)? {
            Some(one) if one.id == SEGMENT => break one,
            Some(Element {
                body,
                size: Some(size),
                ..
            }) if body + size < length => at = body + size,
            _ => return Ok(found),
        }
    };
    if let Some(size) = segment.size {
        found.ended = true;
        if size > length - segment.body {
            found.short = Some((segment.body.saturating_add(size), length));
            return Ok(found);
        }
    }
    let end = segment.size.map_or(length, |size| segment.body + size);
    let mut at = segment.body;
    let mut clusters = 0_u64;
    for _ in 0..MOST_ELEMENTS {
        if at >= end {
            break;
        }
        let Some(one) = element(file, at)? else {
            found.cut = true;
            break;
        };
        // a cluster is gone into, whether its length is stated or not
        if one.id == CLUSTER || one.id == BLOCK_GROUP {
            clusters += u64::from(one.id == CLUSTER);
            found.cut |= one.size.is_some_and(|size| size > end - one.body.min(end));
            at = one.body;
            continue;
        }
        let Some(size) = one.size else {
            break;
        };
        if size > end - one.body.min(end) {
            found.cut = true;
            break;
        }
        let mut body = |most: u64| file.peek(one.body, size.min(most) as usize);
        match one.id {
            BLOCK | SIMPLE_BLOCK => {
                if let Some((track, _)) = number(&body(8)?, 0, true) {
                    match found.padding.iter_mut().find(|(other, _)| *other == track) {
                        Some((_, padding)) => *padding = 0,
                        None => found.padding.push((track, 0)),
                    }
                    // the padding comes behind its block
                    if let Some(at) = found.padding.iter().position(|(other, _)| *other == track) {
                        let last = found.padding.len() - 1;
                        found.padding.swap(at, last);
                    }
                }
            }
            DISCARD_PADDING => {
                let value = signed(&body(8)?);
                if let Some((_, padding)) = found.padding.last_mut() {
                    *padding = u64::try_from(value).unwrap_or(0);
                }
            }
            SEEK_HEAD => {
                let announced = positions(&body(1 << 16)?).max().unwrap_or(0);
                let at = segment.body.saturating_add(announced);
                found.index_beyond = (at >= length).then_some(at);
            }
            INFO => {
                let body = body(1 << 16)?;
                found.duration = inside(&body)
                    .any(|(id, value)| id == DURATION && value.iter().any(|byte| *byte != 0));
            }
            CUES => found.ended |= clusters > 0,
            _ => {}
        }
        at = one.body + size;
    }
    Ok(found)
}

fn element(file: &mut Window, at: u64) -> Result<Option<Element>> {
    let head = file.peek(at, 12)?;
    Ok(head_of(&head).map(|(id, size, width)| Element {
        id,
        body: at + width as u64,
        size,
    }))
}

/// Name, length and bytes of an element's head.
fn head_of(head: &[u8]) -> Option<(u32, Option<u64>, usize)> {
    let (id, width) = number(head, 0, false)?;
    let id = u32::try_from(id).ok()?;
    let (size, end) = number(head, width, true)?;
    // all ones: left open
    let open = size == (1 << (7 * (end - width))) - 1;
    Some((id, (!open).then_some(size), end))
}

/// A number of one to eight bytes, with or without the bit that says how many, and where it ends.
fn number(bytes: &[u8], at: usize, without: bool) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    let width = first.leading_zeros() as usize + 1;
    if width > 8 {
        return None;
    }
    let all = bytes.get(at..at + width)?;
    let value = all.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    let mask = if without {
        (1 << (7 * width)) - 1
    } else {
        u64::MAX
    };
    Some((value & mask, at + width))
}

/// The elements in a body.
fn inside(body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (id, size, width) = head_of(body.get(at..)?)?;
        let from = at + width;
        let to = from.checked_add(usize::try_from(size?).ok()?)?;
        at = to;
        Some((id, body.get(from..to)?))
    })
}

/// The places that a SeekHead names, from the beginning of the segment's body.
fn positions(body: &[u8]) -> impl Iterator<Item = u64> {
    let seeks = inside(body).filter(|(id, _)| *id == 0x4dbb);
    seeks
        .flat_map(|(_, seek)| inside(seek).filter(|(id, _)| *id == 0x53ac))
        .map(|(_, value)| {
            value
                .iter()
                .fold(0, |all, byte| all << 8 | u64::from(*byte))
        })
}

/// A signed number of up to eight bytes.
fn signed(bytes: &[u8]) -> i64 {
    let value = bytes
        .iter()
        .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    let unused = 64 - 8 * bytes.len().clamp(1, 8) as u32;
    (value << unused) as i64 >> unused
}
