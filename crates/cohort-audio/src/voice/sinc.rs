//! Band-limited interpolation of a sampled function and the maximum of it.

use std::f64::consts::PI;

/// Value at the fractional index `x` of `y`: sinc interpolation over `depth` samples to each side,
/// tapered by a raised cosine that ends one sample further out. Outside, the nearest value.
pub(crate) fn interpolate(y: &[f64], x: f64, depth: usize) -> f64 {
    let Some(last) = y.len().checked_sub(1) else {
        return 0.0;
    };
    if x <= 0.0 {
        return y[0];
    }
    if x >= last as f64 {
        return y[last];
    }
    let left = x.floor() as usize;
    let fraction = x - left as f64;
    if fraction == 0.0 {
        return y[left];
    }
    let depth = depth.min(left + 1).min(last - left);
    if depth < 3 {
        // Too near an end for a sinc: a straight line.
        return y[left] + fraction * (y[left + 1] - y[left]);
    }
    // sin(pi (x - i)) only changes its sign from sample to sample.
    let half_sine = 0.5 * (PI * fraction).sin();
    let side = |distance: f64, values: &mut dyn Iterator<Item = f64>| -> f64 {
        let step = PI / (distance + depth as f64);
        let (mut sine, mut cosine) = (step * distance).sin_cos();
        let (turn_sine, turn_cosine) = step.sin_cos();
        let (mut sum, mut sign, mut d) = (0.0, 1.0, distance);
        for value in values {
            sum += value * sign / d * (1.0 + cosine);
            sign = -sign;
            d += 1.0;
            let next = cosine * turn_cosine - sine * turn_sine;
            sine = sine * turn_cosine + cosine * turn_sine;
            cosine = next;
        }
        sum * half_sine / PI
    };
    side(
        fraction,
        &mut y[left + 1 - depth..=left].iter().rev().copied(),
    ) + side(
        1.0 - fraction,
        &mut y[left + 1..=left + depth].iter().copied(),
    )
}

/// Index and height of the maximum of [`interpolate`] within one sample of index `near`, by Brent's
/// method.
pub(crate) fn maximum(y: &[f64], near: usize, depth: usize) -> (f64, f64) {
    let Some(last) = y.len().checked_sub(1) else {
        return (0.0, 0.0);
    };
    if near == 0 || near >= last {
        let near = near.min(last);
        return (near as f64, y[near]);
    }
    let f = |x: f64| -interpolate(y, x, depth);
    let golden = 1.0 - 2.0 / (1.0 + 5.0_f64.sqrt());
    let (mut a, mut b) = (near as f64 - 1.0, near as f64 + 1.0);
    let mut v = a + golden * (b - a);
    let mut fv = f(v);
    let (mut x, mut w, mut fx, mut fw) = (v, v, fv, fv);
    for _ in 0..60 {
        let middle = (a + b) / 2.0;
        // The height is flat here: its error is the square of this.
        let tolerance = 1e-6;
        if (x - middle).abs() + (b - a) / 2.0 <= 2.0 * tolerance {
            break;
        }
        let mut step = golden * (if x < middle { b - x } else { a - x });
        if (x - w).abs() >= tolerance {
            let t = (x - w) * (fx - fv);
            let q = (x - v) * (fx - fw);
            let (mut p, mut q) = ((x - v) * q - (x - w) * t, 2.0 * (q - t));
            if q > 0.0 {
                p = -p;
            } else {
                q = -q;
            }
            let inside = p > q * (a - x + 2.0 * tolerance) && p < q * (b - x - 2.0 * tolerance);
            if p.abs() < (step * q).abs() && inside {
                step = p / q;
            }
        }
        if step.abs() < tolerance {
            step = tolerance.copysign(step);
        }
        let (u, fu) = (x + step, f(x + step));
        if fu <= fx {
            if u < x {
                b = x;
            } else {
                a = x;
            }
            (v, fv, w, fw, x, fx) = (w, fw, x, fx, u, fu);
        } else {
            if u < x {
                a = u;
            } else {
                b = u;
            }
            if fu <= fw || w == x {
                (v, fv, w, fw) = (w, fw, u, fu);
            } else if fu <= fv || v == x || v == w {
                (v, fv) = (u, fu);
            }
        }
    }
    (x, -fx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_function_is_interpolated_and_its_maximum_found() {
        let f = |x: f64| (0.31 * (x - 100.3)).cos();
        let y: Vec<f64> = (0..200).map(|i| f(i as f64)).collect();
        for x in [90.25, 99.9, 101.5] {
            assert!((interpolate(&y, x, 70) - f(x)).abs() < 1e-4, "{x}");
        }
        assert_eq!(interpolate(&y, 17.0, 70), y[17]);
        let (x, height) = maximum(&y, 100, 70);
        assert!(
            (x - 100.3).abs() < 1e-3 && (height - 1.0).abs() < 1e-4,
            "{x} {height}"
        );
        let (x, height) = maximum(&y, 199, 70);
        assert_eq!((x, height), (199.0, y[199]));
    }
}
