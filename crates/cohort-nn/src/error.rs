//! What can go wrong when a network is described, built or filled with weights.

use std::path::PathBuf;

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
    /// A file that is nowhere to be found.
    #[error("weights {location}: {reason}")]
    Location {
        /// As it was asked for.
        location: String,
        /// Where it was looked for, and how to get it.
        reason: String,
    },
    /// A download that its caller broke off.
    #[error("the download of {location} was broken off; the same call goes on with it")]
    Stopped {
        /// As it was asked for.
        location: String,
    },
    /// Bytes that are no readable file of weights.
    #[error("reading weights from {}: {reason}", path.display())]
    Format {
        /// The file, or `memory` when the bytes came from the caller.
        path: PathBuf,
        /// What the reader found.
        reason: String,
    },
}
