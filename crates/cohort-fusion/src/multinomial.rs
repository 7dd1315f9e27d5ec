//! Multinomial stacking: every class's logit may lean on every logit of every modality.

use crate::design::{Design, class_weights};
use crate::lbfgs;
use crate::numeric::softmax;
use crate::weights::Weighted;

/// What multinomial stacking adds to fitted weights: `logit[k] += sum_j matrix[k][j] * x[j] + bias[k]`, with `x` the
/// stacked logits (modalities x classes).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deviation {
    /// Row-major, classes x (modalities * classes).
    pub matrix: Vec<f64>,
    pub bias: Vec<f64>,
}

/// Minimises `mean(class_weight * nll) + lambda * (M * |matrix|^2 + |bias|^2)` of fitted weights plus a deviation.
///
/// Ridge multinomial logistic regression on the stacked logits (stacked generalisation, Wolpert 1992) whose centre is not
/// zero but the weighted sum: with little data, or a strong penalty, stacking is the weighted sum. The factor `M`
/// makes copies of a modality share what one would get.
pub(crate) fn fit(
    design: &Design,
    base: &Weighted,
    lambda: f64,
    tilt: f64,
    start: Option<&Deviation>,
) -> Deviation {
    let (k, width) = (design.classes, design.modalities * design.classes);
    let row_weight = class_weights(&design.counts(), tilt);
    let n = design.rows().max(1) as f64;
    // What the weighted sum says of each row does not change during the fit.
    let mut offsets = vec![0.0; design.rows() * k];
    for (i, out) in offsets.chunks_exact_mut(k).enumerate() {
        base.add_logits(design.row(i), out);
    }
    let strength = lambda * design.modalities as f64;
    let objective = |theta: &[f64], gradient: &mut [f64]| {
        let (matrix, bias) = theta.split_at(k * width);
        let mut loss = 0.0;
        gradient.fill(0.0);
        let mut p = vec![0.0; k];
        for (i, offset) in offsets.chunks_exact(k).enumerate() {
            let row = design.row(i);
            p.copy_from_slice(offset);
            add_linear(matrix, bias, row, &mut p);
            let truth = design.truth[i];
            let weight = row_weight[truth] / n;
            let own = p[truth];
            loss += weight * (softmax(&mut p) - own);
            for c in 0..k {
                let error = weight * (p[c] - f64::from(c == truth));
                for (g, x) in gradient[c * width..(c + 1) * width].iter_mut().zip(row) {
                    *g += error * x;
                }
                gradient[k * width + c] += error;
            }
        }
        for (at, (g, t)) in gradient.iter_mut().zip(theta).enumerate() {
            let strength = if at < k * width { strength } else { lambda };
            *g += 2.0 * strength * t;
            loss += strength * t * t;
        }
        loss
    };
    let start = match start {
        Some(start) => [start.matrix.as_slice(), &start.bias].concat(),
        None => vec![0.0; k * width + k],
    };
    let mut matrix = lbfgs::minimise(objective, &start, 1e-7);
    let bias = matrix.split_off(k * width);
    Deviation { matrix, bias }
}

fn add_linear(matrix: &[f64], bias: &[f64], row: &[f64], out: &mut [f64]) {
    for ((z, coefficients), bias) in out.iter_mut().zip(matrix.chunks_exact(row.len())).zip(bias) {
        *z += bias
            + coefficients
                .iter()
                .zip(row)
                .map(|(c, x)| c * x)
                .sum::<f64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::{Draws, gaussian_design};
    use crate::weights::{self, WeightFit};

    const WEIGHTS: WeightFit = WeightFit {
        lambda: 1e-2,
        tilt: 0.0,
        non_negative: true,
        class_bias: true,
    };

    #[test]
    fn two_copies_predict_what_one_does() {
        let one = gaussian_design(300, 3, &[1.0], 11);
        let mut two = Design {
            modalities: 2,
            x: Vec::new(),
            ..one.clone()
        };
        for i in 0..one.rows() {
            two.x.extend_from_slice(one.row(i));
            two.x.extend_from_slice(one.row(i));
        }
        for lambda in [1e-3, 1e-1] {
            let (base_one, base_two) = (weights::fit(&one, WEIGHTS), weights::fit(&two, WEIGHTS));
            let a = fit(&one, &base_one, lambda, 0.0, None);
            let b = fit(&two, &base_two, lambda, 0.0, None);
            for c in 0..3 {
                for j in 0..3 {
                    let (left, right) = (b.matrix[c * 6 + j], b.matrix[c * 6 + 3 + j]);
                    assert!((left - right).abs() < 1e-5, "neither copy is preferred");
                    assert!(
                        (left + right - a.matrix[c * 3 + j]).abs() < 1e-5,
                        "neither counts twice"
                    );
                }
            }
        }
    }

    #[test]
    fn finds_what_a_weighted_sum_cannot_say() {
        // The modality confuses two of three classes systematically: it shows class (truth + 1) mod 3.
        let mut design = gaussian_design(1500, 3, &[2.0], 12);
        design.truth.iter_mut().for_each(|t| *t = (*t + 1) % 3);
        let base = weights::fit(&design, WEIGHTS);
        let deviation = fit(&design, &base, 1e-3, 0.0, None);
        let mut right = [0, 0];
        for i in 0..design.rows() {
            let mut z = vec![0.0; 3];
            base.add_logits(design.row(i), &mut z);
            right[0] += usize::from(crate::numeric::argmax(&z) == design.truth[i]);
            add_linear(&deviation.matrix, &deviation.bias, design.row(i), &mut z);
            right[1] += usize::from(crate::numeric::argmax(&z) == design.truth[i]);
        }
        assert!(right[0] < 700 && right[1] > 850, "{right:?}");
    }

    #[test]
    fn a_strong_penalty_is_the_weighted_sum_and_the_start_does_not_matter() {
        let design = gaussian_design(200, 3, &[1.0, 0.5], 13);
        let base = weights::fit(&design, WEIGHTS);
        let strong = fit(&design, &base, 1e6, 0.0, None);
        assert!(strong.matrix.iter().all(|m| m.abs() < 1e-6));
        let cold = fit(&design, &base, 0.01, 0.5, None);
        let mut draws = Draws::new(2);
        let start = Deviation {
            matrix: (0..18).map(|_| draws.normal()).collect(),
            bias: (0..3).map(|_| draws.normal()).collect(),
        };
        let warm = fit(&design, &base, 0.01, 0.5, Some(&start));
        for (a, b) in cold.matrix.iter().zip(&warm.matrix) {
            assert!((a - b).abs() < 1e-5);
        }
    }
}
