//! The mask of a box set into the picture.

use cohort_detection::rle::{Rle, RleError};

use super::boxes::Corners;
use super::resize::neighbours;

/// Probabilities within a part of a picture; 0 outside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pasted {
    /// `[height, width]` of the picture.
    pub picture: [usize; 2],
    /// The part's first `[row, column]`.
    pub first: [usize; 2],
    /// Its `[height, width]`; one is 0 where the box lies outside.
    pub size: [usize; 2],
    /// Its probabilities row by row.
    pub values: Vec<f32>,
}

impl Pasted {
    /// The mask where `inside` says so of a probability. What lies outside the part is outside the mask.
    ///
    /// # Errors
    /// [`RleError`] for a picture that is empty or too large for run lengths.
    pub fn mask(&self, inside: impl Fn(f32) -> bool) -> Result<Rle, RleError> {
        let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let [height, width] = self.picture;
        let mut counts = vec![0u32];
        // where the run that is open began, and of what it is
        let mut open = (0u64, false);
        let mut turn = |at: u64, to: bool| {
            if open.1 != to {
                let run = (at - open.0) as u32;
                match counts.as_mut_slice() {
                    [first] if open == (0, false) => *first = run,
                    _ => counts.push(run),
                }
                open = (at, to);
            }
        };
        let [rows, columns] = self.size;
        for x in 0..columns {
            let start = ((self.first[1] + x) * height + self.first[0]) as u64;
            for y in 0..rows {
                turn(start + y as u64, inside(self.values[y * columns + x]));
            }
            turn(start + rows as u64, false);
        }
        let rest = ((height * width) as u64 - open.0) as u32;
        match counts.as_mut_slice() {
            [first] if open.0 == 0 => *first = rest,
            _ if rest > 0 => counts.push(rest),
            _ => {}
        }
        Rle::new(side(height), side(width), counts)
    }
}

/// torchvision's paste (`models/detection/roi_heads.py`): the mask of `side x side` probabilities gets a rim of zeros, the box grows
/// with it about its centre and its corners are cut to whole pixels **towards zero**; the mask is stretched over the pixels from corner
/// to corner, both included. Users take what is above one half.
///
/// # Panics
/// When `mask` is not `side x side`.
pub fn paste_whole_pixels(mask: &[f32], side: usize, of: Corners, picture: [usize; 2]) -> Pasted {
    assert_eq!(mask.len(), side * side, "a square mask");
    let rimmed = side + 2;
    let scale = rimmed as f32 / side as f32;
    let [x1, y1, x2, y2] = of;
    let ends = |low: f32, high: f32| {
        let half = (high - low) * 0.5 * scale;
        let centre = (high + low) * 0.5;
        [(centre - half) as i64, (centre + half) as i64]
    };
    let window = |[low, high]: [i64; 2], end: usize| {
        let length = high.saturating_sub(low).saturating_add(1).max(1);
        let first = low.clamp(0, end as i64);
        let last = high.saturating_add(1).clamp(first, end as i64);
        // the places of the stretched mask that are seen
        let from = first.saturating_sub(low).min(length);
        (
            first as usize,
            (last - first) as usize,
            length as usize,
            from as usize,
        )
    };
    let (top, height, tall, skipped_rows) = window(ends(y1, y2), picture[0]);
    let (left, width, wide, skipped) = window(ends(x1, x2), picture[1]);
    let rows = seen(rimmed, tall, skipped_rows, height);
    let columns = seen(rimmed, wide, skipped, width);
    let at = |y: usize, x: usize| match (y.checked_sub(1), x.checked_sub(1)) {
        (Some(y), Some(x)) if y < side && x < side => mask[y * side + x],
        _ => 0.0,
    };
    let mut values = Vec::with_capacity(height * width);
    for &(above, below, down) in &rows {
        for &(left, right, along) in &columns {
            let mix = |y: usize| at(y, left) * (1.0 - along) + at(y, right) * along;
            values.push(mix(above) * (1.0 - down) + mix(below) * down);
        }
    }
    Pasted {
        picture,
        first: [top, left],
        size: [rows.len(), columns.len()],
        values,
    }
}

/// `count` of the places of a side that is stretched from `from` to `to`, from the place `skipped` on.
fn seen(from: usize, to: usize, skipped: usize, count: usize) -> Vec<(usize, usize, f32)> {
    let end = skipped.saturating_add(count).min(to);
    let places = (skipped..end).map(|place| neighbours(from, to, place));
    places.collect()
}

/// detectron2's paste (`layers/mask_ops.py`): every pixel's centre is looked up in the mask of `side x side` probabilities, by bilinear
/// samples between the mask's own centres; outside there are zeros. Users take what is at least one half. An empty box gives
/// nothing.
///
/// # Panics
/// When `mask` is not `side x side`.
pub fn paste_by_centres(mask: &[f32], side: usize, of: Corners, picture: [usize; 2]) -> Pasted {
    assert_eq!(mask.len(), side * side, "a square mask");
    let [x1, y1, x2, y2] = of;
    // a place of the mask, [-1, side] from the first pixel whose centre may be seen on
    let along = |low: f32, high: f32, end: usize| -> (usize, Vec<f32>) {
        let length = high - low;
        if length.is_nan() || length <= 0.0 {
            return (0, Vec::new());
        }
        let rim = length / side as f32 + 1.0;
        let first = ((low - rim).max(0.0) as usize).min(end);
        let last = ((high + rim).max(0.0).ceil() as usize).clamp(first, end);
        let place = |pixel: usize| {
            let share = (pixel as f32 + 0.5 - low) / length * 2.0 - 1.0;
            ((share + 1.0) * side as f32 - 1.0) / 2.0
        };
        (first, (first..last).map(place).collect())
    };
    let (top, rows) = along(y1, y2, picture[0]);
    let (left, columns) = along(x1, x2, picture[1]);
    let at = |y: i64, x: i64| {
        let inside = |v: i64| (0..side as i64).contains(&v);
        match inside(y) && inside(x) {
            true => mask[y as usize * side + x as usize],
            false => 0.0,
        }
    };
    let mut values = Vec::with_capacity(rows.len() * columns.len());
    for y in &rows {
        let (row, down) = (y.floor() as i64, y - y.floor());
        for x in &columns {
            let (column, along) = (x.floor() as i64, x - x.floor());
            values.push(
                at(row, column) * ((1.0 - down) * (1.0 - along))
                    + at(row, column + 1) * ((1.0 - down) * along)
                    + at(row + 1, column) * (down * (1.0 - along))
                    + at(row + 1, column + 1) * (down * along),
            );
        }
    }
    Pasted {
        picture,
        first: [top, left],
        size: [rows.len(), columns.len()],
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_lengths_are_those_of_the_whole_picture() {
        // every window of a small picture, against the encoder of whole pictures
        let picture = [4, 3];
        for first in 0..4 {
            for left in 0..3 {
                for bits in 0..16_u32 {
                    let size = [2.min(4 - first), 2.min(3 - left)];
                    let bit = |i: usize| (bits >> i & 1) as f32;
                    let pasted = Pasted {
                        picture,
                        first: [first, left],
                        size,
                        values: (0..size[0] * size[1]).map(bit).collect(),
                    };
                    let mut whole = vec![0; 12];
                    for (i, value) in pasted.values.iter().enumerate() {
                        let (y, x) = (first + i / size[1], left + i % size[1]);
                        whole[x * 4 + y] = u8::from(*value > 0.5);
                    }
                    let expected = Rle::encode(&whole, 4, 3).unwrap();
                    let found = pasted.mask(|value| value > 0.5).unwrap();
                    assert_eq!(found.decode(), whole, "{pasted:?}");
                    assert_eq!(found.to_compressed(), expected.to_compressed());
                }
            }
        }
    }

    #[test]
    fn boxes_outside_huge_or_empty_give_windows_within_the_picture() {
        let mask = [1.0; 4];
        for of in [
            [50.0, 50.0, 60.0, 60.0],
            [-60.0, -60.0, -50.0, -50.0],
            [-1e30, -1e30, 1e30, 1e30],
            [3.0, 3.0, 3.0, 3.0],
            [5.0, 5.0, 2.0, 2.0],
            [f32::NAN; 4],
            [f32::NEG_INFINITY, 0.0, f32::INFINITY, 4.0],
        ] {
            for paste in [paste_whole_pixels, paste_by_centres] {
                let pasted = paste(&mask, 2, of, [10, 8]);
                let [rows, columns] = pasted.size;
                assert_eq!(pasted.values.len(), rows * columns);
                assert!(pasted.first[0] + rows <= 10 && pasted.first[1] + columns <= 8);
                let area = pasted.mask(|value| value > 0.5).unwrap().area();
                assert!(area <= 80, "{of:?}");
            }
        }
    }
}
