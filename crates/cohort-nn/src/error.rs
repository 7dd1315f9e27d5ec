//! What can go wrong when a network is described, built or filled with weights.

use std::fmt;
use std::path::{Path, PathBuf};

use cohort_hub::HubError;
use cohort_weights::WeightsError;

/// Error of this crate; each variant says the operation, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum NnError {
    /// A network's settings contradict themselves.
    #[error("network settings: {field} must be {expected}, found {found}")]
    Config {
        /// The setting, as written in a configuration file.
        field: &'static str,
        /// What would have been accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A device that this build or this machine does not offer.
    #[error("device {name:?}: {reason}")]
    Device {
        /// The name that was asked for.
        name: String,
        /// Why it cannot be had, and what to do about it.
        reason: String,
    },
    /// A loss's settings or labels are out of range.
    #[error("loss: {what}: expected {expected}, found {found}")]
    Loss {
        /// The value that was checked.
        what: &'static str,
        /// What would have been accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Weights do not fit the network.
    #[error("loading weights: tensor {name:?}: expected {expected}, found {found}")]
    Weights {
        /// Path of the tensor inside the network, as in `blocks.0.conv.weight`.
        name: String,
        /// The shape that the network has, or the word `present` or `absent`.
        expected: String,
        /// What the weights hold.
        found: String,
    },
    /// A file's tensors do not fit the network; the text is the whole report.
    #[error("loading weights: {0}")]
    Load(String),
    /// A file of a model's folder beside its weights: a configuration, a vocabulary.
    #[error("reading weights from {}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the reader found.
        reason: String,
    },
    /// Bytes that are no readable file of weights.
    #[error(transparent)]
    File(#[from] WeightsError),
    /// Files of a hub that are not to be had.
    #[error(transparent)]
    Hub(#[from] HubError),
}

impl NnError {
    /// An error of a file of a model's folder.
    pub(crate) fn format(path: &Path, reason: impl fmt::Display) -> Self {
        Self::Format {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// A setting's error with the name of the file that it is from.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Config {
                field,
                expected,
                found,
            } => Self::format(path, format!("{field}: expected {expected}, found {found}")),
            other => other,
        }
    }
}
