//! The few inner loops that are worth compiling for wider vectors.
//!
//! Each is compiled for AVX2 as well as for the baseline, and the processor chooses at run time.
//! No fused multiply-add and no reordering of sums is used, so all versions give the same bits.

use std::array::{from_fn, from_mut, from_ref};

use multiversion::multiversion;
use rustfft::num_complex::{Complex32, Complex64};

/// Magnitudes of `spectra`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn magnitudes(spectra: &[Complex64], out: &mut [f64]) {
    for (slot, value) in out.iter_mut().zip(spectra) {
        *slot = (value.re * value.re + value.im * value.im).sqrt();
    }
}

/// Replaces each value `x` by `1 / (1 + exp(slope (shift + 1 - x / floor)))`; 0 where both are 0.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn sigmoid_above(values: &mut [f64], floors: &[f64], shift: f64, slope: f64) {
    for (value, floor) in values.iter_mut().zip(floors) {
        let above = (*value - floor) / floor;
        // Silence over silence is not a number; such a bin has nothing to keep.
        let above = if above >= -1.0 { above } else { -1.0 };
        *value = 1.0 / (1.0 + exp((shift - above) * slope));
    }
}

/// Replaces each power by `10 log10(max(1e-10, power))`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn power_to_db(values: &mut [f32]) {
    for value in values {
        *value = (10.0 * std::f64::consts::LOG10_2 * log2(f64::from(value.max(1e-10)))) as f32;
    }
}

/// Sum of how much each value rises above the one in `previous`, both cut off below `floor`;
/// `previous` then holds the values.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn rise(values: &[f32], previous: &mut [f32], floor: f32) -> f32 {
    // Eight partial sums in a fixed order, whatever the vector width.
    let mut sums = [0.0_f32; 8];
    for (values, previous) in values.chunks_exact(8).zip(previous.chunks_exact_mut(8)) {
        for ((sum, value), previous) in sums.iter_mut().zip(values).zip(previous) {
            let value = value.max(floor);
            *sum += (value - *previous).max(0.0);
            *previous = value;
        }
    }
    sums.iter().sum()
}

/// Sounds, frames or bins that the loops over blocks take side by side.
pub(crate) const LANES: usize = 8;

/// Sums of each filter for [`LANES`] spectra side by side: `values[bin][lane]` from the first bin of a
/// filter on, times its weights, which end in `weights` at its second index, into `out[filter][lane]`.
/// Values that are not there count as zero.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn weigh(
    filters: &[(usize, usize)],
    weights: &[f32],
    values: &[[f32; LANES]],
    out: &mut [[f32; LANES]],
) {
    let mut from = 0;
    for (slot, &(first, to)) in out.iter_mut().zip(filters) {
        let mut sums = [0.0_f32; LANES];
        for (weight, values) in weights[from..to]
            .iter()
            .zip(values.get(first..).unwrap_or(&[]))
        {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        from = to;
        *slot = sums;
    }
}

/// Squared magnitudes of `spectrum` into one lane of `out`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn powers(spectrum: &[Complex64], lane: usize, out: &mut [[f32; LANES]]) {
    let lane = lane.min(LANES - 1);
    for (slot, value) in out.iter_mut().zip(spectrum) {
        slot[lane] = (value.re * value.re + value.im * value.im) as f32;
    }
}

/// Products of a window with two frames, which become real and imaginary parts.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn pack(first: &[f32], second: &[f32], window: &[f32], out: &mut [Complex32]) {
    for (((slot, a), b), weight) in out.iter_mut().zip(first).zip(second).zip(window) {
        *slot = Complex32::new(a * weight, b * weight);
    }
}

/// Powers of two real signals from the transform of the complex one whose real and imaginary parts
/// they are, bins 0 to half its size, into two lanes of `out`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn pair_powers(spectrum: &[Complex32], lane: usize, out: &mut [[f32; LANES]]) {
    let lane = lane.min(LANES - 2);
    let half = spectrum.len() / 2;
    let (Some((zero, out)), Some(value)) = (out.split_first_mut(), spectrum.first()) else {
        return;
    };
    (zero[lane], zero[lane + 1]) = (value.re * value.re, value.im * value.im);
    let bins = out
        .iter_mut()
        .zip(&spectrum[1..])
        .zip(spectrum[half..].iter().rev());
    for ((slot, a), b) in bins {
        let (sr, si) = (a.re + b.re, a.im - b.im);
        let (dr, di) = (a.re - b.re, a.im + b.im);
        slot[lane] = 0.25 * (sr * sr + si * si);
        slot[lane + 1] = 0.25 * (dr * dr + di * di);
    }
}

/// Whether all values are finite.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    // A block without a way out in its middle is compared side by side.
    values
        .chunks(1024)
        .all(|block| block.iter().fold(true, |all, v| all & v.is_finite()))
}

/// `value / (sum / k + tiny)` of each value and the sum up to it, k counting from `first`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn over_mean(values: &mut [f64], sums: &[f64], first: usize) {
    for (i, (value, sum)) in values.iter_mut().zip(sums).enumerate() {
        let k = (first + i) as u32;
        *value /= sum / f64::from(k) + f64::from(f32::MIN_POSITIVE);
    }
}

/// Products of samples and a window.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn windowed(samples: &[f32], window: &[f64], out: &mut [f64]) {
    for ((slot, sample), weight) in out.iter_mut().zip(samples).zip(window) {
        *slot = f64::from(*sample) * weight;
    }
}

/// Adds the products of values and a window to `sum`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn add_windowed(values: &[f64], window: &[f64], sum: &mut [f64]) {
    for ((sum, value), weight) in sum.iter_mut().zip(values).zip(window) {
        *sum += value * weight;
    }
}

/// Turns bins 1 to M - 1 of the transform of M complex numbers, which are pairs of real ones, into
/// the bins of the transform of those 2 M real numbers. `twiddles` holds `exp(-pi i k / M)` for
/// k from 1 to below M / 2.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn split(bins: &mut [Complex64], twiddles: &[Complex64]) {
    let n = bins.len();
    let pairs = twiddles.len().min(n / 2);
    let (low, high) = bins.split_at_mut(n - pairs);
    if n > 2 * pairs {
        low[pairs].im = -low[pairs].im;
    }
    for ((a, b), w) in low[..pairs]
        .chunks_mut(4)
        .zip(high.rchunks_mut(4))
        .zip(twiddles.chunks(4))
    {
        if let (Ok(a), Ok(b), Ok(w)) = (a.try_into(), b.try_into(), w.try_into()) {
            split_block::<4>(a, b, w);
        } else {
            for ((a, b), w) in a.iter_mut().zip(b.iter_mut().rev()).zip(w) {
                split_block(from_mut(a), from_mut(b), from_ref(w));
            }
        }
    }
}

/// The arithmetic of [`split`]; `b` runs backwards.
#[inline(always)]
fn split_block<const N: usize>(a: &mut [Complex64; N], b: &mut [Complex64; N], w: &[Complex64; N]) {
    let (lower, upper, w) = (parts(a, |i| i), parts(b, |i| N - 1 - i), parts(w, |i| i));
    for i in 0..N {
        // Of even and odd samples: E = (a + conj b) / 2, O = (a - conj b) / 2i.
        let (er, ei) = (
            0.5 * (lower.0[i] + upper.0[i]),
            0.5 * (lower.1[i] - upper.1[i]),
        );
        let (or, oi) = (
            0.5 * (lower.1[i] + upper.1[i]),
            0.5 * (upper.0[i] - lower.0[i]),
        );
        let (tr, ti) = (w.0[i] * or - w.1[i] * oi, w.0[i] * oi + w.1[i] * or);
        a[i] = Complex64::new(er + tr, ei + ti);
        b[N - 1 - i] = Complex64::new(er - tr, ti - ei);
    }
}

/// Real and imaginary parts apart, in the given order.
#[inline(always)]
fn parts<const N: usize>(
    values: &[Complex64; N],
    order: impl Fn(usize) -> usize,
) -> ([f64; N], [f64; N]) {
    (
        from_fn(|i| values[order(i)].re),
        from_fn(|i| values[order(i)].im),
    )
}

/// The inverse of [`split`], times 2.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn join(bins: &mut [Complex64], twiddles: &[Complex64]) {
    let n = bins.len();
    let pairs = twiddles.len().min(n / 2);
    let (low, high) = bins.split_at_mut(n - pairs);
    if n > 2 * pairs {
        low[pairs] = Complex64::new(2.0 * low[pairs].re, -2.0 * low[pairs].im);
    }
    for ((a, b), w) in low[..pairs]
        .chunks_mut(4)
        .zip(high.rchunks_mut(4))
        .zip(twiddles.chunks(4))
    {
        if let (Ok(a), Ok(b), Ok(w)) = (a.try_into(), b.try_into(), w.try_into()) {
            join_block::<4>(a, b, w);
        } else {
            for ((a, b), w) in a.iter_mut().zip(b.iter_mut().rev()).zip(w) {
                join_block(from_mut(a), from_mut(b), from_ref(w));
            }
        }
    }
}

/// The arithmetic of [`join`]; `b` runs backwards.
#[inline(always)]
fn join_block<const N: usize>(a: &mut [Complex64; N], b: &mut [Complex64; N], w: &[Complex64; N]) {
    let (lower, upper, w) = (parts(a, |i| i), parts(b, |i| N - 1 - i), parts(w, |i| i));
    for i in 0..N {
        // 2 E = a + conj b, 2 O = (a - conj b) conj w.
        let (er, ei) = (lower.0[i] + upper.0[i], lower.1[i] - upper.1[i]);
        let (tr, ti) = (lower.0[i] - upper.0[i], lower.1[i] + upper.1[i]);
        let (or, oi) = (tr * w.0[i] + ti * w.1[i], ti * w.0[i] - tr * w.1[i]);
        a[i] = Complex64::new(er - oi, ei + or);
        b[N - 1 - i] = Complex64::new(er + oi, or - ei);
    }
}

/// `conj(a) (a + n)` in the even bins of `out` and `conj(a) (a - n)` in the odd ones.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn correlation(a: &[Complex64], n: &[Complex64], out: &mut [Complex64]) {
    let product = |a: &Complex64, re: f64, im: f64| {
        Complex64::new(a.re * re + a.im * im, a.re * im - a.im * re)
    };
    let pairs = a.chunks(2).zip(n.chunks(2)).zip(out.chunks_mut(2));
    for ((a, n), out) in pairs {
        if let ([a0, a1], [n0, n1], [o0, o1]) = (a, n, &mut *out) {
            *o0 = product(a0, a0.re + n0.re, a0.im + n0.im);
            *o1 = product(a1, a1.re - n1.re, a1.im - n1.im);
        } else if let ([a], [n], [out]) = (a, n, out) {
            *out = product(a, a.re + n.re, a.im + n.im);
        }
    }
}

/// `conj(a) a`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn own_correlation(a: &[Complex64], out: &mut [Complex64]) {
    for (out, a) in out.iter_mut().zip(a) {
        *out = Complex64::new(a.re * a.re + a.im * a.im, 0.0);
    }
}

/// Adds `values` to `sum`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn add(values: &[Complex64], sum: &mut [Complex64]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value;
    }
}

/// Multiplies each value by its weight.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn scale(values: &mut [Complex64], weights: &[f64]) {
    for (value, weight) in values.iter_mut().zip(weights) {
        value.re *= weight;
        value.im *= weight;
    }
}

/// The sum of `weights`, each of which is then multiplied by `decay`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn sum_and_decay(weights: &mut [f64], decay: f64) -> f64 {
    // Eight partial sums in a fixed order, whatever the vector width.
    let mut sums = [0.0; LANES];
    let mut chunks = weights.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for (sum, weight) in sums.iter_mut().zip(chunk) {
            *sum += *weight;
            *weight *= decay;
        }
    }
    for (sum, weight) in sums.iter_mut().zip(chunks.into_remainder()) {
        *sum += *weight;
        *weight *= decay;
    }
    sums.iter().sum()
}

/// Replaces each value `x` by its new state `b x + a state`.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn first_order(values: &mut [f64], (a, b): (f64, f64), state: &mut [f64]) {
    for (value, state) in values.iter_mut().zip(state) {
        *state = b * *value + a * *state;
        *value = *state;
    }
}

/// The largest of the values; negative infinity without any.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn largest(values: &[f64]) -> f64 {
    let larger = |a: f64, b: f64| if b > a { b } else { a };
    let mut tops = [f64::NEG_INFINITY; 16];
    let chunks = values.chunks_exact(16);
    let rest = chunks.remainder().iter().copied();
    for chunk in chunks {
        for (top, value) in tops.iter_mut().zip(chunk) {
            *top = larger(*top, *value);
        }
    }
    rest.chain(tops).fold(f64::NEG_INFINITY, larger)
}

/// Base-2 logarithm of a positive normal number within 1e-9: the exponent, and for the mantissa
/// `m` in [2/3, 4/3) the odd series of `atanh((m - 1) / (m + 1))`.
#[inline(always)]
fn log2(x: f64) -> f64 {
    // Shifts the mantissa range so that m lies around 1, and the exponent so that it is positive:
    // unsigned steps only, which every vector unit has.
    const SHIFT: u64 = (1024 << 52) - 0x3fe5_5555_5555_5555;
    let bits = x.to_bits();
    let biased = bits.wrapping_add(SHIFT) >> 52;
    let m = f64::from_bits(bits.wrapping_sub(biased.wrapping_sub(1024) << 52));
    let exponent =
        f64::from_bits(biased | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1024.0);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut p = 1.0 / 11.0;
    for odd in [9.0, 7.0, 5.0, 3.0, 1.0] {
        p = p * z + 1.0 / odd;
    }
    exponent + 2.0 * std::f64::consts::LOG2_E * s * p
}

/// `e^x` within 2 units in the last place, for x clamped to -700..700: reduction to
/// `|r| <= ln(2) / 2` in two parts, Taylor polynomial of degree 13, exponent put together from bits.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // Adding this leaves the nearest integer in the low bits of the mantissa.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.0 / 6_227_020_800.0;
    for factorial in [
        479_001_600.0,
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5_040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0,
    ] {
        p = p * r + 1.0 / factorial;
    }
    let exponent = (shifted.to_bits().wrapping_add(1023)) << 52;
    p * f64::from_bits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_to_the_standard_one() {
        for i in -7_000..=7_000 {
            let x = f64::from(i) * 0.099_97;
            assert!((exp(x) / x.exp() - 1.0).abs() < 5e-16, "{x}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(1e9), exp(700.0));
    }

    #[test]
    fn log2_is_close_to_the_standard_one() {
        for i in -4_000..4_000 {
            let x = 1.01_f64.powi(i);
            assert!(
                (log2(x) - x.log2()).abs() < 1e-9,
                "{x}: {} {}",
                log2(x),
                x.log2()
            );
        }
    }

    #[test]
    fn rises_add_up() {
        let mut previous = vec![1.0; 16];
        let values: Vec<f32> = (0..16).map(|i| i as f32 * 0.25).collect();
        let expected: f32 = values.iter().map(|v| (v.max(0.5) - 1.0).max(0.0)).sum();
        assert!((rise(&values, &mut previous, 0.5) - expected).abs() < 1e-5);
        assert_eq!(previous[0], 0.5);
        assert_eq!(rise(&values, &mut previous, 0.5), 0.0);
    }

    #[test]
    fn sigmoid_equals_the_formula() {
        let mut values: Vec<f64> = (0..1_001).map(|i| f64::from(i) * 0.01).collect();
        let floors = vec![1.3; 1_001];
        let expected: Vec<f64> = values
            .iter()
            .map(|x| 1.0 / (1.0 + (-((x - 1.3) / 1.3 - 2.0) * 10.0).exp()))
            .collect();
        sigmoid_above(&mut values, &floors, 2.0, 10.0);
        for (a, b) in values.iter().zip(&expected) {
            assert!((a / b - 1.0).abs() < 1e-14);
        }
        let mut silence = [0.0];
        sigmoid_above(&mut silence, &[0.0], 2.0, 10.0);
        assert!(silence[0] < 1e-12);
    }

    #[test]
    fn magnitudes_are_norms() {
        let spectra = [Complex64::new(3.0, 4.0), Complex64::new(-1.0, 0.0)];
        let mut out = [0.0; 2];
        magnitudes(&spectra, &mut out);
        assert_eq!(out, [5.0, 1.0]);
    }
}
