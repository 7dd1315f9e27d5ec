//! Masks of truth as networks learn them.

use super::boxes::Corners;
use super::roi_align::{RegionError, RoiAlign};

/// A mask of `from` (`[height, width]`, row by row) brought to `to` by the nearest pixel above and left of each place, as torch's
/// `interpolate(mode="nearest")` does and torchvision's detectors ask for.
///
/// # Panics
/// When a size is empty or the mask is of another size.
pub fn resize_mask(mask: &[u8], from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
    assert_eq!(mask.len(), from[0] * from[1], "a mask of {from:?}");
    assert!(!mask.is_empty() && to[0] * to[1] > 0, "empty masks");
    let [rows, columns] = [0, 1].map(|axis| {
        let step = from[axis] as f32 / to[axis] as f32;
        let place = move |i: usize| ((i as f32 * step) as usize).min(from[axis] - 1);
        (0..to[axis]).map(place).collect::<Vec<usize>>()
    });
    let row = |y: &usize| {
        let own = &mask[y * from[1]..][..from[1]];
        columns.iter().map(|&x| own[x]).collect::<Vec<u8>>()
    };
    rows.iter().flat_map(row).collect()
}

/// What torchvision's mask head learns: the mask within a box, `side x side` means in `[0, 1]` that are **not** made 0 or 1
/// (RoIAlign at scale 1 with adaptive samples, not aligned). `mask` is 0 or 1, row by row of `size`, `of` in its pixels.
///
/// # Errors
/// [`RegionError`] for a box that is not finite or too large.
pub fn soft_mask_targets(
    mask: &[u8],
    size: [usize; 2],
    of: Corners,
    side: usize,
) -> Result<Vec<f32>, RegionError> {
    means(mask, size, of, side, false)
}

/// What detectron2's mask head learns of bit masks: the mask within a box, set where the mean (RoIAlign, aligned) is at least one half.
///
/// # Errors
/// As [`soft_mask_targets`].
pub fn binary_mask_targets(
    mask: &[u8],
    size: [usize; 2],
    of: Corners,
    side: usize,
) -> Result<Vec<bool>, RegionError> {
    let means = means(mask, size, of, side, true)?;
    Ok(means.into_iter().map(|mean| mean >= 0.5).collect())
}

fn means(
    mask: &[u8],
    size: [usize; 2],
    of: Corners,
    side: usize,
    aligned: bool,
) -> Result<Vec<f32>, RegionError> {
    let values: Vec<f32> = mask.iter().map(|&v| f32::from(v)).collect();
    let align = RoiAlign {
        bins: side,
        scale: 1.0,
        samples: 0,
        aligned,
    };
    align.planes(&values, size, &[of])
}
