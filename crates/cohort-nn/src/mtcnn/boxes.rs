//! Candidate rectangles, and which of them to keep.

/// A rectangle that may hold a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Left, top, right, bottom.
    pub(super) sides: [f32; 4],
    pub(super) score: f32,
    /// How far the network would move each side, in shares of width or height.
    shifts: [f32; 4],
    pub(super) landmarks: [[f32; 2]; 5],
}

/// How far two rectangles overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    /// Intersection over union; sides are edges.
    Iou,
    /// Intersection over the smaller area of the two; sides are pixels, so a width is right - left + 1.
    OverSmaller,
}

/// What the first network says at every second place of a picture: shifts of the four sides, and the logits of no face and
/// of a face, place after place.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) columns: usize,
    pub(super) values: Vec<f32>,
}

/// Places of the first network's grid whose probability reaches `least`, as rectangles in the picture that was resampled by
/// `scale`.
pub(super) fn from_grid(grid: &Grid, scale: f64, least: f32) -> Vec<Candidate> {
    let scale = scale as f32;
    let candidate = |(i, place): (usize, &[f32; 6])| {
        let [.., no, yes] = *place;
        let score = probability([no, yes]);
        let (x, y) = ((i % grid.columns) as f32, (i / grid.columns) as f32);
        let near = |v: f32| ((2.0 * v + 1.0) / scale).floor();
        let far = |v: f32| ((2.0 * v + 12.0) / scale).floor();
        (score >= least).then(|| Candidate {
            sides: [near(x), near(y), far(x), far(y)],
            score,
            shifts: std::array::from_fn(|k| place[k]),
            landmarks: [[0.0; 2]; 5],
        })
    };
    let places = grid.values.as_chunks::<6>().0.iter().enumerate();
    places.filter_map(candidate).collect()
}

impl Candidate {
    /// The same rectangle as a later network saw it.
    pub(super) fn seen(&self, score: f32, shifts: &[f32]) -> Self {
        Self {
            score,
            shifts: std::array::from_fn(|k| shifts.get(k).copied().unwrap_or_default()),
            ..*self
        }
    }

    /// Moves the sides; width and height are right - left and bottom - top.
    pub(super) fn shift_by_size(&mut self) {
        self.shift(0.0);
    }

    /// Moves the sides; width and height count both end pixels.
    pub(super) fn shift_by_pixels(&mut self) {
        self.shift(1.0);
    }

    fn shift(&mut self, extra: f32) {
        let [left, top, right, bottom] = self.sides;
        let size = [right - left + extra, bottom - top + extra];
        for (k, side) in self.sides.iter_mut().enumerate() {
            *side += self.shifts[k] * size[k % 2];
        }
    }

    /// Makes the shorter side as long as the longer, about the same middle.
    pub(super) fn square(&mut self) {
        let [left, top, right, bottom] = self.sides;
        let (width, height) = (right - left, bottom - top);
        let side = width.max(height);
        let left = left + width * 0.5 - side * 0.5;
        let top = top + height * 0.5 - side * 0.5;
        self.sides = [left, top, left + side, top + side];
    }

    fn area(&self, extra: f32) -> f32 {
        let [left, top, right, bottom] = self.sides;
        (right - left + extra) * (bottom - top + extra)
    }

    /// Landmarks from shares of the rectangle: five x, then five y.
    pub(super) fn place_landmarks(&mut self, shares: &[f32]) {
        let [left, top, right, bottom] = self.sides;
        let (width, height) = (right - left + 1.0, bottom - top + 1.0);
        for (k, point) in self.landmarks.iter_mut().enumerate() {
            let x = shares.get(k).copied().unwrap_or_default();
            let y = shares.get(5 + k).copied().unwrap_or_default();
            *point = [width * x + left - 1.0, height * y + top - 1.0];
        }
    }

    /// The pixels covered: left, top, right, bottom, the last two excluded; none outside the picture.
    /// Sides count pixels from 1 and lose their fractions.
    pub(super) fn within(&self, width: usize, height: usize) -> Option<[usize; 4]> {
        let [left, top, right, bottom] = self.sides.map(|v| v.trunc() as i64);
        let near = |v: i64| usize::try_from(v.max(1) - 1).ok();
        let far = |v: i64, end: usize| usize::try_from(v).ok().map(|v| v.min(end));
        let area = [
            near(left)?,
            near(top)?,
            far(right, width)?,
            far(bottom, height)?,
        ];
        (area[2] > area[0] && area[3] > area[1]).then_some(area)
    }
}

/// Non-maximum suppression: goes through the candidates from the best score down and drops each that overlaps one already
/// kept by more than `most`. Of equal scores the earlier comes first, but for [`Overlap::OverSmaller`] the later.
pub(super) fn non_maximum_suppression(
    mut candidates: Vec<Candidate>,
    most: f32,
    overlap: Overlap,
) -> Vec<Candidate> {
    if overlap == Overlap::OverSmaller {
        candidates.reverse();
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let of = match overlap {
        Overlap::Iou => iou,
        Overlap::OverSmaller => over_smaller,
    };
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.iter().all(|k| of(k, &candidate) <= most) {
            kept.push(candidate);
        }
    }
    kept
}

/// Intersection over union.
fn iou(a: &Candidate, b: &Candidate) -> f32 {
    let common = intersection(a, b, 0.0);
    common / (a.area(0.0) + b.area(0.0) - common)
}

/// Intersection over the smaller of the two areas, end pixels counted.
fn over_smaller(a: &Candidate, b: &Candidate) -> f32 {
    intersection(a, b, 1.0) / a.area(1.0).min(b.area(1.0))
}

/// Area that two rectangles share; `extra` is added to a width, and to a height.
fn intersection(a: &Candidate, b: &Candidate, extra: f32) -> f32 {
    let common = |k: usize| {
        let from = a.sides[k].max(b.sides[k]);
        let to = a.sides[k + 2].min(b.sides[k + 2]);
        (to - from + extra).max(0.0)
    };
    common(0) * common(1)
}

/// The probability of the second of two, whose logits are given (softmax).
pub(super) fn probability([no, yes]: [f32; 2]) -> f32 {
    1.0 / (1.0 + (no - yes).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sides: [f32; 4], score: f32) -> Candidate {
        Candidate {
            sides,
            score,
            shifts: [0.0; 4],
            landmarks: [[0.0; 2]; 5],
        }
    }

    #[test]
    fn the_better_of_two_that_overlap_stays() {
        // 10 x 10 each, half of it common: a third of the union, half of the smaller.
        let two = || {
            vec![
                at([0.0, 0.0, 10.0, 10.0], 0.8),
                at([5.0, 0.0, 15.0, 10.0], 0.9),
            ]
        };
        assert_eq!(non_maximum_suppression(two(), 0.34, Overlap::Iou).len(), 2);
        let kept = non_maximum_suppression(two(), 0.33, Overlap::Iou);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].score, 0.9);
        // With end pixels: 6 x 11 of 11 x 11.
        assert_eq!(
            non_maximum_suppression(two(), 0.55, Overlap::OverSmaller).len(),
            2
        );
        assert_eq!(
            non_maximum_suppression(two(), 0.54, Overlap::OverSmaller).len(),
            1
        );
    }

    #[test]
    fn squares_and_crops_round_as_stated() {
        let mut c = at([10.0, 20.0, 30.0, 60.0], 1.0);
        c.square();
        assert_eq!(c.sides, [0.0, 20.0, 40.0, 60.0]);
        assert_eq!(
            at([-3.7, 1.9, 9.9, 50.2], 1.0).within(100, 40),
            Some([0, 0, 9, 40])
        );
        assert_eq!(at([5.0, 5.0, -1.0, 9.0], 1.0).within(100, 40), None);
        assert_eq!(at([101.0, 5.0, 120.0, 9.0], 1.0).within(100, 40), None);
    }

    #[test]
    fn a_place_of_the_grid_is_twelve_pixels_wide() {
        let logit = |p: f32| (p / (1.0 - p)).ln();
        let place = |p: f32| [0.5, 0.5, 0.5, 0.5, 0.0, logit(p)];
        let grid = Grid {
            columns: 2,
            values: [0.1, 0.9, 0.2, 0.61].map(place).concat(),
        };
        let found = from_grid(&grid, 0.5, 0.6);
        let sides: Vec<_> = found.iter().map(|c| c.sides).collect();
        assert_eq!(sides, [[6.0, 2.0, 28.0, 24.0], [6.0, 6.0, 28.0, 28.0]]);
    }
}
