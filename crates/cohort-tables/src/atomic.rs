//! Writing a file so that no reader ever sees half of it.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

use crate::TableError;

const PREFIX: &str = ".cohort-";
const SUFFIX: &str = ".tmp";

/// Writes `bytes` to `path`: under a temporary name in the same folder, flushed to the disk, then renamed. The first write
/// into a folder also removes what killed processes left half written in it (see [`remove_unfinished`]).
///
/// # Errors
/// [`TableError::Write`] when the folder is missing, not writable or full; the old file, if any, is untouched.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), TableError> {
    write_atomic_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomic`], with the content written piece by piece by `fill`.
///
/// # Errors
/// [`TableError::Write`] when the folder is missing, not writable or full, or when `fill` fails.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), TableError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let temporary = open_temporary(folder)?;
        let mut writer = BufWriter::new(temporary.as_file());
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        sync_folder(folder);
        Ok(())
    };
    tidy_once(folder);
    write().map_err(|source| TableError::write(path, source))
}

/// A temporary file in `folder`, locked until it is closed so that nobody takes it for one that a killed process left.
fn open_temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        // A temporary file is private by default; what users get should follow their umask.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    loop {
        let temporary = builder.tempfile_in(folder)?;
        match temporary.as_file().try_lock() {
            // Another process that tidies up met the file before it was locked, and holds or has removed it.
            Err(TryLockError::WouldBlock) => {}
            Ok(()) if !temporary.path().exists() => {}
            // on a file system without locks nothing is ever taken for abandoned
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(temporary),
        }
    }
}

/// Makes the names in a folder as durable as its files, where the file system can.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        // the file is whole under one name or the other whatever comes of this
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// Tidies a folder up at this process's first write into it.
fn tidy_once(folder: &Path) {
    static TIDIED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let Ok(place) = folder.canonicalize() else {
        return;
    };
    let mut tidied = TIDIED.lock().unwrap_or_else(PoisonError::into_inner);
    if tidied.insert(place) {
        // what cannot be removed is no reason not to write
        let _ = remove_unfinished(folder, 0);
    }
}

/// Removes what processes that were killed while they wrote left in `folder` and `levels` of folders below it: temporary
/// files that nobody is writing any more. Links are not followed.
///
/// # Errors
/// [`TableError::Read`] when a folder cannot be listed, [`TableError::Write`] when a file cannot be removed.
pub fn remove_unfinished(folder: &Path, levels: usize) -> Result<(), TableError> {
    let listed = |source| TableError::read(folder, source);
    for entry in std::fs::read_dir(folder).map_err(listed)? {
        let entry = entry.map_err(listed)?;
        let path = entry.path();
        let kind = entry.file_type().map_err(listed)?;
        if kind.is_dir() {
            if let Some(levels) = levels.checked_sub(1) {
                remove_unfinished(&path, levels)?;
            }
        } else if kind.is_file() && is_temporary(&entry.file_name().to_string_lossy()) {
            let abandoned = match File::open(&path) {
                Ok(file) => file.try_lock().is_ok(),
                // finished or removed since the folder was listed
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(source) => return Err(TableError::read(&path, source)),
            };
            if abandoned {
                std::fs::remove_file(&path).map_err(|source| TableError::write(&path, source))?;
            }
        }
    }
    Ok(())
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_writes_any_more_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("features");
        std::fs::create_dir(&inner).unwrap();
        let at = |name: &str| inner.join(name);
        std::fs::write(at(".cohort-of-a-killed-process.tmp"), b"half").unwrap();
        write_atomic_with(&at("table.csv"), |file| {
            file.write_all(b"whole")?;
            assert!(
                !at(".cohort-of-a-killed-process.tmp").exists(),
                "at the first write"
            );
            for name in [".cohort-a1.tmp", ".cohort-b2.tmp", ".cohort", "x.tmp"] {
                std::fs::write(at(name), b"half")?;
            }
            // another process's look at the folder while this one writes
            let mut held = File::open(at(".cohort-b2.tmp"))?;
            held.lock()?;
            remove_unfinished(folder.path(), 0).unwrap();
            assert!(at(".cohort-a1.tmp").exists(), "below the level asked for");
            remove_unfinished(folder.path(), 1).unwrap();
            io::Read::read(&mut held, &mut [0]).map(|_| ())
        })
        .unwrap();
        let mut names: Vec<_> = std::fs::read_dir(&inner)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [".cohort", ".cohort-b2.tmp", "table.csv", "x.tmp"]);
        assert_eq!(std::fs::read(at("table.csv")).unwrap(), b"whole");
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        write_atomic(&path, b"old").unwrap();
        let failed = write_atomic_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "no space left on device",
            ))
        });
        assert!(failed.unwrap_err().to_string().contains("no space left"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        if !Path::new("/dev/full").exists() {
            println!("skipped: no /dev/full on this system");
            return;
        }
        let error = write_atomic(Path::new("/dev/full/x"), b"1")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("cannot write /dev/full/x"), "{error}");
    }
}
