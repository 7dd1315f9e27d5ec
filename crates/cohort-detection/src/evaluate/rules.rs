//! The constants of COCO's evaluation.

use serde::{Deserialize, Serialize};

/// Detections of one category in one picture that are looked at, the surest first.
pub const MOST_DETECTIONS: usize = 100;

/// Numbers of IoU thresholds and of recall levels.
pub(crate) const THRESHOLDS: usize = 10;
pub(crate) const LEVELS: usize = 101;

/// `n` numbers from `start` to `stop`, rounded as NumPy's `linspace` rounds them.
fn linspace<const N: usize>(start: f64, stop: f64) -> [f64; N] {
    let step = (stop - start) / (N - 1) as f64;
    std::array::from_fn(|i| match i {
        i if i == N - 1 => stop,
        i => i as f64 * step + start,
    })
}

/// The intersections over union from which on a detection is right: .5, .55, ..., .95.
pub fn iou_thresholds() -> [f64; THRESHOLDS] {
    linspace(0.5, 0.95)
}

/// The recalls at which precision is read: 0, .01, ..., 1.
pub fn recall_levels() -> [f64; LEVELS] {
    linspace(0.0, 1.0)
}

/// Objects by their annotated area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Every object.
    All,
    /// Up to 32 x 32 pixels.
    Small,
    /// From 32 x 32 to 96 x 96 pixels.
    Medium,
    /// From 96 x 96 pixels.
    Large,
}

impl Area {
    /// All four, in COCO's order.
    pub const EVERY: [Self; 4] = [Self::All, Self::Small, Self::Medium, Self::Large];

    /// Least and greatest area in square pixels, both within.
    pub fn limits(self) -> (f64, f64) {
        match self {
            Self::All => (0.0, 1e10),
            Self::Small => (0.0, 1024.0),
            Self::Medium => (1024.0, 9216.0),
            Self::Large => (9216.0, 1e10),
        }
    }

    /// Whether an area lies outside the limits.
    pub(crate) fn excludes(self, area: f64) -> bool {
        let (least, most) = self.limits();
        area < least || area > most
    }

    /// Machine name.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}
