//! The twelve figures of COCO.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::matched::{ClassMatches, Matched};
use super::mean::mean;
use super::precision::{Curve, curve};
use super::rules::{LEVELS, THRESHOLDS};

/// Names of the figures in COCO's order.
pub const FIGURES: [&str; 12] = [
    "AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl",
];

/// The twelve figures, in the order of [`FIGURES`]: average precision over IoU .5 to .95, at .5, at .75, of small, medium and large
/// objects; average recall with 1, 10 and 100 detections a picture and category, and of small, medium and large objects. Each from 0
/// to 1; absent where there is no object of the kind (pycocotools writes -1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures(pub [Option<f64>; 12]);

impl Figures {
    /// As pycocotools writes them: -1 for what is absent.
    pub fn to_stats(&self) -> [f64; 12] {
        self.0.map(|value| value.unwrap_or(-1.0))
    }
}

/// Area range, and for precision the IoU threshold, for recall which of its limits.
pub(crate) const PARTS: [(usize, Part); 12] = [
    (0, Part::Precision(None)),
    (0, Part::Precision(Some(0))),
    (0, Part::Precision(Some(5))),
    (1, Part::Precision(None)),
    (2, Part::Precision(None)),
    (3, Part::Precision(None)),
    (0, Part::Recall(2)),
    (0, Part::Recall(1)),
    (0, Part::Recall(0)),
    (1, Part::Recall(0)),
    (2, Part::Recall(0)),
    (3, Part::Recall(0)),
];

/// What a figure is a mean of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Precision at one IoU threshold, or at all.
    Precision(Option<usize>),
    /// Recall with the detections of a limit.
    Recall(usize),
}

/// Curves of every area range.
type Curves = [Option<Curve>; 4];

fn curves(class: &ClassMatches) -> Curves {
    std::array::from_fn(|area| curve(class, area))
}

/// The figures over all categories that have objects.
pub fn figures(matched: &Matched) -> Figures {
    let all: Vec<Curves> = matched.classes.par_iter().map(curves).collect();
    of_curves(&all)
}

/// The figures of one category.
pub fn figures_of_class(class: &ClassMatches) -> Figures {
    of_curves(&[curves(class)])
}

/// Means over threshold, recall level, then category: the order in which NumPy adds them up.
fn of_curves(all: &[Curves]) -> Figures {
    Figures(PARTS.map(|(area, part)| {
        let present: Vec<&Curve> = all.iter().filter_map(|of| of[area].as_ref()).collect();
        let mut values = Vec::new();
        match part {
            Part::Precision(threshold) => {
                let thresholds = threshold.map_or(0..THRESHOLDS, |t| t..t + 1);
                values.reserve(thresholds.len() * LEVELS * present.len());
                for t in thresholds {
                    for level in 0..LEVELS {
                        values.extend(present.iter().map(|curve| curve.precision[t][level]));
                    }
                }
            }
            Part::Recall(limit) => {
                for t in 0..THRESHOLDS {
                    values.extend(present.iter().map(|curve| curve.recall[t][limit]));
                }
            }
        }
        mean(&values)
    }))
}
