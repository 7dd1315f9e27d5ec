//! What a container tells of its end besides what is in its packets: whether it is whole, and if that can be known.

use std::io::Result;
use std::path::Path;

use super::container::Kind;
use super::source::Window;
use super::{fragments, matroska, mp4};
use crate::AudioError;

/// Lengths from here on are what writers of AIFF leave that cannot go back.
const OPEN_LENGTHS: u32 = 0x7f00_0000;

/// How a file ends.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The length of the sound, in units of how many a second, that is stated where the demuxer does not look.
    pub(super) stated: Option<(u64, u32)>,
    /// Whether nothing at all says how long the sound is.
    pub(super) open: bool,
    /// Nanoseconds of the last packet of each track, by its number, that are no part of the sound.
    pub(super) padding: Vec<(u64, u64)>,
    /// What the demuxer has to read otherwise, since it wants lengths.
    pub(super) patches: Vec<(u64, Vec<u8>)>,
    /// What is to be said.
    pub(super) warnings: Vec<String>,
    /// What the file should have and what it has, when it cannot be read as a whole one.
    short: Option<(String, String)>,
}

impl Ending {
    /// # Errors
    /// When the file states more than it has.
    pub(super) fn checked(self, name: &Path) -> std::result::Result<Self, AudioError> {
        match self.short {
            Some((expected, found)) => Err(AudioError::decode(name, expected, found)),
            None => Ok(self),
        }
    }

    fn cut_short(&mut self, stated: u64, there: u64) {
        self.short = Some((
            format!("{stated} bytes"),
            format!("{there} of them: the file is cut short"),
        ));
    }
}

/// Looks at the end of a file of a kind that says something about it.
pub(super) fn look(file: &mut Window, kind: Kind, movie: &mp4::Movie) -> Result<Ending> {
    let mut ending = Ending::default();
    match kind {
        Kind::Mp4 => {
            let Some(parts) = fragments::look(file, movie.defaults)? else {
                return Ok(ending);
            };
            if let Some((stated, there)) = parts.short {
                ending.cut_short(stated, there);
            }
            if let Some(wrong) = parts.wrong {
                ending.short = Some(("parts that hold what they announce".to_owned(), wrong));
            }
            if parts.missing > 0 && movie.timescale > 0 {
                ending.warnings.push(format!(
                    "{:.3} s are missing between its parts; what is there is joined",
                    parts.missing as f64 / f64::from(movie.timescale)
                ));
            }
            ending.stated = movie.stated;
            ending.open = !parts.indexed && parts.cut.is_none();
            if let Some(cut) = parts.cut {
                ending.warnings.push(format!(
                    "{cut}: the file is cut short; its whole parts are read"
                ));
            }
        }
        Kind::Matroska => {
            let outline = matroska::look(file)?;
            if let Some((stated, there)) = outline.short {
                ending.cut_short(stated, there);
            }
            if let Some(at) = outline.index_beyond {
                let found = format!(
                    "{} bytes: the file is cut short or was not finished",
                    file.length()
                );
                ending.short = Some((format!("the table that it announces at byte {at}"), found));
            }
            if outline.cut {
                ending.warnings.push(
                    "it ends inside an element: the file is cut short; its whole packets are read"
                        .to_owned(),
                );
            } else {
                ending.open = !outline.ended && !outline.duration;
            }
            ending.padding = outline.padding;
        }
        Kind::Caf => {
            if let Some(at) = open_caf(file)? {
                let size = file.length().saturating_sub(at + 8);
                ending.patches.push((at, size.to_be_bytes().to_vec()));
                ending.open = true;
            }
        }
        Kind::Aiff => {
            ending.patches = open_aiff(file)?;
            ending.open = !ending.patches.is_empty();
        }
        // 36 bits of the first block, of which 0 means that nobody knows
        Kind::Flac => {
            let head = file.peek(21, 5)?;
            ending.open = head.len() == 5 && head[0] & 15 == 0 && head[1..] == [0; 4];
        }
        _ => {}
    }
    Ok(ending)
}

/// Where a CAF without a table of packets leaves the length of its samples open.
fn open_caf(file: &mut Window) -> Result<Option<u64>> {
    let mut at = 8;
    // real files have a few chunks; a crafted one must not keep us busy
    for _ in 0..1_024 {
        let head = file.peek(at, 12)?;
        let (Some(kind), Some(size)) = (head.get(..4), head.get(4..12)) else {
            return Ok(None);
        };
        let size = i64::from_be_bytes(size.try_into().expect("eight bytes"));
        match (kind, u64::try_from(size)) {
            (b"data", Err(_)) => return Ok(Some(at + 4)),
            (b"pakt", _) | (_, Err(_)) => return Ok(None),
            (_, Ok(size)) => at = at.saturating_add(12).saturating_add(size),
        }
    }
    Ok(None)
}

/// The lengths of an AIFF that was written to a pipe, as they would be if its writer had gone back: of the whole, of the
/// samples in frames and in bytes. Nothing where they are stated.
fn open_aiff(file: &mut Window) -> Result<Vec<(u64, Vec<u8>)>> {
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(word))
    };
    let length = file.length();
    let form = word(&file.peek(0, 8)?, 4).unwrap_or(0);
    let mut frames = None;
    let mut at = 12;
    for _ in 0..1_024 {
        let head = file.peek(at, 8)?;
        let Some(size) = word(&head, 4) else {
            break;
        };
        let body = at + 8;
        match &head[..4] {
            b"COMM" => {
                let comm = file.peek(body, 22)?;
                let short = |at: usize| {
                    comm.get(at..at + 2)
                        .map(|b| u64::from(b[0]) << 8 | u64::from(b[1]))
                };
                // of A-law and mu-law the size of the samples is that before
                let bytes = match comm.get(18..22) {
                    Some(b"alaw" | b"ALAW" | b"ulaw" | b"ULAW") => Some(1),
                    _ => short(6).map(|bits| bits.div_ceil(8)),
                };
                frames = short(0)
                    .zip(bytes)
                    .map(|(channels, bytes)| (body + 2, channels * bytes));
            }
            b"SSND" => {
                let there = length.saturating_sub(body);
                let unknown =
                    form == 0 && size == 0 || size >= OPEN_LENGTHS && u64::from(size) > there;
                let Some((place, block)) = frames.filter(|(_, block)| *block > 0 && unknown) else {
                    break;
                };
                let Ok(whole) = u32::try_from(length - 8) else {
                    break;
                };
                let samples = there.saturating_sub(8) / block * block;
                let word = |at: u64, value: u64| (at, (value as u32).to_be_bytes().to_vec());
                return Ok(vec![
                    word(4, u64::from(whole)),
                    word(place, samples / block),
                    word(at + 4, samples + 8),
                ]);
            }
            _ => {}
        }
        at = body.saturating_add(u64::from(size).next_multiple_of(2));
    }
    Ok(Vec::new())
}
