//! What the demuxer of MP4 leaves out: where the edit list starts the sound, what the sound is when it is
//! not read, and that the tracks beside it do not matter.

use std::io::Result;

use super::fragments::{self, Defaults};
use super::source::Window;

/// Boxes whose boxes are looked at.
const CONTAINERS: [&[u8; 4]; 6] = [b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"];
/// Sample entries that are read.
const READ: [&[u8; 4]; 14] = [
    b"mp4a", b"alac", b"fLaC", b"Opus", b".mp3", b"raw ", b"sowt", b"twos", b"lpcm", b"ulaw",
    b"alaw", b"in24", b"in32", b"fl32",
];

/// What a file says of its sound.
#[derive(Debug, Default)]
pub(super) struct Movie {
    /// The media time at which the presentation starts, in units of `timescale`, where an edit list says so.
    pub(super) edit: Option<u64>,
    /// Units of the sound track's time a second.
    pub(super) timescale: u32,
    /// AAC whose upper half of the spectrum comes from a description (HE-AAC): the core has half the rate.
    pub(super) he_aac: bool,
    /// The sound tracks that are not read, by name, when none is.
    pub(super) refused: Vec<String>,
    /// Whether there is a track of sound that is read.
    pub(super) sound: bool,
    /// Whether the table of contents was found.
    pub(super) found: bool,
    /// What has to be read otherwise for the demuxer.
    pub(super) patches: Vec<(u64, Vec<u8>)>,
    /// Of a file in parts: how the track of sound is described where the parts' tables are silent.
    pub(super) defaults: Defaults,
    /// Of a file in parts: the length of all, and in units of how many a second.
    pub(super) stated: Option<(u64, u32)>,
}

/// One track, as far as it was read.
#[derive(Debug, Default)]
struct Track {
    at: u64,
    /// Its number.
    id: u32,
    handler: [u8; 4],
    edit: Option<u64>,
    timescale: u32,
    /// Its length in units of `timescale`, and whether its own table of samples is empty.
    duration: u64,
    empty: bool,
    /// Where the sample descriptions are, and their first bytes.
    descriptions: Option<(u64, Vec<u8>)>,
}

/// Goes through the boxes of a file.
pub(super) fn look(file: &mut Window) -> Result<Movie> {
    let length = file.length();
    let mut movie = Movie::default();
    let mut tracks: Vec<Track> = Vec::new();
    // The ends of the containers that we are in are not needed: a box that is no container is
    // skipped as a whole, so boxes come in the order of the file.
    let mut at = 0;
    let mut fragmented = false;
    let (mut scale, mut extends) = (0, Vec::new());
    // Enough for any real header; a crafted file of empty boxes must not keep us busy.
    for _ in 0..16_384 {
        let head = file.peek(at, 16)?;
        if head.len() < 8 {
            break;
        }
        let kind = [head[4], head[5], head[6], head[7]];
        movie.found |= &kind == b"moov";
        if &kind == b"trak" {
            tracks.push(Track {
                at,
                ..Track::default()
            });
        }
        if CONTAINERS.contains(&&kind) {
            at += 8;
            continue;
        }
        // Of a file in parts: the next table of contents belongs to samples, not to tracks.
        fragmented |= &kind == b"moof" || &kind == b"mvex";
        let (header, size) = match u64::from(word(&head, 0).unwrap_or(0)) {
            0 => break,
            1 => match head.get(8..16).and_then(|long| long.try_into().ok()) {
                Some(long) => (16, u64::from_be_bytes(long)),
                None => break,
            },
            size => (8, size),
        };
        if size < header {
            break;
        }
        let body = at + header;
        if &kind == b"mvhd" {
            let body = file.peek(body, 24)?;
            let place = if body.first() == Some(&1) { 20 } else { 12 };
            scale = word(&body, place).unwrap_or(0);
        }
        if &kind == b"mvex" {
            extends = file.peek(body, (size - header).min(1 << 16) as usize)?;
        }
        let take = |most: u64| (size - header).min(most).min(length.saturating_sub(body)) as usize;
        if let Some(track) = tracks.last_mut() {
            match &kind {
                b"tkhd" => {
                    let body = file.peek(body, take(24))?;
                    let place = if body.first() == Some(&1) { 20 } else { 12 };
                    track.id = word(&body, place).unwrap_or(0);
                }
                b"stts" => track.empty = word(&file.peek(body, take(8))?, 4) == Some(0),
                b"elst" => track.edit = first_edit(&file.peek(body, take(4_096))?),
                b"mdhd" => {
                    let body = file.peek(body, take(32))?;
                    let place = if body.first() == Some(&1) { 20 } else { 12 };
                    track.timescale = word(&body, place).unwrap_or(0);
                    track.duration = match place {
                        20 => long(&body, 24),
                        _ => word(&body, 16)
                            .filter(|ticks| *ticks != u32::MAX)
                            .map(u64::from),
                    }
                    .unwrap_or(0);
                }
                b"hdlr" => {
                    let body = file.peek(body, take(12))?;
                    // QuickTime names the handler of the data in the same way.
                    if body.len() == 12 && &body[4..8] != b"dhlr" && track.handler == [0; 4] {
                        track.handler.copy_from_slice(&body[8..12]);
                    }
                }
                b"stsd" => track.descriptions = Some((body, file.peek(body, take(8_192))?)),
                _ => {}
            }
        }
        at = at.saturating_add(size);
    }
    for track in tracks {
        let chosen = !movie.sound && track.handler == *b"soun" && movie.choose(&track);
        if chosen {
            let (defaults, all) = fragments::extends(&extends, track.id);
            let own = Some(track.duration).filter(|ticks| *ticks > 0 && *ticks < u64::MAX);
            movie.defaults = defaults;
            movie.stated = all.map(|ticks| (ticks, scale)).or(own
                .filter(|_| track.empty)
                .map(|ticks| (ticks, track.timescale)));
            continue;
        }
        match track.descriptions {
            // The demuxer needs to know the numbers of all tracks of a file in parts.
            Some((place, descriptions)) if fragmented && descriptions.len() >= 16 => {
                movie.patches.push((place + 4, vec![0, 0, 0, 1]));
                movie.patches.push((place + 12, b"none".to_vec()));
            }
            _ => movie.patches.push((track.at + 4, b"free".to_vec())),
        }
    }
    Ok(movie)
}

impl Movie {
    /// Whether this track of sound is read; its name is noted if not.
    fn choose(&mut self, track: &Track) -> bool {
        let Some((place, descriptions)) = &track.descriptions else {
            self.refused
                .push("a track without a description".to_owned());
            return false;
        };
        let entry: [u8; 4] = match descriptions.get(12..16) {
            Some(entry) => entry.try_into().expect("four bytes"),
            None => return false,
        };
        let aac = if &entry == b"mp4a" {
            aac(descriptions)
        } else {
            None
        };
        let refused = match (&entry, aac) {
            (b"mp4a", Some(Stream::Other(kind))) => Some(kind.to_owned()),
            (b"mp4a", Some(Stream::Aac(config))) => config.refused(),
            (entry, _) if READ.contains(&entry) => None,
            (b"samr", _) => Some("AMR".to_owned()),
            (b"sawb" | b"sawp", _) => Some("AMR-WB".to_owned()),
            (b"ac-3" | b"AC-3" | b"sac3", _) => Some("AC-3".to_owned()),
            (b"ec-3", _) => Some("E-AC-3".to_owned()),
            (b"ac-4", _) => Some("AC-4".to_owned()),
            (b"dtsc" | b"dtsh" | b"dtsl" | b"dtse", _) => Some("DTS".to_owned()),
            (b"ima4", _) => Some("IMA ADPCM in QuickTime".to_owned()),
            (b"agsm", _) => Some("GSM".to_owned()),
            (b"Qclp" | b"sqcp" | b"QDM2" | b"QDMC", _) => Some("QCELP or QDesign".to_owned()),
            (b"enca", _) => Some("protected (encrypted) sound".to_owned()),
            (b"wma " | b"WMA2" | b"ms\x01\x61", _) => Some("Windows Media Audio".to_owned()),
            (other, _) => Some(format!("{:?}", String::from_utf8_lossy(other))),
        };
        if let Some(refused) = refused {
            self.refused.push(refused);
            return false;
        }
        if let Some(Stream::Aac(config)) = aac
            && config.sbr
        {
            self.he_aac = true;
            if let Some(core) = config.core {
                self.patches.push((place + config.at as u64, core.to_vec()));
            }
        }
        self.edit = track.edit;
        self.timescale = track.timescale;
        self.sound = true;
        true
    }
}

/// The stream of an MPEG-4 sound track.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Aac(Config),
    Other(&'static str),
}

/// An AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
#[derive(Debug, Clone, Copy)]
struct Config {
    /// Where it is in the sample descriptions.
    at: usize,
    object: u8,
    channels: u8,
    sbr: bool,
    /// The first bytes of a config that says the same of the core alone.
    core: Option<[u8; 2]>,
}

impl Config {
    fn refused(&self) -> Option<String> {
        let name = match self.object {
            2 => match self.channels {
                0 => "AAC with a channel layout of its own".to_owned(),
                1 | 2 => return None,
                7 => "AAC with 8 channels".to_owned(),
                n => format!("AAC with {n} channels"),
            },
            1 => "AAC Main".to_owned(),
            3 => "AAC SSR".to_owned(),
            4 => "AAC LTP".to_owned(),
            23 => "AAC LD".to_owned(),
            39 => "AAC ELD".to_owned(),
            36 => "MPEG-4 ALS".to_owned(),
            42 => "xHE-AAC (USAC)".to_owned(),
            n => format!("MPEG-4 audio of object type {n}"),
        };
        Some(name)
    }
}

/// What the descriptor of an `mp4a` entry says (ISO/IEC 14496-1, 7.2.6). None when there is none.
fn aac(descriptions: &[u8]) -> Option<Stream> {
    let esds = descriptions.windows(4).position(|w| w == b"esds")? + 8;
    let mut at = esds;
    loop {
        let tag = *descriptions.get(at)?;
        at += 1;
        let mut size = 0_usize;
        loop {
            let byte = *descriptions.get(at)?;
            at += 1;
            size = size << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        match tag {
            3 => {
                let flags = *descriptions.get(at + 2)?;
                at += 3;
                if flags & 0x80 != 0 {
                    at += 2;
                }
                if flags & 0x40 != 0 {
                    at += 1 + usize::from(*descriptions.get(at)?);
                }
                if flags & 0x20 != 0 {
                    at += 2;
                }
            }
            4 => {
                match descriptions.get(at)? {
                    0x40 | 0x66..=0x68 => {}
                    // Read by their own decoders.
                    0x69 | 0x6b => return None,
                    0xa5 => return Some(Stream::Other("AC-3")),
                    0xa6 => return Some(Stream::Other("E-AC-3")),
                    0xa9 => return Some(Stream::Other("DTS")),
                    0xdd => return Some(Stream::Other("Vorbis in MP4")),
                    0xe1 => return Some(Stream::Other("QCELP")),
                    _ => return Some(Stream::Other("MPEG-4 audio of another kind than AAC")),
                }
                at += 13;
            }
            5 => return config(descriptions, at, size).map(Stream::Aac),
            _ => at = at.checked_add(size)?,
        }
    }
}

fn config(bytes: &[u8], at: usize, size: usize) -> Option<Config> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    let mut place = 0;
    let mut bits = |count: usize| -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(*bytes.get(place / 8)? >> (7 - place % 8) & 1);
            place += 1;
        }
        Some(value)
    };
    let object = |bits: &mut dyn FnMut(usize) -> Option<u32>| {
        let object = bits(5)?;
        Some(if object == 31 { 32 + bits(6)? } else { object })
    };
    let outer = object(&mut bits)?;
    let rate = bits(4)?;
    if rate == 15 {
        bits(24)?;
    }
    let channels = bits(4)?;
    let explicit = outer == 5 || outer == 29;
    let inner = if explicit {
        if bits(4)? == 15 {
            bits(24)?;
        }
        object(&mut bits)?
    } else {
        outer
    };
    let core = (explicit && inner == 2 && rate != 15)
        .then(|| ((2 << 11 | rate << 7 | channels << 3) as u16).to_be_bytes());
    // What follows says how the core is coded, then perhaps (0x2b7) that there is more than a core.
    let mut window = 0_u32;
    let mut implicit = false;
    while let Some(bit) = bits(1) {
        window = (window << 1 | bit) & 0xffff;
        if window >> 5 == 0x2b7 && window & 31 == 5 {
            implicit = bits(1) == Some(1);
            break;
        }
    }
    Some(Config {
        at,
        object: inner as u8,
        channels: channels as u8,
        sbr: explicit || implicit,
        core,
    })
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The media time of the first edit that is none of silence (ISO/IEC 14496-12, 8.6.6).
fn first_edit(body: &[u8]) -> Option<u64> {
    let long = body.first() == Some(&1);
    let step = if long { 20 } else { 12 };
    (0..word(body, 4)? as usize)
        .map_while(|i| {
            let at = 8 + i * step;
            Some(if long {
                i64::from(word(body, at + 8)?) << 32 | i64::from(word(body, at + 12)?)
            } else {
                i64::from(word(body, at + 4)? as i32)
            })
        })
        // Minus one is an empty edit: the sound starts late, nothing of it is cut.
        .find_map(|time| u64::try_from(time).ok())
}
