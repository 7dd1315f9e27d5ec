//! Precision at the levels of recall, of one category.

use super::matched::ClassMatches;
use super::rules::{LEVELS, THRESHOLDS, recall_levels};

/// What pycocotools adds to the number of detections before it divides.
pub(crate) const EPSILON: f64 = f64::EPSILON;

/// Precision by recall and the recall reached, of one category in one area range.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// `[IoU threshold][recall level]`.
    pub precision: Vec<[f64; LEVELS]>,
    /// `[IoU threshold]`: recall with all detections that are looked at, with 10 and with 1 a picture.
    pub recall: [[f64; 3]; THRESHOLDS],
}

/// Detections a picture of the three recalls of [`Curve::recall`].
pub(crate) const LIMITS: [u16; 3] = [100, 10, 1];

/// The curve of a category in the area range of a number (see [`super::Area::EVERY`]); `None` without objects there.
pub fn curve(class: &ClassMatches, area: usize) -> Option<Curve> {
    let objects = class.objects(area);
    if objects == 0 {
        return None;
    }
    let levels = recall_levels();
    let objects = objects as f64;
    let mut curve = Curve {
        precision: vec![[0.0; LEVELS]; THRESHOLDS],
        recall: [[0.0; 3]; THRESHOLDS],
    };
    // recall and precision after each right detection: between them recall stands still and precision falls
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(class.hits.len());
    for t in 0..THRESHOLDS {
        points.clear();
        let bit = 1_u16 << t;
        let (mut right, mut all) = ([0_u32; 3], 0_u32);
        for hit in &class.hits {
            if hit.ignored[area] & bit != 0 {
                continue;
            }
            all += 1;
            if hit.found[area] & bit != 0 {
                for (right, limit) in right.iter_mut().zip(LIMITS) {
                    *right += u32::from(hit.rank < limit);
                }
                let found = f64::from(right[0]);
                points.push((found / objects, found / (f64::from(all) + EPSILON)));
            }
        }
        curve.recall[t] = right.map(|right| f64::from(right) / objects);
        // the best precision at this recall or a higher one
        for i in (1..points.len()).rev() {
            points[i - 1].1 = points[i - 1].1.max(points[i].1);
        }
        let mut at = 0;
        for (value, &level) in curve.precision[t].iter_mut().zip(&levels) {
            while at < points.len() && points[at].0 < level {
                at += 1;
            }
            *value = points.get(at).map_or(0.0, |point| point.1);
        }
    }
    Some(curve)
}
