//! Fitted weights: one weight a modality and a bias a class, by penalised maximum likelihood.

use crate::design::{Design, class_weights, smoothed_prior};
use crate::newton::{self, Convex};
use crate::numeric::softmax;

/// Settings of a fit that do not come from the data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightFit {
    /// Strength of the penalty on differences between the weights and on free biases.
    pub lambda: f64,
    /// Exponent of the class weights; see [`class_weights`].
    pub tilt: f64,
    pub non_negative: bool,
    pub class_bias: bool,
}

/// `logit[k] = sum_m weights[m] * x[m][k] + bias[k]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weighted {
    pub weights: Vec<f64>,
    pub bias: Vec<f64>,
}

/// Minimises
/// `mean(class_weight * nll) + lambda * (M * sum_m (w_m - mean(w))^2 + sum_k d_k^2) + e * ((sum_m w_m - 1)^2 + a^2)`
/// where `bias = a * ln(prior) + d` and `e` is half an observation's weight.
///
/// So a strong penalty leads to equal weights with a free common scale and a bias along the class prior (models that
/// were trained with inverse-frequency weights have lost the prior, and `a` gives it back, or takes it away),
/// never to a modality that is dropped; two copies of a modality share what one would get; and
/// separable or empty data still have a finite minimum. Strictly convex: the minimum is unique.
pub(crate) fn fit(design: &Design, settings: WeightFit) -> Weighted {
    fit_path(design, settings, &[settings.lambda]).remove(0)
}

/// [`fit`] for several penalties, each started where the one before ended.
pub(crate) fn fit_path(design: &Design, settings: WeightFit, lambdas: &[f64]) -> Vec<Weighted> {
    let counts = design.counts();
    let m = design.modalities;
    let mut problem = Problem {
        design,
        log_prior: smoothed_prior(&counts).iter().map(|p| p.ln()).collect(),
        row_weight: class_weights(&counts, settings.tilt),
        settings,
        weak: 0.5 / design.rows().max(1) as f64,
    };
    let mut theta = vec![0.0; problem.parameters()];
    theta[..m].fill(1.0 / m as f64);
    let mut lower = vec![f64::NEG_INFINITY; theta.len()];
    if settings.non_negative {
        lower[..m].fill(0.0);
    }
    let fit_one = |&lambda: &f64| {
        problem.settings.lambda = lambda;
        theta = newton::minimise(&problem, &theta, &lower, 1e-10);
        Weighted {
            weights: theta[..m].to_vec(),
            bias: problem.bias(&theta),
        }
    };
    lambdas.iter().map(fit_one).collect()
}

impl Weighted {
    /// Adds this rule's logits for a row of stacked logits to `out`.
    pub fn add_logits(&self, row: &[f64], out: &mut [f64]) {
        let classes = out.len();
        for (z, bias) in out.iter_mut().zip(&self.bias) {
            *z += bias;
        }
        for (x, weight) in row.chunks_exact(classes).zip(&self.weights) {
            for (z, x) in out.iter_mut().zip(x) {
                *z += weight * x;
            }
        }
    }
}

/// Parameters: weights (M), then `a` (1) and `d` (K) when there is a class bias.
struct Problem<'a> {
    design: &'a Design,
    log_prior: Vec<f64>,
    row_weight: Vec<f64>,
    settings: WeightFit,
    weak: f64,
}

impl Problem<'_> {
    fn bias(&self, theta: &[f64]) -> Vec<f64> {
        let m = self.design.modalities;
        if !self.settings.class_bias {
            return vec![0.0; self.design.classes];
        }
        self.log_prior
            .iter()
            .zip(&theta[m + 1..])
            .map(|(prior, d)| theta[m] * prior + d)
            .collect()
    }

    fn penalty(&self, theta: &[f64]) -> f64 {
        let m = self.design.modalities;
        let sum: f64 = theta[..m].iter().sum();
        let mean = sum / m as f64;
        let spread: f64 = theta[..m].iter().map(|w| (w - mean).powi(2)).sum();
        let mut penalty =
            self.settings.lambda * m as f64 * spread + self.weak * (sum - 1.0).powi(2);
        if self.settings.class_bias {
            penalty += self.weak * theta[m].powi(2);
            penalty += self.settings.lambda * theta[m + 1..].iter().map(|d| d * d).sum::<f64>();
        }
        penalty
    }

    /// Calls `each(row, p, weight)` with the probabilities of every row; returns the mean weighted loss.
    fn rows(&self, theta: &[f64], mut each: impl FnMut(usize, &[f64], f64)) -> f64 {
        let rule = Weighted {
            weights: theta[..self.design.modalities].to_vec(),
            bias: self.bias(theta),
        };
        let n = self.design.rows().max(1) as f64;
        let mut p = vec![0.0; self.design.classes];
        let mut loss = 0.0;
        for i in 0..self.design.rows() {
            p.fill(0.0);
            rule.add_logits(self.design.row(i), &mut p);
            let truth = self.design.truth[i];
            let weight = self.row_weight[truth] / n;
            let own = p[truth];
            loss += weight * (softmax(&mut p) - own);
            each(i, &p, weight);
        }
        loss
    }
}

impl Convex for Problem<'_> {
    fn parameters(&self) -> usize {
        let bias = if self.settings.class_bias {
            1 + self.design.classes
        } else {
            0
        };
        self.design.modalities + bias
    }

    fn derivatives(&self, theta: &[f64], gradient: &mut [f64], hessian: &mut [f64]) -> f64 {
        let (m, k) = (self.design.modalities, self.design.classes);
        let p_count = self.parameters();
        gradient.fill(0.0);
        hessian.fill(0.0);
        // The first `dense` parameters have a value for every class (x of each modality, the log prior);
        // each of the rest touches one class.
        let dense = if self.settings.class_bias { m + 1 } else { m };
        let mut features = vec![0.0; dense * k];
        if self.settings.class_bias {
            features[m * k..].copy_from_slice(&self.log_prior);
        }
        let mut mean = vec![0.0; dense];
        let loss = self.rows(theta, |i, p, weight| {
            features[..m * k].copy_from_slice(self.design.row(i));
            let truth = self.design.truth[i];
            for (a, f) in features.chunks_exact(k).enumerate() {
                mean[a] = f.iter().zip(p).map(|(f, p)| f * p).sum();
                gradient[a] += weight * (mean[a] - f[truth]);
            }
            for (a, fa) in features.chunks_exact(k).enumerate() {
                for (b, fb) in features.chunks_exact(k).enumerate().take(a + 1) {
                    let second: f64 = fa
                        .iter()
                        .zip(fb)
                        .zip(p)
                        .map(|((fa, fb), p)| fa * fb * p)
                        .sum();
                    hessian[a * p_count + b] += weight * (second - mean[a] * mean[b]);
                }
            }
            if self.settings.class_bias {
                for c in 0..k {
                    let at = dense + c;
                    gradient[at] += weight * (p[c] - f64::from(c == truth));
                    for (a, f) in features.chunks_exact(k).enumerate() {
                        hessian[at * p_count + a] += weight * p[c] * (f[c] - mean[a]);
                    }
                    for e in 0..=c {
                        let own = if e == c { p[c] } else { 0.0 };
                        hessian[at * p_count + dense + e] += weight * (own - p[c] * p[e]);
                    }
                }
            }
        });
        self.add_penalty_derivatives(theta, gradient, hessian);
        for a in 0..p_count {
            for b in 0..a {
                hessian[b * p_count + a] = hessian[a * p_count + b];
            }
        }
        loss + self.penalty(theta)
    }
}

impl Problem<'_> {
    /// Adds the penalty's gradient, and its Hessian to the lower triangle.
    fn add_penalty_derivatives(&self, theta: &[f64], gradient: &mut [f64], hessian: &mut [f64]) {
        let m = self.design.modalities;
        let p_count = self.parameters();
        let sum: f64 = theta[..m].iter().sum();
        let strength = 2.0 * self.settings.lambda * m as f64;
        for a in 0..m {
            gradient[a] += strength * (theta[a] - sum / m as f64) + 2.0 * self.weak * (sum - 1.0);
            for b in 0..=a {
                let own = f64::from(a == b) - 1.0 / m as f64;
                hessian[a * p_count + b] += strength * own + 2.0 * self.weak;
            }
        }
        if self.settings.class_bias {
            gradient[m] += 2.0 * self.weak * theta[m];
            hessian[m * p_count + m] += 2.0 * self.weak;
            for at in m + 1..p_count {
                gradient[at] += 2.0 * self.settings.lambda * theta[at];
                hessian[at * p_count + at] += 2.0 * self.settings.lambda;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::{Draws, gaussian_design};

    const PLAIN: WeightFit = WeightFit {
        lambda: 1e-3,
        tilt: 0.0,
        non_negative: true,
        class_bias: true,
    };

    #[test]
    fn derivatives_equal_finite_differences() {
        let design = gaussian_design(60, 3, &[1.0, 0.5], 3);
        let settings = WeightFit {
            lambda: 0.1,
            tilt: 0.5,
            ..PLAIN
        };
        let counts = design.counts();
        let problem = Problem {
            design: &design,
            log_prior: smoothed_prior(&counts).iter().map(|p| p.ln()).collect(),
            row_weight: class_weights(&counts, settings.tilt),
            settings,
            weak: 0.01,
        };
        let theta = [0.7, 0.2, -0.4, 0.1, -0.2, 0.3];
        let p = problem.parameters();
        let (mut g, mut h) = (vec![0.0; p], vec![0.0; p * p]);
        let value = problem.derivatives(&theta, &mut g, &mut h);
        let at = |theta: &[f64]| problem.rows(theta, |_, _, _| {}) + problem.penalty(theta);
        assert_eq!(value, at(&theta));
        let step = 1e-5;
        for i in 0..p {
            let (mut up, mut down) = (theta, theta);
            up[i] += step;
            down[i] -= step;
            let slope = (at(&up) - at(&down)) / (2.0 * step);
            assert!(
                (slope - g[i]).abs() < 1e-8,
                "gradient {i}: {slope} {}",
                g[i]
            );
            let (mut gu, mut gd, mut unused) = (vec![0.0; p], vec![0.0; p], vec![0.0; p * p]);
            problem.derivatives(&up, &mut gu, &mut unused);
            problem.derivatives(&down, &mut gd, &mut unused);
            for j in 0..p {
                let slope = (gu[j] - gd[j]) / (2.0 * step);
                let found = h[i * p + j];
                assert!(
                    (slope - found).abs() < 1e-7,
                    "hessian {i} {j}: {slope} {found}"
                );
            }
        }
    }

    #[test]
    fn recovers_planted_weights_and_bias() {
        let truth = Weighted {
            weights: vec![1.5, 0.0, 0.6],
            bias: vec![0.5, -0.3, -0.2],
        };
        let mut draws = Draws::new(5);
        let mut design = Design {
            modalities: 3,
            classes: 3,
            x: Vec::new(),
            truth: Vec::new(),
        };
        for _ in 0..40_000 {
            let row: Vec<f64> = (0..9).map(|_| draws.normal()).collect();
            let mut p = vec![0.0; 3];
            truth.add_logits(&row, &mut p);
            softmax(&mut p);
            design.truth.push(draws.class(&p));
            design.x.extend(row);
        }
        let found = fit(
            &design,
            WeightFit {
                lambda: 1e-8,
                non_negative: false,
                ..PLAIN
            },
        );
        for (a, b) in found.weights.iter().zip(&truth.weights) {
            assert!((a - b).abs() < 0.04, "{found:?}");
        }
        for k in 1..3 {
            let (a, b) = (found.bias[k] - found.bias[0], truth.bias[k] - truth.bias[0]);
            assert!((a - b).abs() < 0.05, "{found:?}");
        }
    }

    #[test]
    fn copies_share_the_weight_of_one() {
        let one = gaussian_design(400, 4, &[1.0], 7);
        let mut two = Design {
            modalities: 2,
            x: Vec::new(),
            ..one.clone()
        };
        for i in 0..one.rows() {
            two.x.extend_from_slice(one.row(i));
            two.x.extend_from_slice(one.row(i));
        }
        for lambda in [1e-4, 1e-2, 1.0] {
            let settings = WeightFit { lambda, ..PLAIN };
            let (a, b) = (fit(&one, settings), fit(&two, settings));
            assert!((b.weights[0] - b.weights[1]).abs() < 1e-7, "{b:?}");
            assert!(
                (b.weights[0] + b.weights[1] - a.weights[0]).abs() < 1e-7,
                "{a:?} {b:?}"
            );
            for (x, y) in a.bias.iter().zip(&b.bias) {
                assert!((x - y).abs() < 1e-7, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn hard_cases_stay_finite() {
        let separable = Design {
            modalities: 1,
            classes: 3,
            x: vec![20.0, -10.0, -10.0, -10.0, 20.0, -10.0],
            truth: vec![0, 1],
        };
        let empty = Design {
            modalities: 2,
            classes: 3,
            x: Vec::new(),
            truth: Vec::new(),
        };
        let one_class = Design {
            truth: vec![0, 0],
            ..separable.clone()
        };
        for (name, design) in [
            ("separable", separable),
            ("empty", empty),
            ("one class", one_class),
        ] {
            for tilt in [0.0, 1.0] {
                let found = fit(&design, WeightFit { tilt, ..PLAIN });
                let all = found.weights.iter().chain(&found.bias);
                assert!(
                    all.clone().all(|x| x.is_finite() && x.abs() < 30.0),
                    "{name}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn a_harmful_modality_gets_no_negative_weight_unless_allowed() {
        let mut design = gaussian_design(500, 3, &[1.0, 1.0], 9);
        for i in 0..design.rows() {
            design.x[i * 6 + 3..i * 6 + 6]
                .iter_mut()
                .for_each(|z| *z = -*z);
        }
        let bounded = fit(&design, PLAIN);
        assert_eq!(bounded.weights[1], 0.0, "{bounded:?}");
        let free = fit(
            &design,
            WeightFit {
                non_negative: false,
                ..PLAIN
            },
        );
        assert!(free.weights[1] < -0.2, "{free:?}");
    }
}
