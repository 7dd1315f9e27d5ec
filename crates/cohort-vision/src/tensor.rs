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
        let done = wide(picture.rgb(), c, mean[c], std[c], &table, plane);
        let rest = picture.rgb()[done * 3..].as_chunks::<3>().0;
        for (value, pixel) in plane[done..].iter_mut().zip(rest) {
            *value = table[usize::from(pixel[c])];
        }
    }
    Ok(())
}

/// [`normalise`] of channel `c` for as many of the first pixels as wide registers serve; says how many. `table` has what
/// becomes of each value.
fn wide(rgb: &[u8], c: usize, mean: f32, std: f32, table: &[f32; 256], plane: &mut [f32]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA.
        return unsafe { x86::plane(rgb, c, mean, std, table, plane) };
    }
    let _ = (rgb, c, mean, std, table, plane);
    0
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use crate::wide::x86::channel;

    /// A divisor's reciprocal in two parts, which add up to far more digits than one number has.
    #[derive(Clone, Copy)]
    struct Reciprocal {
        high: __m256,
        low: __m256,
    }

    impl Reciprocal {
        #[inline]
        #[target_feature(enable = "avx2,fma")]
        fn of(divisor: f32) -> Self {
            let whole = 1.0 / f64::from(divisor);
            let high = whole as f32;
            let low = (whole - f64::from(high)) as f32;
            Self {
                high: _mm256_set1_ps(high),
                low: _mm256_set1_ps(low),
            }
        }

        /// `x` by the divisor, rounded correctly unless the quotient is extremely near the middle of two numbers.
        #[inline]
        #[target_feature(enable = "avx2,fma")]
        fn divide(self, x: __m256) -> __m256 {
            _mm256_fmadd_ps(x, self.high, _mm256_mul_ps(x, self.low))
        }
    }

    /// How the values of a channel are normalised, without dividing.
    #[derive(Clone, Copy)]
    struct Line {
        full: Reciprocal,
        mean: __m256,
        std: Reciprocal,
    }

    impl Line {
        /// Eight of the bytes, normalised.
        #[inline]
        #[target_feature(enable = "avx2,fma")]
        fn eight(self, bytes: __m128i) -> __m256 {
            let v = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
            let x = _mm256_sub_ps(self.full.divide(v), self.mean);
            self.std.divide(x)
        }

        /// Whether all 256 values become what the table says, to the bit.
        #[target_feature(enable = "avx2,fma")]
        fn gives(self, table: &[f32; 256]) -> bool {
            let mut bytes = _mm_cvtsi64_si128(i64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]));
            let mut same = _mm256_set1_epi32(-1);
            for expected in table.as_chunks::<8>().0 {
                let found = _mm256_castps_si256(self.eight(bytes));
                // SAFETY: eight values.
                let expected = unsafe { _mm256_loadu_si256(expected.as_ptr().cast()) };
                same = _mm256_and_si256(same, _mm256_cmpeq_epi32(found, expected));
                bytes = _mm_add_epi8(bytes, _mm_set1_epi8(8));
            }
            _mm256_movemask_epi8(same) == -1
        }
    }

    /// Whole groups of 16 pixels, if the channel's values can be found without dividing; says how many pixels are done.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn plane(
        rgb: &[u8],
        c: usize,
        mean: f32,
        std: f32,
        table: &[f32; 256],
        plane: &mut [f32],
    ) -> usize {
        let line = Line {
            full: Reciprocal::of(255.0),
            mean: _mm256_set1_ps(mean),
            std: Reciprocal::of(std),
        };
        let blocks = rgb.as_chunks::<48>().0;
        if blocks.is_empty() || !line.gives(table) {
            return 0;
        }
        for (bytes, values) in blocks.iter().zip(plane.as_chunks_mut::<16>().0) {
            let bytes = channel(bytes, c);
            let first = line.eight(bytes);
            let second = line.eight(_mm_srli_si128::<8>(bytes));
            // SAFETY: sixteen values.
            unsafe {
                _mm256_storeu_ps(values.as_mut_ptr(), first);
                _mm256_storeu_ps(values.as_mut_ptr().add(8), second);
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
    fn usual_settings_need_no_division() {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            let p = Picture::solid(16, 1, [0; 3]);
            for (mean, std) in [(IMAGENET_MEAN, IMAGENET_STD), ([0.5; 3], [0.5; 3])] {
                for c in 0..3 {
                    let table = std::array::from_fn(|v| (v as f32 / 255.0 - mean[c]) / std[c]);
                    let done = wide(p.rgb(), c, mean[c], std[c], &table, &mut [0.0; 16]);
                    assert_eq!(done, 16, "{mean:?} {std:?} {c}");
                }
            }
            return;
        }
        println!("skipped: this processor has no wide registers");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let p = Picture::solid(2, 2, [0; 3]);
        assert!(normalise(&p, IMAGENET_MEAN, IMAGENET_STD, &mut [0.0; 11]).is_err());
        assert!(normalise(&p, IMAGENET_MEAN, [1.0, 0.0, 1.0], &mut [0.0; 12]).is_err());
    }
}
