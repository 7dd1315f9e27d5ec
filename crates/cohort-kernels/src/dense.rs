//! Matrix product, softmax, layer norm and GELU on plain slices, one thread each.
//!
//! Sums keep sixteen partial sums, so that they are computed side by side and in one order on every machine.

use crate::wide;

/// A matrix inside a slice: element (i, j) is `data[i * row + j * column]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows one after another, `width` values each.
    pub fn rows(data: &'a [f32], width: usize) -> Self {
        Self {
            data,
            row: width,
            column: 1,
        }
    }

    /// The transpose of such rows.
    pub fn columns(data: &'a [f32], width: usize) -> Self {
        Self {
            data,
            row: 1,
            column: width,
        }
    }
}

/// `out[i * stride + j]` becomes scale * (a b)(i, j), added to what is there if `add`; a is `[m, k]`, b `[k, n]`.
///
/// # Panics
/// When a matrix does not lie within its slice: a mistake of the caller.
pub fn product(
    [m, k, n]: [usize; 3],
    scale: f32,
    a: Matrix,
    b: Matrix,
    out: &mut [f32],
    stride: usize,
    add: bool,
) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    let last =
        |rows: usize, columns: usize, x: Matrix| (rows - 1) * x.row + (columns - 1) * x.column;
    assert!(last(m, k, a) < a.data.len() && last(k, n, b) < b.data.len());
    assert!(n <= stride && (m - 1) * stride + n <= out.len());
    // SAFETY: the assertions above hold every element that is read within `a` and `b`, and every one written within
    // `out`, which is borrowed mutably and so apart from both.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride as isize,
            add,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

const LANES: usize = 16;

#[inline(always)]
fn reduce(x: &[f32], start: f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [start; LANES];
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = join(lanes[i], chunk[i]);
        }
    }
    for (lane, v) in lanes.iter_mut().zip(rest) {
        *lane = join(*lane, *v);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = join(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// e^x to about 1e-7 relative, for x in [-87, 88] (beyond: the value at the end).
///
/// Cephes' `expf` (Moshier): a power of two by exponent bits times a polynomial on [-ln 2 / 2, ln 2 / 2].
#[inline(always)]
#[allow(clippy::excessive_precision)] // digits as published
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits
    let shifted = x * std::f32::consts::LOG2_E + 12_582_912.0;
    let n = shifted - 12_582_912.0;
    let r = x - n * 0.693_359_375 + n * 2.121_944_4e-4;
    let p = 1.987_569_15e-4;
    let p = p * r + 1.398_199_95e-3;
    let p = p * r + 8.333_451_9e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_55e-1;
    let p = p * r + 5.000_000_1e-1;
    let p = p * r * r + r + 1.0;
    let power = shifted
        .to_bits()
        .wrapping_sub(0x4b40_0000)
        .wrapping_add(127)
        << 23;
    p * f32::from_bits(power)
}

/// `x / (1 + e^-x)`, to about 2e-7 of the value.
#[inline(always)]
pub(crate) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// The error function to 1.5e-7 absolute (Abramowitz and Stegun 7.1.26).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let a = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let p = 1.061_405_4;
    let p = p * t - 1.453_152;
    let p = p * t + 1.421_413_7;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    (1.0 - p * t * exp(-a * a)).copysign(x)
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    let e = exp(-2.0 * x.abs());
    ((1.0 - e) / (1.0 + e)).copysign(x)
}

/// Adds `bias` to every row of `x` and applies `f`.
#[inline(always)]
fn with_bias(x: &mut [f32], bias: &[f32], f: impl Fn(f32) -> f32) {
    wide(|| {
        for row in x.chunks_exact_mut(bias.len()) {
            for (v, b) in row.iter_mut().zip(bias) {
                *v = f(*v + b);
            }
        }
    });
}

/// Adds `bias` to every row of `x`.
pub fn add_bias(x: &mut [f32], bias: &[f32]) {
    with_bias(x, bias, |v| v);
}

/// Adds `bias` to every row of `x` and multiplies by the normal distribution function (GELU, Hendrycks and Gimpel 2016).
pub fn gelu(x: &mut [f32], bias: &[f32]) {
    with_bias(x, bias, |v| {
        0.5 * v * (1.0 + erf(v * std::f32::consts::FRAC_1_SQRT_2))
    });
}

/// [`gelu`] by its approximation with a hyperbolic tangent.
pub fn gelu_by_tanh(x: &mut [f32], bias: &[f32]) {
    with_bias(x, bias, |v| {
        let inner = 0.797_884_6 * (v + 0.044_715 * v * v * v);
        0.5 * v * (1.0 + tanh(inner))
    });
}

/// Adds `bias` to every row of `x` and multiplies by the logistic function of 1.702 times itself: GELU's quick
/// approximation, which OpenAI's CLIP was trained with.
pub fn quick_gelu(x: &mut [f32], bias: &[f32]) {
    with_bias(x, bias, |v| v / (1.0 + exp(-1.702 * v)));
}

/// Each value becomes its logistic function, `1 / (1 + e^-x)`, to about 2e-7 of it (below -88 the value there).
pub fn sigmoid(x: &mut [f32]) {
    wide(|| {
        for v in x.iter_mut() {
            *v = 1.0 / (1.0 + exp(-*v));
        }
    });
}

/// Adds `bias` to every row of `x` and sets negative values to zero.
pub fn relu(x: &mut [f32], bias: &[f32]) {
    with_bias(x, bias, |v| v.max(0.0));
}

/// `x` becomes `x + y + bias`; `y` is as long as `x`, `bias` as a row.
pub fn add_rows(x: &mut [f32], y: &[f32], bias: &[f32]) {
    let width = bias.len();
    wide(|| {
        for (row, other) in x.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
            for ((v, o), b) in row.iter_mut().zip(other).zip(bias) {
                *v += o + b;
            }
        }
    });
}

/// Each row of `x`, `width` long, becomes its softmax.
pub fn softmax(x: &mut [f32], width: usize) {
    wide(|| {
        for row in x.chunks_exact_mut(width) {
            let largest = reduce(row, f32::NEG_INFINITY, |a, b| if a > b { a } else { b });
            for v in row.iter_mut() {
                *v = exp(*v - largest);
            }
            let scale = 1.0 / reduce(row, 0.0, |a, b| a + b);
            for v in row.iter_mut() {
                *v *= scale;
            }
        }
    });
}

/// A norm's parameters.
#[derive(Debug, Clone)]
pub struct Norm {
    /// Factor of each column.
    pub weight: Vec<f32>,
    /// Summand of each column; as many.
    pub bias: Vec<f32>,
    /// Added to the variance.
    pub epsilon: f32,
}

impl Norm {
    /// `x` becomes the layer norm of each row of `x + y + bias`; `y` is as long as `x`, `bias` as a row.
    pub fn after_sum(&self, x: &mut [f32], y: &[f32], bias: &[f32]) {
        let width = self.weight.len();
        wide(|| {
            for (row, other) in x.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
                for ((v, o), b) in row.iter_mut().zip(other).zip(bias) {
                    *v += o + b;
                }
                self.row(row);
            }
        });
    }

    /// Each row of `x` becomes its layer norm.
    pub fn apply(&self, x: &mut [f32]) {
        wide(|| {
            for row in x.chunks_exact_mut(self.weight.len()) {
                self.row(row);
            }
        });
    }

    #[inline(always)]
    fn row(&self, row: &mut [f32]) {
        let count = row.len() as f32;
        let mean = reduce(row, 0.0, |a, b| a + b) / count;
        for v in row.iter_mut() {
            *v -= mean;
        }
        let mut lanes = [0.0f32; LANES];
        let (chunks, rest) = row.as_chunks::<LANES>();
        for chunk in chunks {
            for i in 0..LANES {
                lanes[i] += chunk[i] * chunk[i];
            }
        }
        for (lane, v) in lanes.iter_mut().zip(rest) {
            *lane += v * v;
        }
        let variance = reduce(&lanes, 0.0, |a, b| a + b) / count;
        let scale = 1.0 / (variance + self.epsilon).sqrt();
        for ((v, w), b) in row.iter_mut().zip(&self.weight).zip(&self.bias) {
            *v = *v * scale * w + b;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_and_activations_meet_their_definitions() {
        // the error function by its Maclaurin series in double precision
        let exact = |x: f64| {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            sum * 2.0 / std::f64::consts::PI.sqrt()
        };
        for i in -400..=400 {
            let x = i as f32 / 100.0;
            let wide = f64::from(x);
            assert!(
                (f64::from(exp(x)) / wide.exp() - 1.0).abs() < 3e-7,
                "exp {x}"
            );
            assert!((f64::from(erf(x)) - exact(wide)).abs() < 5e-7, "erf {x}");
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 5e-7, "tanh {x}");
        }
        assert!(exp(-1000.0) < 1e-37 && exp(1000.0).is_finite());
        let inputs: Vec<f32> = (-300..300).map(|i| i as f32 / 20.0).collect();
        let mut quick = inputs.clone();
        quick_gelu(&mut quick, &[0.0]);
        for (x, y) in inputs.iter().zip(quick) {
            let wide = f64::from(*x);
            let expected = wide / (1.0 + (-1.702 * wide).exp());
            assert!((f64::from(y) - expected).abs() < 2e-6, "quick GELU of {x}");
        }
        let mut logistic = inputs.clone();
        sigmoid(&mut logistic);
        for (x, y) in inputs.iter().zip(logistic) {
            let expected = 1.0 / (1.0 + (-f64::from(*x)).exp());
            assert!((f64::from(y) / expected - 1.0).abs() < 5e-7, "sigmoid {x}");
        }
        let mut far = [-200.0, 200.0, f32::NAN];
        sigmoid(&mut far);
        assert!(far[0] < 1e-37 && far[1] == 1.0 && far[2].is_nan());
        let mut sum = [1.0, 2.0, 3.0, 4.0];
        add_rows(&mut sum, &[10.0, 20.0, 30.0, 40.0], &[0.5, 0.25]);
        assert_eq!(sum, [11.5, 22.25, 33.5, 44.25]);
        let mut x = [-1.0, 0.0, 2.0];
        relu(&mut x, &[0.0, 1.0, -3.0]);
        assert_eq!(x, [0.0, 1.0, 0.0]);
    }

    #[test]
    fn norm_and_softmax_meet_their_definitions_at_any_width() {
        for width in [1, 7, 16, 33, 384] {
            let x: Vec<f32> = (0..2 * width)
                .map(|i| ((i * i) as f32).sin() * 3.0)
                .collect();
            let mut soft = x.clone();
            softmax(&mut soft, width);
            let norm = Norm {
                weight: (0..width).map(|i| 1.0 + i as f32 / 10.0).collect(),
                bias: (0..width).map(|i| i as f32 / 7.0).collect(),
                epsilon: 1e-6,
            };
            let mut normed = x.clone();
            norm.apply(&mut normed);
            for r in 0..2 {
                let row: Vec<f64> = x[r * width..][..width]
                    .iter()
                    .map(|v| f64::from(*v))
                    .collect();
                let all: f64 = row.iter().map(|v| v.exp()).sum();
                let mean = row.iter().sum::<f64>() / width as f64;
                let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
                for (i, v) in row.iter().enumerate() {
                    let at = r * width + i;
                    assert!((f64::from(soft[at]) - v.exp() / all).abs() < 1e-6);
                    let expected = (v - mean) / (variance + 1e-6).sqrt()
                        * f64::from(norm.weight[i])
                        + f64::from(norm.bias[i]);
                    assert!((f64::from(normed[at]) - expected).abs() < 2e-4, "{width}");
                }
            }
        }
    }

    #[test]
    fn products_meet_the_plain_sum() {
        let a: Vec<f32> = (0..15).map(|i| i as f32).collect();
        let b: Vec<f32> = (0..20).map(|i| (i as f32).cos()).collect();
        // [3, 5] times the transpose of [4, 5], into rows of 6
        let mut out = vec![1.0f32; 18];
        product(
            [3, 5, 4],
            0.5,
            Matrix::rows(&a, 5),
            Matrix::columns(&b, 5),
            &mut out,
            6,
            true,
        );
        for i in 0..3 {
            for j in 0..6 {
                let sum: f32 = (0..5).map(|k| a[i * 5 + k] * b[(j % 4) * 5 + k]).sum();
                let expected = if j < 4 { 1.0 + 0.5 * sum } else { 1.0 };
                assert!((out[i * 6 + j] - expected).abs() < 1e-5);
            }
        }
    }
}
