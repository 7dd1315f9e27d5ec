//! Newton's method for small, smooth, strictly convex problems with lower bounds.

/// A smooth convex function with gradient and Hessian.
pub(crate) trait Convex {
    /// Number of parameters, `P`.
    fn parameters(&self) -> usize;
    /// Value at `x`; writes the gradient (`P`) and the Hessian (`P * P`, row-major, both triangles).
    fn derivatives(&self, x: &[f64], gradient: &mut [f64], hessian: &mut [f64]) -> f64;
}

const MOST_STEPS: usize = 100;

/// Minimises `f` from `start` with `x[i] >= lower[i]`, by projected Newton steps (Bertsekas 1982).
///
/// Variables at their bound whose gradient points outward are held; the others take a Newton step, projected on
/// the bounds and halved until the value falls enough. Ends when the projected gradient is below `tolerance`
/// or no step helps, which at double precision is the minimum.
pub(crate) fn minimise(f: &impl Convex, start: &[f64], lower: &[f64], tolerance: f64) -> Vec<f64> {
    let p = f.parameters();
    let x = start
        .iter()
        .zip(lower)
        .map(|(&x, &low)| x.max(low))
        .collect();
    let mut here = Point::at(f, x);
    for _ in 0..MOST_STEPS {
        let free: Vec<usize> = (0..p)
            .filter(|&i| here.x[i] > lower[i] || here.gradient[i] <= 0.0)
            .collect();
        if free.iter().all(|&i| here.gradient[i].abs() < tolerance) {
            break;
        }
        let step = newton_step(&free, &here.gradient, &here.hessian, p);
        let Some(next) = line_search(f, &here, &free, &step, lower) else {
            break;
        };
        here = next;
    }
    here.x
}

/// A point with what the function is there.
struct Point {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    hessian: Vec<f64>,
}

impl Point {
    fn at(f: &impl Convex, x: Vec<f64>) -> Self {
        let p = f.parameters();
        let (mut gradient, mut hessian) = (vec![0.0; p], vec![0.0; p * p]);
        let value = f.derivatives(&x, &mut gradient, &mut hessian);
        Self {
            x,
            value,
            gradient,
            hessian,
        }
    }
}

/// Solves `H d = -g` on the free variables; adds to the diagonal until `H` is positive definite.
fn newton_step(free: &[usize], gradient: &[f64], hessian: &[f64], p: usize) -> Vec<f64> {
    let n = free.len();
    let largest = free
        .iter()
        .map(|&i| hessian[i * p + i].abs())
        .fold(0.0, f64::max)
        .max(1e-300);
    let mut ridge = 0.0;
    loop {
        let mut matrix = vec![0.0; n * n];
        for (a, &i) in free.iter().enumerate() {
            for (b, &j) in free.iter().enumerate() {
                matrix[a * n + b] = hessian[i * p + j];
            }
            matrix[a * n + a] += ridge;
        }
        let mut right: Vec<f64> = free.iter().map(|&i| -gradient[i]).collect();
        if cholesky_solve(&mut matrix, &mut right, n) {
            return right;
        }
        ridge = if ridge == 0.0 {
            1e-10 * largest
        } else {
            ridge * 10.0
        };
        if ridge > 1e6 * largest {
            // A Hessian that is not finite: fall back on steepest descent.
            return free.iter().map(|&i| -gradient[i] / largest).collect();
        }
    }
}

/// Solves `A x = b` in place by Cholesky factors; `false` when `A` is not positive definite.
pub(crate) fn cholesky_solve(a: &mut [f64], b: &mut [f64], n: usize) -> bool {
    for j in 0..n {
        for i in j..n {
            let mut sum = a[i * n + j];
            for k in 0..j {
                sum -= a[i * n + k] * a[j * n + k];
            }
            if i == j {
                // Written so that NaN fails too.
                if !(sum > 0.0 && sum.is_finite()) {
                    return false;
                }
                a[j * n + j] = sum.sqrt();
            } else {
                a[i * n + j] = sum / a[j * n + j];
            }
        }
    }
    for i in 0..n {
        for k in 0..i {
            b[i] -= a[i * n + k] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[k * n + i] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    true
}

/// The full step nearly always does, so the derivatives computed with its value are not wasted.
fn line_search(
    f: &impl Convex,
    here: &Point,
    free: &[usize],
    step: &[f64],
    lower: &[f64],
) -> Option<Point> {
    let mut length = 1.0;
    for _ in 0..60 {
        let mut x = here.x.clone();
        let mut promised = 0.0;
        for (&i, &d) in free.iter().zip(step) {
            x[i] = (here.x[i] + length * d).max(lower[i]);
            promised += here.gradient[i] * (x[i] - here.x[i]);
        }
        if promised < 0.0 {
            let next = Point::at(f, x);
            if next.value <= here.value + 1e-4 * promised {
                return Some(next);
            }
        }
        length *= 0.5;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1/2 x'Ax - b'x`.
    struct Quadratic {
        a: Vec<f64>,
        b: Vec<f64>,
    }

    impl Convex for Quadratic {
        fn parameters(&self) -> usize {
            self.b.len()
        }
        fn derivatives(&self, x: &[f64], gradient: &mut [f64], hessian: &mut [f64]) -> f64 {
            let n = x.len();
            hessian.copy_from_slice(&self.a);
            for (i, g) in gradient.iter_mut().enumerate() {
                *g = (0..n).map(|j| self.a[i * n + j] * x[j]).sum::<f64>() - self.b[i];
            }
            // At gradient Ax - b, the value is x'(Ax - b) / 2 - x'b / 2.
            x.iter()
                .zip(gradient.iter())
                .zip(&self.b)
                .map(|((x, g), b)| 0.5 * x * (g - b))
                .sum()
        }
    }

    #[test]
    fn quadratics_with_and_without_bounds() {
        let free = f64::NEG_INFINITY;
        // A = [[2, 1], [1, 2]], b = [3, -3]: free minimum (3, -3); with x1 >= 0 it is (1.5, 0).
        let cases = [
            ("free", [free, free], [3.0, -3.0]),
            ("bounded", [0.0, 0.0], [1.5, 0.0]),
            ("bound not active", [0.0, -5.0], [3.0, -3.0]),
        ];
        let f = Quadratic {
            a: vec![2.0, 1.0, 1.0, 2.0],
            b: vec![3.0, -3.0],
        };
        for (name, lower, expected) in cases {
            let x = minimise(&f, &[0.5, 0.5], &lower, 1e-12);
            for (x, e) in x.iter().zip(expected) {
                assert!((x - e).abs() < 1e-9, "{name}: {x} {e}");
            }
        }
    }

    #[test]
    fn cholesky_refuses_what_is_not_positive_definite() {
        assert!(!cholesky_solve(
            &mut [1.0, 2.0, 2.0, 1.0],
            &mut [1.0, 1.0],
            2
        ));
        assert!(!cholesky_solve(&mut [f64::NAN], &mut [1.0], 1));
    }
}
