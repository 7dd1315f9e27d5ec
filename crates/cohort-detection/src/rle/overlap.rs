//! Two masks together: union, intersection, and how much they overlap.

use super::Rle;
use crate::boxes::box_iou;

/// Steps over the stretches on which two masks are constant: `(length, in a, in b)`.
struct Together<'a> {
    runs: [&'a [u32]; 2],
    left: [u32; 2],
    inside: [bool; 2],
}

impl<'a> Together<'a> {
    fn new(a: &'a Rle, b: &'a Rle) -> Self {
        let mut start = Self {
            runs: [&a.counts, &b.counts],
            left: [0; 2],
            // the first run taken is one of background
            inside: [true; 2],
        };
        start.refill(0);
        start.refill(1);
        start
    }

    /// Takes runs until one has a length, or none is left.
    fn refill(&mut self, of: usize) {
        while self.left[of] == 0
            && let Some((&first, rest)) = self.runs[of].split_first()
        {
            (self.left[of], self.runs[of]) = (first, rest);
            self.inside[of] = !self.inside[of];
        }
    }
}

impl Iterator for Together<'_> {
    type Item = (u32, bool, bool);

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.left[0].min(self.left[1]);
        if length == 0 {
            return None;
        }
        let found = (length, self.inside[0], self.inside[1]);
        for of in 0..2 {
            self.left[of] -= length;
            self.refill(of);
        }
        Some(found)
    }
}

/// The union of masks of one picture, or with `intersect` what they share; `None` without masks, or where their sizes differ.
pub fn merge(masks: &[Rle], intersect: bool) -> Option<Rle> {
    let (first, rest) = masks.split_first()?;
    let mut all = first.clone();
    for mask in rest {
        if (mask.height, mask.width) != (all.height, all.width) {
            return None;
        }
        let (mut counts, mut run, mut inside) = (Vec::new(), 0, false);
        for (length, a, b) in Together::new(&all, mask) {
            let now = if intersect { a && b } else { a || b };
            if now != inside {
                counts.push(run);
                (run, inside) = (0, now);
            }
            run += length;
        }
        counts.push(run);
        all.counts = counts.into();
    }
    Some(all)
}

/// Intersection over union of a detection's mask with a truth's; over the detection's own area where the truth is a crowd. Masks of
/// pictures of different sizes do not overlap (0).
pub fn mask_iou(detection: &Rle, truth: &Rle, crowd: bool) -> f64 {
    mask_iou_in_boxes(
        (detection, &detection.to_bbox()),
        (truth, &truth.to_bbox()),
        crowd,
    )
}

/// The same with the boxes around the masks at hand: masks whose boxes do not overlap are not looked at.
pub(crate) fn mask_iou_in_boxes(
    (detection, around): (&Rle, &[f64; 4]),
    (truth, around_truth): (&Rle, &[f64; 4]),
    crowd: bool,
) -> f64 {
    let sizes_differ = (detection.height, detection.width) != (truth.height, truth.width);
    if sizes_differ || box_iou(around, around_truth, crowd) <= 0.0 {
        return 0.0;
    }
    let (mut both, mut either) = (0_u64, 0_u64);
    for (length, a, b) in Together::new(detection, truth) {
        both += if a && b { u64::from(length) } else { 0 };
        either += if a || b { u64::from(length) } else { 0 };
    }
    let of = match (both, crowd) {
        (0, _) => 1,
        (_, true) => detection.area(),
        (_, false) => either,
    };
    both as f64 / of as f64
}
