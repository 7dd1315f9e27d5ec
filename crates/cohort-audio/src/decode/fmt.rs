//! The fmt chunk of a WAVE file: how its samples are stored.

use std::path::Path;

use super::pcm::{Coding, Layout};
use crate::AudioError;

/// How the samples of a WAVE file are stored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Samples {
    /// One after the other.
    Plain(Layout),
    /// ADPCM of Microsoft or IMA, in blocks of so many bytes.
    Adpcm { block: usize },
    /// A stream of MPEG audio frames.
    Mpeg,
}

/// Reads a fmt chunk of which `fmt` is all that there is, up to 40 bytes.
pub(super) fn parse(
    name: &Path,
    fmt: &[u8],
    big_endian: bool,
    warnings: &mut Vec<String>,
) -> Result<Samples, AudioError> {
    if fmt.len() < 16 {
        let found = format!("{} bytes", fmt.len());
        return Err(AudioError::decode(
            name,
            "a fmt chunk of 16 bytes or more",
            found,
        ));
    }
    let short = |at: usize| {
        let bytes = [fmt[at], fmt[at + 1]];
        if big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    };
    let long = |at: usize| {
        let bytes = [fmt[at], fmt[at + 1], fmt[at + 2], fmt[at + 3]];
        if big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    };
    let tag = match (short(0), fmt.len()) {
        // WAVE_FORMAT_EXTENSIBLE keeps the tag in the first bytes of its sub-format.
        (0xfffe, 26..) => short(24),
        (tag, _) => tag,
    };
    let channels = usize::from(short(2));
    let sample_rate = long(4);
    let byte_rate = u64::from(long(8));
    let block = usize::from(short(12));
    let bits = usize::from(short(14));
    if channels == 0 || sample_rate == 0 {
        let found = format!("{channels} channels at {sample_rate} Hz");
        return Err(AudioError::decode(
            name,
            "at least one channel and a sample rate",
            found,
        ));
    }
    match tag {
        2 | 0x11 if block > 0 => return Ok(Samples::Adpcm { block }),
        0x50 | 0x55 => return Ok(Samples::Mpeg),
        1 | 3 | 6 | 7 => {}
        _ => return Err(coding_error(name, tag, bits)),
    }
    // G.711 has one byte a sample, whatever the header calls its bits.
    let needed = if tag > 3 { 1 } else { bits.div_ceil(8) };
    let by_block = (block % channels == 0).then_some(block / channels);
    let frames = u64::from(sample_rate) * channels as u64;
    let by_rate = (byte_rate % frames == 0).then_some((byte_rate / frames) as usize);
    let bytes = match by_block {
        Some(bytes) if bytes == needed => bytes,
        // Fewer bits than the bytes have: they are the most significant ones.
        Some(bytes) if tag == 1 && bytes <= 4 && bytes > needed && by_rate == Some(bytes) => bytes,
        _ if by_rate == Some(needed) || (block, byte_rate) == (0, 0) => {
            warnings.push(format!(
                "the fmt chunk states blocks of {block} bytes (nBlockAlign), where {channels} channels \
                 of {bits} bits have {}; they are read as such",
                channels * needed
            ));
            needed
        }
        _ => {
            return Err(AudioError::decode(
                name,
                format!("blocks of {} bytes", channels * needed),
                format!("blocks of {block} (nBlockAlign)"),
            ));
        }
    };
    let coding = match (tag, bytes) {
        (1, 1) => Coding::Unsigned,
        (1, 2..=4) => Coding::Integer,
        (3, 4 | 8) => Coding::Float,
        (6, 1) => Coding::ALaw,
        (7, 1) => Coding::MuLaw,
        _ => return Err(coding_error(name, tag, bits)),
    };
    Ok(Samples::Plain(Layout {
        coding,
        big_endian,
        channels,
        sample_rate,
        bytes,
    }))
}

fn coding_error(name: &Path, tag: u16, bits: usize) -> AudioError {
    // RFC 2361 and Microsoft's mmreg.h.
    let kind = match tag {
        1 | 3 => "",
        2 | 0x11 => "ADPCM without blocks, ",
        0x10 => "OKI ADPCM, ",
        0x14 | 0x42 => "G.723, ",
        0x15 | 0x16 => "DIGISTD, ",
        0x20 => "Yamaha ADPCM, ",
        0x22 => "TrueSpeech, ",
        0x31 => "GSM 6.10, ",
        0x40 | 0x45 | 0x64 => "G.721 or G.726 ADPCM, ",
        0x57 => "AMR-NB, ",
        0x58 => "AMR-WB, ",
        0x65 => "G.722, ",
        0x83 => "G.729, ",
        0x92 | 0x2000 => "AC-3, ",
        0xff | 0x1600 | 0x1601 | 0x706d | 0xa106 => "AAC, ",
        0x130 => "ACELP.net, ",
        0x160..=0x163 => "Windows Media Audio, ",
        0x270 => "ATRAC3, ",
        0x674f..=0x6771 => "Vorbis, ",
        0x704f => "Opus, ",
        0xa109 => "Speex, ",
        0xf1ac => "FLAC, ",
        0x2001 => "DTS, ",
        _ => "",
    };
    AudioError::decode(
        name,
        "integer (8 to 32 bit), float (32 or 64 bit), A-law, mu-law, ADPCM or MPEG audio in WAV",
        format!("{kind}format tag {tag} with {bits} bits"),
    )
}
