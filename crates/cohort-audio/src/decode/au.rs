//! Sun and NeXT AU (`.au`, `.snd`).

use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::decoded::Decoded;
use super::lengths;
use super::pcm::{self, Coding, Layout};
use super::source::Window;
use crate::AudioError;

pub(super) fn read(name: &Path, mut file: Window) -> Result<Decoded, AudioError> {
    let io = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    let head = file.peek(0, 24).map_err(io)?;
    if head.len() < 24 {
        let found = format!("{} of them: the file is cut short", head.len());
        return Err(AudioError::decode(name, "24 bytes of AU header", found));
    }
    let big_endian = &head[..4] == b".snd";
    let word = |i: usize| {
        let word = [
            head[4 * i],
            head[4 * i + 1],
            head[4 * i + 2],
            head[4 * i + 3],
        ];
        if big_endian {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        }
    };
    let (start, size, encoding, sample_rate, channels) =
        (word(1), word(2), word(3), word(4), word(5));
    let (coding, bytes) = match encoding {
        1 => (Coding::MuLaw, 1),
        2..=5 => (Coding::Integer, encoding as usize - 1),
        6 => (Coding::Float, 4),
        7 => (Coding::Float, 8),
        27 => (Coding::ALaw, 1),
        other => {
            let kind = match other {
                23 => "G.721 ADPCM",
                24 => "G.722 ADPCM",
                25 | 26 => "G.723 ADPCM",
                _ => "a coding that is not known here",
            };
            return Err(AudioError::decode(
                name,
                "an AU file of integer, float, A-law or mu-law samples",
                format!("AU with encoding {other}, {kind}"),
            ));
        }
    };
    if channels == 0 || channels > 65_535 || sample_rate == 0 || start < 24 {
        return Err(AudioError::decode(
            name,
            "an AU header with 1 to 65535 channels, a sample rate and samples after byte 24",
            format!("{channels} channels at {sample_rate} Hz from byte {start} on"),
        ));
    }
    let layout = Layout {
        coding,
        big_endian,
        channels: channels as usize,
        sample_rate,
        bytes,
    };
    let start = u64::from(start);
    let present = file.length().saturating_sub(start);
    let mut warnings = Vec::new();
    // All ones is how AU says that the length is not known.
    let claimed = (size != u32::MAX).then_some(u64::from(size));
    let length = lengths::settle(name, claimed, present, start, layout.block(), &mut warnings)?;
    file.seek(SeekFrom::Start(start)).map_err(io)?;
    let sound = pcm::read(name, &mut file, layout, length)?;
    if claimed.is_none() && length > 0 {
        warnings.push(lengths::nowhere_stated(&sound));
    }
    Ok(Decoded { sound, warnings })
}
