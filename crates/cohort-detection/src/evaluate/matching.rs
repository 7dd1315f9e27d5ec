//! Which detection of a picture and category found which object.

use super::rules::{Area, MOST_DETECTIONS, THRESHOLDS, iou_thresholds};
use crate::boxes::box_iou;
use crate::results::Detection;
use crate::rle::mask_iou_in_boxes;
use crate::truth::{Object, Shape};

/// A detection after matching: a bit for each IoU threshold, an entry for each area range.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Found {
    /// Whether it found something.
    pub(crate) found: [u16; 4],
    /// Whether it is neither right nor wrong.
    pub(crate) ignored: [u16; 4],
}

/// Objects that count, by area range, and the thresholds at which each object was found (all areas).
pub(crate) struct Matching {
    pub(crate) detections: Vec<Found>,
    pub(crate) counted: [u32; 4],
    pub(crate) objects: Vec<u16>,
}

/// What an object is matched by, with the box around its mask.
pub(crate) struct Around<'a, T> {
    of: &'a T,
    around: [f64; 4],
}

impl<'a> Around<'a, Object> {
    pub(crate) fn object(of: &'a Object, shape: Shape) -> Self {
        let around = match (&of.mask, shape) {
            (Some(mask), Shape::Mask) => mask.to_bbox(),
            _ => of.place,
        };
        Self { of, around }
    }
}

impl<'a> Around<'a, Detection> {
    pub(crate) fn detection(of: &'a Detection, shape: Shape) -> Self {
        let around = match (&of.mask, shape) {
            (Some(mask), Shape::Mask) => mask.to_bbox(),
            _ => of.place,
        };
        Self { of, around }
    }
}

/// How much a detection and an object overlap.
pub(crate) fn overlap(detection: &Around<Detection>, object: &Around<Object>, shape: Shape) -> f64 {
    let crowd = object.of.crowd;
    match (shape, &detection.of.mask, &object.of.mask) {
        (Shape::Mask, Some(a), Some(b)) => {
            mask_iou_in_boxes((a, &detection.around), (b, &object.around), crowd)
        }
        _ => box_iou(&detection.around, &object.around, crowd),
    }
}

/// Matches the detections (surest first) of one category in one picture with its objects.
pub(crate) fn match_one(objects: &[Object], detections: &[Detection], shape: Shape) -> Matching {
    let detections = &detections[..detections.len().min(MOST_DETECTIONS)];
    let thresholds = iou_thresholds();
    let with: Vec<Around<Object>> = objects.iter().map(|o| Around::object(o, shape)).collect();
    // only overlaps of the least threshold can make a match, so no others are kept: (object, overlap) of each detection
    let candidates: Vec<Vec<(usize, f64)>> = detections
        .iter()
        .map(|detection| {
            let detection = Around::detection(detection, shape);
            let overlaps = with.iter().map(|object| overlap(&detection, object, shape));
            let near = overlaps
                .enumerate()
                .filter(|(_, iou)| *iou >= thresholds[0]);
            near.collect()
        })
        .collect();
    let mut matching = Matching {
        detections: vec![Found::default(); detections.len()],
        counted: [0; 4],
        objects: vec![0; objects.len()],
    };
    let mut taken = vec![false; objects.len()];
    for (a, area) in Area::EVERY.into_iter().enumerate() {
        let ignored: Vec<bool> = objects
            .iter()
            .map(|object| object.crowd || area.excludes(object.area))
            .collect();
        let counted = ignored.iter().filter(|ignored| !**ignored).count();
        matching.counted[a] = counted as u32;
        for (t, &threshold) in thresholds.iter().enumerate() {
            taken.fill(false);
            let bit = 1_u16 << t;
            let all = detections
                .iter()
                .zip(&candidates)
                .zip(&mut matching.detections);
            for ((detection, near), result) in all {
                let found = best(
                    near,
                    threshold,
                    |g| ignored[g],
                    |g| taken[g] && !objects[g].crowd,
                );
                let outside = area.excludes(detection.area);
                // pycocotools takes the id 0 for "nothing"
                let known = found.filter(|&g| !objects[g].id.is_zero());
                if let Some(g) = found {
                    taken[g] = true;
                    if a == 0 {
                        matching.objects[g] |= bit;
                    }
                    result.ignored[a] |= if ignored[g] { bit } else { 0 };
                }
                match known {
                    Some(_) => result.found[a] |= bit,
                    None if outside => result.ignored[a] |= bit,
                    None => {}
                }
            }
        }
    }
    matching
}

/// The object with the largest overlap (the last of equals) among those that count; among those that do not where there is none.
fn best(
    near: &[(usize, f64)],
    threshold: f64,
    ignored: impl Fn(usize) -> bool,
    taken: impl Fn(usize) -> bool,
) -> Option<usize> {
    for ignoring in [false, true] {
        let (mut best, mut most) = (None, threshold.min(1.0 - 1e-10));
        for &(g, iou) in near {
            if ignored(g) == ignoring && !taken(g) && iou >= most {
                (best, most) = (Some(g), iou);
            }
        }
        if best.is_some() {
            return best;
        }
    }
    None
}

const _: () = assert!(THRESHOLDS <= 16, "a bit each");
