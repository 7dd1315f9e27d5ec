//! The folder beside an index in which it is made, so that the index is there as a whole or not at all.

use std::path::{Path, PathBuf};

use anyhow::Context;
use cohort_tables::FolderLock;

/// A folder `NAME.making` beside the index, kept for this process. It ends with the work; after a kill it stays, and the next call
/// for the same index goes on with what it holds of pictures.
#[derive(Debug)]
pub(super) struct Making {
    folder: PathBuf,
    lock: Option<FolderLock>,
}

impl Making {
    /// # Errors
    /// Another process that makes the same index; a folder that cannot be made.
    pub(super) fn begin(index: &Path) -> anyhow::Result<Self> {
        let name = index.file_name().with_context(|| {
            format!(
                "{}: expected a folder with a name of its own for the index, found none",
                index.display()
            )
        })?;
        let mut name = name.to_os_string();
        name.push(".making");
        let folder = index.with_file_name(name);
        let lock = FolderLock::take(&folder)?;
        let making = Self {
            folder,
            lock: Some(lock),
        };
        // of an index nothing is gone on with
        making.remove_index()?;
        Ok(making)
    }

    /// The folder; what lies beside it is seen from it as from the index.
    #[cfg(feature = "networks")]
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the index is made.
    pub(super) fn index(&self) -> PathBuf {
        self.folder.join("index")
    }

    /// Where the vectors of pictures are kept until they are the index's.
    #[cfg(feature = "networks")]
    pub(super) fn vectors(&self) -> PathBuf {
        self.folder.join("pictures.parquet")
    }

    fn remove_index(&self) -> anyhow::Result<()> {
        match std::fs::remove_dir_all(self.index()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.index().display()))
            }
            _ => Ok(()),
        }
    }

    /// Gives the index that was made its name.
    ///
    /// # Errors
    /// A folder with files that has the name by now.
    pub(super) fn finish(self, index: &Path) -> anyhow::Result<()> {
        // an empty one is in the way of a name on some systems
        let _ = std::fs::remove_dir(index);
        std::fs::rename(self.index(), index)
            .with_context(|| format!("cannot write {}", index.display()))?;
        self.done()
    }

    /// Ends the work: what was kept of pictures is needed no more.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub(super) fn done(self) -> anyhow::Result<()> {
        #[cfg(feature = "networks")]
        if self.vectors().exists() {
            let vectors = self.vectors();
            std::fs::remove_file(&vectors)
                .with_context(|| format!("cannot remove {}", vectors.display()))?;
        }
        Ok(())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // after an error the index is not whole; what cannot be removed now is removed by the next call
        let _ = self.remove_index();
        drop(self.lock.take());
        // only an empty one goes
        let _ = std::fs::remove_dir(&self.folder);
    }
}
