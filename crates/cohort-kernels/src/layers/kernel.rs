//! Inner products in registers: the only code that depends on the processor.
//!
//! Two shapes of tile keep 24 accumulators of 16 lanes busy (AVX-512), or the same tile cut into
//! pieces of 12 accumulators of 8 lanes (AVX2 with FMA), or plain loops elsewhere. Which one runs is
//! decided by the processor alone, so results on one machine do not depend on the thread count.

/// Rows of a [`tile`]: output channels.
pub(super) const MR: usize = 8;
/// Columns of a [`tile`]: pixels.
pub(super) const NR: usize = 48;
/// Rows of a [`tile_of_rows`]: (input channel, tap) pairs.
pub(super) const WM: usize = 12;
/// Columns of a [`tile_of_rows`]: output channels.
pub(super) const WN: usize = 32;

/// A stretch of neighbouring pixels in a padded plane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Place of the first pixel.
    pub(super) source: usize,
    /// Number of pixels.
    pub(super) len: usize,
}

/// `out[i][j] = sum over k of a[k][i] * b[k][j]` for `a` of `[depth, MR]`, `b` of `[depth, NR]`.
pub(crate) fn tile(depth: usize, a: &[f32], b: &[f32], out: &mut [f32; MR * NR]) {
    assert!(a.len() >= depth * MR && b.len() >= depth * NR);
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F, and the lengths were checked.
            return unsafe { x86::tile_avx512(depth, a.as_ptr(), b.as_ptr(), out.as_mut_ptr()) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA, and the lengths were checked.
            return unsafe { x86::tile_avx2(depth, a.as_ptr(), b.as_ptr(), out.as_mut_ptr()) };
        }
    }
    tile_plain(depth, a, b, out);
}

/// `out[i][j] = sum over the pixels p of all runs of x[rows[i] + p] * b[p][j]`, where `b` is
/// `[pixels, WN]` in the order of the runs.
pub(super) fn tile_of_rows(
    rows: &[usize; WM],
    runs: &[Run],
    x: &[f32],
    b: &[f32],
    out: &mut [f32; WM * WN],
) {
    let pixels: usize = runs.iter().map(|run| run.len).sum();
    let end = runs.iter().map(|run| run.source + run.len).max();
    let last = rows.iter().max().copied().unwrap_or(0) + end.unwrap_or(0);
    assert!(last <= x.len() && b.len() >= pixels * WN);
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F, and every place read was checked.
            return unsafe { x86::rows_avx512(rows, runs, x.as_ptr(), b.as_ptr(), out) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA, and every place read was checked.
            return unsafe { x86::rows_avx2(rows, runs, x.as_ptr(), b.as_ptr(), out) };
        }
    }
    rows_plain(rows, runs, x, b, out);
}

/// [`tile`] without special instructions, four rows by sixteen columns at a time.
fn tile_plain(depth: usize, a: &[f32], b: &[f32], out: &mut [f32; MR * NR]) {
    for i in (0..MR).step_by(4) {
        for j in (0..NR).step_by(16) {
            let mut sums = [[0.0_f32; 16]; 4];
            for k in 0..depth {
                let b: &[f32] = &b[k * NR + j..][..16];
                for (row, &a) in sums.iter_mut().zip(&a[k * MR + i..][..4]) {
                    for (sum, &b) in row.iter_mut().zip(b) {
                        *sum += a * b;
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                out[(i + row) * NR + j..][..16].copy_from_slice(sums);
            }
        }
    }
}

/// [`tile_of_rows`] without special instructions.
fn rows_plain(rows: &[usize; WM], runs: &[Run], x: &[f32], b: &[f32], out: &mut [f32; WM * WN]) {
    for i in (0..WM).step_by(4) {
        for j in (0..WN).step_by(16) {
            let mut sums = [[0.0_f32; 16]; 4];
            let mut pixel = 0;
            for run in runs {
                for p in run.source..run.source + run.len {
                    let b: &[f32] = &b[pixel * WN + j..][..16];
                    pixel += 1;
                    for (row, &place) in sums.iter_mut().zip(&rows[i..i + 4]) {
                        let a = x[place + p];
                        for (sum, &b) in row.iter_mut().zip(b) {
                            *sum += a * b;
                        }
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                out[(i + row) * WN + j..][..16].copy_from_slice(sums);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{MR, NR, Run, WM, WN};
    use std::arch::asm;
    use std::arch::x86_64::*;

    /// # Safety
    /// AVX-512F; `a` holds `depth * MR` values, `b` `depth * NR`, `out` `MR * NR`.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn tile_avx512(depth: usize, a: *const f32, b: *const f32, out: *mut f32) {
        let mut sums = [[_mm512_setzero_ps(); 3]; MR];
        for k in 0..depth {
            // SAFETY: k < depth, as promised by the caller.
            unsafe {
                let b = b.add(k * NR);
                let b = [0, 1, 2].map(|v| _mm512_loadu_ps(b.add(16 * v)));
                for (i, row) in sums.iter_mut().enumerate() {
                    let a = _mm512_set1_ps(*a.add(k * MR + i));
                    for (sum, b) in row.iter_mut().zip(b) {
                        *sum = _mm512_fmadd_ps(a, b, *sum);
                    }
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (v, &sum) in row.iter().enumerate() {
                // SAFETY: inside the tile.
                unsafe { _mm512_storeu_ps(out.add(i * NR + 16 * v), sum) };
            }
        }
    }

    /// # Safety
    /// AVX2 and FMA; lengths as for [`tile_avx512`].
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn tile_avx2(depth: usize, a: *const f32, b: *const f32, out: *mut f32) {
        for i0 in (0..MR).step_by(4) {
            for j0 in (0..NR).step_by(24) {
                let mut sums = [[_mm256_setzero_ps(); 3]; 4];
                // SAFETY: as promised by the caller.
                unsafe {
                    let rows = std::array::from_fn(|i| a.add(i0 + i));
                    four_by_24(&mut sums, depth, rows, MR, b.add(j0), NR);
                }
                for (i, row) in sums.iter().enumerate() {
                    for (v, &sum) in row.iter().enumerate() {
                        // SAFETY: inside the tile.
                        unsafe { _mm256_storeu_ps(out.add((i0 + i) * NR + j0 + 8 * v), sum) };
                    }
                }
            }
        }
    }

    /// Adds `a[i][k * a_step] * b[k * b_step + 8 v + lane]` for all k below `depth`, one after another, to `sums[i][v]`.
    ///
    /// Twelve sums, three values of `b` and one of `a` are all the registers there are. A compiler that loads the next value of
    /// `a` early keeps one sum in memory instead, and the loop then takes twice as long: so it is written out.
    ///
    /// # Safety
    /// AVX2 and FMA; every place that is read is held.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn four_by_24(
        sums: &mut [[__m256; 3]; 4],
        depth: usize,
        a: [*const f32; 4],
        a_step: usize,
        b: *const f32,
        b_step: usize,
    ) {
        if depth == 0 {
            return;
        }
        let [
            [s00, s01, s02],
            [s10, s11, s12],
            [s20, s21, s22],
            [s30, s31, s32],
        ] = sums;
        // SAFETY: reads what the caller promises, and nothing else.
        unsafe {
            asm!(
                "2:",
                "vmovups {b0}, ymmword ptr [{b}]",
                "vmovups {b1}, ymmword ptr [{b} + 32]",
                "vmovups {b2}, ymmword ptr [{b} + 64]",
                "vbroadcastss {x}, dword ptr [{a0} + {i}]",
                "vfmadd231ps {s00}, {x}, {b0}",
                "vfmadd231ps {s01}, {x}, {b1}",
                "vfmadd231ps {s02}, {x}, {b2}",
                "vbroadcastss {x}, dword ptr [{a1} + {i}]",
                "vfmadd231ps {s10}, {x}, {b0}",
                "vfmadd231ps {s11}, {x}, {b1}",
                "vfmadd231ps {s12}, {x}, {b2}",
                "vbroadcastss {x}, dword ptr [{a2} + {i}]",
                "vfmadd231ps {s20}, {x}, {b0}",
                "vfmadd231ps {s21}, {x}, {b1}",
                "vfmadd231ps {s22}, {x}, {b2}",
                "vbroadcastss {x}, dword ptr [{a3} + {i}]",
                "vfmadd231ps {s30}, {x}, {b0}",
                "vfmadd231ps {s31}, {x}, {b1}",
                "vfmadd231ps {s32}, {x}, {b2}",
                "add {b}, {b_step}",
                "add {i}, {a_step}",
                "dec {k}",
                "jnz 2b",
                a0 = in(reg) a[0],
                a1 = in(reg) a[1],
                a2 = in(reg) a[2],
                a3 = in(reg) a[3],
                b = inout(reg) b => _,
                i = inout(reg) 0_usize => _,
                k = inout(reg) depth => _,
                a_step = in(reg) 4 * a_step,
                b_step = in(reg) 4 * b_step,
                x = out(ymm_reg) _,
                b0 = out(ymm_reg) _,
                b1 = out(ymm_reg) _,
                b2 = out(ymm_reg) _,
                s00 = inout(ymm_reg) *s00,
                s01 = inout(ymm_reg) *s01,
                s02 = inout(ymm_reg) *s02,
                s10 = inout(ymm_reg) *s10,
                s11 = inout(ymm_reg) *s11,
                s12 = inout(ymm_reg) *s12,
                s20 = inout(ymm_reg) *s20,
                s21 = inout(ymm_reg) *s21,
                s22 = inout(ymm_reg) *s22,
                s30 = inout(ymm_reg) *s30,
                s31 = inout(ymm_reg) *s31,
                s32 = inout(ymm_reg) *s32,
                options(nostack, readonly),
            );
        }
    }

    /// # Safety
    /// AVX-512F; `x` holds every `rows[i] + pixel`, `b` `WN` values a pixel.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn rows_avx512(
        rows: &[usize; WM],
        runs: &[Run],
        x: *const f32,
        mut b: *const f32,
        out: &mut [f32; WM * WN],
    ) {
        // SAFETY: the caller promises that x holds every row.
        let rows = rows.map(|place| unsafe { x.add(place) });
        let mut sums = [[_mm512_setzero_ps(); 2]; WM];
        for run in runs {
            for p in run.source..run.source + run.len {
                // SAFETY: as promised by the caller.
                unsafe {
                    let values = [_mm512_loadu_ps(b), _mm512_loadu_ps(b.add(16))];
                    b = b.add(WN);
                    for (row, x) in sums.iter_mut().zip(rows) {
                        let x = _mm512_set1_ps(*x.add(p));
                        for (sum, b) in row.iter_mut().zip(values) {
                            *sum = _mm512_fmadd_ps(x, b, *sum);
                        }
                    }
                }
            }
        }
        for (row, out) in sums.iter().zip(out.chunks_exact_mut(WN)) {
            for (&sum, out) in row.iter().zip(out.chunks_exact_mut(16)) {
                // SAFETY: sixteen values each.
                unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sum) };
            }
        }
    }

    /// # Safety
    /// AVX2 and FMA; places as for [`rows_avx512`].
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn rows_avx2(
        rows: &[usize; WM],
        runs: &[Run],
        x: *const f32,
        b: *const f32,
        out: &mut [f32; WM * WN],
    ) {
        for i0 in (0..WM).step_by(6) {
            for j0 in (0..WN).step_by(16) {
                let mut sums = [[_mm256_setzero_ps(); 2]; 6];
                // SAFETY: the caller promises that b holds WN values a pixel.
                let mut b = unsafe { b.add(j0) };
                for run in runs {
                    for p in run.source..run.source + run.len {
                        // SAFETY: as promised by the caller.
                        unsafe {
                            let values = [_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(8))];
                            b = b.add(WN);
                            for (row, place) in sums.iter_mut().zip(&rows[i0..i0 + 6]) {
                                let x = _mm256_set1_ps(*x.add(place + p));
                                for (sum, b) in row.iter_mut().zip(values) {
                                    *sum = _mm256_fmadd_ps(x, b, *sum);
                                }
                            }
                        }
                    }
                }
                for (i, row) in sums.iter().enumerate() {
                    for (v, &sum) in row.iter().enumerate() {
                        let out = &mut out[(i0 + i) * WN + j0 + 8 * v..][..8];
                        // SAFETY: eight values.
                        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), sum) };
                    }
                }
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
    fn every_kernel_of_this_processor_equals_the_plain_loops() {
        for depth in [0, 1, 2, 17, 64] {
            let (a, b) = (ramp(depth * MR, 1), ramp(depth * NR, 2));
            let mut plain = [f32::NAN; MR * NR];
            tile_plain(depth, &a, &b, &mut plain);
            for i in 0..MR {
                for j in 0..NR {
                    let sum: f32 = (0..depth).map(|k| a[k * MR + i] * b[k * NR + j]).sum();
                    assert_eq!(plain[i * NR + j], sum);
                }
            }
            let mut found = [f32::NAN; MR * NR];
            tile(depth, &a, &b, &mut found);
            assert_eq!(found, plain);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                let mut found = [f32::NAN; MR * NR];
                // SAFETY: the features were asked for, the lengths fit.
                unsafe { x86::tile_avx2(depth, a.as_ptr(), b.as_ptr(), found.as_mut_ptr()) };
                assert_eq!(found, plain);
            }
        }
    }

    #[test]
    fn every_kernel_over_runs_equals_the_plain_loops() {
        let x = ramp(200, 3);
        let b = ramp(16 * WN, 4);
        let rows: [usize; WM] = std::array::from_fn(|i| (i * 31) % 90);
        let runs = [(5, 7), (40, 1), (90, 8)].map(|(source, len)| Run { source, len });
        let mut plain = [f32::NAN; WM * WN];
        rows_plain(&rows, &runs, &x, &b, &mut plain);
        let pixels: Vec<usize> = runs
            .iter()
            .flat_map(|r| r.source..r.source + r.len)
            .collect();
        for i in 0..WM {
            for j in 0..WN {
                let products = pixels
                    .iter()
                    .enumerate()
                    .map(|(k, p)| x[rows[i] + p] * b[k * WN + j]);
                assert_eq!(plain[i * WN + j], products.sum::<f32>());
            }
        }
        let mut found = [f32::NAN; WM * WN];
        tile_of_rows(&rows, &runs, &x, &b, &mut found);
        assert_eq!(found, plain);
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            let mut found = [f32::NAN; WM * WN];
            // SAFETY: the features were asked for, the places fit.
            unsafe { x86::rows_avx2(&rows, &runs, x.as_ptr(), b.as_ptr(), &mut found) };
            assert_eq!(found, plain);
        }
    }
}
