//! What can go wrong while a network is trained or used.

use std::io;
use std::path::{Path, PathBuf};

use cohort_nn::NnError;
use cohort_weights::WeightsError;

/// Error of this crate; each variant says the operation, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A training setting is out of range.
    #[error("training settings: {field} must be {expected}, found {found}")]
    Settings {
        /// The setting, as written in a configuration file.
        field: &'static str,
        /// What would have been accepted.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The samples do not fit the network or the job.
    #[error("{part} samples: expected {expected}, found {found}")]
    Data {
        /// `training`, `validation` or `prediction`.
        part: &'static str,
        /// What would have been accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A sample could not be read; made by implementors of [`crate::Source`].
    #[error("sample {name:?}: {reason}")]
    Sample {
        /// The clip or file.
        name: String,
        /// What went wrong, with the file and what was expected.
        reason: String,
    },
    /// A sample holds NaN or an infinity.
    #[error("sample {name:?}, column {column}: expected a finite number, found {found}")]
    NotFinite {
        /// The clip or file.
        name: String,
        /// The column, by name or position.
        column: String,
        /// The value.
        found: f32,
    },
    /// The loss became NaN or infinite.
    #[error(
        "training diverged in epoch {epoch}: the {part} loss is {loss}; try a lower learning_rate \
         (now {learning_rate:e}) or clip_norm"
    )]
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
        /// `training` or `validation`.
        part: &'static str,
        /// The loss.
        loss: f64,
        /// The learning rate at that moment.
        learning_rate: f64,
    },
    /// The stop flag was raised; the run can be resumed.
    #[error("interrupted after {epochs} complete epochs; resume to continue")]
    Interrupted {
        /// Complete epochs in the checkpoint.
        epochs: usize,
    },
    /// The folder already holds a run and resuming was not asked for.
    #[error(
        "{} already holds a run of {epochs} epochs: resume it, or choose another folder",
        path.display()
    )]
    RunExists {
        /// The run folder.
        path: PathBuf,
        /// Epochs of that run.
        epochs: usize,
    },
    /// A resumed run was started with other settings, another network or other data.
    #[error("resuming {}: {what} differ: the run has {expected}, this call {found}", path.display())]
    ResumeMismatch {
        /// The run folder.
        path: PathBuf,
        /// `settings`, `network` or `data`.
        what: &'static str,
        /// What the run was started with.
        expected: String,
        /// What was given now.
        found: String,
    },
    /// The folder holds no trained network.
    #[error("{}: no trained network: expected the file {}", run.display(), file.display())]
    NoModel {
        /// The run folder.
        run: PathBuf,
        /// The file that would hold it.
        file: PathBuf,
    },
    /// A checkpoint whose bytes are not those that were written.
    #[error("{}: expected the checkpoint as it was written, found other bytes (its checksum does not fit): the file is damaged; train the model anew in another folder, or restore the file", path.display())]
    Damaged {
        /// The checkpoint.
        path: PathBuf,
    },
    /// A file of the run folder is damaged or of another version.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What would have been accepted.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// A file of the run folder could not be read or written.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// `reading`, `writing` or `creating`.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// What killed processes left in the run folder could not be removed.
    #[error(transparent)]
    Tables(#[from] cohort_tables::TableError),
    /// A network or its weights do not fit.
    #[error(transparent)]
    Network(#[from] NnError),
    /// A file of weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl TrainError {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }
}
