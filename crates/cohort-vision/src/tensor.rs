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
    let done = wide(picture.rgb(), mean, std, out);
    for (c, plane) in out.chunks_exact_mut(pixels).enumerate() {
        let table: [f32; 256] = std::array::from_fn(|v| (v as f32 / 255.0 - mean[c]) / std[c]);
        let rest = picture.rgb()[done * 3..].chunks_exact(3);
        for (value, pixel) in plane[done..].iter_mut().zip(rest) {
            *value = table[usize::from(pixel[c])];
        }
    }
    Ok(())
}

/// [`normalise`] for as many of the first pixels as wide registers serve; says how many.
fn wide(rgb: &[u8], mean: [f32; 3], std: [f32; 3], out: &mut [f32]) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        // far from where a quotient or its remainder would leave the range of normal numbers
        let usual =
            mean.iter().all(|m| m.abs() < 1e3) && std.iter().all(|s| (1e-3..1e3).contains(s));
        if usual && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA.
            return unsafe { x86::planes(rgb, mean, std, out) };
        }
    }
    let _ = (rgb, mean, std, out);
    0
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use crate::wide::x86::channel;

    /// What each value of a channel is normalised by.
    #[derive(Clone, Copy)]
    struct Line {
        mean: __m256,
        std: __m256,
        reciprocal: __m256,
    }

    /// One step from a quotient towards `x / by` by its remainder (Markstein 1990).
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn nearer(quotient: __m256, x: __m256, by: __m256, reciprocal: __m256) -> __m256 {
        let remainder = _mm256_fnmadd_ps(quotient, by, x);
        _mm256_fmadd_ps(remainder, reciprocal, quotient)
    }

    /// Eight of the bytes, normalised; both divisions are correctly rounded. A byte by 255 is after one step (the tests
    /// see all 256), any other after two: a neighbour of the true value, then the nearest.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn eight(bytes: __m128i, line: Line) -> __m256 {
        let v = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
        let (full, reciprocal) = (_mm256_set1_ps(255.0), _mm256_set1_ps(1.0 / 255.0));
        let share = nearer(_mm256_mul_ps(v, reciprocal), v, full, reciprocal);
        let x = _mm256_sub_ps(share, line.mean);
        let quotient = _mm256_mul_ps(x, line.reciprocal);
        let quotient = nearer(quotient, x, line.std, line.reciprocal);
        nearer(quotient, x, line.std, line.reciprocal)
    }

    /// Whole groups of 16 pixels; says how many pixels these are.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn planes(rgb: &[u8], mean: [f32; 3], std: [f32; 3], out: &mut [f32]) -> usize {
        let blocks = rgb.as_chunks::<48>().0;
        let (red, rest) = out.split_at_mut(rgb.len() / 3);
        let (green, blue) = rest.split_at_mut(rgb.len() / 3);
        for (c, plane) in [red, green, blue].into_iter().enumerate() {
            let line = Line {
                mean: _mm256_set1_ps(mean[c]),
                std: _mm256_set1_ps(std[c]),
                reciprocal: _mm256_set1_ps(1.0 / std[c]),
            };
            for (bytes, values) in blocks.iter().zip(plane.as_chunks_mut::<16>().0) {
                let bytes = channel(bytes, c);
                let first = eight(bytes, line);
                let second = eight(_mm_srli_si128::<8>(bytes), line);
                // SAFETY: sixteen values.
                unsafe {
                    _mm256_storeu_ps(values.as_mut_ptr(), first);
                    _mm256_storeu_ps(values.as_mut_ptr().add(8), second);
                }
            }
        }
        16 * blocks.len()
    }
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
    fn every_value_is_divided_exactly() {
        // 259 pixels: whole groups and a rest; every value in every channel
        let p = Picture::from_fn(37, 7, |x, y| {
            let v = 37 * y + x;
            [v as u8, (v + 85) as u8, (255 - v % 256) as u8]
        });
        let mut settings = vec![
            (IMAGENET_MEAN, IMAGENET_STD),
            ([0.5; 3], [128.0 / 255.0; 3]),
        ];
        settings.push(([0.0; 3], [1.0; 3]));
        settings.push(([1e20, 0.1, -3.0], [1e-30, 0.1, 999.0]));
        for i in 0..300 {
            let i = i as f32;
            settings.push((
                [i.sin(), i.cos(), 0.3 * i.sin()],
                [0.5 + 0.4 * (3.0 * i).sin(), 0.001 + i, 0.2 + 0.1 * i.cos()],
            ));
        }
        for (mean, std) in settings {
            let mut out = vec![0.0; 3 * 259];
            normalise(&p, mean, std, &mut out).expect("it fits");
            for (i, found) in out.iter().enumerate() {
                let [c, pixel] = [i / 259, i % 259];
                let expected = (f32::from(p.rgb()[3 * pixel + c]) / 255.0 - mean[c]) / std[c];
                assert_eq!(found.to_bits(), expected.to_bits(), "{mean:?} {std:?} {i}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let p = Picture::solid(2, 2, [0; 3]);
        assert!(normalise(&p, IMAGENET_MEAN, IMAGENET_STD, &mut [0.0; 11]).is_err());
        assert!(normalise(&p, IMAGENET_MEAN, [1.0, 0.0, 1.0], &mut [0.0; 12]).is_err());
    }
}
