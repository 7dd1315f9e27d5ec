//! The few inner loops that are worth compiling for wider vectors.
//!
//! Each is compiled for AVX2 as well as for the baseline, and the processor chooses at run time.
//! No fused multiply-add and no reordering of sums is used, so all versions give the same bits.

use multiversion::multiversion;
use realfft::num_complex::Complex64;

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

/// Into `out` the sum of `values` from the first index of each filter on, times its weights, which end
/// in `weights` at its second index. Values that are not there count as zero.
#[multiversion(targets("x86_64+avx2"))]
pub(crate) fn weigh(filters: &[(usize, usize)], weights: &[f32], values: &[f32], out: &mut [f32]) {
    let mut from = 0;
    for (slot, &(first, to)) in out.iter_mut().zip(filters) {
        let weights = &weights[from..to];
        let values = values.get(first..).unwrap_or(&[]);
        let values = &values[..values.len().min(weights.len())];
        from = to;
        // Eight partial sums in a fixed order, whatever the vector width.
        let mut sums = [0.0_f32; 8];
        let (a, b) = (weights.chunks_exact(8), values.chunks_exact(8));
        for ((sum, a), b) in sums.iter_mut().zip(a.remainder()).zip(b.remainder()) {
            *sum += a * b;
        }
        for (a, b) in a.zip(b) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
        *slot = sums.iter().sum();
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
