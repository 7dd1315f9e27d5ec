//! Sound files to samples.

mod au;
mod compressed;
mod container;
mod decoded;
mod ending;
mod fmt;
mod fragments;
mod guard;
mod kind;
mod lengths;
mod matroska;
mod mp4;
mod mpeg;
mod opus;
mod pcm;
mod samples;
mod source;
mod sphere;
mod wav;

use std::io::Cursor;
use std::path::Path;

pub use decoded::Decoded;
pub use samples::MAX_SAMPLES;
pub use source::open;

use self::kind::Found;
use self::source::Window;
use crate::{AudioError, Sound};

/// Reads a sound file. The content decides what it is, not the name.
///
/// - WAV (RIFF, RIFX, RF64, BW64, Wave64), AU and NIST SPHERE: integer 8, 16, 24, 32 bit, float 32, 64
///   bit, A-law, mu-law; in WAV also ADPCM of Microsoft and IMA, and MPEG audio. AIFF, CAF.
/// - FLAC and ALAC; MP1, MP2, MP3; Vorbis; Opus; AAC (LC, of HE-AAC the core) with 1 or 2 channels; in
///   files of their own, Ogg (chained too), MP4 and Matroska or WebM.
///
/// Channels are averaged into one. Integer samples are divided by 2^(bits - 1). Encoder delay is
/// trimmed where the file states it (LAME tag, Ogg granules, MP4 edit list, Opus header), so that the
/// first sample is the first of the recording.
///
/// Headers whose lengths are wrong by no more than the header itself, and the like, are read as
/// libsndfile and FFmpeg do, with a warning.
///
/// # Errors
/// [`AudioError::Read`] when the file cannot be read; [`AudioError::Decode`], naming the file, when
/// it is no regular file, empty, cut short, damaged, longer than [`MAX_SAMPLES`], of a format that is not
/// read (which is named), holds no sample, or holds a sample that is not finite. A WAV written to a pipe,
/// whose header says 0 or the largest length, is read to its end.
pub fn decode_warned(path: &Path) -> Result<Decoded, AudioError> {
    let file = Window::of_file(open(path)?).map_err(|source| AudioError::Read {
        file: path.to_owned(),
        source,
    })?;
    decode_window(path, file)
}

/// [`decode_warned`] for a file already in memory; `name` is used in messages only.
///
/// # Errors
/// As [`decode_warned`].
pub fn decode_bytes_warned(name: &Path, bytes: Vec<u8>) -> Result<Decoded, AudioError> {
    let length = bytes.len() as u64;
    decode_window(name, Window::new(Box::new(Cursor::new(bytes)), length))
}

/// [`decode_warned`] where there is nobody to warn.
///
/// # Errors
/// As [`decode_warned`].
pub fn decode(path: &Path) -> Result<Sound, AudioError> {
    decode_warned(path).map(|decoded| decoded.sound)
}

/// [`decode`] for a file already in memory; `name` is used in errors only.
///
/// # Errors
/// As [`decode_warned`].
pub fn decode_bytes(name: &Path, bytes: Vec<u8>) -> Result<Sound, AudioError> {
    decode_bytes_warned(name, bytes).map(|decoded| decoded.sound)
}

fn decode_window(name: &Path, mut file: Window) -> Result<Decoded, AudioError> {
    let read = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    if file.length() == 0 {
        return Err(AudioError::decode(name, "a sound file", "an empty file"));
    }
    let (found, start) = kind::find(&mut file).map_err(read)?;
    let length = file.length() - start.min(file.length());
    let file = file.part(start, length).map_err(read)?;
    let mut decoded = match found {
        Found::Wave(form) => wav::read(name, file, form)?,
        Found::Au => au::read(name, file)?,
        Found::Sphere => sphere::read(name, file)?,
        Found::Coded(kind) => compressed::read(name, file, kind, Vec::new())?,
        Found::Refused(found) => {
            return Err(AudioError::decode(
                name,
                "WAV, AIFF, CAF, AU, NIST SPHERE, FLAC, MPEG audio, AAC, Ogg, MP4 or Matroska",
                found,
            ));
        }
    };
    let sound = &decoded.sound;
    if sound.samples.is_empty() {
        return Err(AudioError::decode(name, "at least one sample", "none"));
    }
    if !crate::fast::all_finite(&sound.samples)
        && let Some(at) = sound.samples.iter().position(|s| !s.is_finite())
    {
        let found = format!("{} at sample {at}", sound.samples[at]);
        return Err(AudioError::decode(name, "finite samples", found));
    }
    for warning in &mut decoded.warnings {
        *warning = format!("{}: {warning}", name.display());
    }
    Ok(decoded)
}
