//! Inner products and distances of rows: many rows by many as tiles, or one row by one.
//!
//! Rows are packed so that a tile of [`TILE_ROWS`] by [`TILE_COLUMNS`] inner products stays in registers; whoever wants
//! the nearest of many looks at each tile while it is in the first cache, so that no matrix of distances is ever written.
//! Every sum has one order, whatever the number of threads.

use crate::layers::tile;
use crate::wide;

/// Rows of a tile.
pub const TILE_ROWS: usize = 8;
/// Columns of a tile.
pub const TILE_COLUMNS: usize = 48;

/// Values of a row that are turned at a time.
const TURNED: usize = 16;

/// Rows packed in groups of `WIDTH`: value `k` of row `r` of a group lies at `k * WIDTH + r`; missing rows are zeros.
#[derive(Debug, Clone, Default)]
pub struct Packed<const WIDTH: usize> {
    depth: usize,
    rows: usize,
    values: Vec<f32>,
}

impl<const WIDTH: usize> Packed<WIDTH> {
    /// Packs rows of `depth` values, each less `shift`, which is as long; what was packed before is forgotten.
    ///
    /// # Panics
    /// When a row or the shift is shorter than `depth`: a mistake of the caller.
    pub fn fill<'a>(
        &mut self,
        depth: usize,
        rows: impl ExactSizeIterator<Item = &'a [f32]>,
        shift: &[f32],
    ) {
        self.depth = depth;
        self.rows = rows.len();
        let groups = self.rows.div_ceil(WIDTH);
        if self.rows % WIDTH != 0 || self.values.len() != groups * depth * WIDTH {
            self.values.clear();
            self.values.resize(groups * depth * WIDTH, 0.0);
        }
        let shift = &shift[..depth];
        for (i, row) in rows.enumerate() {
            let group = &mut self.values[i / WIDTH * depth * WIDTH..][..depth * WIDTH];
            let row = &row[..depth];
            let lines = group.chunks_mut(TURNED * WIDTH);
            for ((lines, row), shift) in lines.zip(row.chunks(TURNED)).zip(shift.chunks(TURNED)) {
                let places = lines[i % WIDTH..].iter_mut().step_by(WIDTH);
                for ((place, v), s) in places.zip(row).zip(shift) {
                    *place = v - s;
                }
            }
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.rows.div_ceil(WIDTH)
    }

    fn group(&self, group: usize) -> &[f32] {
        &self.values[group * self.depth * WIDTH..][..self.depth * WIDTH]
    }
}

/// `out[i][j]` becomes the inner product of row `i` of a group of `a` with row `j` of a group of `b`.
///
/// # Panics
/// When the depths differ or there are no such groups: a mistake of the caller.
pub fn inner_products(
    a: (&Packed<TILE_ROWS>, usize),
    b: (&Packed<TILE_COLUMNS>, usize),
    out: &mut [f32; TILE_ROWS * TILE_COLUMNS],
) {
    assert_eq!(a.0.depth, b.0.depth);
    tile(a.0.depth, a.0.group(a.1), b.0.group(b.1), out);
}

/// Each of `line` becomes `base + add + times * line`; returns the least of them.
///
/// # Panics
/// When the lengths differ: a mistake of the caller.
pub fn scale_line(
    line: &mut [f32],
    base: f32,
    add: &[f32; TILE_COLUMNS],
    times: &[f32; TILE_COLUMNS],
) -> f32 {
    let line: &mut [f32; TILE_COLUMNS] = line.try_into().expect("a line of a tile");
    wide(|| {
        let mut least = [f32::INFINITY; 16];
        for part in 0..TILE_COLUMNS / 16 {
            for lane in 0..16 {
                let at = part * 16 + lane;
                let key = (base + add[at]) + times[at] * line[at];
                line[at] = key;
                least[lane] = if key < least[lane] { key } else { least[lane] };
            }
        }
        least
            .into_iter()
            .fold(f32::INFINITY, |a, b| if b < a { b } else { a })
    })
}

/// Inner product of two rows of one length.
pub fn inner_product(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F, and both rows are as long.
            return unsafe { x86::inner_product_512(a, b) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA, and both rows are as long.
            return unsafe { x86::inner_product_256(a, b) };
        }
    }
    sum(a, b, |a, b| a * b)
}

/// Squared Euclidean distance of two rows of one length.
pub fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F, and both rows are as long.
            return unsafe { x86::squared_distance_512(a, b) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA, and both rows are as long.
            return unsafe { x86::squared_distance_256(a, b) };
        }
    }
    sum(a, b, |a, b| (a - b) * (a - b))
}

/// Sum of the absolute differences of two rows of one length.
pub fn absolute_distance(a: &[f32], b: &[f32]) -> f32 {
    wide(|| sum(a, b, |a, b| (a - b).abs()))
}

/// Largest absolute difference of two rows of one length; 0 of empty ones.
pub fn largest_distance(a: &[f32], b: &[f32]) -> f32 {
    wide(|| {
        let mut lanes = [0.0_f32; 32];
        let ((a32, a), (b32, b)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
        for (a, b) in a32.iter().zip(b32) {
            for i in 0..32 {
                let d = (a[i] - b[i]).abs();
                lanes[i] = if d > lanes[i] { d } else { lanes[i] };
            }
        }
        let rest = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        rest.chain(lanes)
            .fold(0.0, |a, b| if b > a { b } else { a })
    })
}

/// Squared Euclidean distance of two rows of codes of one length, at most `u32::MAX`.
pub fn squared_distance_of_codes(a: &[u8], b: &[u8]) -> u32 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw") {
            // SAFETY: the processor has AVX-512BW, and both rows are as long.
            return unsafe { x86::of_codes_512(a, b) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, and both rows are as long.
            return unsafe { x86::of_codes_256(a, b) };
        }
    }
    saturated(squares_of_codes(a, b))
}

/// Sum of the absolute differences of two rows of codes of one length, at most `u32::MAX`.
pub fn absolute_distance_of_codes(a: &[u8], b: &[u8]) -> u32 {
    let sum = |(a, b): (&[u8], &[u8])| -> u64 {
        let terms = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)));
        u64::from(terms.sum::<u32>())
    };
    wide(|| saturated(a.chunks(1024).zip(b.chunks(1024)).map(sum).sum()))
}

/// Largest absolute difference of two rows of codes of one length.
pub fn largest_distance_of_codes(a: &[u8], b: &[u8]) -> u32 {
    wide(|| {
        let terms = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
        u32::from(terms.fold(0, u8::max))
    })
}

fn squares_of_codes(a: &[u8], b: &[u8]) -> u64 {
    let terms = a
        .iter()
        .zip(b)
        .map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2));
    terms.map(u64::from).sum()
}

fn saturated(sum: u64) -> u32 {
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Asks for a row's first lines of memory before it is needed.
#[inline]
pub fn prefetch(row: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // the rest of the row follows by itself
        for line in row.chunks(64).take(8) {
            // SAFETY: a hint about memory that is borrowed.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

#[inline(always)]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; 32];
    let ((a32, a), (b32, b)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    for (a, b) in a32.iter().zip(b32) {
        for i in 0..32 {
            lanes[i] += term(a[i], b[i]);
        }
    }
    for ((a, b), lane) in a.iter().zip(b).zip(&mut lanes) {
        *lane += term(*a, *b);
    }
    let mut width = 16;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{saturated, squares_of_codes};
    use std::arch::x86_64::*;

    /// Values that are summed in 32 bits before they go into 64: `2^14 * 255^2 < 2^31`, over 8 lanes or more.
    const PART: usize = 1 << 14;

    /// # Safety
    /// AVX-512BW; `b` is as long as `a`.
    #[target_feature(enable = "avx512bw")]
    pub(super) unsafe fn of_codes_512(a: &[u8], b: &[u8]) -> u32 {
        let mut all = 0_u64;
        for (a, b) in a.chunks(PART).zip(b.chunks(PART)) {
            let mut sums = [_mm512_setzero_si512(); 2];
            let whole = a.len() / 64 * 64;
            for at in (0..whole).step_by(64) {
                for (half, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: every place that is read lies below the length.
                    let (x, y) = unsafe {
                        (
                            _mm256_loadu_si256(a.as_ptr().add(at + 32 * half).cast()),
                            _mm256_loadu_si256(b.as_ptr().add(at + 32 * half).cast()),
                        )
                    };
                    let d = _mm512_sub_epi16(_mm512_cvtepu8_epi16(x), _mm512_cvtepu8_epi16(y));
                    *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(d, d));
                }
            }
            let sum = _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]));
            all += u64::from(sum as u32) + squares_of_codes(&a[whole..], &b[whole..]);
        }
        saturated(all)
    }

    /// # Safety
    /// AVX2; `b` is as long as `a`.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn of_codes_256(a: &[u8], b: &[u8]) -> u32 {
        let mut all = 0_u64;
        for (a, b) in a.chunks(PART).zip(b.chunks(PART)) {
            let mut sums = [_mm256_setzero_si256(); 2];
            let whole = a.len() / 32 * 32;
            for at in (0..whole).step_by(32) {
                for (half, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: every place that is read lies below the length.
                    let (x, y) = unsafe {
                        (
                            _mm_loadu_si128(a.as_ptr().add(at + 16 * half).cast()),
                            _mm_loadu_si128(b.as_ptr().add(at + 16 * half).cast()),
                        )
                    };
                    let d = _mm256_sub_epi16(_mm256_cvtepu8_epi16(x), _mm256_cvtepu8_epi16(y));
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(d, d));
                }
            }
            let mut lanes = [0_u32; 8];
            // SAFETY: eight values.
            unsafe {
                let sum = _mm256_add_epi32(sums[0], sums[1]);
                _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sum);
            }
            all += lanes.iter().map(|lane| u64::from(*lane)).sum::<u64>();
            all += squares_of_codes(&a[whole..], &b[whole..]);
        }
        saturated(all)
    }

    macro_rules! of_512 {
        ($name:ident, |$a:ident, $b:ident, $sum:ident| $step:expr) => {
            /// # Safety
            /// AVX-512F; `b` is as long as `a`.
            #[target_feature(enable = "avx512f")]
            pub(super) unsafe fn $name(a: &[f32], b: &[f32]) -> f32 {
                let mut sums = [_mm512_setzero_ps(); 4];
                let (n, (p, q)) = (a.len(), (a.as_ptr(), b.as_ptr()));
                let mut at = 0;
                // SAFETY: every place that is read lies below n.
                unsafe {
                    while at + 64 <= n {
                        for (lane, $sum) in sums.iter_mut().enumerate() {
                            let $a = _mm512_loadu_ps(p.add(at + 16 * lane));
                            let $b = _mm512_loadu_ps(q.add(at + 16 * lane));
                            *$sum = $step;
                        }
                        at += 64;
                    }
                    while at < n {
                        let mask = if n - at < 16 {
                            (1 << (n - at)) - 1
                        } else {
                            u16::MAX
                        };
                        let $a = _mm512_maskz_loadu_ps(mask, p.add(at));
                        let $b = _mm512_maskz_loadu_ps(mask, q.add(at));
                        let $sum = &mut sums[0];
                        *$sum = $step;
                        at += 16;
                    }
                }
                let [a, b, c, d] = sums;
                _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)))
            }
        };
    }

    of_512!(inner_product_512, |a, b, sum| _mm512_fmadd_ps(a, b, *sum));
    of_512!(squared_distance_512, |a, b, sum| {
        let d = _mm512_sub_ps(a, b);
        _mm512_fmadd_ps(d, d, *sum)
    });

    macro_rules! of_256 {
        ($name:ident, |$a:ident, $b:ident, $sum:ident| $step:expr, $rest:expr) => {
            /// # Safety
            /// AVX2 and FMA; `b` is as long as `a`.
            #[target_feature(enable = "avx2,fma")]
            pub(super) unsafe fn $name(a: &[f32], b: &[f32]) -> f32 {
                let mut sums = [_mm256_setzero_ps(); 4];
                let whole = a.len() / 32 * 32;
                let (p, q) = (a.as_ptr(), b.as_ptr());
                for at in (0..whole).step_by(32) {
                    for (lane, $sum) in sums.iter_mut().enumerate() {
                        // SAFETY: every place that is read lies below the length.
                        let ($a, $b) = unsafe {
                            (
                                _mm256_loadu_ps(p.add(at + 8 * lane)),
                                _mm256_loadu_ps(q.add(at + 8 * lane)),
                            )
                        };
                        *$sum = $step;
                    }
                }
                let [s, t, u, v] = sums;
                let all = _mm256_add_ps(_mm256_add_ps(s, t), _mm256_add_ps(u, v));
                let mut lanes = [0.0_f32; 8];
                // SAFETY: eight values.
                unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), all) };
                let rest: f32 = a[whole..].iter().zip(&b[whole..]).map($rest).sum();
                lanes.iter().sum::<f32>() + rest
            }
        };
    }

    of_256!(
        inner_product_256,
        |a, b, sum| _mm256_fmadd_ps(a, b, *sum),
        |(a, b)| a * b
    );
    of_256!(
        squared_distance_256,
        |a, b, sum| {
            let d = _mm256_sub_ps(a, b);
            _mm256_fmadd_ps(d, d, *sum)
        },
        |(a, b)| (a - b) * (a - b)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, depth: usize, seed: f32) -> Vec<Vec<f32>> {
        let value = |i: usize| (i as f32 * seed).sin() * 3.0;
        (0..n)
            .map(|r| (0..depth).map(|k| value(r * depth + k + 1)).collect())
            .collect()
    }

    #[test]
    fn tiles_meet_the_plain_sum_at_any_size() {
        for (m, n, depth) in [(1, 1, 1), (9, 50, 17), (16, 96, 512), (3, 47, 64)] {
            let (a, b) = (rows(m, depth, 0.37), rows(n, depth, 0.11));
            let shift: Vec<f32> = (0..depth).map(|k| (k as f32).cos()).collect();
            let (mut pa, mut pb) = (Packed::default(), Packed::default());
            // buffers that held something else before
            pa.fill(
                depth,
                rows(2 * m, depth, 0.5).iter().map(Vec::as_slice),
                &shift,
            );
            pb.fill(depth, rows(n, depth, 0.9).iter().map(Vec::as_slice), &shift);
            pa.fill(depth, a.iter().map(Vec::as_slice), &shift);
            pb.fill(depth, b.iter().map(Vec::as_slice), &shift);
            let mut out = [0.0; TILE_ROWS * TILE_COLUMNS];
            for (i, a) in a.iter().enumerate() {
                for (j, b) in b.iter().enumerate() {
                    inner_products((&pa, i / TILE_ROWS), (&pb, j / TILE_COLUMNS), &mut out);
                    let found = out[i % TILE_ROWS * TILE_COLUMNS + j % TILE_COLUMNS];
                    let terms = a.iter().zip(b).zip(&shift);
                    let exact: f64 = terms
                        .map(|((a, b), s)| f64::from(a - s) * f64::from(b - s))
                        .sum();
                    let bound = 1e-5 * depth as f64;
                    assert!(
                        (f64::from(found) - exact).abs() < bound,
                        "{i} {j}: {found} {exact}"
                    );
                }
            }
        }
    }

    #[test]
    fn distances_meet_the_plain_sum_at_any_length() {
        type Case = (fn(&[f32], &[f32]) -> f32, fn(f64, f64) -> f64, bool);
        let cases: [Case; 4] = [
            (inner_product, |a, b| a * b, false),
            (squared_distance, |a, b| (a - b) * (a - b), false),
            (absolute_distance, |a, b| (a - b).abs(), false),
            (largest_distance, |a, b| (a - b).abs(), true),
        ];
        for depth in [
            0, 1, 2, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 100, 511, 512, 1000,
        ] {
            let a: Vec<f32> = rows(1, depth, 0.7).concat();
            let b: Vec<f32> = rows(1, depth, 0.2).concat();
            for (which, (found, term, largest)) in cases.iter().enumerate() {
                let terms = a
                    .iter()
                    .zip(&b)
                    .map(|(a, b)| term(f64::from(*a), f64::from(*b)));
                let exact: f64 = match largest {
                    true => terms.fold(0.0, f64::max),
                    false => terms.sum(),
                };
                let found = f64::from(found(&a, &b));
                assert!(
                    (found - exact).abs() < 1e-5 * (depth as f64 + 1.0),
                    "{which} {depth}"
                );
            }
        }
    }

    #[test]
    fn distances_of_codes_meet_the_plain_sum_at_any_length() {
        for depth in [0, 1, 31, 32, 63, 64, 65, 512, 16_384, 16_385, 70_000] {
            let a: Vec<u8> = (0..depth).map(|i| (i * 37 % 256) as u8).collect();
            let b: Vec<u8> = (0..depth).map(|i| (255 - i * 91 % 256) as u8).collect();
            for b in [&b, &a, &vec![0; depth]] {
                let apart = || a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)));
                let squares = saturated(apart().map(|d| d * d).sum());
                assert_eq!(squared_distance_of_codes(&a, b), squares, "{depth}");
                assert_eq!(u64::from(absolute_distance_of_codes(&a, b)), apart().sum());
                let largest = apart().max().unwrap_or(0);
                assert_eq!(u64::from(largest_distance_of_codes(&a, b)), largest);
            }
        }
        let (zeros, ones) = (vec![0; 70_000], vec![255; 70_000]);
        assert_eq!(squared_distance_of_codes(&zeros, &ones), u32::MAX);
    }

    #[test]
    fn a_line_is_scaled_and_its_least_is_told() {
        let mut line: Vec<f32> = (0..TILE_COLUMNS).map(|i| i as f32).collect();
        let mut add = [0.0; TILE_COLUMNS];
        add[7] = 100.0;
        let mut times = [1.0; TILE_COLUMNS];
        times[40] = -2.0;
        assert_eq!(scale_line(&mut line, 0.5, &add, &times), -79.5);
        assert_eq!((line[7], line[40], line[1]), (107.5, -79.5, 1.5));
    }
}
