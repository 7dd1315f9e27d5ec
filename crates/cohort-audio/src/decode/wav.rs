//! RIFF WAVE, read chunk by chunk so that a header that lies is found out.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::read_up_to;
use crate::{AudioError, Sound};

/// How one sample is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Coding {
    /// Unsigned for one byte, signed little-endian for 2, 3 and 4.
    Integer,
    /// IEEE 754, 4 or 8 bytes.
    Float,
    /// ITU-T G.711 A-law, one byte.
    ALaw,
    /// ITU-T G.711 mu-law, one byte.
    MuLaw,
}

#[derive(Debug, Clone, Copy)]
struct Format {
    coding: Coding,
    channels: usize,
    sample_rate: u32,
    bytes: usize,
}

/// Writers that cannot seek back leave one of these in place of the length of the data.
fn is_unknown_length(length: u64) -> bool {
    length == 0 || length >= 0x7fff_0000
}

pub(super) fn read<R: Read + Seek>(
    name: &Path,
    reader: &mut R,
    file_length: u64,
) -> Result<Sound, AudioError> {
    let io = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    let mut header = [0; 12];
    let got = read_up_to(reader, &mut header).map_err(io)?;
    if got < 12 || &header[8..] != b"WAVE" {
        return Err(AudioError::decode(
            name,
            "a RIFF WAVE header",
            format!("{got} bytes of it"),
        ));
    }
    let mut at = 12;
    let mut format = None;
    let mut long_data = None;
    loop {
        let mut head = [0; 8];
        reader.seek(SeekFrom::Start(at)).map_err(io)?;
        if read_up_to(reader, &mut head).map_err(io)? < 8 {
            return Err(AudioError::decode(
                name,
                "a data chunk",
                "the end of the file",
            ));
        }
        let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        let body = at + 8;
        match &head[..4] {
            b"fmt " => format = Some(parse_format(name, reader, size)?),
            b"ds64" => {
                let mut sizes = [0; 16];
                if read_up_to(reader, &mut sizes).map_err(io)? == 16 {
                    let mut long = [0; 8];
                    long.copy_from_slice(&sizes[8..]);
                    long_data = Some(u64::from_le_bytes(long));
                }
            }
            b"data" => {
                let Some(format) = format else {
                    return Err(AudioError::decode(
                        name,
                        "a fmt chunk first",
                        "the data chunk",
                    ));
                };
                let size = if size == u64::from(u32::MAX) {
                    long_data.unwrap_or(size)
                } else {
                    size
                };
                return read_data(name, reader, format, size, file_length.saturating_sub(body));
            }
            _ => {}
        }
        // Chunks start at even positions.
        at = body + size + size % 2;
    }
}

fn parse_format(name: &Path, reader: &mut impl Read, size: u64) -> Result<Format, AudioError> {
    let io = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    let mut fmt = [0; 40];
    let length = size.min(40) as usize;
    let got = read_up_to(reader, &mut fmt[..length]).map_err(io)?;
    if got < 16 {
        let found = format!("{got} bytes");
        return Err(AudioError::decode(
            name,
            "a fmt chunk of 16 bytes or more",
            found,
        ));
    }
    let short = |at: usize| u16::from_le_bytes([fmt[at], fmt[at + 1]]);
    let tag = match (short(0), got) {
        // WAVE_FORMAT_EXTENSIBLE keeps the tag in the first bytes of its sub-format.
        (0xfffe, 26..) => short(24),
        (tag, _) => tag,
    };
    let channels = usize::from(short(2));
    let sample_rate = u32::from_le_bytes([fmt[4], fmt[5], fmt[6], fmt[7]]);
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
    let bytes = block / channels;
    if block != bytes * channels || bytes != bits.div_ceil(8) {
        let expected = format!("blocks of {} bytes", channels * bits.div_ceil(8));
        return Err(AudioError::decode(
            name,
            expected,
            format!("blocks of {block} bytes"),
        ));
    }
    let coding = match (tag, bytes) {
        (1, 1..=4) => Coding::Integer,
        (3, 4 | 8) => Coding::Float,
        (6, 1) => Coding::ALaw,
        (7, 1) => Coding::MuLaw,
        _ => {
            return Err(AudioError::decode(
                name,
                "integer (8 to 32 bit), float (32 or 64 bit), A-law or mu-law samples",
                format!("format tag {tag} with {bits} bits"),
            ));
        }
    };
    Ok(Format {
        coding,
        channels,
        sample_rate,
        bytes,
    })
}

fn read_data(
    name: &Path,
    reader: &mut impl Read,
    format: Format,
    claimed: u64,
    present: u64,
) -> Result<Sound, AudioError> {
    let io = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    let block = format.bytes * format.channels;
    let length = if claimed > present || claimed == 0 {
        if !is_unknown_length(claimed) {
            let found = format!("{present}");
            return Err(AudioError::decode(
                name,
                format!("{claimed} bytes of samples"),
                found,
            ));
        }
        present
    } else if !claimed.is_multiple_of(block as u64) {
        let found = format!("{claimed} bytes of samples");
        return Err(AudioError::decode(
            name,
            format!("whole blocks of {block} bytes"),
            found,
        ));
    } else {
        claimed
    };
    let blocks = length / block as u64;
    let mut samples = Vec::with_capacity(blocks as usize);
    // A block is at most 65,535 bytes, so the buffer holds one at least.
    let per_read = (65_536 / block).max(1);
    let mut buffer = vec![0; per_read * block];
    let mut left = blocks;
    while left > 0 {
        let now = left.min(per_read as u64) as usize;
        let bytes = &mut buffer[..now * block];
        let got = read_up_to(reader, bytes).map_err(io)?;
        if matches!(format.coding, Coding::Integer) && block == 2 && format.channels == 1 {
            // The most common kind, without a choice and a sum for each sample.
            let values = bytes[..got].chunks_exact(2);
            samples.extend(values.map(|s| f32::from(i16::from_le_bytes([s[0], s[1]])) / 32_768.0));
        } else {
            for frame in bytes[..got].chunks_exact(block) {
                let sum: f64 = frame
                    .chunks_exact(format.bytes)
                    .map(|s| sample(format.coding, s))
                    .sum();
                samples.push((sum / format.channels as f64) as f32);
            }
        }
        if got < now * block {
            // The file shrank under us; what is missing is an error, not silence.
            let found = format!("{} of them", samples.len());
            return Err(AudioError::decode(name, format!("{blocks} samples"), found));
        }
        left -= now as u64;
    }
    Ok(Sound {
        samples,
        sample_rate: format.sample_rate,
    })
}

/// One sample to full scale 1.
fn sample(coding: Coding, bytes: &[u8]) -> f64 {
    match (coding, bytes) {
        (Coding::Integer, &[a]) => (f64::from(a) - 128.0) / 128.0,
        (Coding::Integer, &[a, b]) => f64::from(i16::from_le_bytes([a, b])) / 32_768.0,
        (Coding::Integer, &[a, b, c]) => {
            f64::from(i32::from_le_bytes([0, a, b, c]) >> 8) / 8_388_608.0
        }
        (Coding::Integer, &[a, b, c, d]) => {
            f64::from(i32::from_le_bytes([a, b, c, d])) / 2_147_483_648.0
        }
        (Coding::Float, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (Coding::Float, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        (Coding::ALaw, &[a]) => f64::from(a_law(a)) / 32_768.0,
        (Coding::MuLaw, &[a]) => f64::from(mu_law(a)) / 32_768.0,
        // parse_format admits no other pair.
        _ => f64::NAN,
    }
}

fn a_law(byte: u8) -> i32 {
    let byte = byte ^ 0x55;
    let exponent = i32::from(byte >> 4 & 7);
    let mantissa = i32::from(byte & 15);
    let magnitude = if exponent == 0 {
        mantissa << 4 | 8
    } else {
        (mantissa << 4 | 0x108) << (exponent - 1)
    };
    if byte & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

fn mu_law(byte: u8) -> i32 {
    let byte = !byte;
    let magnitude = ((i32::from(byte & 15) << 3 | 0x84) << (byte >> 4 & 7)) - 0x84;
    if byte & 0x80 != 0 {
        -magnitude
    } else {
        magnitude
    }
}
