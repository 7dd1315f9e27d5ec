//! What can be wrong with a detector's weights or with what it is asked.

use std::path::PathBuf;

use cohort_vision::VisionError;
use cohort_weights::WeightsError;

/// A network that cannot be made, or a picture that it cannot look at.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// A file of weights that cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Weights of another network.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A setting out of range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its range.
        expected: String,
        /// What was asked.
        found: String,
    },
    /// A picture that cannot be prepared.
    #[error(transparent)]
    Vision(#[from] VisionError),
}
