//! Writing a file so that no reader ever sees half of it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::TableError;

/// Writes `bytes` to `path`: under a temporary name in the same folder, flushed to the disk, then renamed.
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
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cohort-").suffix(".tmp");
        #[cfg(unix)]
        {
            // A temporary file is private by default; what users get should follow their umask.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let temporary = builder.tempfile_in(folder)?;
        let mut writer = BufWriter::new(temporary.as_file());
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|source| TableError::write(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

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
