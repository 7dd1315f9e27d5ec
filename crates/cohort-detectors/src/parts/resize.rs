//! The sizes that pictures are brought to, and torch's bilinear interpolation without a filter.

use rayon::prelude::*;

/// torchvision's size: the shorter side becomes `short`, unless the longer one became more than `long`; both rounded down
/// (`models/detection/transform.py`). `[height, width]`, each at least 1.
pub fn resized_by_flooring(size: [usize; 2], short: usize, long: usize) -> [usize; 2] {
    let [shorter, longer] = ends(size);
    let scale = (short as f64 / shorter).min(long as f64 / longer);
    size.map(|side| ((side as f64 * scale).floor() as usize).max(1))
}

/// detectron2's size (`ResizeShortestEdge`): the shorter side becomes `short`; where the longer one is above `long` then, both are
/// scaled again; rounded half up. `[height, width]`, each at least 1.
pub fn resized_by_rounding(size: [usize; 2], short: usize, long: usize) -> [usize; 2] {
    let [shorter, _] = ends(size);
    let scale = short as f64 / shorter;
    let mut sides = size.map(|side| side as f64);
    let low = usize::from(sides[0] >= sides[1]);
    // the shorter side exactly, the longer by the quotient
    sides[low] = short as f64;
    sides[1 - low] *= scale;
    let most = sides[0].max(sides[1]);
    if most > long as f64 {
        sides = sides.map(|side| side * (long as f64 / most));
    }
    sides.map(|side| ((side + 0.5) as usize).max(1))
}

fn ends([height, width]: [usize; 2]) -> [f64; 2] {
    [height.min(width), height.max(width)].map(|side| side as f64)
}

/// A size rounded up to multiples of `step`.
pub fn padded(size: [usize; 2], step: usize) -> [usize; 2] {
    size.map(|side| side.next_multiple_of(step.max(1)))
}

/// Two neighbours and the share of the second, for a place of a side that is brought from `from` to `to` pixels.
pub(crate) fn neighbours(from: usize, to: usize, place: usize) -> (usize, usize, f32) {
    let step = from as f32 / to as f32;
    let source = (step * (place as f32 + 0.5) - 0.5).max(0.0);
    let low = (source as usize).min(from - 1);
    let share = (source - low as f32).clamp(0.0, 1.0);
    (low, (low + 1).min(from - 1), share)
}

/// Planes `[channel, row, column]` of `from` brought to `to` (`[height, width]`) by torch's `interpolate(mode="bilinear",
/// align_corners=False)`, which looks at four pixels however much a picture shrinks.
///
/// # Panics
/// When a size is empty or `planes` are no whole number of planes.
pub fn resize_planes(planes: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let plane = from[0] * from[1];
    assert!(plane > 0 && planes.len() % plane == 0, "planes of {from:?}");
    assert!(to[0] * to[1] > 0, "a size that is not empty");
    let [rows, columns] = [0, 1].map(|axis| {
        let places = (0..to[axis]).map(|place| neighbours(from[axis], to[axis], place));
        places.collect::<Vec<_>>()
    });
    let mut out = vec![0.0; planes.len() / plane * to[0] * to[1]];
    out.par_chunks_exact_mut(to[1])
        .enumerate()
        .for_each(|(line, out)| {
            let own = &planes[line / to[0] * plane..][..plane];
            let (low, high, down) = rows[line % to[0]];
            let row = |y: usize| &own[y * from[1]..][..from[1]];
            let (above, below) = (row(low), row(high));
            for (out, &(left, right, along)) in out.iter_mut().zip(&columns) {
                let mix = |row: &[f32]| row[left] * (1.0 - along) + row[right] * along;
                *out = mix(above) * (1.0 - down) + mix(below) * down;
            }
        });
    out
}
