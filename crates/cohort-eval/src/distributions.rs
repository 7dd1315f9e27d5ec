//! Quantiles and tails of the distributions used.

use statrs::distribution::{Beta, ContinuousCDF, Gamma, Normal, StudentsT};

/// Quantile of Student's t; NaN for degrees of freedom that are not positive.
pub(crate) fn t_quantile(p: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(p))
}

/// Quantile of the standard normal distribution.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// Quantile of the beta distribution, by bisection of its distribution function; NaN for shapes that are not positive.
pub(crate) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let Ok(beta) = Beta::new(a, b) else {
        return f64::NAN;
    };
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if beta.cdf(middle) < p {
            low = middle
        } else {
            high = middle
        }
    }
    0.5 * (low + high)
}

/// Quantile of the gamma distribution of unit scale; NaN for a shape that is not positive.
pub(crate) fn gamma_quantile(p: f64, shape: f64) -> f64 {
    Gamma::new(shape, 1.0).map_or(f64::NAN, |gamma| gamma.inverse_cdf(p))
}

/// Distribution function of the beta distribution; NaN for shapes that are not positive.
pub(crate) fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    Beta::new(a, b).map_or(f64::NAN, |beta| beta.cdf(x))
}

/// Natural logarithm of `n!`.
pub(crate) fn ln_factorial(n: f64) -> f64 {
    statrs::function::gamma::ln_gamma(n + 1.0)
}

/// Natural logarithm of the beta function.
pub(crate) fn ln_beta(a: f64, b: f64) -> f64 {
    use statrs::function::gamma::ln_gamma;
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_equal_scipy() {
        // scipy.stats: t.ppf, norm.ppf, beta.ppf, norm.sf.
        let cases = [
            (t_quantile(0.975, 4.0), 2.776_445_105_198),
            (t_quantile(0.975, 18.0), 2.100_922_040_241),
            (t_quantile(0.9, 7.5), 1.405_211_846_416),
            (normal_quantile(0.975), 1.959_963_984_540),
            (beta_quantile(0.025, 3.0, 9.0), 0.060_217_734_173),
            (beta_quantile(0.975, 0.5, 20.0), 0.119_407_023_955),
            // scipy.stats.chi2.ppf(.975, 2) / 2 and (.025, 20) / 2.
            (gamma_quantile(0.975, 1.0), 3.688_879_454_114),
            (gamma_quantile(0.025, 10.0), 4.795_388_696_132),
            // scipy.special.betaln.
            (ln_beta(2.5, 4.0), -3.586_119_720_156),
        ];
        for (i, (found, expected)) in cases.into_iter().enumerate() {
            assert!(
                (found - expected).abs() < 1e-7,
                "case {i}: {found} {expected}"
            );
        }
        assert!(t_quantile(0.9, 0.0).is_nan() && beta_quantile(0.5, 0.0, 1.0).is_nan());
    }
}
