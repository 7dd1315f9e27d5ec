//! What is found, from what the second stage says.

use cohort_detection::rle::Rle;

use super::box_head::Regions;
use super::layout::{Dialect, Layout};
use super::mask_head::SIDE;
use super::prepare::Prepared;
use super::settings::RcnnSettings;
use crate::DetectorError;
use crate::parts::{
    BoxCoder, Corners, clip, has_sides, nms_batched, paste_by_centres, paste_whole_pixels,
};

/// Weights of the deltas.
const WEIGHTS: [f32; 4] = [10.0, 10.0, 5.0, 5.0];
/// Sides that torchvision drops, in pixels of the resized picture.
const LEAST_SIDE: f32 = 1e-2;
/// Probability of a pixel of a mask: above it in torchvision's, at least it in detectron2's networks.
const INSIDE: f32 = 0.5;

/// A detection in pixels of the resized picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Selected {
    pub(super) corners: Corners,
    /// As the file counts: from 1 in torchvision's networks, whose background is 0, and from 0 in detectron2's.
    pub(super) class: usize,
    pub(super) score: f32,
}

/// Which boxes of which classes are detections, by falling score.
pub(super) fn select(
    regions: &Regions,
    boxes: &[Corners],
    resized: [usize; 2],
    layout: &Layout,
    settings: &RcnnSettings,
) -> Vec<Selected> {
    let coder = BoxCoder::new(WEIGHTS);
    let torchvision = layout.dialect == Dialect::Torchvision;
    // torchvision's background is class 0, detectron2's the last, which has no deltas
    let classes = match torchvision {
        true => 1..layout.classes + 1,
        false => 0..layout.classes,
    };
    let own_deltas = if torchvision {
        layout.classes + 1
    } else {
        layout.classes
    };
    let mut found = Vec::new();
    let logits = regions.logits.chunks_exact(layout.classes + 1);
    let deltas = regions.deltas.chunks_exact(4 * own_deltas);
    for ((of, logits), deltas) in boxes.iter().zip(logits).zip(deltas) {
        let scores = softmax(logits);
        let corners = |class: usize| {
            let own = std::array::from_fn(|i| deltas[4 * class + i]);
            coder.decode(own, *of)
        };
        // detectron2 drops a box of which anything is not finite
        let finite = || {
            let decoded = (0..own_deltas).flat_map(corners);
            decoded.chain(scores.iter().copied()).all(f32::is_finite)
        };
        if !torchvision && !finite() {
            continue;
        }
        for class in classes.clone() {
            let score = scores[class];
            // a NaN is no detection
            if score.is_nan() || score <= settings.score {
                continue;
            }
            let corners = clip(corners(class), resized);
            if torchvision && !has_sides(corners, LEAST_SIDE) {
                continue;
            }
            found.push(Selected {
                corners,
                class,
                score,
            });
        }
    }
    let corners: Vec<Corners> = found.iter().map(|f| f.corners).collect();
    let scores: Vec<f32> = found.iter().map(|f| f.score).collect();
    let classes: Vec<usize> = found.iter().map(|f| f.class).collect();
    let mut kept = nms_batched(&corners, &scores, &classes, settings.overlap);
    kept.truncate(settings.detections);
    kept.into_iter().map(|place| found[place]).collect()
}

/// Brings a box to the picture's own size. detectron2 cuts it to the picture again and drops it where nothing is left.
pub(super) fn restore(of: Corners, prepared: &Prepared, dialect: Dialect) -> Option<Corners> {
    let scale = [1, 0].map(|axis| match dialect {
        Dialect::Torchvision => prepared.original[axis] as f32 / prepared.resized[axis] as f32,
        Dialect::Detectron2 => {
            (prepared.original[axis] as f64 / prepared.resized[axis] as f64) as f32
        }
    });
    let scaled = std::array::from_fn(|i| of[i] * scale[i % 2]);
    if dialect == Dialect::Torchvision {
        return Some(scaled);
    }
    let cut = clip(scaled, prepared.original);
    (cut[2] > cut[0] && cut[3] > cut[1]).then_some(cut)
}

/// The mask of a box in the picture, from its `28 x 28` probabilities.
pub(super) fn paste(
    probabilities: &[f32],
    of: Corners,
    picture: [usize; 2],
    dialect: Dialect,
) -> Result<Rle, DetectorError> {
    Ok(match dialect {
        Dialect::Torchvision => {
            paste_whole_pixels(probabilities, SIDE, of, picture).mask(|p| p > INSIDE)?
        }
        Dialect::Detectron2 => {
            paste_by_centres(probabilities, SIDE, of, picture).mask(|p| p >= INSIDE)?
        }
    })
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let raised: Vec<f32> = logits.iter().map(|v| (v - most).exp()).collect();
    let sum: f32 = raised.iter().sum();
    raised.into_iter().map(|v| v / sum).collect()
}
