//! Sound files to samples.

mod compressed;
mod mp4;
mod wav;

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use symphonia::core::io::MediaSource;

use crate::{AudioError, Sound};

/// File name extensions (lower case, no dot) of the sound files that [`decode`] reads.
pub const EXTENSIONS: [&str; 8] = ["wav", "mp3", "flac", "ogg", "oga", "m4a", "mp4", "m4b"];

/// Reads a sound file: WAV (integer 8, 16, 24, 32 bit, float 32, 64 bit, A-law, mu-law; RIFF and
/// RF64), MP3, FLAC, Ogg Vorbis, and AAC in MP4. The content decides, not the name.
///
/// Channels are averaged into one. Integer samples are divided by 2^(bits - 1). Encoder delay is
/// trimmed where the file states it (LAME tag, Ogg granules, MP4 edit list), so that the first
/// sample is the first of the recording.
///
/// # Errors
/// [`AudioError::Read`] when the file cannot be read; [`AudioError::Decode`], naming the file, when
/// it is empty, cut short, damaged, of an unknown format, holds no sample, or holds a sample that
/// is not finite. A WAV written to a pipe, whose header says 0 or the largest length, is read to
/// its end.
pub fn decode(path: &Path) -> Result<Sound, AudioError> {
    let read = |source| AudioError::Read {
        file: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    let length = file.metadata().map_err(read)?.len();
    decode_source(path, BufReader::new(file), length, |reader| {
        Box::new(reader.into_inner())
    })
}

/// [`decode`] for a file already in memory; `name` is used in errors only.
///
/// # Errors
/// As [`decode`].
pub fn decode_bytes(name: &Path, bytes: Vec<u8>) -> Result<Sound, AudioError> {
    let length = bytes.len() as u64;
    decode_source(name, Cursor::new(bytes), length, |reader| Box::new(reader))
}

fn decode_source<R: Read + Seek>(
    name: &Path,
    mut reader: R,
    length: u64,
    into_media: impl FnOnce(R) -> Box<dyn MediaSource>,
) -> Result<Sound, AudioError> {
    let read = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    if length == 0 {
        return Err(AudioError::decode(name, "a sound file", "an empty file"));
    }
    let mut magic = [0; 12];
    let known = read_up_to(&mut reader, &mut magic).map_err(read)?;
    reader.seek(SeekFrom::Start(0)).map_err(read)?;
    let is = |at: usize, tag: &[u8]| known >= at + tag.len() && &magic[at..at + tag.len()] == tag;
    let sound = if is(0, b"RIFF") || is(0, b"RF64") {
        wav::read(name, &mut reader, length)?
    } else {
        let start = if is(4, b"ftyp") {
            mp4::first_sample(&mut reader, length).map_err(read)?
        } else {
            None
        };
        reader.seek(SeekFrom::Start(0)).map_err(read)?;
        compressed::read(name, into_media(reader), start)?
    };
    if sound.samples.is_empty() {
        return Err(AudioError::decode(name, "at least one sample", "none"));
    }
    if !crate::fast::all_finite(&sound.samples)
        && let Some(at) = sound.samples.iter().position(|s| !s.is_finite())
    {
        let found = format!("{} at sample {at}", sound.samples[at]);
        return Err(AudioError::decode(name, "finite samples", found));
    }
    Ok(sound)
}

/// Fills `buffer` as far as the reader goes and says how far that was.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
