//! The sums of [`super::narrow`]: eight lanes of outputs (AVX2 with FMA, or plain loops), decided by the processor alone.

/// Output channels at once: a register.
pub(super) const LANES: usize = 8;
/// Neighbouring pixels of a row at once.
pub(super) const PIXELS: usize = 12;

/// `sums[p][lane] = sum over k of x[p * stride + offsets[k]] * weights[k][lane]`.
pub(super) fn pixels(
    x: &[f32],
    stride: usize,
    offsets: &[usize],
    weights: &[f32],
    sums: &mut [f32; PIXELS * LANES],
) {
    let reach = offsets.iter().max().map_or(0, |offset| offset + 1) + (PIXELS - 1) * stride;
    assert!(reach <= x.len() && weights.len() >= offsets.len() * LANES);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA, and every place read was checked.
        unsafe {
            match stride {
                1 => return x86::pixels::<1>(x, offsets, weights, sums),
                2 => return x86::pixels::<2>(x, offsets, weights, sums),
                3 => return x86::pixels::<3>(x, offsets, weights, sums),
                4 => return x86::pixels::<4>(x, offsets, weights, sums),
                _ => {}
            }
        }
    }
    pixels_plain(x, stride, offsets, weights, sums);
}

/// [`pixels`] without special instructions.
fn pixels_plain(
    x: &[f32],
    stride: usize,
    offsets: &[usize],
    weights: &[f32],
    sums: &mut [f32; PIXELS * LANES],
) {
    for (p, sums) in sums.chunks_exact_mut(LANES).enumerate() {
        let mut own = [0.0_f32; LANES];
        for (offset, weights) in offsets.iter().zip(weights.chunks_exact(LANES)) {
            let x = x[offset + p * stride];
            for (sum, weight) in own.iter_mut().zip(weights) {
                *sum += x * weight;
            }
        }
        sums.copy_from_slice(&own);
    }
}

/// Kernel rows that [`taps`] takes together: as many as keep its sums in registers.
pub(super) fn rows_together(taps: usize) -> usize {
    match taps {
        3 => 4,
        5 => 2,
        _ => 1,
    }
}

/// Adds to `sums[r][t][lane]` the sum over lines and pixels of
/// `x[rows[r] + t + line * steps[0] + pixel * steps[1]] * dy[line * width + pixel][lane]`, for `taps` neighbouring t.
pub(super) fn taps(
    x: &[f32],
    rows: &[usize],
    taps: usize,
    steps: [usize; 2],
    width: usize,
    dy: &[f32],
    sums: &mut [f32],
) {
    let lines = dy.len() / (width * LANES);
    assert_eq!(sums.len(), rows.len() * taps * LANES);
    assert!(dy.len() == lines * width * LANES && lines > 0);
    let reach = (lines - 1) * steps[0] + (width - 1) * steps[1] + taps;
    assert!(rows.iter().max().map_or(0, |row| row + reach) <= x.len());
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA, and every place read was checked.
        unsafe {
            match (taps, rows) {
                (3, [a, b, c, d]) => {
                    return x86::taps::<3, 4>(x, &[*a, *b, *c, *d], steps, width, dy, sums);
                }
                (5, [a, b]) => return x86::taps::<5, 2>(x, &[*a, *b], steps, width, dy, sums),
                (5, [a]) => return x86::taps::<5, 1>(x, &[*a], steps, width, dy, sums),
                (7, [a]) => return x86::taps::<7, 1>(x, &[*a], steps, width, dy, sums),
                (9, [a]) => return x86::taps::<9, 1>(x, &[*a], steps, width, dy, sums),
                // what is left of the kernel rows
                (3, _) => {
                    for (row, sums) in rows.iter().zip(sums.chunks_exact_mut(3 * LANES)) {
                        x86::taps::<3, 1>(x, &[*row], steps, width, dy, sums);
                    }
                    return;
                }
                _ => {}
            }
        }
    }
    taps_plain(x, rows, taps, steps, width, dy, sums);
}

/// [`taps`] without special instructions.
fn taps_plain(
    x: &[f32],
    rows: &[usize],
    taps: usize,
    steps: [usize; 2],
    width: usize,
    dy: &[f32],
    sums: &mut [f32],
) {
    for (at, sums) in sums.chunks_exact_mut(LANES).enumerate() {
        let place = rows[at / taps] + at % taps;
        let mut own = [0.0_f32; LANES];
        for (pixel, dy) in dy.chunks_exact(LANES).enumerate() {
            let x = x[place + pixel / width * steps[0] + pixel % width * steps[1]];
            for (sum, dy) in own.iter_mut().zip(dy) {
                *sum += x * dy;
            }
        }
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum += own;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, PIXELS};
    use std::arch::x86_64::*;

    /// # Safety
    /// AVX2 and FMA; `x` and `weights` hold what is read.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn pixels<const STRIDE: usize>(
        x: &[f32],
        offsets: &[usize],
        weights: &[f32],
        sums: &mut [f32; PIXELS * LANES],
    ) {
        let mut own = [_mm256_setzero_ps(); PIXELS];
        let mut weight = weights.as_ptr();
        for &offset in offsets {
            // SAFETY: as promised by the caller.
            unsafe {
                let w = _mm256_loadu_ps(weight);
                weight = weight.add(LANES);
                let x = x.as_ptr().add(offset);
                for (p, sum) in own.iter_mut().enumerate() {
                    *sum = _mm256_fmadd_ps(_mm256_broadcast_ss(&*x.add(p * STRIDE)), w, *sum);
                }
            }
        }
        for (own, sums) in own.iter().zip(sums.chunks_exact_mut(LANES)) {
            // SAFETY: eight values.
            unsafe { _mm256_storeu_ps(sums.as_mut_ptr(), *own) };
        }
    }

    /// # Safety
    /// AVX2 and FMA; `x` and `dy` hold what is read, `sums` has `ROWS * TAPS` registers.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn taps<const TAPS: usize, const ROWS: usize>(
        x: &[f32],
        rows: &[usize; ROWS],
        steps: [usize; 2],
        width: usize,
        dy: &[f32],
        sums: &mut [f32],
    ) {
        // places that the compiler knows, so that the sums stay in registers
        let mut own = [[_mm256_setzero_ps(); TAPS]; ROWS];
        for (line, dy) in dy.chunks_exact(width * LANES).enumerate() {
            for pixel in 0..width {
                // SAFETY: as promised by the caller.
                unsafe {
                    let b = _mm256_loadu_ps(dy.as_ptr().add(pixel * LANES));
                    for r in 0..ROWS {
                        let place = rows[r] + line * steps[0] + pixel * steps[1];
                        let at = x.as_ptr().add(place);
                        for t in 0..TAPS {
                            let value = _mm256_broadcast_ss(&*at.add(t));
                            own[r][t] = _mm256_fmadd_ps(value, b, own[r][t]);
                        }
                    }
                }
            }
        }
        for r in 0..ROWS {
            for t in 0..TAPS {
                // SAFETY: a register of `sums`, as promised by the caller.
                unsafe {
                    let sums = sums.as_mut_ptr().add((r * TAPS + t) * LANES);
                    _mm256_storeu_ps(sums, _mm256_add_ps(_mm256_loadu_ps(sums), own[r][t]));
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
        let x = ramp(600, 1);
        for stride in 1..=5 {
            let offsets: Vec<usize> = (0..40).map(|k| k * 13 % 500).collect();
            let weights = ramp(offsets.len() * LANES, 2);
            let (mut plain, mut found) = ([0.0; PIXELS * LANES], [1.0; PIXELS * LANES]);
            pixels_plain(&x, stride, &offsets, &weights, &mut plain);
            pixels(&x, stride, &offsets, &weights, &mut found);
            assert_eq!(found, plain, "{stride}");
        }
        for count in [1, 2, 3, 5, 7, 9] {
            for rows in 1..=4 {
                let rows: Vec<usize> = (0..rows).map(|r| r * 101).collect();
                let dy = ramp(4 * 13 * LANES, 3);
                let mut plain = ramp(rows.len() * count * LANES, 4);
                let mut found = plain.clone();
                taps_plain(&x, &rows, count, [40, 2], 13, &dy, &mut plain);
                taps(&x, &rows, count, [40, 2], 13, &dy, &mut found);
                assert_eq!(found, plain, "{count} {rows:?}");
            }
        }
    }
}
