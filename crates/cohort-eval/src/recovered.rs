//! Limits of a difference from those of its two parts.

/// The limits of `a - b` of values given with their lower and upper limits and the correlation of their estimates (Zou and Donner 2008;
/// Zou 2007 for estimates that are correlated): `d - sqrt((a - l_a)^2 + (u_b - b)^2 - 2 r (a - l_a) (u_b - b))` below and the same
/// with the other ends above.
pub(crate) fn recovered(a: (f64, f64, f64), b: (f64, f64, f64), correlation: f64) -> (f64, f64) {
    let ((a, a_low, a_high), (b, b_low, b_high)) = (a, b);
    let r = correlation.clamp(-1.0, 1.0);
    // the same root, of squares that cannot be negative
    let far = |x: f64, y: f64| (x - r * y).hypot((1.0 - r * r).sqrt() * y);
    (
        a - b - far(a - a_low, b_high - b),
        a - b + far(a_high - a, b - b_low),
    )
}

#[cfg(test)]
mod tests {
    use super::recovered;

    #[test]
    fn limits_are_those_of_the_formula() {
        let (a, b) = ((0.5, 0.4, 0.63), (0.3, 0.25, 0.32));
        for r in [-1.0, -0.4, 0.0, 0.7, 1.0] {
            let root = |x: f64, y: f64| (x * x + y * y - 2.0 * r * x * y).max(0.0).sqrt();
            let (low, high) = recovered(a, b, r);
            assert!((low - (0.2 - root(0.1, 0.02))).abs() < 1e-12, "{r}");
            assert!((high - (0.2 + root(0.13, 0.05))).abs() < 1e-12, "{r}");
        }
    }
}
