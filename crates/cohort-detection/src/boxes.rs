//! Boxes `x, y, width, height` in pixels, as COCO writes them.

/// Intersection over union of a detection's box with a truth's; over the detection's own area where the truth is a crowd (the
/// arithmetic of pycocotools, step by step).
pub fn box_iou(detection: &[f64; 4], truth: &[f64; 4], crowd: bool) -> f64 {
    let overlap = |axis: usize| {
        let end = (detection[axis + 2] + detection[axis]).min(truth[axis + 2] + truth[axis]);
        end - detection[axis].max(truth[axis])
    };
    let width = overlap(0);
    if width <= 0.0 {
        return 0.0;
    }
    let height = overlap(1);
    if height <= 0.0 {
        return 0.0;
    }
    let shared = width * height;
    let own = detection[2] * detection[3];
    let union = match crowd {
        true => own,
        false => own + truth[2] * truth[3] - shared,
    };
    shared / union
}
