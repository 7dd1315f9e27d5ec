//! RIFF WAVE and its relatives (RIFX, RF64, BW64, Wave64), read chunk by chunk so that a header that lies
//! is found out.

use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::container::Kind;
use super::decoded::Decoded;
use super::fmt::{self, Samples};
use super::source::Window;
use super::{compressed, lengths, pcm};
use crate::AudioError;

/// Which of the relatives a file is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// Lengths of 32 bits, the least significant byte first.
    Riff,
    /// The same, the most significant byte first.
    Rifx,
    /// RIFF with lengths of 64 bits in a chunk `ds64` (EBU Tech 3306, ITU-R BS.2088).
    Rf64,
    /// Sony's Wave64: names of 16 bytes, lengths of 64 bits.
    W64,
}

impl Form {
    /// Length of a chunk's name and length, and of what chunk positions are multiples of.
    fn head(self) -> (u64, u64) {
        match self {
            Self::W64 => (24, 8),
            _ => (8, 2),
        }
    }

    /// Where the first chunk is.
    fn first(self) -> u64 {
        match self {
            Self::W64 => 40,
            _ => 12,
        }
    }

    /// The length of the body that a chunk's head states. None where the head is none.
    fn size(self, head: &[u8]) -> Option<u64> {
        let word = |at: usize| -> Option<[u8; 4]> { head.get(at..at + 4)?.try_into().ok() };
        match self {
            Self::W64 => u64::from_le_bytes(head.get(16..24)?.try_into().ok()?).checked_sub(24),
            Self::Rifx => Some(u64::from(u32::from_be_bytes(word(4)?))),
            _ => Some(u64::from(u32::from_le_bytes(word(4)?))),
        }
    }
}

/// Lengths from here on are what writers leave that cannot seek back, each its own.
const OPEN_LENGTHS: u64 = 0x7fff_0000;

pub(super) fn read(name: &Path, mut file: Window, form: Form) -> Result<Decoded, AudioError> {
    let io = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    let start = file.peek(0, form.first() as usize).map_err(io)?;
    if (start.len() as u64) < form.first() {
        return Err(AudioError::decode(
            name,
            "a RIFF WAVE header",
            format!("{} bytes of it", start.len()),
        ));
    }
    let (head_length, step) = form.head();
    let mut warnings = Vec::new();
    let mut at = form.first();
    let mut samples = None;
    let mut long_data = None;
    loop {
        let head = file.peek(at, head_length as usize).map_err(io)?;
        let Some(size) = form.size(&head) else {
            return Err(AudioError::decode(
                name,
                "a data chunk",
                "the end of the file",
            ));
        };
        let body = at + head_length;
        match &head[..4] {
            b"fmt " => {
                let bytes = file.peek(body, size.min(40) as usize).map_err(io)?;
                let big_endian = form == Form::Rifx;
                samples = Some(fmt::parse(name, &bytes, big_endian, &mut warnings)?);
            }
            b"ds64" => {
                let sizes = file.peek(body, 16).map_err(io)?;
                long_data = sizes
                    .get(8..16)
                    .and_then(|long| Some(u64::from_le_bytes(long.try_into().ok()?)));
            }
            b"data" => {
                let Some(samples) = samples else {
                    return Err(AudioError::decode(
                        name,
                        "a fmt chunk first",
                        "the data chunk",
                    ));
                };
                let long = (form == Form::Rf64 && size == u64::from(u32::MAX))
                    .then(|| long_data.filter(|&long| long != 0).unwrap_or(u64::MAX));
                let data = Data {
                    name,
                    form,
                    body,
                    size: long.unwrap_or(size),
                    present: file.length().saturating_sub(body),
                    samples,
                };
                return data.read(file, warnings).map_err(|error| match error {
                    AudioError::Read { source, .. } => io(source),
                    other => other,
                });
            }
            _ => {}
        }
        let end = body.saturating_add(size);
        at = end.next_multiple_of(step);
        // Some writers leave out the byte that fills an odd chunk.
        if at != end && step == 2 && at < file.length() {
            let next = file.peek(end, 5).map_err(io)?;
            if next.len() == 5 && is_name(&next[..4]) && !is_name(&next[1..]) {
                at = end;
            }
        }
    }
}

/// The data chunk, found.
struct Data<'a> {
    name: &'a Path,
    form: Form,
    /// Where it begins.
    body: u64,
    /// Its length as stated, and what there is from `body` to the end of the file.
    size: u64,
    present: u64,
    samples: Samples,
}

impl Data<'_> {
    fn read(self, mut file: Window, mut warnings: Vec<String>) -> Result<Decoded, AudioError> {
        let name = self.name;
        let io = |source| AudioError::Read {
            file: name.to_owned(),
            source,
        };
        let told = warnings.len();
        let claimed = self.claimed(&mut file, &mut warnings).map_err(io)?;
        let open = claimed.is_none() && warnings.len() == told;
        let block = match self.samples {
            Samples::Plain(layout) => layout.block(),
            Samples::Adpcm { block } => block,
            Samples::Mpeg => 1,
        };
        let (present, body) = (self.present, self.body);
        // Of blocks of ADPCM the last may be short; its decoder sees to that.
        let whole = if matches!(self.samples, Samples::Adpcm { .. }) {
            1
        } else {
            block
        };
        let length = lengths::settle(name, claimed, present, body, whole, &mut warnings)?;
        match self.samples {
            Samples::Plain(layout) => {
                file.seek(SeekFrom::Start(body)).map_err(io)?;
                let sound = pcm::read(name, &mut file, layout, length)?;
                if open && length > 0 {
                    warnings.push(lengths::nowhere_stated(&sound));
                }
                Ok(Decoded { sound, warnings })
            }
            Samples::Adpcm { .. } if self.form != Form::Riff => Err(AudioError::decode(
                name,
                "ADPCM in RIFF WAVE",
                format!("ADPCM in {:?}", self.form),
            )),
            Samples::Adpcm { .. } => compressed::read(name, file, Kind::Wav, warnings),
            Samples::Mpeg => {
                let inside = file.part(body, length).map_err(io)?;
                compressed::read(name, inside, Kind::Mpeg, warnings)
            }
        }
    }

    /// The length of the samples as the header means it; None where it leaves it open.
    fn claimed(
        &self,
        file: &mut Window,
        warnings: &mut Vec<String>,
    ) -> std::io::Result<Option<u64>> {
        let (size, present, body) = (self.size, self.present, self.body);
        if self.form == Form::W64 {
            return Ok(Some(size));
        }
        // As pipes of FFmpeg and others have it.
        if size == u64::MAX || size == u64::from(u32::MAX) && size > present {
            return Ok(None);
        }
        let narrow = self.form != Form::Rf64 || size <= u64::from(u32::MAX);
        if narrow && size >= OPEN_LENGTHS && size > present {
            warnings.push(format!(
                "the header states {size} bytes of samples, {present} are there; such a length is \
                 written by recorders that cannot go back, or the file is cut short"
            ));
            return Ok(None);
        }
        if size == 0 {
            let whole = file.peek(4, 4)?;
            let whole = self.form.size(&[&[0; 4], &whole[..]].concat()).unwrap_or(0);
            if present == 0 || chunks_follow(file, body, self.form)? {
                return Ok(Some(0));
            }
            // A length of the whole that says nothing either is that of a pipe.
            if whole != 0 && whole < OPEN_LENGTHS {
                warnings.push(format!(
                    "the header states 0 bytes of samples, {present} bytes that are no chunk follow; \
                     they are read"
                ));
            }
            return Ok(None);
        }
        let after = size.next_multiple_of(2);
        if after + 8 <= present && !is_name(&file.peek(body + after, 4)?) {
            let next = file.peek(body + size, 4)?;
            if !is_name(&next) {
                warnings.push(format!(
                    "{} bytes after the {size} bytes of samples are no chunk and are not read",
                    present - size
                ));
            }
        }
        Ok(Some(size))
    }
}

/// Whether what lies from `at` to the end of the file is a chain of chunks.
fn chunks_follow(file: &mut Window, mut at: u64, form: Form) -> std::io::Result<bool> {
    // Real files have a few; a crafted one must not keep us busy.
    for _ in 0..1_024 {
        if at >= file.length() {
            return Ok(true);
        }
        let head = file.peek(at, 8)?;
        let Some(size) = form.size(&head).filter(|_| is_name(&head[..4])) else {
            return Ok(false);
        };
        at = (at + 8 + size).next_multiple_of(2);
        if at > file.length() + 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether four bytes can be the name of a chunk.
fn is_name(bytes: &[u8]) -> bool {
    bytes.len() == 4
        && bytes[0].is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b" _-".contains(b))
}
