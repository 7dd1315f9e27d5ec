//! What a detector finds.

use cohort_detection::rle::Rle;

/// An object in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// Its class, from 0, in the network's order; a background is none.
    pub class: usize,
    /// How sure the detector is, from 0 to 1.
    pub score: f32,
    /// `x1, y1, x2, y2` in the picture's pixels; may reach over its edge.
    pub corners: [f32; 4],
    /// Its pixels, where the network tells them.
    pub mask: Option<Rle>,
}
