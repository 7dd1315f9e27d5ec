//! Limited-memory BFGS for smooth convex problems with more parameters than Newton's method likes.

use std::collections::VecDeque;

const MEMORY: usize = 20;
const MOST_STEPS: usize = 400;

/// Minimises a smooth convex function from `start`; `f` returns the value and writes the gradient.
///
/// L-BFGS with the two-loop recursion (Nocedal 1980) and a halving line search; `f` may return infinity outside its
/// domain. Ends when no entry of the gradient exceeds `tolerance` or no step helps.
pub(crate) fn minimise(
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
    start: &[f64],
    tolerance: f64,
) -> Vec<f64> {
    let p = start.len();
    let mut x = start.to_vec();
    let mut gradient = vec![0.0; p];
    let mut value = f(&x, &mut gradient);
    let mut pairs: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    let mut next_gradient = vec![0.0; p];
    for _ in 0..MOST_STEPS {
        if gradient.iter().all(|g| g.abs() <= tolerance) {
            break;
        }
        let mut direction = descent_direction(&gradient, &pairs);
        let mut slope = dot(&direction, &gradient);
        if !(slope < 0.0 && slope.is_finite()) {
            pairs.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = dot(&direction, &gradient);
        }
        // Without curvature yet the scale of the first step is unknown: at most unit length.
        let mut length = if pairs.is_empty() {
            1.0 / (-slope).sqrt().max(1.0)
        } else {
            1.0
        };
        let mut accepted = None;
        for _ in 0..50 {
            let next: Vec<f64> = x
                .iter()
                .zip(&direction)
                .map(|(x, d)| x + length * d)
                .collect();
            let next_value = f(&next, &mut next_gradient);
            if next_value <= value + 1e-4 * length * slope {
                accepted = Some((next, next_value));
                break;
            }
            length *= 0.5;
        }
        let Some((next, next_value)) = accepted else {
            if pairs.is_empty() {
                break;
            }
            pairs.clear();
            continue;
        };
        let step: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = next_gradient
            .iter()
            .zip(&gradient)
            .map(|(a, b)| a - b)
            .collect();
        let curvature = dot(&step, &change);
        if curvature > 1e-14 * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            pairs.push_back(Pair {
                step,
                change,
                curvature,
            });
        }
        x = next;
        value = next_value;
        std::mem::swap(&mut gradient, &mut next_gradient);
    }
    x
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

fn descent_direction(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut factors = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let factor = dot(&pair.step, &q) / pair.curvature;
        add_scaled(&mut q, -factor, &pair.change);
        factors.push(factor);
    }
    if let Some(last) = pairs.back() {
        let scale = last.curvature / dot(&last.change, &last.change);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for (pair, factor) in pairs.iter().zip(factors.iter().rev()) {
        let back = dot(&pair.change, &q) / pair.curvature;
        add_scaled(&mut q, factor - back, &pair.step);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add_scaled(a: &mut [f64], factor: f64, b: &[f64]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += factor * b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badly_scaled_quadratic() {
        let scale: Vec<f64> = (0..30).map(|i| 10f64.powf(f64::from(i) / 10.0)).collect();
        let f = |x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for i in 0..30 {
                g[i] = scale[i] * (x[i] - 1.0);
                value += 0.5 * scale[i] * (x[i] - 1.0).powi(2);
            }
            value
        };
        let x = minimise(f, &[0.0; 30], 1e-9);
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-8), "{x:?}");
    }

    #[test]
    fn stays_inside_a_domain_bounded_by_infinity() {
        // x - ln x, defined for x > 0, smallest at 1.
        let f = |x: &[f64], g: &mut [f64]| {
            if x[0] <= 0.0 {
                return f64::INFINITY;
            }
            g[0] = 1.0 - 1.0 / x[0];
            x[0] - x[0].ln()
        };
        let x = minimise(f, &[30.0], 1e-10);
        assert!((x[0] - 1.0).abs() < 1e-8, "{x:?}");
    }
}
