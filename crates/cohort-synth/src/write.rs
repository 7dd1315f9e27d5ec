//! Files of the corpus, and the folder beside the target in which they are gathered.

use std::fs::{self, File, TryLockError};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, RgbImage};

use crate::error::SynthError;
use crate::voice::SAMPLE_RATE;

/// JPEG quality of the face crops.
const JPEG_QUALITY: u8 = 90;
const LOCK_FILE: &str = ".lock";

/// A hidden folder beside the target. Dropped before [`Staging::finish`], it is removed.
pub(crate) struct Staging {
    target: PathBuf,
    folder: PathBuf,
    lock: Option<File>,
}

impl Staging {
    /// Creates the folder, sweeping away what a killed run left there.
    pub(crate) fn open(target: &Path) -> Result<Self, SynthError> {
        // `absolute` drops a trailing slash or dot, without which there may be no file name.
        let target = std::path::absolute(target).map_err(SynthError::io("resolve", target))?;
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            let found = "it is the root of the file system".into();
            return Err(SynthError::Occupied {
                path: target,
                found,
            });
        };
        let folder = parent.join(format!(".{}.partial", name.to_string_lossy()));
        create_dir(&folder)?;
        let lock_path = folder.join(LOCK_FILE);
        let lock = File::create(&lock_path).map_err(SynthError::io("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SynthError::Busy { path: target }),
            Err(TryLockError::Error(error)) => {
                return Err(SynthError::io("lock", lock_path)(error));
            }
        }
        for entry in folder.read_dir().map_err(SynthError::io("read", &folder))? {
            let path = entry.map_err(SynthError::io("read", &folder))?.path();
            if path == lock_path {
                continue;
            }
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(SynthError::io("remove", path))?;
        }
        Ok(Staging {
            target,
            folder,
            lock: Some(lock),
        })
    }

    /// Where the files go.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Renames the folder to the target, which may exist when it is empty.
    pub(crate) fn finish(mut self) -> Result<(), SynthError> {
        self.lock = None;
        let lock_path = self.folder.join(LOCK_FILE);
        fs::remove_file(&lock_path).map_err(SynthError::io("remove", lock_path))?;
        if self.target.is_dir() {
            fs::remove_dir(&self.target).map_err(SynthError::io("replace", &self.target))?;
        }
        fs::rename(&self.folder, &self.target).map_err(SynthError::io("rename", &self.folder))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.lock = None;
        // After `finish` there is nothing to remove; on an error the first error is the one to report.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Creates a folder and its parents.
pub(crate) fn create_dir(path: &Path) -> Result<(), SynthError> {
    fs::create_dir_all(path).map_err(SynthError::io("create", path))
}

/// Writes a whole file.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SynthError> {
    fs::write(path, bytes).map_err(SynthError::io("write", path))
}

/// Writes a face crop as JPEG.
pub(crate) fn write_face(path: &Path, picture: &RgbImage) -> Result<(), SynthError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode(
            picture.as_raw(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(|error| SynthError::Encode {
            path: path.into(),
            reason: error.to_string(),
        })?;
    write_file(path, &bytes)
}

/// Writes a voice as mono 16-bit WAV.
pub(crate) fn write_voice(path: &Path, samples: &[i16]) -> Result<(), SynthError> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let failed = |error: hound::Error| match error {
        hound::Error::IoError(source) => SynthError::io("write", path)(source),
        other => SynthError::Encode {
            path: path.into(),
            reason: other.to_string(),
        },
    };
    let file = File::create(path).map_err(SynthError::io("create", path))?;
    let mut writer = hound::WavWriter::new(BufWriter::new(file), spec).map_err(failed)?;
    let mut block = writer.get_i16_writer(samples.len() as u32);
    for sample in samples {
        block.write_sample(*sample);
    }
    block.flush().map_err(failed)?;
    writer.finalize().map_err(failed)
}

/// Writes a transcript as a pickled Python `str` (protocol 3).
pub(crate) fn write_transcript(path: &Path, text: &str) -> Result<(), SynthError> {
    let bytes = serde_pickle::to_vec(&text, serde_pickle::SerOptions::new()).map_err(|error| {
        SynthError::Encode {
            path: path.into(),
            reason: error.to_string(),
        }
    })?;
    write_file(path, &bytes)
}
