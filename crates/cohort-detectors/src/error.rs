//! What can be wrong with a detector's weights or with what it is asked.

use std::fmt;
use std::path::PathBuf;

use cohort_detection::rle::RleError;
use cohort_vision::VisionError;
use cohort_weights::WeightsError;

use crate::parts::RegionError;

/// Names that are shown of a list.
const SHOWN: usize = 8;

/// A network that cannot be made, or a picture that it cannot look at.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// A file of weights that cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Weights of another network, or with numbers that no network has.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A file whose tensors are not those of the network that its names speak of.
    #[error("{}: {}", path.display(), Lists { missing, unexpected, misshapen })]
    Tensors {
        /// The file.
        path: PathBuf,
        /// Tensors that the network has and the file has not, as the file's writer calls them.
        missing: Vec<String>,
        /// Tensors beside those of the network that no known file has.
        unexpected: Vec<String>,
        /// Tensors of another shape: name, what was expected, what was found.
        misshapen: Vec<String>,
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
    /// A size (height, width) that a network cannot be laid out for.
    #[error(
        "a picture of {0:?} (height, width): expected one that the network can be laid out for"
    )]
    Size([usize; 2]),
    /// A box that is not finite.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// A mask that cannot be written as run lengths.
    #[error(transparent)]
    Mask(#[from] RleError),
}

struct Lists<'a> {
    missing: &'a [String],
    unexpected: &'a [String],
    misshapen: &'a [String],
}

impl fmt::Display for Lists<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("missing", self.missing),
            ("of another shape", self.misshapen),
            ("unexpected", self.unexpected),
        ];
        let lists = lists.iter().filter(|(_, names)| !names.is_empty());
        for (i, (what, names)) in lists.enumerate() {
            let shown = names[..names.len().min(SHOWN)].join(", ");
            let more = match names.len() > SHOWN {
                true => ", ...",
                false => "",
            };
            let before = if i > 0 { "; " } else { "" };
            write!(f, "{before}{} tensors {what}: {shown}{more}", names.len())?;
        }
        Ok(())
    }
}
