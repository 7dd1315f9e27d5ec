//! The folder of one run, in which every file appears whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use cohort_tables::{TableError, remove_unfinished, write_atomic};

use crate::TrainError;

/// The folder of one training run:
///
/// - `config.toml`: network and settings, every value resolved
/// - `run.json`: version, data, class counts, times
/// - `metrics.jsonl`: one [`crate::EpochMetrics`] a line
/// - `checkpoints/best.safetensors`: the network that predictions use
/// - `checkpoints/last.safetensors`: everything needed to go on
///
/// Callers add their own files with [`RunFolder::write`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Opens a run folder, creating it if need be, and removes what a killed run left half written.
    ///
    /// # Errors
    /// [`TrainError::Io`] naming the folder.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let path = path.into();
        let checkpoints = path.join("checkpoints");
        fs::create_dir_all(&checkpoints).map_err(TrainError::io("creating", &checkpoints))?;
        remove_unfinished(&path, 1).map_err(unfinished)?;
        Ok(Self { path })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The network that predictions use.
    pub fn best_checkpoint(&self) -> PathBuf {
        best_checkpoint(&self.path)
    }

    /// Everything needed to go on.
    pub fn last_checkpoint(&self) -> PathBuf {
        self.path.join("checkpoints/last.safetensors")
    }

    /// Writes a file of the run under a temporary name, forces it to disk and renames it, so that
    /// a reader or a killed run never sees half of it; on a full disk nothing is left of it.
    ///
    /// # Errors
    /// [`TrainError::Io`] naming the file.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<(), TrainError> {
        let target = self.path.join(name);
        write_atomic(&target, bytes).map_err(unfinished)
    }
}

/// A table's error about a file, as one of training.
fn unfinished(error: TableError) -> TrainError {
    match error {
        TableError::Write { path, source } => TrainError::io("writing", &path)(source),
        other => TrainError::Tables(other),
    }
}

pub(crate) fn best_checkpoint(run: &Path) -> PathBuf {
    run.join("checkpoints/best.safetensors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_left_overs_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::open(folder.path().join("a/b")).unwrap();
        run.write("metrics.jsonl", b"one").unwrap();
        run.write("metrics.jsonl", b"two").unwrap();
        run.write("checkpoints/x", b"three").unwrap();
        fs::write(run.path().join("checkpoints/.cohort-y.tmp"), b"half").unwrap();
        let run = RunFolder::open(run.path()).unwrap();
        let names = |at: &Path| -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(at)
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(run.path()), ["checkpoints", "metrics.jsonl"]);
        assert_eq!(names(&run.path().join("checkpoints")), ["x"]);
        assert_eq!(fs::read(run.path().join("metrics.jsonl")).unwrap(), b"two");
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::open(folder.path()).unwrap();
        let error = run.write("no/such/folder", b"").unwrap_err().to_string();
        assert!(
            error.contains("writing ") && error.contains("no/such/folder"),
            "{error}"
        );
        fs::write(folder.path().join("file"), b"").unwrap();
        let error = RunFolder::open(folder.path().join("file"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("file/checkpoints"), "{error}");
    }
}
