//! Loops for wide registers.

/// Calls `work` compiled for AVX2 where the processor has it, so that its plain loops use wide
/// registers. Rust never contracts or reorders float operations: the results are the same.
#[inline(always)]
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        unsafe fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { with_avx2(work) };
        }
    }
    work()
}

/// Pillow's luma of one pixel.
#[inline(always)]
fn luma_of_pixel(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

/// Pillow's luma of every pixel.
pub(crate) fn luma(rgb: &[u8], grey: &mut [u8]) {
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        done = unsafe { x86::luma(rgb, grey) };
    }
    let rest = rgb[3 * done..].as_chunks::<3>().0;
    for (grey, &[r, g, b]) in grey[done..].iter_mut().zip(rest) {
        *grey = luma_of_pixel(r, g, b);
    }
}

/// Pixels of a source of `width` columns from places `first + i * step` (column and row, 16.16 fixed point, all inside)
/// for i from 0, as far as wide registers serve; says how many pixels of `out` are done.
pub(crate) fn gather(
    source: &[u8],
    width: usize,
    first: [i32; 2],
    step: [i32; 2],
    out: &mut [u8],
) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { x86::gather(source, width, first, step, out) };
    }
    let _ = (source, width, first, step, out);
    0
}

/// Every value three times.
pub(crate) fn triple(values: &[u8], out: &mut [u8]) {
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        done = unsafe { x86::triple(values, out) };
    }
    let out = out[3 * done..].as_chunks_mut::<3>().0;
    for (out, &v) in out.iter_mut().zip(&values[done..]) {
        *out = [v; 3];
    }
}

/// Pillow's `Image.blend` of one value: `from + factor * (to - from)` in single precision, cut to
/// `0..=255` and truncated.
#[inline]
fn blend_one(from: u8, to: u8, factor: f32) -> u8 {
    // A float-to-integer cast truncates and saturates, which is Pillow's clipping.
    (f32::from(from) + factor * (i16::from(to) - i16::from(from)) as f32) as u8
}

/// Pillow's `Image.blend` of many values: each of `to` becomes `from + factor * (to - from)`.
pub(crate) fn blend(from: &[u8], to: &mut [u8], factor: f32) {
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        done = unsafe { x86::blend(from, to, factor) };
    }
    for (to, &from) in to[done..].iter_mut().zip(&from[done..]) {
        *to = blend_one(from, *to, factor);
    }
}

/// Closures given to functions of the standard library are not compiled into these ones, so there are none.
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    use std::arch::x86_64::*;

    /// Which bytes of three neighbouring vectors (16 pixels) are a channel's; 0x80 gives a zero.
    const CHANNEL: [[[u8; 16]; 3]; 3] = {
        let mut masks = [[[0x80; 16]; 3]; 3];
        let mut at = 0;
        while at < 48 {
            masks[at % 3][at / 16][at / 3] = (at % 16) as u8;
            at += 1;
        }
        masks
    };

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(bytes: &[u8; 16]) -> __m128i {
        // SAFETY: sixteen bytes.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(bytes: &mut [u8; 16], vector: __m128i) {
        // SAFETY: sixteen bytes.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), vector) }
    }

    /// One channel of 16 pixels.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn channel(bytes: &[u8; 48], c: usize) -> __m128i {
        let mut channel = _mm_setzero_si128();
        for (bytes, mask) in bytes.as_chunks::<16>().0.iter().zip(&CHANNEL[c]) {
            channel = _mm_or_si128(channel, _mm_shuffle_epi8(load(bytes), load(mask)));
        }
        channel
    }

    /// Whole groups of 16 values; says how many values these are.
    #[target_feature(enable = "avx2")]
    pub(super) fn triple(values: &[u8], out: &mut [u8]) -> usize {
        let masks = [
            _mm_setr_epi8(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5),
            _mm_setr_epi8(5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10),
            _mm_setr_epi8(
                10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15,
            ),
        ];
        let blocks = values.as_chunks::<16>().0;
        for (values, out) in blocks.iter().zip(out.as_chunks_mut::<48>().0) {
            for (mask, out) in masks.iter().zip(out.as_chunks_mut::<16>().0) {
                store(out, _mm_shuffle_epi8(load(values), *mask));
            }
        }
        16 * blocks.len()
    }

    /// Eight values blended, as whole numbers; those below 0 and what is no number are left for
    /// the packing to cut.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn blend_eight(from: &[u8; 8], to: &[u8; 8], factor: __m256) -> __m256i {
        // SAFETY: eight bytes each.
        let (from, to) = unsafe {
            (
                _mm_loadl_epi64(from.as_ptr().cast()),
                _mm_loadl_epi64(to.as_ptr().cast()),
            )
        };
        let (from, to) = (_mm256_cvtepu8_epi32(from), _mm256_cvtepu8_epi32(to));
        let difference = _mm256_cvtepi32_ps(_mm256_sub_epi32(to, from));
        let change = _mm256_mul_ps(factor, difference);
        let value = _mm256_add_ps(_mm256_cvtepi32_ps(from), change);
        _mm256_cvttps_epi32(_mm256_min_ps(_mm256_set1_ps(255.0), value))
    }

    /// Whole groups of 32 values; says how many values these are.
    #[target_feature(enable = "avx2")]
    pub(super) fn blend(from: &[u8], to: &mut [u8], factor: f32) -> usize {
        let factor = _mm256_set1_ps(factor);
        let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let mut done = 0;
        let blocks = from.as_chunks::<32>().0.iter();
        for (from, to) in blocks.zip(to.as_chunks_mut::<32>().0) {
            let [[f0, f1, f2, f3], [t0, t1, t2, t3]] = [eights(from), eights(to)];
            let first =
                _mm256_packs_epi32(blend_eight(f0, t0, factor), blend_eight(f1, t1, factor));
            let second =
                _mm256_packs_epi32(blend_eight(f2, t2, factor), blend_eight(f3, t3, factor));
            let bytes = _mm256_packus_epi16(first, second);
            let bytes = _mm256_permutevar8x32_epi32(bytes, in_order);
            // SAFETY: 32 bytes.
            unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), bytes) };
            done += 32;
        }
        done
    }

    #[inline]
    fn eights(bytes: &[u8; 32]) -> [&[u8; 8]; 4] {
        let (eights, _) = bytes.as_chunks::<8>();
        [&eights[0], &eights[1], &eights[2], &eights[3]]
    }

    /// Luma of eight pixels, given red beside green and green beside blue as 16-bit numbers.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn weigh(red_green: __m256i, green_blue: __m256i) -> __m256i {
        // Weights are signed 16-bit numbers, so green's 38470 is taken in two halves.
        let red_green = _mm256_madd_epi16(red_green, _mm256_set1_epi32(19235 << 16 | 19595));
        let green_blue = _mm256_madd_epi16(green_blue, _mm256_set1_epi32(7471 << 16 | 19235));
        let sum = _mm256_add_epi32(red_green, green_blue);
        _mm256_srli_epi32::<16>(_mm256_add_epi32(sum, _mm256_set1_epi32(0x8000)))
    }

    /// Whole groups of 16 pixels; says how many pixels these are.
    #[target_feature(enable = "avx2")]
    pub(super) fn luma(rgb: &[u8], grey: &mut [u8]) -> usize {
        let blocks = rgb.as_chunks::<48>().0;
        for (bytes, grey) in blocks.iter().zip(grey.as_chunks_mut::<16>().0) {
            let r = _mm256_cvtepu8_epi16(channel(bytes, 0));
            let g = _mm256_cvtepu8_epi16(channel(bytes, 1));
            let b = _mm256_cvtepu8_epi16(channel(bytes, 2));
            let low = weigh(_mm256_unpacklo_epi16(r, g), _mm256_unpacklo_epi16(g, b));
            let high = weigh(_mm256_unpackhi_epi16(r, g), _mm256_unpackhi_epi16(g, b));
            let words = _mm256_packus_epi32(low, high);
            let first = _mm256_castsi256_si128(words);
            let second = _mm256_extracti128_si256::<1>(words);
            store(grey, _mm_packus_epi16(first, second));
        }
        16 * blocks.len()
    }

    /// Groups of eight pixels from places on a line, in 16.16 fixed point; says how many pixels these are.
    #[target_feature(enable = "avx2")]
    pub(super) fn gather(
        source: &[u8],
        width: usize,
        first: [i32; 2],
        step: [i32; 2],
        out: &mut [u8],
    ) -> usize {
        // Four bytes are read at each place, so the last pixel of all is left to the caller.
        let (Some(last), Ok(stride)) = (source.len().checked_sub(4), i32::try_from(3 * width))
        else {
            return 0;
        };
        let Ok(last) = i32::try_from(last) else {
            return 0;
        };
        let (mut x, mut y) = (line(first[0], step[0]), line(first[1], step[1]));
        let dx = _mm256_set1_epi32(step[0].wrapping_mul(8));
        let dy = _mm256_set1_epi32(step[1].wrapping_mul(8));
        let (last, stride) = (_mm256_set1_epi32(last), _mm256_set1_epi32(stride));
        let mut done = 0;
        // Each pixel is written with a byte more, which the next one is written over.
        while let Some(out) = out.get_mut(3 * done..3 * done + 25) {
            let (column, row) = (_mm256_srai_epi32::<16>(x), _mm256_srai_epi32::<16>(y));
            let three = _mm256_add_epi32(column, _mm256_add_epi32(column, column));
            let place = _mm256_add_epi32(_mm256_mullo_epi32(row, stride), three);
            let outside = _mm256_or_si256(_mm256_cmpgt_epi32(place, last), place);
            if _mm256_movemask_ps(_mm256_castsi256_ps(outside)) != 0 {
                break;
            }
            // Eight loads of four bytes are quicker than a gather instruction.
            // SAFETY: both are eight numbers of 32 bits, none of them negative.
            let places: [u32; 8] = unsafe { std::mem::transmute(place) };
            for (i, at) in places.into_iter().enumerate() {
                // SAFETY: every place is from 0 to four bytes before the end of the source; the output has four bytes
                // from each pixel on.
                unsafe {
                    let pixel = source
                        .as_ptr()
                        .add(at as usize)
                        .cast::<u32>()
                        .read_unaligned();
                    out.as_mut_ptr()
                        .add(3 * i)
                        .cast::<u32>()
                        .write_unaligned(pixel);
                }
            }
            x = _mm256_add_epi32(x, dx);
            y = _mm256_add_epi32(y, dy);
            done += 8;
        }
        done
    }

    /// The first eight numbers of an arithmetic progression.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn line(first: i32, step: i32) -> __m256i {
        let steps = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let steps = _mm256_mullo_epi32(steps, _mm256_set1_epi32(step));
        _mm256_add_epi32(_mm256_set1_epi32(first), steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Dice;

    #[test]
    fn wide_registers_give_what_single_values_give() {
        let mut dice = Dice::new(8);
        for pixels in [0, 1, 10, 15, 16, 17, 100] {
            let mut bytes = || -> Vec<u8> {
                let values = (0..3 * pixels).map(|_| dice.below(256) as u8);
                values.collect()
            };
            let (rgb, from) = (bytes(), bytes());
            let mut grey = vec![0; pixels];
            luma(&rgb, &mut grey);
            let expected = rgb.chunks(3).map(|p| {
                let [r, g, b] = [p[0], p[1], p[2]].map(u32::from);
                ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8
            });
            assert_eq!(grey, expected.collect::<Vec<u8>>());
            let mut thrice = vec![0; 3 * pixels];
            triple(&grey, &mut thrice);
            assert!(thrice.iter().enumerate().all(|(i, &v)| v == grey[i / 3]));
            for factor in [0.0, 0.3, 1.0, 1.99, -4.0, 1e30, f32::INFINITY, f32::NAN] {
                let mut blended = rgb.clone();
                blend(&from, &mut blended, factor);
                for ((&found, &from), &to) in blended.iter().zip(&from).zip(&rgb) {
                    assert_eq!(found, blend_one(from, to, factor), "{from} {to} {factor}");
                }
            }
        }
    }
}
