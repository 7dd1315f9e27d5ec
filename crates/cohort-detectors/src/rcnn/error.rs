//! What can be wrong with a file of an R-CNN, or a picture.

use std::fmt;
use std::path::PathBuf;

use cohort_detection::rle::RleError;
use cohort_vision::VisionError;
use cohort_weights::WeightsError;

use crate::parts::RegionError;

/// Names that are shown of a list.
const SHOWN: usize = 8;

/// Why an R-CNN could not be read, or could not look at a picture.
#[derive(Debug, thiserror::Error)]
pub enum RcnnError {
    /// The file cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The file holds no network that is known, or one with a setting that is not.
    #[error("{}: {reason}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The file's tensors are not those of the network that its names speak of.
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
        expected: &'static str,
        /// What was asked.
        found: f64,
    },
    /// The picture cannot be brought to its size.
    #[error(transparent)]
    Picture(#[from] VisionError),
    /// The picture is too small for the network, or too large for a mask.
    #[error(
        "a picture of {0:?} (height, width): expected one that the network can be laid out for"
    )]
    Size([usize; 2]),
    /// A box is not finite.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// A mask cannot be written as run lengths.
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
