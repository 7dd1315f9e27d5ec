//! Sums of a few pixels' channels in registers: the only code here whose results depend on the processor.
//!
//! A tile is [`PIXELS`] pixels by 16, 32 or 48 output channels: at most 24 accumulators of 16 lanes
//! (AVX-512), the same tile in pieces of 12 accumulators of 8 lanes (AVX2 with FMA), or plain loops.
//! Which one runs is decided by the processor alone, and every sum has one order.

/// Pixels of a tile.
pub(super) const PIXELS: usize = 8;
/// Lanes of a vector of output channels.
pub(super) const LANES: usize = 16;
/// Most vectors of a tile.
pub(super) const VECTORS: usize = 3;
/// Output channels of the widest tile, and distance of the pixels in every tile's sums.
pub(super) const WIDTH: usize = LANES * VECTORS;

/// The sums of a tile, `WIDTH` apart.
pub(super) type Sums = [f32; PIXELS * WIDTH];

/// What a pixel sums over: for each of `starts`, `len` neighbouring values from that place on,
/// counted from the pixel's own.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) starts: Vec<usize>,
    pub(super) len: usize,
}

/// `sums[p][j] = sum over (s, k) of x[pixels[p] + starts[s] + k] * weights[s][k][j]` for
/// `16 * vectors` channels j; the others keep what they hold.
///
/// # Safety
/// `x` points at a buffer that holds every place that is read, and no other thread writes them.
pub(super) unsafe fn tile(
    vectors: usize,
    reach: &Reach,
    x: *const f32,
    pixels: &[usize; PIXELS],
    weights: &[f32],
    sums: &mut Sums,
) {
    assert!((1..=VECTORS).contains(&vectors));
    assert!(weights.len() >= reach.starts.len() * reach.len * vectors * LANES);
    // SAFETY: the caller promises the source; the weights were checked, and so is the processor.
    unsafe {
        let pixels = pixels.map(|place| x.add(place));
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return match vectors {
                    1 => x86::avx512::<1>(reach, pixels, weights, sums),
                    2 => x86::avx512::<2>(reach, pixels, weights, sums),
                    _ => x86::avx512::<3>(reach, pixels, weights, sums),
                };
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return x86::avx2(vectors, reach, pixels, weights, sums);
            }
        }
        plain(vectors, reach, pixels, weights, sums);
    }
}

/// [`tile`] without special instructions, one vector of one pixel at a time.
///
/// # Safety
/// As for [`tile`].
unsafe fn plain(
    vectors: usize,
    reach: &Reach,
    pixels: [*const f32; PIXELS],
    weights: &[f32],
    sums: &mut Sums,
) {
    let width = vectors * LANES;
    for (pixel, sums) in pixels.into_iter().zip(sums.chunks_exact_mut(WIDTH)) {
        for (v, sums) in sums[..width].chunks_exact_mut(LANES).enumerate() {
            let mut own = [0.0_f32; LANES];
            let mut rows = weights.chunks_exact(width);
            for start in &reach.starts {
                for (k, row) in (0..reach.len).zip(&mut rows) {
                    // SAFETY: as promised by the caller.
                    let x = unsafe { *pixel.add(start + k) };
                    for (sum, w) in own.iter_mut().zip(&row[v * LANES..]) {
                        *sum += x * w;
                    }
                }
            }
            sums.copy_from_slice(&own);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, PIXELS, Reach, Sums, WIDTH};
    use std::arch::x86_64::*;

    /// # Safety
    /// AVX-512F; otherwise as for [`super::tile`], with `V` vectors.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512<const V: usize>(
        reach: &Reach,
        pixels: [*const f32; PIXELS],
        weights: &[f32],
        sums: &mut Sums,
    ) {
        let mut w = weights.as_ptr();
        let mut all = [[_mm512_setzero_ps(); V]; PIXELS];
        for &start in &reach.starts {
            // SAFETY: as promised by the caller.
            let pixels = pixels.map(|pixel| unsafe { pixel.add(start) });
            for k in 0..reach.len {
                // SAFETY: as promised by the caller; the weights hold V vectors for each step.
                unsafe {
                    let row: [__m512; V] =
                        std::array::from_fn(|v| _mm512_loadu_ps(w.add(LANES * v)));
                    w = w.add(LANES * V);
                    for (sums, pixel) in all.iter_mut().zip(pixels) {
                        let x = _mm512_set1_ps(*pixel.add(k));
                        for (sum, w) in sums.iter_mut().zip(row) {
                            *sum = _mm512_fmadd_ps(x, w, *sum);
                        }
                    }
                }
            }
        }
        for (sums, own) in sums.chunks_exact_mut(WIDTH).zip(all) {
            for (sums, own) in sums.chunks_exact_mut(LANES).zip(own) {
                // SAFETY: sixteen values.
                unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), own) };
            }
        }
    }

    /// # Safety
    /// AVX2 and FMA; otherwise as for [`super::tile`].
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2(
        vectors: usize,
        reach: &Reach,
        pixels: [*const f32; PIXELS],
        weights: &[f32],
        sums: &mut Sums,
    ) {
        let width = vectors * LANES;
        for first in [0, 4] {
            let own: [*const f32; 4] = std::array::from_fn(|i| pixels[first + i]);
            let sums = &mut sums[first * WIDTH..][..4 * WIDTH];
            // SAFETY: as promised by the caller; the columns lie within the width.
            unsafe {
                if vectors == 3 {
                    for column in [0, 24] {
                        piece::<3>(reach, own, &weights[column..], width, &mut sums[column..]);
                    }
                } else {
                    for column in (0..width).step_by(16) {
                        piece::<2>(reach, own, &weights[column..], width, &mut sums[column..]);
                    }
                }
            }
        }
    }

    /// Four pixels by `8 V` channels of rows of weights that lie `width` apart.
    ///
    /// # Safety
    /// As for [`avx2`].
    #[target_feature(enable = "avx2,fma")]
    unsafe fn piece<const V: usize>(
        reach: &Reach,
        pixels: [*const f32; 4],
        weights: &[f32],
        width: usize,
        sums: &mut [f32],
    ) {
        let mut w = weights.as_ptr();
        let mut all = [[_mm256_setzero_ps(); V]; 4];
        for &start in &reach.starts {
            for k in start..start + reach.len {
                // SAFETY: as promised by the caller.
                unsafe {
                    let row: [__m256; V] = std::array::from_fn(|v| _mm256_loadu_ps(w.add(8 * v)));
                    w = w.wrapping_add(width);
                    for (sums, pixel) in all.iter_mut().zip(pixels) {
                        let x = _mm256_set1_ps(*pixel.add(k));
                        for (sum, w) in sums.iter_mut().zip(row) {
                            *sum = _mm256_fmadd_ps(x, w, *sum);
                        }
                    }
                }
            }
        }
        for (sums, own) in sums.chunks_mut(WIDTH).zip(all) {
            for (sums, own) in sums.chunks_exact_mut(8).zip(own) {
                // SAFETY: eight values.
                unsafe { _mm256_storeu_ps(sums.as_mut_ptr(), own) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * 37 + seed * 11) % 23) as f32 - 11.0)
            .collect()
    }

    // small whole numbers: every order of summation gives the exact sum
    #[test]
    fn every_kernel_of_this_processor_equals_the_plain_sums() {
        let x = ramp(400, 1);
        let pixels: [usize; PIXELS] = std::array::from_fn(|i| i * 17);
        for (starts, len) in [(vec![0], 1), (vec![3, 40, 90], 9), (vec![0, 7], 64)] {
            for vectors in 1..=VECTORS {
                let width = vectors * LANES;
                let weights = ramp(starts.len() * len * width, 2);
                let reach = Reach {
                    starts: starts.clone(),
                    len,
                };
                let mut expected = [7.0; PIXELS * WIDTH];
                for p in 0..PIXELS {
                    for j in 0..width {
                        let mut sum = 0.0;
                        for (s, start) in starts.iter().enumerate() {
                            for k in 0..len {
                                sum +=
                                    x[pixels[p] + start + k] * weights[(s * len + k) * width + j];
                            }
                        }
                        expected[p * WIDTH + j] = sum;
                    }
                }
                let mut found = [7.0; PIXELS * WIDTH];
                // SAFETY: 7 * 17 + 90 + 64 < 400.
                unsafe { tile(vectors, &reach, x.as_ptr(), &pixels, &weights, &mut found) };
                assert_eq!(found, expected);
                // SAFETY: as above.
                let own = pixels.map(|p| unsafe { x.as_ptr().add(p) });
                let mut found = [7.0; PIXELS * WIDTH];
                // SAFETY: as above.
                unsafe { plain(vectors, &reach, own, &weights, &mut found) };
                assert_eq!(found, expected);
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    let mut found = [7.0; PIXELS * WIDTH];
                    // SAFETY: as above, and the features were asked for.
                    unsafe { x86::avx2(vectors, &reach, own, &weights, &mut found) };
                    assert_eq!(found, expected);
                }
            }
        }
    }
}
