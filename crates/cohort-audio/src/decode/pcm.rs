//! Samples that are stored one after the other, uncompressed or by G.711, as WAV, W64, AU and SPHERE keep them.

use std::io::Read;
use std::path::Path;

use super::samples::Mono;
use super::source::read_up_to;
use crate::{AudioError, Sound};

/// How one sample is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Coding {
    /// Unsigned, one byte.
    Unsigned,
    /// Signed, 1 to 4 bytes.
    Integer,
    /// IEEE 754, 4 or 8 bytes.
    Float,
    /// ITU-T G.711 A-law, one byte.
    ALaw,
    /// ITU-T G.711 mu-law, one byte.
    MuLaw,
}

/// How the samples of a file are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) coding: Coding,
    pub(super) big_endian: bool,
    pub(super) channels: usize,
    pub(super) sample_rate: u32,
    /// Bytes of a sample.
    pub(super) bytes: usize,
}

impl Layout {
    /// Bytes of a sample of every channel.
    pub(super) fn block(&self) -> usize {
        self.bytes * self.channels
    }
}

/// Reads the whole blocks among the next `length` bytes.
pub(super) fn read(
    name: &Path,
    reader: &mut impl Read,
    layout: Layout,
    length: u64,
) -> Result<Sound, AudioError> {
    let io = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    let block = layout.block();
    let blocks = length / block as u64;
    let rate = layout.sample_rate;
    let mut mono = Mono::new(name, Some(blocks), rate)?;
    mono.room(name, blocks as usize, rate)?;
    let samples = &mut mono.samples;
    // A block of more bytes than this is read on its own.
    let per_read = (65_536 / block).max(1);
    let mut buffer = vec![0; per_read * block];
    let mut left = blocks;
    while left > 0 {
        let now = left.min(per_read as u64) as usize;
        let bytes = &mut buffer[..now * block];
        let got = read_up_to(reader, bytes).map_err(io)?;
        if layout.coding == Coding::Integer && block == 2 && !layout.big_endian {
            // The most common kind, without a choice and a sum for each sample.
            let values = bytes[..got].chunks_exact(2);
            samples.extend(values.map(|s| f32::from(i16::from_le_bytes([s[0], s[1]])) / 32_768.0));
        } else {
            if layout.big_endian {
                bytes[..got]
                    .chunks_exact_mut(layout.bytes)
                    .for_each(<[u8]>::reverse);
            }
            for frame in bytes[..got].chunks_exact(block) {
                let sum: f64 = frame
                    .chunks_exact(layout.bytes)
                    .map(|s| sample(layout.coding, s))
                    .sum();
                samples.push((sum / layout.channels as f64) as f32);
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
        samples: mono.samples,
        sample_rate: rate,
    })
}

/// One little-endian sample to full scale 1.
fn sample(coding: Coding, bytes: &[u8]) -> f64 {
    match (coding, bytes) {
        (Coding::Unsigned, &[a]) => (f64::from(a) - 128.0) / 128.0,
        (Coding::Integer, &[a]) => f64::from(a as i8) / 128.0,
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
        // No reader admits another pair.
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
