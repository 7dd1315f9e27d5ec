//! Metrics on a [`Tally`] under weights of subjects: values, errors, and values without a subject.

use crate::Metric;
use crate::metrics::ece::BINS;
use crate::metrics::{Arithmetic, Counts};
use crate::resampled::Resampled;
use crate::tally::{Tally, entries};

/// Values, standard errors and influences of metrics on a [`Tally`] under subject weights. Holds scratch space only.
pub(crate) struct Evaluator<'a> {
    tally: &'a Tally,
    metrics: &'a [Metric],
    ones: Vec<f64>,
    count: Vec<f64>,
    truths: Vec<f64>,
    predictions: Vec<f64>,
    bins: [f64; BINS],
    gradient: Vec<f64>,
    n: f64,
    /// Totals of the tally's moments, and of squared sizes.
    moments: Vec<f64>,
    squares: f64,
    values: Vec<f64>,
    errors: Vec<f64>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(tally: &'a Tally, metrics: &'a [Metric]) -> Self {
        Self {
            tally,
            metrics,
            ones: vec![1.0; tally.subjects()],
            count: vec![0.0; tally.cells.len()],
            truths: vec![0.0; tally.classes()],
            predictions: vec![0.0; tally.classes()],
            bins: [0.0; BINS],
            gradient: vec![0.0; tally.cells.len()],
            n: 0.0,
            moments: vec![0.0; 3 * tally.linear.len()],
            squares: 0.0,
            values: vec![f64::NAN; metrics.len()],
            errors: vec![f64::NAN; metrics.len()],
        }
    }

    /// Value of each metric; NaN where it is not defined.
    pub(crate) fn values(&mut self, weights: Option<&[f64]>) -> &[f64] {
        self.evaluate(weights, false);
        &self.values
    }

    /// Sets the totals to those of all subjects; then [`Evaluator::without`] and [`Evaluator::with_other`] may be called.
    pub(crate) fn whole(&mut self) {
        let ones = std::mem::take(&mut self.ones);
        self.total(&ones);
        self.ones = ones;
    }

    /// Values of the metrics without one subject, NaN where not defined: the totals less its own, so that leaving out all
    /// in turn takes time that grows with subjects times cells.
    pub(crate) fn without(&mut self, subject: usize) -> &[f64] {
        self.exchanged(subject, None)
    }

    /// Values of the metrics with the subject's statistics taken from `other`, whose cells must all be among this
    /// tally's ([`Tally::joined`]).
    pub(crate) fn with_other(&mut self, subject: usize, other: &Tally) -> &[f64] {
        self.exchanged(subject, Some(other))
    }

    /// Values with a subject's statistics out of the totals and those in `other` in their place; leaves the totals as
    /// they were, to the last digit.
    fn exchanged(&mut self, subject: usize, other: Option<&Tally>) -> &[f64] {
        let kept = (self.moments.clone(), self.bins);
        self.shift(self.tally, subject, -1.0);
        if let Some(other) = other {
            self.shift(other, subject, 1.0);
        }
        let metrics = self.metrics;
        for (slot, &metric) in metrics.iter().enumerate() {
            let value = self.value(metric);
            self.values[slot] = value;
        }
        self.shift(self.tally, subject, 1.0);
        if let Some(other) = other {
            self.shift(other, subject, -1.0);
        }
        (self.moments, self.bins) = kept;
        &self.values
    }

    /// Adds `sign` times a subject of `of` to the totals.
    fn shift(&mut self, of: &Tally, s: usize, sign: f64) {
        self.n += sign * of.size[s];
        let same = std::ptr::eq(of, self.tally);
        let (width, of_width) = (self.tally.linear.len(), of.linear.len());
        for (i, (metric, _)) in self.tally.linear.iter().enumerate() {
            // The other may lack probabilities, and with them some of the metrics: those have no value then.
            let place = if same {
                Some(i)
            } else {
                of.linear_index(*metric)
            };
            for part in 0..3 {
                let moment = place.map_or(f64::NAN, |j| of.moments[(3 * s + part) * of_width + j]);
                self.moments[part * width + i] += sign * moment;
            }
        }
        for &(cell, count) in of.entries_of(s) {
            let pair = of.cells[cell];
            let place = if same {
                cell
            } else {
                self.tally.cell_index(pair)
            };
            self.count[place] += sign * count;
            self.truths[pair.0] += sign * count;
            self.predictions[pair.1] += sign * count;
        }
        for &(bin, gap) in of.bins_of(s) {
            self.bins[bin] += sign * gap;
        }
    }

    #[cfg(test)]
    /// Influence of each subject on a metric at weight 1 each, with its value; `None` where it is not defined.
    pub(crate) fn influence(&mut self, metric: Metric) -> Option<(f64, Vec<f64>)> {
        let ones = std::mem::take(&mut self.ones);
        self.total(&ones);
        let value = self.value(metric);
        let influence = value.is_finite().then(|| {
            let mut influence = vec![0.0; ones.len()];
            self.each_influence(metric, value, &ones, |s, u| influence[s] = u);
            influence
        });
        self.ones = ones;
        Some((value, influence?))
    }

    /// Difference `a - b` of each metric with its cluster-robust standard error; both tallies hold the same rows.
    pub(crate) fn difference(
        a: &mut Self,
        b: &mut Self,
        weights: Option<&[f64]>,
    ) -> (Vec<f64>, Vec<f64>) {
        let ones = std::mem::take(&mut a.ones);
        let weights = weights.unwrap_or(&ones);
        a.total(weights);
        b.total(weights);
        let drawn: f64 = weights.iter().sum();
        let mut influence = vec![0.0; weights.len()];
        let mut values = Vec::with_capacity(a.metrics.len());
        let mut errors = Vec::with_capacity(a.metrics.len());
        for &metric in a.metrics {
            let (of_a, of_b) = (a.value(metric), b.value(metric));
            a.each_influence(metric, of_a, weights, |s, u| {
                influence[s] = u;
            });
            b.each_influence(metric, of_b, weights, |s, u| {
                influence[s] -= u;
            });
            let sum: f64 = weights.iter().zip(&influence).map(|(w, u)| w * u * u).sum();
            values.push(of_a - of_b);
            errors.push((sum * drawn / (drawn - 1.0)).sqrt());
        }
        a.ones = ones;
        (values, errors)
    }

    /// Values, and errors where asked for, of all metrics.
    fn evaluate(&mut self, weights: Option<&[f64]>, with_errors: bool) {
        let ones = std::mem::take(&mut self.ones);
        let weights = weights.unwrap_or(&ones);
        self.total(weights);
        let drawn: f64 = weights.iter().sum();
        let metrics = self.metrics;
        for (i, &metric) in metrics.iter().enumerate() {
            let value = self.value(metric);
            let mut error = f64::NAN;
            if with_errors && value.is_finite() && drawn > 1.0 {
                let sum = self.linear_square(metric, value).unwrap_or_else(|| {
                    let mut sum = 0.0;
                    self.each_influence(metric, value, weights, |s, u| {
                        sum += weights[s] * u * u;
                    });
                    sum
                });
                error = (sum * drawn / (drawn - 1.0)).sqrt();
            }
            self.values[i] = value;
            self.errors[i] = error;
        }
        self.ones = ones;
    }

    /// Totals of the confusion matrix, its margins and the calibration bins.
    fn total(&mut self, weights: &[f64]) {
        self.n = 0.0;
        self.squares = 0.0;
        self.moments.fill(0.0);
        let width = self.moments.len();
        for (s, (&w, &size)) in weights.iter().zip(&self.tally.size).enumerate() {
            if w == 0.0 {
                continue;
            }
            self.n += w * size;
            self.squares += w * size * size;
            let of_subject = &self.tally.moments[s * width..(s + 1) * width];
            for (total, moment) in self.moments.iter_mut().zip(of_subject) {
                *total += w * moment;
            }
        }
        let any = |is: fn(&Arithmetic) -> bool| {
            let mut metrics = self.metrics.iter();
            metrics.any(|metric| is(&metric.definition().arithmetic))
        };
        let needs_bins = any(|arithmetic| matches!(arithmetic, Arithmetic::Gaps(_)));
        if any(|arithmetic| matches!(arithmetic, Arithmetic::Counts(_))) {
            self.count.fill(0.0);
            for (s, &w) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                for &(cell, count) in entries(&self.tally.offsets, &self.tally.entries, s) {
                    self.count[cell] += w * count;
                }
            }
            self.margins();
        }
        if needs_bins {
            self.bins.fill(0.0);
            for (s, &w) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                for &(bin, sum) in entries(&self.tally.bin_offsets, &self.tally.bin_entries, s) {
                    self.bins[bin] += w * sum;
                }
            }
        }
    }

    /// Margins of the confusion matrix.
    fn margins(&mut self) {
        self.truths.fill(0.0);
        self.predictions.fill(0.0);
        for (&(truth, predicted), &count) in self.tally.cells.iter().zip(&self.count) {
            self.truths[truth] += count;
            self.predictions[predicted] += count;
        }
    }

    /// `sum w u^2` of a metric that is a mean of losses, from the moments: exactly 0 where rounding is all there is.
    fn linear_square(&self, metric: Metric, value: f64) -> Option<f64> {
        let i = self.tally.linear_index(metric)?;
        let width = self.tally.linear.len();
        let square = self.moments[width + i];
        let product = self.moments[2 * width + i];
        let sum = square - 2.0 * value * product + value * value * self.squares;
        let rounding = 1e-14 * (square + value * value * self.squares);
        Some(if sum > rounding {
            sum / (self.n * self.n)
        } else {
            0.0
        })
    }

    /// Value of one metric at the totals; for those with cells, leaves the gradient by cell in `self.gradient`.
    fn value(&mut self, metric: Metric) -> f64 {
        if self.n <= 0.0 || (metric.needs_order() && !self.tally.ordered) {
            return f64::NAN;
        }
        if let Some(i) = self.tally.linear_index(metric) {
            return self.moments[i] / self.n;
        }
        match metric.definition().arithmetic {
            Arithmetic::Counts(of) => {
                let counts = Counts {
                    cells: &self.tally.cells,
                    count: &self.count,
                    truths: &self.truths,
                    predictions: &self.predictions,
                    n: self.n,
                };
                of(&counts, &mut self.gradient)
            }
            Arithmetic::Gaps(of) if !self.tally.bin_entries.is_empty() => of(&self.bins, self.n),
            // The sample lacks what the metric needs.
            _ => f64::NAN,
        }
    }

    /// Value of a metric from counts by cell (in the order of the tally's cells) of `n` rows.
    pub(crate) fn value_of_counts(&mut self, metric: Metric, counts: &[f64]) -> f64 {
        self.count.copy_from_slice(counts);
        self.n = counts.iter().sum();
        self.margins();
        self.value(metric)
    }

    /// Calls `each(subject, influence)` for a metric whose value at the current totals is `value`.
    fn each_influence(
        &self,
        metric: Metric,
        value: f64,
        weights: &[f64],
        mut each: impl FnMut(usize, f64),
    ) {
        let drawn = |s: &usize| weights[*s] != 0.0;
        let tally = self.tally;
        if let Some(sums) = tally.linear(metric) {
            for (s, (sum, size)) in sums.iter().zip(&tally.size).enumerate() {
                each(s, (sum - value * size) / self.n);
            }
        } else if matches!(metric.definition().arithmetic, Arithmetic::Gaps(_)) {
            for (s, size) in tally.size.iter().enumerate() {
                let sum: f64 = entries(&tally.bin_offsets, &tally.bin_entries, s)
                    .iter()
                    .map(|&(bin, gap)| if self.bins[bin] >= 0.0 { gap } else { -gap })
                    .sum();
                each(s, (sum - value * size) / self.n);
            }
        } else {
            for s in (0..tally.subjects()).filter(drawn) {
                let u = entries(&tally.offsets, &tally.entries, s)
                    .iter()
                    .map(|&(cell, count)| self.gradient[cell] * count)
                    .sum();
                each(s, u);
            }
        }
    }
}

impl Resampled for Evaluator<'_> {
    fn units(&self) -> usize {
        self.tally.subjects()
    }

    fn values_and_errors(&mut self, weights: &[f64], with_errors: bool) -> (&[f64], &[f64]) {
        self.evaluate(Some(weights), with_errors);
        (&self.values, &self.errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;
    use crate::scores::score;

    /// A small sample with everything in it: unequal clusters, a class that is never predicted, probabilities.
    struct Rows {
        truth: Vec<usize>,
        predicted: Vec<usize>,
        subject: Vec<usize>,
        probabilities: Vec<f64>,
    }

    fn rows() -> Rows {
        let truth = vec![0, 1, 2, 2, 1, 0, 3, 3, 1, 2, 2, 0, 1, 1];
        let predicted = vec![0, 1, 1, 2, 2, 0, 2, 1, 1, 2, 0, 1, 1, 2];
        let subject = vec![0, 0, 1, 1, 2, 2, 2, 3, 4, 4, 5, 5, 6, 6];
        let mut p = Vec::new();
        for (row, &class) in predicted.iter().enumerate() {
            for k in 0..4 {
                let base = if k == class {
                    0.4 + 0.02 * row as f64
                } else {
                    0.1 + 0.01 * k as f64
                };
                p.push(base);
            }
        }
        Rows {
            truth,
            predicted,
            subject,
            probabilities: p,
        }
    }

    impl Rows {
        fn sample(&self) -> Sample<'_> {
            Sample::new(4, &self.truth, &self.predicted, &self.subject)
                .unwrap()
                .with_probabilities(&self.probabilities)
                .unwrap()
        }

        fn with_midpoints(&self) -> Sample<'_> {
            let sample = self.sample().with_midpoints(&[10.0, 16.0, 21.5, 28.5]);
            sample.unwrap()
        }
    }

    #[test]
    fn weights_equal_repetition_of_subjects() {
        let data = rows();
        let sample = data.with_midpoints();
        let weights = [2.0, 0.0, 1.0, 3.0, 1.0, 0.0, 1.0];
        let tally = Tally::new(&sample, None);
        let weighted = Evaluator::new(&tally, &Metric::ALL)
            .values(Some(&weights))
            .to_vec();
        let mut rows = Vec::new();
        for (row, &s) in data.subject.iter().enumerate() {
            rows.extend(std::iter::repeat_n(row, weights[s] as usize));
        }
        let repeated = Tally::new(&sample, Some(&rows));
        let repeated = Evaluator::new(&repeated, &Metric::ALL)
            .values(None)
            .to_vec();
        for ((metric, a), b) in Metric::ALL.iter().zip(&weighted).zip(&repeated) {
            assert!((a - b).abs() < 1e-12, "{metric:?}: {a} {b}");
        }
    }

    #[test]
    fn influences_equal_numerical_derivatives() {
        let data = rows();
        let sample = data.with_midpoints();
        let tally = Tally::new(&sample, None);
        for (i, &metric) in Metric::ALL.iter().enumerate() {
            let mut evaluator = Evaluator::new(&tally, &Metric::ALL);
            let (_, influence) = evaluator.influence(metric).unwrap();
            assert!(
                influence.iter().sum::<f64>().abs() < 1e-12,
                "{metric:?} does not sum to 0"
            );
            for s in 0..tally.subjects() {
                let at = |evaluator: &mut Evaluator, step: f64| {
                    let mut w = vec![1.0; tally.subjects()];
                    w[s] += step;
                    evaluator.values(Some(&w))[i]
                };
                let h = 1e-5;
                let slope = (at(&mut evaluator, h) - at(&mut evaluator, -h)) / (2.0 * h);
                assert!(
                    (slope - influence[s]).abs() < 1e-8,
                    "{metric:?} subject {s}: {slope} {}",
                    influence[s]
                );
            }
        }
    }

    #[test]
    fn a_subject_taken_from_a_table_with_fewer_metrics_counts_as_its_own_rows() {
        let data = rows();
        let a = Tally::new(&data.sample(), None);
        let Rows {
            truth,
            predicted,
            subject,
            ..
        } = data;
        let other: Vec<usize> = predicted.iter().map(|class| (class + 1) % 4).collect();
        let b = Tally::new(&Sample::new(4, &truth, &other, &subject).unwrap(), None);
        let (a, b) = (a.joined(&b), b.joined(&a));
        let metrics = [
            Metric::Accuracy,
            Metric::SignedError,
            Metric::Kappa,
            Metric::Nll,
        ];
        let mut evaluator = Evaluator::new(&a, &metrics);
        evaluator.whole();
        for s in 0..a.subjects() {
            let found = evaluator.with_other(s, &b).to_vec();
            let mixed: Vec<usize> = (0..truth.len())
                .map(|row| {
                    if subject[row] == s {
                        other[row]
                    } else {
                        predicted[row]
                    }
                })
                .collect();
            let sample = Sample::new(4, &truth, &mixed, &subject).unwrap();
            for (metric, found) in metrics.into_iter().zip(found).take(3) {
                let expected = score(metric, &sample).unwrap();
                assert!(
                    (found - expected).abs() < 1e-12,
                    "{metric:?} {s}: {found} {expected}"
                );
            }
            assert!(
                evaluator.with_other(s, &b)[3].is_nan(),
                "b has no probabilities"
            );
        }
    }
}
