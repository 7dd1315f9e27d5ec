//! Non-maximum suppression as torchvision's CPU kernel does it (`ops/cpu/nms_kernel.cpp`, `ops/boxes.py`).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::boxes::{Corners, area, shared};

/// Most boxes that [`nms_batched`] shifts apart instead of going class by class: torchvision's 4,000 numbers on a CPU.
const SHIFTED: usize = 1000;

/// Places of the boxes that no better one overlaps by **more** than `threshold` (intersection over union), by falling score.
///
/// Of equal scores the lower place comes first; a score that is NaN comes before all others, as torch sorts. A box without an area
/// overlaps with none. The quotient is in single precision, `threshold` in double, as in the kernel: one third of two boxes is not
/// more than `1.0 / 3.0`, but the `f32` next to it may be.
///
/// # Panics
/// When there are not as many scores as boxes.
pub fn nms(boxes: &[Corners], scores: &[f32], threshold: f64) -> Vec<usize> {
    assert_eq!(boxes.len(), scores.len(), "a score for each box");
    suppress(boxes, by_score(scores, 0..boxes.len()), threshold)
}

/// [`nms`] among the boxes of each class alone; what is kept, of all classes, by falling score.
///
/// # Panics
/// When there are not as many scores and classes as boxes.
pub fn nms_by_class(
    boxes: &[Corners],
    scores: &[f32],
    classes: &[usize],
    threshold: f64,
) -> Vec<usize> {
    assert_eq!(boxes.len(), scores.len(), "a score for each box");
    assert_eq!(boxes.len(), classes.len(), "a class for each box");
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, class) in classes.iter().enumerate() {
        members.entry(*class).or_default().push(place);
    }
    let mut kept: Vec<usize> = members
        .into_values()
        .flat_map(|own| suppress(boxes, by_score(scores, own), threshold))
        .collect();
    kept.sort_unstable();
    by_score(scores, kept)
}

/// What torchvision's `batched_nms` keeps on a CPU: of more than 1,000 boxes [`nms_by_class`]; of fewer [`nms`] on boxes that are
/// shifted apart by class, whose rounding can decide an overlap at the threshold.
///
/// # Panics
/// As [`nms_by_class`].
pub fn nms_batched(
    boxes: &[Corners],
    scores: &[f32],
    classes: &[usize],
    threshold: f64,
) -> Vec<usize> {
    if boxes.len() > SHIFTED {
        return nms_by_class(boxes, scores, classes, threshold);
    }
    assert_eq!(boxes.len(), classes.len(), "a class for each box");
    let most = boxes.as_flattened().iter().copied();
    let step = most.fold(f32::NEG_INFINITY, f32::max) + 1.0;
    let shifted = boxes.iter().zip(classes);
    let shifted: Vec<Corners> = shifted
        .map(|(of, class)| of.map(|value| value + *class as f32 * step))
        .collect();
    nms(&shifted, scores, threshold)
}

/// Places by falling score; equals as they come.
pub(super) fn by_score(scores: &[f32], places: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut order: Vec<usize> = places.into_iter().collect();
    order.sort_by(|a, b| falling(scores[*a], scores[*b]));
    order
}

/// Larger first, NaN before all: the order of scores that torch sorts to.
pub fn falling(a: f32, b: f32) -> Ordering {
    let known = b.partial_cmp(&a);
    known.unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Those of `order` that no earlier one that is kept overlaps.
fn suppress(boxes: &[Corners], order: Vec<usize>, threshold: f64) -> Vec<usize> {
    // what is looked at lies together
    let sorted: Vec<Corners> = order.iter().map(|&place| boxes[place]).collect();
    let areas: Vec<f32> = sorted.iter().map(|&of| area(of)).collect();
    let mut gone = vec![false; order.len()];
    let mut kept = Vec::new();
    for first in 0..order.len() {
        if gone[first] {
            continue;
        }
        kept.push(order[first]);
        for other in first + 1..order.len() {
            if gone[other] {
                continue;
            }
            let shared = shared(sorted[first], sorted[other]);
            let quotient = shared / (areas[first] + areas[other] - shared);
            gone[other] = f64::from(quotient) > threshold;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_at_the_threshold_stay_and_ties_keep_their_order() {
        // halves and thirds: 1 of 2, shared 0.5 of 1.5
        let boxes = [
            [0.0, 0.0, 1.0, 1.0],
            [0.5, 0.0, 1.5, 1.0],
            [0.0, 0.0, 1.0, 2.0],
        ];
        assert_eq!(nms(&boxes[..2], &[0.5, 0.5], 1.0 / 3.0), [0]);
        // the single third is above the double one, half is exact
        assert_eq!(nms(&boxes[..2], &[0.5, 0.5], 0.333_333_4), [0, 1]);
        assert_eq!(
            nms(&[boxes[0], boxes[2]], &[0.25, 0.25], 0.5),
            [0, 1],
            "not more than half"
        );
        assert_eq!(nms(&[boxes[0], boxes[0]], &[0.25, 0.25], 0.5), [0]);
        assert_eq!(nms(&[boxes[0], boxes[0]], &[0.25, 0.75], 0.5), [1]);
    }

    #[test]
    fn boxes_without_area_and_scores_without_value_are_no_panic() {
        let none = [3.0, 3.0, 3.0, 3.0];
        assert_eq!(nms(&[none, none], &[0.5, 0.6], 0.5), [1, 0]);
        assert_eq!(
            nms(&[none, none, none], &[0.5, f32::NAN, 0.7], 0.5),
            [1, 2, 0]
        );
        assert!(nms(&[], &[], 0.5).is_empty() && nms_batched(&[], &[], &[], 0.5).is_empty());
        let unknown = [f32::NAN; 4];
        assert_eq!(nms(&[unknown, unknown], &[0.5, 0.6], 0.5), [1, 0]);
    }

    #[test]
    fn a_suppressed_box_suppresses_nothing() {
        // each overlaps its neighbour by .6 and the next but one by .25
        let boxes = [0.0, 1.0, 2.0].map(|x| [x, 0.0, x + 4.0, 4.0]);
        assert_eq!(nms(&boxes, &[0.9, 0.8, 0.7], 0.5), [0, 2]);
        assert_eq!(
            nms_by_class(&boxes, &[0.7, 0.8, 0.9], &[7, 7, 0], 0.5),
            [2, 1]
        );
    }
}
