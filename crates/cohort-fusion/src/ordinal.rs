//! Ordinal stacking: one score from all logits, cut by ordered thresholds.

use crate::design::{Design, class_weights};
use crate::lbfgs;

/// Proportional odds (McCullagh 1980): `P(class <= k) = sigmoid(thresholds[k] - sum_j coefficients[j] * x[j])`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProportionalOdds {
    /// One a stacked logit (modalities x classes).
    pub coefficients: Vec<f64>,
    /// Increasing, classes - 1.
    pub thresholds: Vec<f64>,
}

/// Observations of each class added at a score of zero.
const PSEUDO: f64 = 0.5;

/// Minimises `mean(class_weight * nll) + lambda * M * |coefficients|^2` and half an observation of each class at score 0,
/// which keeps the thresholds ordered and apart where a class is not in the data.
///
/// Convex in thresholds and coefficients (Pratt 1981); outside the ordered thresholds the loss is infinite.
pub(crate) fn fit(
    design: &Design,
    lambda: f64,
    tilt: f64,
    start: Option<&ProportionalOdds>,
) -> ProportionalOdds {
    let (k, width) = (design.classes, design.modalities * design.classes);
    let counts = design.counts();
    let row_weight = class_weights(&counts, tilt);
    let n = design.rows().max(1) as f64;
    let strength = lambda * design.modalities as f64;
    let objective = |theta: &[f64], gradient: &mut [f64]| {
        let (coefficients, thresholds) = theta.split_at(width);
        gradient.fill(0.0);
        let mut loss = 0.0;
        for i in 0..design.rows() {
            let row = design.row(i);
            let score: f64 = coefficients.iter().zip(row).map(|(c, x)| c * x).sum();
            let truth = design.truth[i];
            let Some(term) = interval_loss(thresholds, score, truth) else {
                return f64::INFINITY;
            };
            let weight = row_weight[truth] / n;
            loss += weight * term.loss;
            add_threshold_slopes(&mut gradient[width..], truth, weight, &term);
            let slope = -weight * (term.lower_slope + term.upper_slope);
            for (g, x) in gradient[..width].iter_mut().zip(row) {
                *g += slope * x;
            }
        }
        for class in 0..k {
            let Some(term) = interval_loss(thresholds, 0.0, class) else {
                return f64::INFINITY;
            };
            loss += PSEUDO / n * term.loss;
            add_threshold_slopes(&mut gradient[width..], class, PSEUDO / n, &term);
        }
        for (g, c) in gradient[..width].iter_mut().zip(coefficients) {
            *g += 2.0 * strength * c;
            loss += strength * c * c;
        }
        loss
    };
    let start = match start {
        Some(start) => [start.coefficients.as_slice(), &start.thresholds].concat(),
        None => [vec![0.0; width], marginal_thresholds(&counts, &row_weight)].concat(),
    };
    let mut coefficients = lbfgs::minimise(objective, &start, 1e-7);
    let thresholds = coefficients.split_off(width);
    ProportionalOdds {
        coefficients,
        thresholds,
    }
}

impl ProportionalOdds {
    /// Writes the logarithm of each class's probability for a row of stacked logits.
    pub fn log_probabilities(&self, row: &[f64], out: &mut [f64]) {
        let score: f64 = self.coefficients.iter().zip(row).map(|(c, x)| c * x).sum();
        for (class, z) in out.iter_mut().enumerate() {
            let loss = interval_loss(&self.thresholds, score, class);
            *z = loss.map_or(f64::MIN, |term| -term.loss);
        }
    }
}

/// Thresholds that give the (weighted, smoothed) class shares at score 0.
fn marginal_thresholds(counts: &[f64], row_weight: &[f64]) -> Vec<f64> {
    let mass: Vec<f64> = counts
        .iter()
        .zip(row_weight)
        .map(|(n, w)| n * w + PSEUDO)
        .collect();
    let total: f64 = mass.iter().sum();
    let mut below = 0.0;
    mass[..mass.len().saturating_sub(1)]
        .iter()
        .map(|m| {
            below += m;
            (below / (total - below)).ln()
        })
        .collect()
}

struct IntervalLoss {
    loss: f64,
    /// Slope of the loss in the threshold below the class (0 for the lowest class) and above it (0 for the highest).
    lower_slope: f64,
    upper_slope: f64,
}

/// `-ln(sigmoid(upper) - sigmoid(lower))` with `lower` and `upper` the class's thresholds less the score; `None` when
/// the thresholds are not increasing.
fn interval_loss(thresholds: &[f64], score: f64, class: usize) -> Option<IntervalLoss> {
    let upper = thresholds.get(class).map(|t| t - score);
    let lower = class
        .checked_sub(1)
        .and_then(|c| thresholds.get(c))
        .map(|t| t - score);
    let (loss, lower_slope, upper_slope) = match (lower, upper) {
        (None, None) => (0.0, 0.0, 0.0),
        (None, Some(b)) => (softplus(-b), 0.0, -sigmoid(-b)),
        (Some(a), None) => (softplus(a), sigmoid(a), 0.0),
        (Some(a), Some(b)) => {
            let gap = b - a;
            if gap.is_nan() || gap <= 0.0 {
                return None;
            }
            // sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)).
            let spread = -(-gap).exp_m1();
            let pull = (-gap).exp() / spread;
            let loss = softplus(-b) + softplus(a) - spread.ln();
            (loss, sigmoid(a) + pull, -sigmoid(-b) - pull)
        }
    };
    Some(IntervalLoss {
        loss,
        lower_slope,
        upper_slope,
    })
}

fn add_threshold_slopes(gradient: &mut [f64], class: usize, weight: f64, term: &IntervalLoss) {
    // The last class has no threshold above it, the first none below.
    if class < gradient.len() {
        gradient[class] += weight * term.upper_slope;
    }
    if class > 0 {
        gradient[class - 1] += weight * term.lower_slope;
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::softmax;
    use crate::test_data::{Draws, gaussian_design};

    #[test]
    fn probabilities_sum_to_one_and_match_the_definition() {
        let model = ProportionalOdds {
            coefficients: vec![0.5, -0.2, 1.0],
            thresholds: vec![-1.0, 0.3, 2.0],
        };
        let row = [1.0, 2.0, -0.5];
        let score: f64 = 0.5 - 0.4 - 0.5;
        let mut z = vec![0.0; 4];
        model.log_probabilities(&row, &mut z);
        let at_most = |t: f64| 1.0 / (1.0 + (score - t).exp());
        let expected = [
            at_most(-1.0),
            at_most(0.3) - at_most(-1.0),
            at_most(2.0) - at_most(0.3),
            1.0 - at_most(2.0),
        ];
        for (z, e) in z.iter().zip(expected) {
            assert!((z.exp() - e).abs() < 1e-12, "{z} {e}");
        }
        let mut p = z.clone();
        assert!(softmax(&mut p).abs() < 1e-12, "already normalised");
    }

    #[test]
    fn recovers_planted_thresholds_and_coefficients() {
        let truth = ProportionalOdds {
            coefficients: vec![1.0, 0.0, -0.5, 0.3],
            thresholds: vec![-1.5, 0.0, 1.0],
        };
        let mut draws = Draws::new(21);
        let mut design = Design {
            modalities: 1,
            classes: 4,
            x: Vec::new(),
            truth: Vec::new(),
        };
        for _ in 0..20_000 {
            let row: Vec<f64> = (0..4).map(|_| draws.normal()).collect();
            let mut p = vec![0.0; 4];
            truth.log_probabilities(&row, &mut p);
            softmax(&mut p);
            design.truth.push(draws.class(&p));
            design.x.extend(row);
        }
        let found = fit(&design, 1e-8, 0.0, None);
        let pairs = found.coefficients.iter().zip(&truth.coefficients);
        for (a, b) in pairs.chain(found.thresholds.iter().zip(&truth.thresholds)) {
            assert!((a - b).abs() < 0.06, "{found:?}");
        }
    }

    #[test]
    fn copies_share_the_coefficients_of_one() {
        let one = gaussian_design(300, 4, &[1.0], 23);
        let mut two = Design {
            modalities: 2,
            x: Vec::new(),
            ..one.clone()
        };
        for i in 0..one.rows() {
            two.x.extend_from_slice(one.row(i));
            two.x.extend_from_slice(one.row(i));
        }
        let (a, b) = (fit(&one, 0.01, 1.0, None), fit(&two, 0.01, 1.0, None));
        for j in 0..4 {
            let (left, right) = (b.coefficients[j], b.coefficients[4 + j]);
            assert!((left - right).abs() < 1e-5, "neither copy is preferred");
            assert!(
                (left + right - a.coefficients[j]).abs() < 1e-5,
                "neither counts twice"
            );
        }
    }

    #[test]
    fn absent_classes_and_no_rows_stay_finite_and_ordered() {
        let base = gaussian_design(40, 5, &[3.0], 24);
        let absent = base.filter(|i| base.truth[i] != 1 && base.truth[i] != 3);
        let empty = base.filter(|_| false);
        for (name, design) in [("absent", absent), ("empty", empty)] {
            let found = fit(&design, 1e-4, 1.0, None);
            assert!(
                found.thresholds.windows(2).all(|t| t[0] < t[1]),
                "{name}: {found:?}"
            );
            assert!(
                found.coefficients.iter().all(|c| c.is_finite()),
                "{name}: {found:?}"
            );
        }
    }
}
