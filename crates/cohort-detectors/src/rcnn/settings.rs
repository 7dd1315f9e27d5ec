//! What an R-CNN is run with.

use super::layout::{Dialect, Layout, Trunk};
use crate::DetectorError;

/// Settings of evaluation; [`Self::published`] gives those of the libraries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RcnnSettings {
    /// Pixels that the shorter side is brought to, 1 to 8192; 800.
    pub short: usize,
    /// Most pixels of the longer side, 1 to 8192; 1333. Memory grows with the area: 0.5 KB a pixel.
    pub long: usize,
    /// What is added to the variances of the frozen norms, 0 or more. **0** in torchvision's published files for COCO (and what was trained from
    /// them), 1e-5 in torchvision's other models and in detectron2.
    pub norm_epsilon: f32,
    /// Proposals of a level before suppression; 1000, 6000 for a fourth stage.
    pub before_suppression: usize,
    /// Proposals of a picture after it; 1000.
    pub proposals: usize,
    /// Overlap above which a proposal is suppressed, `[0, 1]`; 0.7.
    pub proposal_overlap: f64,
    /// Score that a detection has to exceed, `[0, 1]`; 0.05.
    pub score: f32,
    /// Overlap above which a detection of the same class is suppressed, `[0, 1]`; 0.5.
    pub overlap: f64,
    /// Most detections of a picture; 100.
    pub detections: usize,
}

impl RcnnSettings {
    /// What the library that a file is of evaluates it with.
    pub fn published(layout: &Layout) -> Self {
        Self {
            short: 800,
            long: 1333,
            norm_epsilon: match layout.dialect {
                Dialect::Torchvision => 0.0,
                Dialect::Detectron2 => 1e-5,
            },
            before_suppression: match layout.trunk {
                Trunk::Pyramid => 1000,
                Trunk::FourthStage => 6000,
            },
            proposals: 1000,
            proposal_overlap: 0.7,
            score: 0.05,
            overlap: 0.5,
            detections: 100,
        }
    }

    /// Holds every setting to its range.
    pub(super) fn check(&self) -> Result<(), DetectorError> {
        let size = "1 to 8192 pixels";
        let share = "a number from 0 to 1";
        let sides = 1.0..=8192.0;
        let shares = 0.0..=1.0;
        let amounts = 0.0..=f64::MAX;
        let rows = [
            ("size", self.short as f64, &sides, size),
            ("longer side", self.long as f64, &sides, size),
            (
                "norm epsilon",
                f64::from(self.norm_epsilon),
                &amounts,
                "0 or more",
            ),
            ("nms of proposals", self.proposal_overlap, &shares, share),
            ("score", f64::from(self.score), &shares, share),
            ("nms", self.overlap, &shares, share),
        ];
        for (name, found, range, expected) in rows {
            if !range.contains(&found) {
                return Err(DetectorError::Setting {
                    name,
                    expected: expected.to_owned(),
                    found: found.to_string(),
                });
            }
        }
        Ok(())
    }
}
