//! Both passes of resizing for AVX2. Loops go over indices: iterators over several things at once are not unrolled here.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::{HALF, PRECISION, Side};

/// Bytes of two neighbouring pixels, the first and second of four or the third and fourth, as 16-bit numbers, channel
/// beside channel.
const PAIRS: [[i8; 16]; 2] = [
    [0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1],
    [6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1],
];
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

/// A pixel of each of four rows, two a vector, three numbers in either half, by the weights of `fours` times four
/// neighbours.
///
/// # Safety
/// At these places `12 * fours + 4` bytes can be read, and `2 * fours` pairs.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn pixel(rows: [*const u8; 4], pairs: *const [i32; 2], fours: usize) -> [__m256i; 2] {
    let mut high = [_mm256_setzero_si256(); 2];
    let mut low = [_mm256_set1_epi32(HALF); 2];
    for four in 0..fours {
        // SAFETY: as the caller says.
        let [first, second] = unsafe { [*pairs.add(2 * four), *pairs.add(2 * four + 1)] };
        for i in 0..2 {
            // SAFETY: as the caller says.
            let bytes = unsafe {
                _mm256_set_m128i(
                    _mm_loadu_si128(rows[2 * i + 1].add(12 * four).cast()),
                    _mm_loadu_si128(rows[2 * i].add(12 * four).cast()),
                )
            };
            let pair = _mm256_shuffle_epi8(bytes, both(&PAIRS[0]));
            let other = _mm256_shuffle_epi8(bytes, both(&PAIRS[1]));
            let products = _mm256_add_epi32(
                _mm256_madd_epi16(pair, _mm256_set1_epi32(first[0])),
                _mm256_madd_epi16(other, _mm256_set1_epi32(second[0])),
            );
            high[i] = _mm256_add_epi32(high[i], products);
            let products = _mm256_add_epi32(
                _mm256_madd_epi16(pair, _mm256_set1_epi32(first[1])),
                _mm256_madd_epi16(other, _mm256_set1_epi32(second[1])),
            );
            low[i] = _mm256_add_epi32(low[i], products);
        }
    }
    [round(high[0], low[0]), round(high[1], low[1])]
}

/// Bytes that may be read behind the end of a row, whatever the weights.
pub(super) fn behind(side: &Side) -> usize {
    3 * side.count + 4
}

/// Resizes four rows, each with [`behind`] bytes behind it, into four rows of `out`, one after the other, of
/// [`Side::stride`] bytes.
#[target_feature(enable = "avx2")]
pub(super) fn rows(side: &Side, rows: [&[u8]; 4], out: &mut [u8]) {
    if side.count == 4 {
        // compiled for itself, as the inner loop is none here
        rows_by::<true>(side, rows, out);
    } else {
        rows_by::<false>(side, rows, out);
    }
}

#[target_feature(enable = "avx2")]
fn rows_by<const ONE: bool>(side: &Side, rows: [&[u8]; 4], out: &mut [u8]) {
    let fours = if ONE { 1 } else { side.count / 4 };
    let (room, stride) = (3 * side.from + behind(side), side.stride());
    assert!(rows[0].len() >= room && rows[1].len() >= room);
    assert!(rows[2].len() >= room && rows[3].len() >= room);
    assert!(out.len() >= 4 * stride && stride == 3 * side.starts.len() + 4);
    assert!(side.pairs.len() >= 2 * fours * side.starts.len() && fours <= side.count / 4);
    let [a, b, c, d] = [
        rows[0].as_ptr(),
        rows[1].as_ptr(),
        rows[2].as_ptr(),
        rows[3].as_ptr(),
    ];
    let pack = both(&PACK);
    for (four, starts) in side.starts.as_chunks::<4>().0.iter().enumerate() {
        let mut pixels = [[_mm256_setzero_si256(); 2]; 4];
        for i in 0..4 {
            let at = 3 * starts[i];
            // SAFETY: a place starts inside the row, and has `2 * fours` pairs.
            pixels[i] = unsafe {
                let rows = [a.add(at), b.add(at), c.add(at), d.add(at)];
                pixel(
                    rows,
                    side.pairs.as_ptr().add(2 * fours * (4 * four + i)),
                    fours,
                )
            };
        }
        for i in 0..2 {
            let first = _mm256_packus_epi32(pixels[0][i], pixels[1][i]);
            let second = _mm256_packus_epi32(pixels[2][i], pixels[3][i]);
            let bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(first, second), pack);
            // SAFETY: the stride is twelve bytes for each four places and four more, and there are four rows.
            unsafe {
                let to = out.as_mut_ptr().add(2 * i * stride + 12 * four);
                let (first, second) = (
                    _mm256_castsi256_si128(bytes),
                    _mm256_extracti128_si256::<1>(bytes),
                );
                _mm_storeu_si128(to.cast(), first);
                _mm_storeu_si128(to.add(stride).cast(), second);
            }
        }
    }
}

/// A row of the result, at least 32 bytes, all of which are written, from pairs of the window's rows, `stride` bytes apart.
#[target_feature(enable = "avx2")]
pub(super) fn columns(
    window: &[u8],
    stride: usize,
    pairs: &[[i32; 2]],
    out: &mut [MaybeUninit<u8>],
) {
    let length = out.len();
    assert!(length >= 32 && stride >= length && window.len() >= 2 * pairs.len() * stride);
    let zero = _mm256_setzero_si256();
    let mut at = 0;
    loop {
        let mut high = [zero; 4];
        let mut low = [_mm256_set1_epi32(HALF); 4];
        let mut row = at;
        for weights in pairs {
            // SAFETY: 32 bytes of two rows of the window.
            let (a, b) = unsafe {
                let a = window.as_ptr().add(row);
                let b = a.add(stride);
                (_mm256_loadu_si256(a.cast()), _mm256_loadu_si256(b.cast()))
            };
            let (first, second) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
            let fours = [
                _mm256_unpacklo_epi8(first, zero),
                _mm256_unpackhi_epi8(first, zero),
                _mm256_unpacklo_epi8(second, zero),
                _mm256_unpackhi_epi8(second, zero),
            ];
            let [a, b] = [_mm256_set1_epi32(weights[0]), _mm256_set1_epi32(weights[1])];
            for i in 0..4 {
                high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(fours[i], a));
                low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(fours[i], b));
            }
            row += 2 * stride;
        }
        let first = _mm256_packus_epi32(round(high[0], low[0]), round(high[1], low[1]));
        let second = _mm256_packus_epi32(round(high[2], low[2]), round(high[3], low[3]));
        // SAFETY: at most 32 bytes before the end.
        unsafe {
            let to = out.as_mut_ptr().add(at);
            _mm256_storeu_si256(to.cast(), _mm256_packus_epi16(first, second));
        }
        if at == length - 32 {
            break;
        }
        // The last 32 bytes may be written twice.
        at = (at + 32).min(length - 32);
    }
}
