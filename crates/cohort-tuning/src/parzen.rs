//! The density of some points of a space, as a mixture of one kernel a point and one that is flat.

use crate::draw::Draw;
use crate::space::{Parameter, Point, Range};

/// A mixture of product kernels: for numbers a normal one cut to the range, for choices one that gives most of its weight to
/// the point's own value (Bergstra et al. 2011; joint over the parameters as in Falkner et al. 2018). The flat kernel keeps every
/// value possible.
pub(crate) struct Parzen<'a> {
    parameters: &'a [Parameter],
    /// The points, oldest first; the flat kernel follows them.
    points: Vec<&'a Point>,
    weights: Vec<f64>,
    /// Of each parameter, one a point, as a share of the range; empty for choices.
    deviations: Vec<Vec<f64>>,
}

impl<'a> Parzen<'a> {
    pub(crate) fn new(parameters: &'a [Parameter], points: Vec<&'a Point>) -> Self {
        let n = points.len();
        let deviations = parameters.iter().enumerate().map(|(d, parameter)| {
            let coordinates: Vec<f64> = points.iter().map(|point| point.0[d]).collect();
            widths(&parameter.range, &coordinates)
        });
        Self {
            parameters,
            deviations: deviations.collect(),
            weights: vec![1.0 / (n as f64 + 1.0); n + 1],
            points,
        }
    }

    /// A point of the mixture.
    pub(crate) fn draw(&self, draw: &mut Draw) -> Point {
        let number = draw.weighted(&self.weights);
        let kernel = self.points.get(number);
        let coordinates = self.parameters.iter().enumerate().map(|(d, parameter)| {
            let own = kernel.map(|point| point.0[d]);
            match (&parameter.range, own) {
                (Range::Choice(values), None) => draw.below(values.len()) as f64,
                (Range::Choice(values), Some(own)) => {
                    match draw.unit() < flat_share(self.points.len(), values.len()) {
                        true => draw.below(values.len()) as f64,
                        false => own,
                    }
                }
                (range, None) => range.at(draw.unit()),
                (range, Some(own)) => {
                    let (from, to) = range.cell(own);
                    range.at(draw.normal_in_unit(0.5 * (from + to), self.deviations[d][number]))
                }
            }
        });
        Point(coordinates.collect())
    }

    /// Logarithm of the density at a point; of whole numbers and choices the logarithm of a probability.
    pub(crate) fn log_density(&self, at: &Point) -> f64 {
        let kernels = self.points.iter().map(Some).chain([None]);
        let logs: Vec<f64> = kernels
            .zip(&self.weights)
            .enumerate()
            .map(|(number, (kernel, weight))| {
                let each = self.parameters.iter().enumerate().map(|(d, parameter)| {
                    let own = kernel.map(|point| (point.0[d], number));
                    self.log_kernel(d, &parameter.range, own, at.0[d])
                });
                weight.ln() + each.sum::<f64>()
            })
            .collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + logs.iter().map(|log| (log - most).exp()).sum::<f64>().ln()
    }

    fn log_kernel(&self, d: usize, range: &Range, own: Option<(f64, usize)>, at: f64) -> f64 {
        if let Range::Choice(values) = range {
            let flat = 1.0 / values.len() as f64;
            let Some((own, _)) = own else {
                return flat.ln();
            };
            let share = flat_share(self.points.len(), values.len());
            let same = if own == at { 1.0 - share } else { 0.0 };
            return (same + share * flat).ln();
        }
        let (from, to) = range.cell(at);
        let Some((own, number)) = own else {
            return if to > from { (to - from).ln() } else { 0.0 };
        };
        let (own_from, own_to) = range.cell(own);
        let (mean, deviation) = (0.5 * (own_from + own_to), self.deviations[d][number]);
        let z = |x: f64| (x - mean) / deviation;
        let inside = between(z(0.0), z(1.0));
        let here = match to > from {
            true => between(z(from), z(to)),
            false => (-0.5 * z(from).powi(2)).exp() / (deviation * std::f64::consts::TAU.sqrt()),
        };
        // far away from a kernel its density is below the least number
        (here / inside).max(f64::MIN_POSITIVE).ln()
    }
}

/// The deviation of every point's kernel along one parameter: the distance to the farther of its two neighbours (Bergstra et
/// al. 2011), within bounds that depend on how many points there are.
fn widths(range: &Range, coordinates: &[f64]) -> Vec<f64> {
    if let Range::Choice(_) = range {
        return Vec::new();
    }
    let middle = |at: f64| {
        let (from, to) = range.cell(at);
        0.5 * (from + to)
    };
    let places: Vec<f64> = coordinates.iter().map(|&at| middle(at)).collect();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
    let narrowest = 1.0 / (places.len() as f64 + 2.0).min(100.0);
    let mut widths = vec![1.0; places.len()];
    for (rank, &point) in order.iter().enumerate() {
        let before = rank
            .checked_sub(1)
            .map(|r| places[point] - places[order[r]]);
        let after = order
            .get(rank + 1)
            .map(|&next| places[next] - places[point]);
        let farther = before.into_iter().chain(after).reduce(f64::max);
        widths[point] = farther.unwrap_or(1.0).clamp(narrowest, 1.0);
    }
    widths
}

/// How much of a choice's kernel is spread over all values: less with more points.
fn flat_share(points: usize, values: usize) -> f64 {
    let values = values as f64;
    values / (points as f64 + values)
}

/// Probability that a standard normal number lies between two.
fn between(from: f64, to: f64) -> f64 {
    let root = std::f64::consts::SQRT_2;
    // on the side where the tails are small, so that nothing is lost by subtraction from one
    match from > 0.0 {
        true => 0.5 * (libm::erfc(from / root) - libm::erfc(to / root)),
        false => 0.5 * (libm::erfc(-to / root) - libm::erfc(-from / root)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Scale;

    fn parameters() -> Vec<Parameter> {
        let ranges = [
            Range::Integer {
                low: 1,
                high: 12,
                step: 1,
                scale: Scale::Log,
            },
            Range::Choice(vec!["a".into(), "b".into(), "c".into()]),
        ];
        let named = ranges.into_iter().zip(["x", "y"]);
        named
            .map(|(range, name)| Parameter {
                name: name.to_string(),
                range,
            })
            .collect()
    }

    #[test]
    fn probabilities_add_up_to_one_and_draws_follow_them() {
        let parameters = parameters();
        let points = [
            Point(vec![2.0, 0.0]),
            Point(vec![2.0, 2.0]),
            Point(vec![11.0, 2.0]),
        ];
        let parzen = Parzen::new(&parameters, points.iter().collect());
        let mut all = Vec::new();
        for x in 1..=12 {
            for y in 0..3 {
                let point = Point(vec![f64::from(x), f64::from(y)]);
                let p = parzen.log_density(&point).exp();
                all.push((point, p, 0_usize));
            }
        }
        let total: f64 = all.iter().map(|(_, p, _)| p).sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
        let mut draw = Draw::new(3, 0);
        let n = 200_000;
        for _ in 0..n {
            let drawn = parzen.draw(&mut draw);
            all.iter_mut()
                .find(|(point, ..)| *point == drawn)
                .unwrap()
                .2 += 1;
        }
        for (point, p, count) in all {
            let (expected, found) = (p * f64::from(n), count as f64);
            let deviation = (expected * (1.0 - p)).sqrt();
            assert!(
                (found - expected).abs() < 5.0 * deviation,
                "{point:?} {expected} {found}"
            );
        }
    }

    #[test]
    fn a_density_of_real_numbers_integrates_to_one() {
        let range = Range::Float {
            low: -5.0,
            high: 5.0,
            scale: Scale::Linear,
        };
        let parameters = [Parameter {
            name: "x".to_string(),
            range,
        }];
        let points = [Point(vec![-4.9]), Point(vec![0.3]), Point(vec![0.4])];
        let parzen = Parzen::new(&parameters, points.iter().collect());
        let n = 100_000;
        let sum: f64 = (0..n)
            .map(|k| -5.0 + 10.0 * (f64::from(k) + 0.5) / f64::from(n))
            .map(|x| parzen.log_density(&Point(vec![x])).exp() / f64::from(n))
            .sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    }
}
