//! Parts of a picture: rectangles, the middle, and faces.

use crate::error::VisionError;
use crate::picture::Picture;
use crate::resize::resize;

/// The pixels from `left`, `top` to `right`, `bottom` (the last two excluded).
///
/// # Errors
/// [`VisionError::Argument`] when that is no pixel, or not within the picture.
pub fn crop(
    picture: &Picture,
    [left, top, right, bottom]: [usize; 4],
) -> Result<Picture, VisionError> {
    let (width, height) = (picture.width(), picture.height());
    if left >= right || top >= bottom || right > width || bottom > height {
        return Err(VisionError::Argument {
            operation: "crop",
            expected: format!("a rectangle within {width} x {height} pixels"),
            found: format!("{left}, {top} to {right}, {bottom}"),
        });
    }
    let rows = picture.rgb().chunks_exact(3 * width);
    let rows = rows.skip(top).take(bottom - top);
    let rgb = rows.flat_map(|row| &row[3 * left..3 * right]);
    Picture::new(right - left, bottom - top, rgb.copied().collect())
}

/// The middle of a picture: a share of its width and of its height, at least one pixel.
///
/// # Errors
/// [`VisionError::Argument`] when the share is not above 0 and up to 1.
pub fn crop_centre(picture: &Picture, share: f64) -> Result<Picture, VisionError> {
    if !(share > 0.0 && share <= 1.0) {
        return Err(VisionError::Argument {
            operation: "crop the middle",
            expected: "a share above 0 and up to 1".to_owned(),
            found: share.to_string(),
        });
    }
    let part = |side: usize| {
        let kept = ((side as f64 * share).round() as usize).clamp(1, side);
        let before = (side - kept) / 2;
        [before, before + kept]
    };
    let [left, right] = part(picture.width());
    let [top, bottom] = part(picture.height());
    crop(picture, [left, top, right, bottom])
}

/// A face by its rectangle (left, top, right, bottom, as a detector gives it), resized to a square of
/// `size` pixels of which `margin` lie around the rectangle, half on either side. What would lie
/// outside the picture is left out, so the face is then stretched: facenet-pytorch's `extract_face`.
///
/// # Errors
/// [`VisionError::Argument`] when nothing of the rectangle lies within the picture or `margin` is not
/// below `size`.
pub fn crop_face(
    picture: &Picture,
    rectangle: [f32; 4],
    size: usize,
    margin: usize,
) -> Result<Picture, VisionError> {
    if margin >= size {
        return Err(VisionError::Argument {
            operation: "crop a face",
            expected: format!("a margin below {size} pixels"),
            found: margin.to_string(),
        });
    }
    let [left, top, right, bottom] = rectangle;
    let share = margin as f32 / (size - margin) as f32;
    let around = [share * (right - left) / 2.0, share * (bottom - top) / 2.0];
    let near = |v: f32| v.max(0.0) as usize;
    let far = |v: f32, end: usize| (v.max(0.0) as usize).min(end);
    let seen = [
        near(left - around[0]),
        near(top - around[1]),
        far(right + around[0], picture.width()),
        far(bottom + around[1], picture.height()),
    ];
    resize(&crop(picture, seen)?, size, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: usize, height: usize) -> Picture {
        Picture::from_fn(width, height, |x, y| [x as u8, y as u8, 7])
    }

    #[test]
    fn rectangles_hold_the_pixels_they_name() {
        let part = crop(&numbered(10, 8), [2, 3, 5, 4]).expect("inside");
        assert_eq!((part.width(), part.height()), (3, 1));
        assert_eq!(part.rgb(), [2, 3, 7, 3, 3, 7, 4, 3, 7]);
        for bad in [[2, 3, 2, 4], [0, 0, 11, 8], [0, 5, 3, 2]] {
            assert!(crop(&numbered(10, 8), bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_middle_keeps_its_share() {
        let middle = crop_centre(&numbered(10, 8), 0.5).expect("a share");
        assert_eq!((middle.width(), middle.height()), (5, 4));
        assert_eq!(middle.pixel(0, 0), Some([2, 2, 7]));
        assert_eq!(
            crop_centre(&numbered(10, 8), 1.0).expect("all"),
            numbered(10, 8)
        );
        assert_eq!(
            crop_centre(&numbered(3, 3), 1e-9)
                .expect("one pixel")
                .width(),
            1
        );
        for share in [0.0, 1.1, f64::NAN] {
            assert!(crop_centre(&numbered(3, 3), share).is_err());
        }
    }

    #[test]
    fn a_face_is_cut_out_with_its_margin() {
        // 20 of 100 pixels are margin: a quarter of the face, an eighth on either side.
        let face = crop_face(&numbered(100, 100), [40.0, 40.0, 48.0, 56.0], 100, 20);
        let (expected, p) = ([39, 38, 49, 58], numbered(100, 100));
        let expected = resize(&crop(&p, expected).expect("inside"), 100, 100);
        assert_eq!(face.expect("inside"), expected.expect("a size"));
        assert!(crop_face(&p, [-9.0, -9.0, -1.0, -1.0], 10, 0).is_err());
        assert!(crop_face(&p, [f32::NAN; 4], 10, 0).is_err());
        assert!(crop_face(&p, [0.0, 0.0, 5.0, 5.0], 10, 10).is_err());
    }
}
