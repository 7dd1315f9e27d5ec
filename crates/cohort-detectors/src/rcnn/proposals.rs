//! Which boxes the first stage proposes.

use super::layout::{Dialect, Layout, Trunk};
use super::prepare::Prepared;
use super::settings::RcnnSettings;
use crate::Map;
use crate::parts::{
    Anchors, BoxCoder, Cell, Corners, cell_by_ratio, cell_by_size, clip, falling, has_sides,
    nms_batched,
};

/// Sides of the anchors in pixels, one a level of a pyramid, all at a place of a fourth stage.
const SIZES: [f64; 5] = [32.0, 64.0, 128.0, 256.0, 512.0];
/// Height over width of the anchors.
const RATIOS: [f64; 3] = [0.5, 1.0, 2.0];
/// Sides that torchvision drops, in pixels.
const LEAST_SIDE: f32 = 1e-3;
/// Pixels between the places of a fourth stage.
pub(super) const FOURTH_STRIDE: usize = 16;

/// Boxes that may hold an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proposals {
    /// Corners in pixels of the resized picture, by falling score.
    pub boxes: Vec<Corners>,
    /// How sure the first stage is: a probability in torchvision's networks, a logit in detectron2's.
    pub scores: Vec<f32>,
}

/// The anchors of a place, for each level.
pub(super) fn cells(layout: &Layout) -> Vec<Cell> {
    let ratios = RATIOS.map(|v| v as f32);
    match (layout.trunk, layout.dialect) {
        (Trunk::FourthStage, _) => vec![cell_by_size(&SIZES, &RATIOS)],
        (Trunk::Pyramid, Dialect::Torchvision) => {
            let cell = |size| cell_by_ratio(&[size as f32], &ratios);
            SIZES.map(cell).into()
        }
        (Trunk::Pyramid, Dialect::Detectron2) => {
            SIZES.map(|size| cell_by_size(&[size], &RATIOS)).into()
        }
    }
}

/// The anchors of a level of `[rows, columns]`.
fn anchors(
    layout: &Layout,
    cell: Cell,
    level: usize,
    prepared: &Prepared,
    grid: [usize; 2],
) -> Anchors {
    match (layout.dialect, layout.trunk) {
        (Dialect::Torchvision, _) => Anchors::over(cell, prepared.padded, grid),
        (_, Trunk::Pyramid) => Anchors::at_stride(cell, grid, 4 << level, 0.0),
        (_, Trunk::FourthStage) => Anchors::at_stride(cell, grid, FOURTH_STRIDE, 0.0),
    }
}

/// The proposals of what the head said of each level.
pub(super) fn propose(
    said: &[Map],
    prepared: &Prepared,
    layout: &Layout,
    settings: &RcnnSettings,
) -> Proposals {
    let coder = BoxCoder::new([1.0; 4]);
    let torchvision = layout.dialect == Dialect::Torchvision;
    let (mut boxes, mut scores, mut levels) = (Vec::new(), Vec::new(), Vec::new());
    for (level, (map, cell)) in said.iter().zip(cells(layout)).enumerate() {
        let kinds = cell.len();
        let anchors = anchors(layout, cell, level, prepared, map.size);
        let channels = 5 * kinds;
        let logit = |place: usize| map.values[place / kinds * channels + place % kinds];
        for place in largest(anchors.len(), settings.before_suppression, logit) {
            let own = &map.values[place / kinds * channels + kinds..];
            let deltas = std::array::from_fn(|i| own[place % kinds * 4 + i]);
            let decoded = coder.decode(deltas, anchors.get(place));
            let cut = clip(decoded, prepared.resized);
            let score = logit(place);
            let kept = match torchvision {
                true => has_sides(cut, LEAST_SIDE),
                false => {
                    let finite = decoded.iter().all(|v| v.is_finite()) && score.is_finite();
                    finite && cut[2] > cut[0] && cut[3] > cut[1]
                }
            };
            if kept {
                boxes.push(cut);
                scores.push(if torchvision { logistic(score) } else { score });
                levels.push(level);
            }
        }
    }
    let mut kept = nms_batched(&boxes, &scores, &levels, settings.proposal_overlap);
    kept.truncate(settings.proposals);
    Proposals {
        boxes: kept.iter().map(|&place| boxes[place]).collect(),
        scores: kept.iter().map(|&place| scores[place]).collect(),
    }
}

/// Places of the `most` largest of `count` values, by falling value; of equal ones the lower place first.
fn largest(count: usize, most: usize, value: impl Fn(usize) -> f32) -> Vec<usize> {
    let mut order: Vec<(f32, usize)> = (0..count).map(|place| (value(place), place)).collect();
    let by = |a: &(f32, usize), b: &(f32, usize)| falling(a.0, b.0).then(a.1.cmp(&b.1));
    if most == 0 {
        return Vec::new();
    }
    if most < count {
        order.select_nth_unstable_by(most - 1, by);
        order.truncate(most);
    }
    order.sort_unstable_by(by);
    order.into_iter().map(|(_, place)| place).collect()
}

/// `1 / (1 + e^-x)`.
pub(super) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_in_order_of_place_among_equals() {
        let values = [1.0, 3.0, 2.0, 3.0, f32::NEG_INFINITY, 2.0];
        let of = |most| largest(values.len(), most, |i| values[i]);
        assert_eq!(of(3), [1, 3, 2]);
        assert_eq!(of(9), [1, 3, 2, 5, 0, 4]);
        assert!(of(0).is_empty());
    }
}
