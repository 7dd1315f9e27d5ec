//! Why a file is not to be had.

use cohort_weights::WeightsError;

/// Error of this crate; each variant says what was asked for and where it was looked for.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
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
    /// An index of weights that is damaged.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// Why there is no such file.
#[derive(Debug)]
pub(crate) enum Miss {
    /// The hub was asked, and has none; or the cache has none, and nobody may or can ask the hub.
    Absent(String),
    /// The hub did not give it.
    #[cfg_attr(not(feature = "download"), allow(dead_code))]
    Failed(String),
    /// The caller broke it off.
    #[cfg_attr(not(feature = "download"), allow(dead_code))]
    Stopped,
}

impl Miss {
    /// The error of what was asked for as `location`.
    pub(crate) fn of(self, location: &str) -> HubError {
        let location = location.to_owned();
        match self {
            Self::Absent(reason) | Self::Failed(reason) => HubError::Location { location, reason },
            Self::Stopped => HubError::Stopped { location },
        }
    }
}
