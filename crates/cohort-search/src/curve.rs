//! UMAP's similarity in the plane, `1 / (1 + a d^(2b))`.

/// `a` and `b` for which the curve is nearest, in least squares at 300 distances up to 3, to 1 below `min_dist` and
/// `exp(-(d - min_dist))` above it (umap-learn's `find_ab_params` with spread 1). Gauss and Newton with damping.
pub(crate) fn fit(min_dist: f64) -> (f64, f64) {
    let xs: Vec<f64> = (0..300).map(|i| 3.0 * f64::from(i) / 299.0).collect();
    let wanted = |x: f64| {
        if x < min_dist {
            1.0
        } else {
            (min_dist - x).exp()
        }
    };
    let loss = |a: f64, b: f64| -> f64 {
        xs.iter()
            .map(|&x| (value(x, a, b) - wanted(x)).powi(2))
            .sum()
    };
    let (mut a, mut b, mut damping) = (1.0f64, 1.0f64, 1e-3);
    let mut now = loss(a, b);
    for _ in 0..500 {
        // normal equations of the residuals' derivatives in a and b
        let (mut aa, mut ab, mut bb, mut ra, mut rb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &x in xs.iter().filter(|x| **x > 0.0) {
            let power = x.powf(2.0 * b);
            let v = value(x, a, b);
            let (da, db) = (-v * v * power, -v * v * a * power * 2.0 * x.ln());
            let r = v - wanted(x);
            aa += da * da;
            ab += da * db;
            bb += db * db;
            ra += da * r;
            rb += db * r;
        }
        let (m, n) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let det = m * n - ab * ab;
        let (step_a, step_b) = ((n * ra - ab * rb) / det, (m * rb - ab * ra) / det);
        let (next_a, next_b) = (a - step_a, b - step_b);
        let next = if next_a > 0.0 && next_b > 0.0 {
            loss(next_a, next_b)
        } else {
            f64::INFINITY
        };
        if next <= now {
            let done = step_a.abs() < 1e-12 * a && step_b.abs() < 1e-12 * b;
            (a, b, now) = (next_a, next_b, next);
            damping = (damping * 0.3).max(1e-12);
            if done {
                break;
            }
        } else {
            damping *= 5.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    (a, b)
}

fn value(x: f64, a: f64, b: f64) -> f64 {
    1.0 / (1.0 + a * x.powf(2.0 * b))
}

#[cfg(test)]
mod tests {
    use super::fit;

    /// umap-learn 0.5.12, `find_ab_params(1.0, min_dist)`; see `scripts/make_goldens.py`.
    #[test]
    fn a_and_b_are_those_of_umap_learn() {
        for (min_dist, a, b) in GOLDEN {
            let found = fit(min_dist);
            assert!(
                (found.0 - a).abs() < 1e-4 * a && (found.1 - b).abs() < 1e-4 * b,
                "{min_dist}: {found:?} {a} {b}"
            );
        }
    }

    #[rustfmt::skip]
    const GOLDEN: [(f64, f64, f64); 6] = [
        (0.0, 1.932808, 0.790495),
        (0.001, 1.929073, 0.791505),
        (0.1, 1.576943, 0.895061),
        (0.25, 1.121436, 1.057500),
        (0.5, 0.583030, 1.334167),
        (0.99, 0.119305, 1.916390),
    ];
}
