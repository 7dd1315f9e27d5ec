//! Resizing as Pillow does it.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::decode::MAX_PIXELS;
use crate::error::VisionError;
use crate::picture::Picture;

/// Resizes with an antialiased triangle filter: within one grey level of Pillow's
/// `Image.resize((width, height), BILINEAR)`, which is also what torchvision's `Resize`
/// does to a PIL image. The aspect ratio is not kept.
///
/// # Errors
/// [`VisionError::Argument`] when a side is 0 or the result would have more than
/// [`MAX_PIXELS`].
pub fn resize(picture: &Picture, width: usize, height: usize) -> Result<Picture, VisionError> {
    let argument = |found: String| VisionError::Argument {
        operation: "resize",
        expected: format!("sides of at least 1 and at most {MAX_PIXELS} pixels"),
        found,
    };
    if (width, height) == (picture.width(), picture.height()) {
        return Ok(picture.clone());
    }
    let pixels = (width as u64).checked_mul(height as u64);
    if !pixels.is_some_and(|n| (1..=MAX_PIXELS).contains(&n)) {
        return Err(argument(format!("{width} x {height}")));
    }
    let side = |n: usize| u32::try_from(n).map_err(|_| argument(format!("a side of {n}")));
    let source = ImageRef::new(
        side(picture.width())?,
        side(picture.height())?,
        picture.rgb(),
        PixelType::U8x3,
    )
    .map_err(|e| argument(e.to_string()))?;
    let mut target = Image::new(side(width)?, side(height)?, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .use_alpha(false);
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(|e| argument(e.to_string()))?;
    Picture::new(width, height, target.into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_stays_flat_at_any_size() {
        let flat = Picture::solid(7, 5, [3, 128, 254]);
        for (w, h) in [(1, 1), (7, 5), (224, 224), (3, 1000), (6, 4)] {
            let resized = resize(&flat, w, h).expect("a valid size");
            assert_eq!(resized, Picture::solid(w, h, [3, 128, 254]), "{w} x {h}");
        }
    }

    #[test]
    fn halving_weighs_with_the_triangle_filter() {
        // Support 2 about each output centre: weights 1 3 3 1 inside, 3 3 1 at the edge.
        let source = Picture::from_fn(6, 1, |x, _| [[0u8, 10, 50, 90, 200, 250][x]; 3]);
        let halved = resize(&source, 3, 1).expect("a valid size");
        let expected = [
            (3.0 * 0.0 + 3.0 * 10.0 + 50.0) / 7.0,
            (10.0 + 3.0 * 50.0 + 3.0 * 90.0 + 200.0) / 8.0,
            (90.0 + 3.0 * 200.0 + 3.0 * 250.0) / 7.0,
        ];
        for (x, e) in expected.iter().enumerate() {
            let [v, ..] = halved.pixel(x, 0).expect("inside");
            assert!(
                (f64::from(v) - e).abs() <= 1.0,
                "column {x}: {v}, expected {e}"
            );
        }
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let p = Picture::solid(2, 2, [0; 3]);
        for (w, h) in [(0, 5), (5, 0), (1 << 20, 1 << 20), (usize::MAX, 2)] {
            assert!(resize(&p, w, h).is_err(), "{w} x {h}");
        }
    }
}
