//! Pixels to numbers.

use crate::error::VisionError;
use crate::picture::Picture;

/// Mean of red, green and blue over ImageNet, on `[0, 1]`: torchvision's constants.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of red, green and blue over ImageNet, on `[0, 1]`.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Writes a picture as a tensor: channel, row, column (`3 * height * width` numbers), each
/// `(value / 255 - mean) / std` in single precision, bit for bit as torchvision's `ToTensor`
/// and `Normalize`.
///
/// # Errors
/// [`VisionError::Argument`] when `out` has another length or a standard deviation is not
/// positive.
pub fn normalise(
    picture: &Picture,
    mean: [f32; 3],
    std: [f32; 3],
    out: &mut [f32],
) -> Result<(), VisionError> {
    let pixels = picture.width() * picture.height();
    let argument = |expected, found| VisionError::Argument {
        operation: "normalise",
        expected,
        found,
    };
    if out.len() != pixels * 3 {
        return Err(argument(
            format!("room for {} numbers", pixels * 3),
            out.len().to_string(),
        ));
    }
    if !std.iter().all(|s| s.is_finite() && *s > 0.0) {
        return Err(argument(
            "positive standard deviations".to_owned(),
            format!("{std:?}"),
        ));
    }
    for (c, plane) in out.chunks_exact_mut(pixels).enumerate() {
        let table: [f32; 256] = std::array::from_fn(|v| (v as f32 / 255.0 - mean[c]) / std[c]);
        for (value, pixel) in plane.iter_mut().zip(picture.rgb().chunks_exact(3)) {
            *value = table[usize::from(pixel[c])];
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_come_one_after_the_other() {
        let p = Picture::from_fn(2, 2, |x, y| [(x + 2 * y) as u8 * 51, 255, 0]);
        let mut out = [9.0; 12];
        normalise(&p, [0.0, 0.5, 0.5], [1.0, 0.5, 0.25], &mut out).expect("it fits");
        let expected = [
            0.0, 0.2, 0.4, 0.6, 1.0, 1.0, 1.0, 1.0, -2.0, -2.0, -2.0, -2.0,
        ];
        for (got, expected) in out.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{out:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let p = Picture::solid(2, 2, [0; 3]);
        assert!(normalise(&p, IMAGENET_MEAN, IMAGENET_STD, &mut [0.0; 11]).is_err());
        assert!(normalise(&p, IMAGENET_MEAN, [1.0, 0.0, 1.0], &mut [0.0; 12]).is_err());
    }
}
