//! Files of the corpus, and the folder beside the target in which they are gathered.

use std::fs::{self, File, TryLockError};
use std::io::{Cursor, ErrorKind, Write};
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, RgbImage};

use crate::error::SynthError;
use crate::voice::SAMPLE_RATE;

/// JPEG quality of the face crops.
const JPEG_QUALITY: u8 = 90;
/// Lock of the folder, and the sign that it is ours to empty.
const LOCK_FILE: &str = ".cohort-synth.lock";

/// A hidden folder beside the target. Dropped before [`Staging::finish`], it is removed.
pub(crate) struct Staging {
    target: PathBuf,
    folder: PathBuf,
    lock: Option<File>,
}

impl Staging {
    /// Creates the folder, sweeping away what a killed run left there. One that is not such a run's is left alone.
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
        let lock_path = folder.join(LOCK_FILE);
        create_dir(parent)?;
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                refuse_foreign(&folder, &lock_path)?;
            }
            made => made.map_err(SynthError::io("create", &folder))?,
        }
        let lock = File::create(&lock_path).map_err(SynthError::io("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SynthError::Busy { path: target }),
            Err(TryLockError::Error(error)) => {
                return Err(SynthError::io("lock", lock_path)(error));
            }
        }
        for entry in folder.read_dir().map_err(SynthError::io("read", &folder))? {
            let entry = entry.map_err(SynthError::io("read", &folder))?;
            let path = entry.path();
            if path == lock_path {
                continue;
            }
            let kind = entry.file_type().map_err(SynthError::io("read", &path))?;
            let removed = if kind.is_dir() {
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
        if self.target.is_dir() {
            fs::remove_dir(&self.target).map_err(SynthError::io("replace", &self.target))?;
        }
        sync(&self.folder)?;
        fs::rename(&self.folder, &self.target).map_err(SynthError::io("rename", &self.folder))?;
        // last, so that whatever ends the process the hidden folder is known for ours
        remove_lock(&self.target)?;
        // the corpus is whole under either name, whatever comes of this
        let _ = self.target.parent().map(sync);
        Ok(())
    }
}

/// Removes the lock from a whole corpus; a process that was killed at its very end leaves it there.
pub(crate) fn remove_lock(corpus: &Path) -> Result<(), SynthError> {
    let path = corpus.join(LOCK_FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(SynthError::io("remove", path)),
    }
}

/// An error when a folder that is there already holds anything and is not one that a killed run left: a link, or a folder
/// without our lock.
fn refuse_foreign(folder: &Path, lock: &Path) -> Result<(), SynthError> {
    let foreign = |found: &str| SynthError::Foreign {
        path: folder.into(),
        found: found.into(),
    };
    let kind = |path: &Path| Some(path.symlink_metadata().ok()?.file_type());
    match kind(folder) {
        Some(kind) if kind.is_symlink() => return Err(foreign("a link")),
        Some(kind) if !kind.is_dir() => return Err(foreign("a file")),
        _ => {}
    }
    match kind(lock) {
        Some(kind) if kind.is_file() => Ok(()),
        Some(_) => Err(foreign("a lock that is no file")),
        None => {
            let mut entries = folder.read_dir().map_err(SynthError::io("read", folder))?;
            match entries.next() {
                None => Ok(()),
                Some(_) => Err(foreign("a folder that is not its own")),
            }
        }
    }
}

/// Forces the names in a folder to the disk, where the system can.
fn sync(folder: &Path) -> Result<(), SynthError> {
    if cfg!(unix) {
        let open = File::open(folder).and_then(|folder| folder.sync_all());
        open.map_err(SynthError::io("sync", folder))?;
    }
    Ok(())
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

/// Writes a whole file and forces it to the disk: the corpus counts as whole by its name.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SynthError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(SynthError::io("write", path))
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
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).map_err(failed)?;
    let mut block = writer.get_i16_writer(samples.len() as u32);
    for sample in samples {
        block.write_sample(*sample);
    }
    block.flush().map_err(failed)?;
    writer.finalize().map_err(failed)?;
    write_file(path, &bytes.into_inner())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_what_is_foreign_is_not() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let open = || Staging::open(&at("c"));
        // killed: the folder stays, with its lock and what was done
        let mut killed = open().unwrap();
        write_file(&killed.path().join("half"), b"x").unwrap();
        create_dir(&killed.path().join("train/1")).unwrap();
        let busy = open().err().unwrap().to_string();
        assert!(busy.contains("another process"), "{busy}");
        // the system takes the lock from a killed process, and nothing else happens
        killed.lock = None;
        std::mem::forget(killed);
        let again = open().unwrap();
        assert_eq!(names(again.path()), [LOCK_FILE]);
        write_file(&again.path().join("truth.json"), b"x").unwrap();
        again.finish().unwrap();
        assert_eq!(names(&at("c")), ["truth.json"]);
        std::fs::remove_dir_all(at("c")).unwrap();
        // an empty one is nobody's
        std::fs::create_dir(at(".c.partial")).unwrap();
        drop(open().unwrap());
        assert!(!at(".c.partial").exists());
        // somebody's own folder, and a file
        std::fs::create_dir_all(at(".c.partial/docs")).unwrap();
        std::fs::write(at(".c.partial/docs/a.txt"), b"keep").unwrap();
        let told = open().err().unwrap().to_string();
        assert!(
            told.contains("found a folder that is not its own"),
            "{told}"
        );
        std::fs::write(at(".c.partial/.lock"), b"").unwrap();
        assert!(open().is_err(), "another program's lock is not ours");
        assert_eq!(std::fs::read(at(".c.partial/docs/a.txt")).unwrap(), b"keep");
        std::fs::remove_dir_all(at(".c.partial")).unwrap();
        std::fs::write(at(".c.partial"), b"keep").unwrap();
        assert!(open().is_err());
        assert_eq!(std::fs::read(at(".c.partial")).unwrap(), b"keep");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("victim/docs")).unwrap();
        std::fs::write(at("victim/docs/a.txt"), b"keep").unwrap();
        let whole = || std::fs::read(at("victim/docs/a.txt")).unwrap() == b"keep";
        symlink("victim", at(".c.partial")).unwrap();
        let told = Staging::open(&at("c")).err().unwrap().to_string();
        assert!(told.contains("found a link") && whole(), "{told}");
        std::fs::remove_file(at(".c.partial")).unwrap();
        // the lock itself may be a link, and what is swept may hold some
        std::fs::create_dir(at(".c.partial")).unwrap();
        symlink("../victim/docs/a.txt", at(".c.partial").join(LOCK_FILE)).unwrap();
        assert!(Staging::open(&at("c")).is_err() && whole());
        std::fs::remove_file(at(".c.partial").join(LOCK_FILE)).unwrap();
        std::fs::write(at(".c.partial").join(LOCK_FILE), b"").unwrap();
        symlink("../victim", at(".c.partial/inner")).unwrap();
        let open = Staging::open(&at("c")).unwrap();
        assert!(names(open.path()) == [LOCK_FILE] && whole());
    }
}
