//! Predictions of the grids as boxes.

use cohort_kernels::dense::sigmoid;

use super::Settings;
use crate::Detected;
use crate::parts::nms_by_class;

/// Pixels between cells, by level.
pub(super) const STRIDES: [usize; 3] = [8, 16, 32];

/// What the network says at the cells of a level, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    /// Cells down and along.
    pub(super) size: [usize; 2],
    /// Numbers of the classes, cell by cell.
    pub(super) classes: Vec<f32>,
    /// Place, size and object, five numbers a cell.
    pub(super) boxes: Vec<f32>,
}

/// Centre and size in the square's pixels, of a cell's place and the numbers of its box.
pub(super) fn placed(numbers: &[f32], x: usize, y: usize, stride: usize) -> [f32; 4] {
    let stride = stride as f32;
    [
        (numbers[0] + x as f32) * stride,
        (numbers[1] + y as f32) * stride,
        numbers[2].exp() * stride,
        numbers[3].exp() * stride,
    ]
}

/// The objects: every class of every cell whose score, object times class, is above the threshold, without what a better one of
/// its class overlaps; the best `most` by falling score, equals by class and then by cell. Boxes that are not finite are left out.
pub(super) fn decode(
    levels: &[Level],
    classes: usize,
    ratio: f64,
    settings: &Settings,
) -> Vec<Detected> {
    let low = settings.score;
    let mut all: Vec<(Detected, usize)> = Vec::new();
    let mut cells = 0;
    let mut shares = Vec::with_capacity(classes);
    for (level, stride) in levels.iter().zip(STRIDES) {
        let each = level.classes.chunks_exact(classes);
        for (cell, (numbers, own)) in each.zip(level.boxes.chunks_exact(5)).enumerate() {
            shares.clear();
            shares.push(own[4]);
            sigmoid(&mut shares);
            let object = shares[0];
            // a class's share is 1 at most
            if f64::from(object) <= low {
                continue;
            }
            shares.clear();
            shares.extend_from_slice(numbers);
            sigmoid(&mut shares);
            let mut place = None;
            for (class, share) in shares.iter().enumerate() {
                let score = object * share;
                if f64::from(score) <= low || score.is_nan() {
                    continue;
                }
                let [_, width] = level.size;
                let corners = *place.get_or_insert_with(|| {
                    let [x, y, w, h] =
                        placed(own, cell % width, cell / width, stride).map(f64::from);
                    let corners = [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0];
                    corners.map(|value| (value / ratio) as f32)
                });
                if corners.iter().all(|value| value.is_finite()) {
                    let found = Detected {
                        class,
                        score,
                        corners,
                        mask: None,
                    };
                    all.push((found, cells + cell));
                }
            }
        }
        cells += level.size[0] * level.size[1];
    }
    all.sort_by_key(|(found, cell)| (found.class, *cell));
    let boxes: Vec<[f32; 4]> = all.iter().map(|(found, _)| found.corners).collect();
    let scores: Vec<f32> = all.iter().map(|(found, _)| found.score).collect();
    let of: Vec<usize> = all.iter().map(|(found, _)| found.class).collect();
    let kept = nms_by_class(&boxes, &scores, &of, settings.nms);
    kept.into_iter()
        .take(settings.most)
        .map(|place| all[place].0.clone())
        .collect()
}
