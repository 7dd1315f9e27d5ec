//! One process at a time in a folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::TableError;

/// Name of the lock file.
const NAME: &str = ".lock";

/// Keeps a folder for this process until it is dropped.
///
/// The lock is the operating system's, on a file `.lock` in the folder that says which process holds it: it ends with the
/// process however that ends, and the file of a killed one is taken over. On a file system without locks nothing is kept.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    /// Whether the folder was made for this.
    made: bool,
    /// Held for its lock.
    _file: File,
}

impl FolderLock {
    /// Takes the folder, which is made where there is none; one that was made and stays empty is removed in the end.
    ///
    /// # Errors
    /// [`TableError::InUse`] when another process has it; [`TableError::Write`] when the folder or the lock file cannot be
    /// made.
    pub fn take(folder: &Path) -> Result<Self, TableError> {
        let made = !folder.exists();
        fs::create_dir_all(folder).map_err(|source| TableError::write(folder, source))?;
        let path = folder.join(NAME);
        let failed = |source| TableError::write(&path, source);
        loop {
            if path.is_symlink() {
                return Err(TableError::file(&path, "a lock file", "a link"));
            }
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) if !is_at(&file, &path) => continue,
                Ok(()) => {
                    file.set_len(0).map_err(failed)?;
                    let process = format!("{}\n", std::process::id());
                    file.write_all(process.as_bytes()).map_err(failed)?;
                }
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    // where a locked file cannot be read, the number is not known
                    let _ = (&mut file).take(64).read_to_string(&mut text);
                    let holder = match text.trim().parse::<u32>() {
                        Ok(process) => format!("process {process}"),
                        Err(_) => "another process".to_string(),
                    };
                    return Err(TableError::InUse {
                        path: folder.to_path_buf(),
                        holder,
                    });
                }
                Err(TryLockError::Error(_)) => {}
            }
            return Ok(Self {
                path,
                made,
                _file: file,
            });
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // removed while it is locked: who opened it meanwhile sees that it has no name any more
        let _ = fs::remove_file(&self.path);
        if let (true, Some(folder)) = (self.made, self.path.parent()) {
            // only an empty one goes
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Whether the open file is the one that the path names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Elsewhere an open file cannot lose its name.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_kept_until_its_lock_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join(NAME);
        // what a killed process left
        std::fs::write(&name, "4000000000\n").unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let told = FolderLock::take(folder.path()).unwrap_err().to_string();
        let process = format!("in use by process {}; wait for it", std::process::id());
        assert!(told.contains(&process), "{told}");
        drop(lock);
        assert!(!name.exists());
        drop(FolderLock::take(folder.path()).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_lock_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("mine");
        std::fs::write(&other, "keep").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(NAME)).unwrap();
        let told = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(told.contains("found a link"), "{told}");
        assert_eq!(std::fs::read(&other).unwrap(), b"keep");
    }
}
