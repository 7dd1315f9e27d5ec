//! NIST SPHERE, the format of TIMIT and other speech corpora (often with a name that ends in `.wav`).

use std::collections::BTreeMap;
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
    let bad = |expected: &str, found: String| AudioError::decode(name, expected, found);
    // Eight bytes of name, eight of the length of the header, then lines of text.
    let first = file.peek(0, 16).map_err(io)?;
    let start = std::str::from_utf8(first.get(8..16).unwrap_or_default())
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok())
        .filter(|start| (16..=1 << 20).contains(start))
        .ok_or_else(|| {
            let found = String::from_utf8_lossy(first.get(8..).unwrap_or_default());
            bad(
                "a NIST SPHERE header with its length in the second line",
                format!("{found:?}"),
            )
        })?;
    let header = file.peek(0, start as usize).map_err(io)?;
    let header = String::from_utf8_lossy(&header);
    let fields: BTreeMap<&str, &str> = header
        .lines()
        .take_while(|line| line.trim() != "end_head")
        .filter_map(|line| {
            let (key, rest) = line.trim().split_once(char::is_whitespace)?;
            let (_, value) = rest.trim_start().split_once(char::is_whitespace)?;
            Some((key, value.trim()))
        })
        .collect();
    let number = |key: &'static str| -> Result<Option<u64>, AudioError> {
        let Some(text) = fields.get(key) else {
            return Ok(None);
        };
        let value = text
            .parse::<f64>()
            .ok()
            .filter(|v| v.fract() == 0.0 && *v >= 0.0);
        let wrong = || {
            bad(
                "whole numbers in the NIST SPHERE header",
                format!("{key} {text:?}"),
            )
        };
        value.map(|v| Some(v as u64)).ok_or_else(wrong)
    };
    let coding = fields.get("sample_coding").copied().unwrap_or("pcm");
    let missing = |key: &str| {
        bad(
            "a NIST SPHERE header with all its fields",
            format!("no {key}"),
        )
    };
    let sample_rate = number("sample_rate")?.ok_or_else(|| missing("sample_rate"))?;
    let channels = number("channel_count")?.unwrap_or(1);
    let (coding, default) = match coding {
        "pcm" | "linear" => (Coding::Integer, 2),
        "ulaw" | "mu-law" | "mulaw" => (Coding::MuLaw, 1),
        "alaw" | "a-law" => (Coding::ALaw, 1),
        other => {
            let what = if other.contains("shorten") {
                "compressed by shorten"
            } else if other.contains("wavpack") {
                "compressed by WavPack"
            } else {
                "of that coding"
            };
            return Err(bad(
                "NIST SPHERE with pcm, ulaw or alaw samples",
                format!("NIST SPHERE {what} (sample_coding {other:?})"),
            ));
        }
    };
    let bytes = number("sample_n_bytes")?.unwrap_or(default);
    let whole = match coding {
        Coding::Integer => (1..=4).contains(&bytes),
        _ => bytes == 1,
    };
    if !whole || !(1..=65_535).contains(&channels) || sample_rate == 0 {
        return Err(bad(
            "NIST SPHERE with samples of 1 to 4 bytes, channels and a sample rate",
            format!("sample_n_bytes {bytes}, {channels} channels at {sample_rate} Hz"),
        ));
    }
    let sample_rate = u32::try_from(sample_rate)
        .map_err(|_| bad("a sample rate of 32 bits", sample_rate.to_string()))?;
    let order = fields.get("sample_byte_format").copied();
    let big_endian = match (bytes, order) {
        (1, _) => false,
        (_, Some("01" | "0123" | "012")) => false,
        (_, Some("10" | "3210" | "210")) => true,
        (_, other) => {
            let found = other.map_or("no sample_byte_format".to_owned(), |o| {
                format!("sample_byte_format {o:?}")
            });
            return Err(bad("NIST SPHERE with the byte order 01 or 10", found));
        }
    };
    let layout = Layout {
        coding,
        big_endian,
        channels: channels as usize,
        sample_rate,
        bytes: bytes as usize,
    };
    let claimed = number("sample_count")?.map(|n| n.saturating_mul(layout.block() as u64));
    let present = file.length().saturating_sub(start);
    let mut warnings = Vec::new();
    let length = lengths::settle(name, claimed, present, start, layout.block(), &mut warnings)?;
    file.seek(SeekFrom::Start(start)).map_err(io)?;
    let sound = pcm::read(name, &mut file, layout, length)?;
    Ok(Decoded { sound, warnings })
}
