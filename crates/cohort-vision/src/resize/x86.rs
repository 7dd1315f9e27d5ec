//! Both passes of resizing for AVX2.

use std::arch::x86_64::*;

use super::{HALF, PRECISION, Side};

/// Bytes that may be read behind the end of a row: its last pixel is read as the first of sixteen bytes.
pub(super) const BEHIND: usize = 16;

/// Bytes of two neighbouring pixels as 16-bit numbers, channel beside channel.
const PAIR: [i8; 16] = [0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1];
/// Three of every four bytes.
const PACK: [i8; 16] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1];

#[inline]
#[target_feature(enable = "avx2")]
fn both(mask: &[i8; 16]) -> __m256i {
    // SAFETY: sixteen bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(mask.as_ptr().cast()) })
}

/// Sums of products with the high and the low parts of weights, rounded.
#[inline]
#[target_feature(enable = "avx2")]
fn round(high: __m256i, low: __m256i) -> __m256i {
    let sum = _mm256_add_epi32(_mm256_slli_epi32::<8>(high), low);
    _mm256_srai_epi32::<{ PRECISION as i32 }>(sum)
}

/// A pixel of each of two rows, three numbers in either half.
///
/// # Safety
/// At both places all pairs of pixels and [`BEHIND`] bytes after the last pixel can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn pixel(first: *const u8, second: *const u8, pairs: &[[i32; 2]]) -> __m256i {
    let mask = both(&PAIR);
    let (mut high, mut low) = (_mm256_setzero_si256(), _mm256_set1_epi32(HALF));
    for (i, weights) in pairs.iter().enumerate() {
        // SAFETY: as the caller says.
        let (a, b) = unsafe {
            (
                _mm_loadu_si128(first.add(6 * i).cast()),
                _mm_loadu_si128(second.add(6 * i).cast()),
            )
        };
        let pair = _mm256_shuffle_epi8(_mm256_set_m128i(b, a), mask);
        let [a, b] = [_mm256_set1_epi32(weights[0]), _mm256_set1_epi32(weights[1])];
        high = _mm256_add_epi32(high, _mm256_madd_epi16(pair, a));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(pair, b));
    }
    round(high, low)
}

/// Four pixels of each of two rows, twelve bytes in either half.
#[inline]
#[target_feature(enable = "avx2")]
fn pack(pixels: [__m256i; 4]) -> [[u8; 16]; 2] {
    let [a, b, c, d] = pixels;
    let words = [_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d)];
    let bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(words[0], words[1]), both(&PACK));
    let mut packed = [[0; 16]; 2];
    // SAFETY: 32 bytes.
    unsafe { _mm256_storeu_si256(packed.as_mut_ptr().cast(), bytes) };
    packed
}

/// Twelve bytes, fewer at the end of a row.
#[inline]
fn copy(out: &mut [u8], bytes: &[u8; 16]) {
    if let Some(out) = out.first_chunk_mut::<12>() {
        out.copy_from_slice(&bytes[..12]);
    } else {
        out.copy_from_slice(&bytes[..out.len()]);
    }
}

/// Resizes two rows, each with [`BEHIND`] bytes behind it; `out` is the one result and then the other.
#[target_feature(enable = "avx2")]
pub(super) fn rows(side: &Side, first: &[u8], second: &[u8], out: &mut [u8]) {
    let (first_out, second_out) = out.split_at_mut(out.len() / 2);
    let half = side.count / 2;
    let room = 3 * side.from + BEHIND;
    assert!(first.len() >= room && second.len() >= room);
    let (first, second) = (first.as_ptr(), second.as_ptr());
    let outs = first_out.chunks_mut(12).zip(second_out.chunks_mut(12));
    let places = side
        .starts
        .chunks(4)
        .zip(side.used.chunks(4))
        .zip(side.pairs.chunks(4 * half));
    for (((starts, used), pairs), (first_out, second_out)) in places.zip(outs) {
        let mut pixels = [_mm256_setzero_si256(); 4];
        for (i, pixel) in pixels.iter_mut().enumerate().take(starts.len()) {
            let (at, pairs) = (3 * starts[i], &pairs[i * half..][..used[i]]);
            // SAFETY: a place's pairs that are used begin inside the row.
            *pixel = unsafe { self::pixel(first.add(at), second.add(at), pairs) };
        }
        let [a, b] = pack(pixels);
        copy(first_out, &a);
        copy(second_out, &b);
    }
}

/// A row of the result, at least 32 bytes, from pairs of the window's rows of the same length.
#[target_feature(enable = "avx2")]
pub(super) fn columns(window: &[u8], pairs: &[[i32; 2]], out: &mut [u8]) {
    let stride = out.len();
    assert!(stride >= 32 && window.len() >= 2 * pairs.len() * stride);
    let zero = _mm256_setzero_si256();
    let mut at = 0;
    loop {
        let mut high = [zero; 4];
        let mut low = [_mm256_set1_epi32(HALF); 4];
        for (i, weights) in pairs.iter().enumerate() {
            // SAFETY: 32 bytes of a row of the window each.
            let (a, b) = unsafe {
                let a = window.as_ptr().add(2 * i * stride + at);
                (
                    _mm256_loadu_si256(a.cast()),
                    _mm256_loadu_si256(a.add(stride).cast()),
                )
            };
            let (first, second) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
            let fours = [
                _mm256_unpacklo_epi8(first, zero),
                _mm256_unpackhi_epi8(first, zero),
                _mm256_unpacklo_epi8(second, zero),
                _mm256_unpackhi_epi8(second, zero),
            ];
            let [a, b] = [_mm256_set1_epi32(weights[0]), _mm256_set1_epi32(weights[1])];
            for ((four, high), low) in fours.into_iter().zip(&mut high).zip(&mut low) {
                *high = _mm256_add_epi32(*high, _mm256_madd_epi16(four, a));
                *low = _mm256_add_epi32(*low, _mm256_madd_epi16(four, b));
            }
        }
        let first = _mm256_packus_epi32(round(high[0], low[0]), round(high[1], low[1]));
        let second = _mm256_packus_epi32(round(high[2], low[2]), round(high[3], low[3]));
        // SAFETY: at most 32 bytes before the end.
        unsafe {
            let to = out.as_mut_ptr().add(at);
            _mm256_storeu_si256(to.cast(), _mm256_packus_epi16(first, second));
        }
        if at == stride - 32 {
            break;
        }
        // The last 32 bytes may be written twice.
        at = (at + 32).min(stride - 32);
    }
}
