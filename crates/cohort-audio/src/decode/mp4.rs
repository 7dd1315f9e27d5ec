//! The one thing about MP4 that the demuxer leaves out: where the edit list starts the sound.

use std::io::{Read, Result, Seek, SeekFrom};

/// Boxes that hold the edit list of a track.
const CONTAINERS: [&[u8; 4]; 4] = [b"moov", b"trak", b"edts", b"mdia"];

/// The first edit of the first sound track: the media time, in samples (the time scale of a sound
/// track is its sample rate), at which the presentation starts. None when there is no edit list.
///
/// ISO/IEC 14496-12, 8.6.6. AAC encoders add 1,024 samples or more in front.
pub(super) fn first_sample<R: Read + Seek>(reader: &mut R, length: u64) -> Result<Option<u64>> {
    let mut edit = None;
    let mut handler = [0; 4];
    // The ends of the containers that we are in are not needed: a box that is no container is
    // skipped as a whole, so boxes come in the order of the file.
    let mut at = 0;
    // Enough for any real header; a crafted file of empty boxes must not keep us busy.
    for _ in 0..4_096 {
        if at + 8 > length {
            break;
        }
        reader.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        reader.read_exact(&mut head)?;
        let kind = [head[4], head[5], head[6], head[7]];
        let size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        if kind == *b"trak" {
            edit = None;
        }
        if CONTAINERS.contains(&&kind) {
            at += 8;
            continue;
        }
        let mut body = [0; 32];
        let (header, size) = match size {
            0 => break,
            1 => {
                let mut long = [0; 8];
                if at + 16 > length {
                    break;
                }
                reader.read_exact(&mut long)?;
                (16, u64::from_be_bytes(long))
            }
            size => (8, size),
        };
        if size < header {
            break;
        }
        let take = (size - header)
            .min(32)
            .min(length.saturating_sub(at + header)) as usize;
        if kind == *b"elst" {
            reader.read_exact(&mut body[..take])?;
            edit = first_edit(&body[..take]);
        }
        if kind == *b"hdlr" && take >= 12 {
            reader.read_exact(&mut body[..take])?;
            handler.copy_from_slice(&body[8..12]);
            if handler == *b"soun" {
                return Ok(edit);
            }
        }
        at = at.saturating_add(size);
    }
    Ok(None)
}

fn first_edit(body: &[u8]) -> Option<u64> {
    let word = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(body.get(at..at + 4)?.try_into().ok()?))
    };
    if word(4)? == 0 {
        return None;
    }
    let time = match body.first()? {
        1 => i64::from(word(16)?) << 32 | i64::from(word(20)?),
        _ => i64::from(word(12)? as i32),
    };
    // Minus one is an empty edit: the sound starts late, nothing of it is cut.
    u64::try_from(time).ok()
}
