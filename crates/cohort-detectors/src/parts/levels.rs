//! Which level of a pyramid a region is cut from.

use super::boxes::{Corners, area};

/// Equation 1 of Lin et al. 2017: a region of 224 pixels lies on level 4, one of half as many on level 3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelMap {
    /// The finest level that is there, most often 2.
    pub first: usize,
    /// The coarsest, most often 5.
    pub last: usize,
    /// Whether detectron2's guard of `1e-8` within the logarithm is meant, or torchvision's of `1e-6` beside it, which lifts a region
    /// of exactly 112 pixels whose logarithm was rounded down.
    pub guard_within: bool,
}

impl LevelMap {
    /// The level counted from [`Self::first`]. A region without an area, or not a number, lies on the finest.
    pub fn level(&self, of: Corners) -> usize {
        let share = area(of).sqrt() / 224.0;
        let level = match self.guard_within {
            true => (4.0 + (share + 1e-8).log2()).floor(),
            false => (4.0 + share.log2() + 1e-6).floor(),
        };
        // a NaN becomes 0
        let level = level.clamp(self.first as f32, self.last as f32) as usize;
        level.max(self.first) - self.first
    }
}
