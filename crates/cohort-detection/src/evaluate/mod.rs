//! COCO's evaluation: detections are matched with what is there, and average precision and recall computed from the matches.
//!
//! The rules are those of pycocotools' `COCOeval` (Lin et al. 2014; <https://cocodataset.org/#detection-eval>), and so are the sums: the
//! figures are equal to the last digit.

mod figures;
mod matched;
mod matching;
mod mean;
mod precision;
mod rules;

pub use figures::{FIGURES, Figures, figures, figures_of_class};
pub use matched::{ClassMatches, Hit, Matched, TruthHit, match_all};
pub use precision::{Curve, curve};
pub use rules::{Area, MOST_DETECTIONS, iou_thresholds, recall_levels};

pub(crate) use figures::{PARTS, Part};
pub(crate) use matched::of_picture;
pub(crate) use matching::{Around, overlap};
pub(crate) use precision::{EPSILON, LIMITS};
pub(crate) use rules::{LEVELS, THRESHOLDS};
