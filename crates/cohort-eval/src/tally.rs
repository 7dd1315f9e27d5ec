//! What each subject contributes, so that resampling subjects is a weighted sum and never touches rows again.
//!
//! Every metric is a smooth function `f(T)` of totals `T = sum over subjects of w_s x_s`. Its linearised ("influence")
//! contribution of subject `s` is `u_s = gradient f(T) . x_s`; as every metric is unchanged when all totals are scaled,
//! `sum w_s u_s = 0`, and the cluster-robust variance is `S/(S-1) sum w_s u_s^2` (Binder 1983).

use crate::{Metric, Sample};

/// Bins of [`Metric::Ece`].
pub(crate) const ECE_BINS: usize = 15;

/// Loss of one row for the metrics that are means of such losses; `None` for the others.
pub(crate) fn row_loss(metric: Metric, sample: &Sample, row: usize) -> Option<f64> {
    let truth = *sample.truth().get(row)?;
    let predicted = *sample.predicted().get(row)?;
    let distance = truth.abs_diff(predicted);
    match metric {
        Metric::Accuracy => Some(f64::from(distance == 0)),
        Metric::WithinOne => Some(f64::from(distance <= 1)),
        Metric::MaeGroups => Some(distance as f64),
        Metric::SignedError => Some(predicted as f64 - truth as f64),
        Metric::MaeYears => {
            let midpoints = sample.midpoints()?;
            Some((midpoints.get(predicted)? - midpoints.get(truth)?).abs())
        }
        Metric::Nll | Metric::Brier | Metric::Rps => {
            let p = sample.row_probabilities(row)?;
            let sum: f64 = p.iter().sum();
            match metric {
                Metric::Nll => Some(-(p.get(truth)? / sum).clamp(f64::EPSILON, 1.0).ln()),
                Metric::Brier => Some(
                    p.iter()
                        .enumerate()
                        .map(|(class, p)| (p / sum - f64::from(class == truth)).powi(2))
                        .sum(),
                ),
                _ => {
                    let mut cumulative = 0.0;
                    let mut total = 0.0;
                    for (class, p) in p.iter().enumerate().take(p.len().saturating_sub(1)) {
                        cumulative += p / sum;
                        total += (cumulative - f64::from(class >= truth)).powi(2);
                    }
                    Some(total / (p.len().saturating_sub(1).max(1)) as f64)
                }
            }
        }
        _ => None,
    }
}

/// Confidence in the predicted class of a row (its normalised probability) and its calibration bin.
pub(crate) fn confidence(sample: &Sample, row: usize) -> Option<(f64, usize)> {
    let p = sample.row_probabilities(row)?;
    let sum: f64 = p.iter().sum();
    let confidence = p.get(*sample.predicted().get(row)?)? / sum;
    // Bins are (0, 1/15], (1/15, 2/15], ... as in Guo et al.; 0 joins the first.
    let bin = ((confidence * ECE_BINS as f64).ceil() as usize)
        .saturating_sub(1)
        .min(ECE_BINS - 1);
    Some((confidence, bin))
}

/// Kish's effective number of equal weights, `(sum w)^2 / sum w^2`; 0 without any.
pub(crate) fn kish(weights: impl Iterator<Item = f64>) -> f64 {
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    if squares > 0.0 {
        sum * sum / squares
    } else {
        0.0
    }
}

/// Sufficient statistics a subject.
#[derive(Clone)]
pub(crate) struct Tally {
    classes: usize,
    ordered: bool,
    /// Largest minus smallest midpoint; 0 without midpoints.
    span: f64,
    /// Rows of each subject.
    pub(crate) size: Vec<f64>,
    /// Loss sums of each subject, for each metric that is a mean of row losses.
    linear: Vec<(Metric, Vec<f64>)>,
    /// For each subject the loss sums, their squares and their products with the size: `3 x linear.len()` numbers.
    moments: Vec<f64>,
    /// Distinct (truth, predicted) pairs that occur.
    cells: Vec<(usize, usize)>,
    /// `entries[offsets[s]..offsets[s + 1]]`: (cell, count) of subject `s`.
    offsets: Vec<usize>,
    entries: Vec<(usize, f64)>,
    /// The same for calibration bins: (bin, sum of correct minus confidence).
    bin_offsets: Vec<usize>,
    bin_entries: Vec<(usize, f64)>,
}

impl Tally {
    /// Statistics of the given rows (all rows without), with subjects in order of their index.
    pub(crate) fn new(sample: &Sample, rows: Option<&[usize]>) -> Self {
        let all: Vec<usize>;
        let rows = match rows {
            Some(rows) => rows,
            None => {
                all = (0..sample.len()).collect();
                &all
            }
        };
        let subject_of = |row: usize| sample.subject().get(row).copied().unwrap_or(0);
        let mut order = rows.to_vec();
        order.sort_by_key(|&row| (subject_of(row), row));

        let classes = sample.classes();
        let cell_of = |row: usize| {
            let truth = sample.truth().get(row).copied().unwrap_or(0);
            let predicted = sample.predicted().get(row).copied().unwrap_or(0);
            (truth, predicted)
        };
        let mut cells: Vec<(usize, usize)> = rows.iter().map(|&row| cell_of(row)).collect();
        cells.sort_unstable();
        cells.dedup();

        let metrics: Vec<Metric> = Metric::applicable(sample)
            .into_iter()
            .filter(|metric| metric.is_mean())
            .collect();
        let mut tally = Self {
            classes,
            ordered: sample.is_ordered(),
            span: sample.midpoints().map_or(0.0, |midpoints| {
                let largest = midpoints.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                largest - midpoints.iter().copied().fold(f64::INFINITY, f64::min)
            }),
            size: Vec::new(),
            linear: metrics
                .into_iter()
                .map(|metric| (metric, Vec::new()))
                .collect(),
            moments: Vec::new(),
            cells,
            offsets: vec![0],
            entries: Vec::new(),
            bin_offsets: vec![0],
            bin_entries: Vec::new(),
        };
        for rows in order.chunk_by(|&a, &b| subject_of(a) == subject_of(b)) {
            tally.size.push(rows.len() as f64);
            for (metric, sums) in &mut tally.linear {
                let metric = *metric;
                sums.push(
                    rows.iter()
                        .filter_map(|&row| row_loss(metric, sample, row))
                        .sum(),
                );
            }
            let mut of_subject: Vec<usize> = rows
                .iter()
                .filter_map(|&row| tally.cells.binary_search(&cell_of(row)).ok())
                .collect();
            of_subject.sort_unstable();
            for same in of_subject.chunk_by(|a, b| a == b) {
                if let Some(&cell) = same.first() {
                    tally.entries.push((cell, same.len() as f64));
                }
            }
            tally.offsets.push(tally.entries.len());
            if sample.has_probabilities() {
                let mut bins = [None; ECE_BINS];
                for &row in rows {
                    if let Some((confidence, bin)) = confidence(sample, row) {
                        let (truth, predicted) = cell_of(row);
                        let gap = f64::from(truth == predicted) - confidence;
                        if let Some(sum) = bins.get_mut(bin) {
                            *sum = Some(sum.unwrap_or(0.0) + gap);
                        }
                    }
                }
                tally.bin_entries.extend(
                    bins.iter()
                        .enumerate()
                        .filter_map(|(bin, sum)| sum.map(|sum| (bin, sum))),
                );
            }
            tally.bin_offsets.push(tally.bin_entries.len());
        }
        for (s, &size) in tally.size.iter().enumerate() {
            let sums = || {
                tally
                    .linear
                    .iter()
                    .filter_map(|(_, sums)| sums.get(s).copied())
            };
            tally.moments.extend(sums());
            tally.moments.extend(sums().map(|sum| sum * sum));
            tally.moments.extend(sums().map(|sum| sum * size));
        }
        tally
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    /// Statistics of subjects that each count once, with a share of their own: their mean is the accuracy.
    pub(crate) fn of_shares(shares: Vec<f64>) -> Self {
        let moments = |&share: &f64| [share, share * share, share];
        Self {
            classes: 2,
            ordered: true,
            span: 0.0,
            size: vec![1.0; shares.len()],
            moments: shares.iter().flat_map(moments).collect(),
            cells: Vec::new(),
            offsets: vec![0; shares.len() + 1],
            entries: Vec::new(),
            bin_offsets: vec![0; shares.len() + 1],
            bin_entries: Vec::new(),
            linear: vec![(Metric::Accuracy, shares)],
        }
    }

    /// Number of subjects.
    pub(crate) fn subjects(&self) -> usize {
        self.size.len()
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.size.iter().sum::<f64>() as usize
    }

    /// Kish's effective number of subjects, `(sum m)^2 / sum m^2` for `m` rows each: fewer when some hold most rows.
    pub(crate) fn effective_subjects(&self) -> f64 {
        kish(self.size.iter().copied())
    }

    /// The same within each true class, by the rows of the class; 0 for a class without rows.
    pub(crate) fn effective_by_class(&self) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); self.classes];
        for s in 0..self.subjects() {
            let mut own: Vec<(usize, f64)> = Vec::new();
            for ((truth, _), count) in self.cells_of(s) {
                match own.last_mut() {
                    Some(last) if last.0 == truth => last.1 += count,
                    _ => own.push((truth, count)),
                }
            }
            for (truth, rows) in own {
                if let Some((sum, squares)) = sums.get_mut(truth) {
                    *sum += rows;
                    *squares += rows * rows;
                }
            }
        }
        let effective = |(sum, squares): (f64, f64)| {
            if squares > 0.0 {
                sum * sum / squares
            } else {
                0.0
            }
        };
        sums.into_iter().map(effective).collect()
    }

    /// The least and the largest value that a metric can have.
    pub(crate) fn range(&self, metric: Metric) -> (f64, f64) {
        let steps = self.classes as f64 - 1.0;
        match metric {
            Metric::Kappa | Metric::QuadraticKappa => (-1.0, 1.0),
            Metric::MaeGroups | Metric::MacroMae => (0.0, steps),
            Metric::MaeYears => (0.0, self.span),
            Metric::SignedError => (-steps, steps),
            Metric::Nll => (0.0, -f64::EPSILON.ln()),
            Metric::Brier => (0.0, 2.0),
            _ => (0.0, 1.0),
        }
    }

    /// Sum of the calibration gaps (right minus confidence) of a subject by bin.
    pub(crate) fn bins_of(&self, subject: usize) -> &[(usize, f64)] {
        entries(&self.bin_offsets, &self.bin_entries, subject)
    }

    /// The same statistics with every cell of `other` among the cells, so that its subjects can stand in for these.
    pub(crate) fn joined(&self, other: &Self) -> Self {
        let mut cells = self.cells.clone();
        cells.extend(&other.cells);
        cells.sort_unstable();
        cells.dedup();
        let place = |&(cell, count): &(usize, f64)| {
            let pair = self.cells.get(cell)?;
            Some((cells.binary_search(pair).ok()?, count))
        };
        Self {
            entries: self.entries.iter().filter_map(place).collect(),
            cells: cells.clone(),
            ..self.clone()
        }
    }

    /// Whether two models differ on a subject in what a metric is made of.
    pub(crate) fn differs(&self, other: &Self, metric: Metric, subject: usize) -> bool {
        if let (Some(a), Some(b)) = (self.linear(metric), other.linear(metric)) {
            a.get(subject) != b.get(subject)
        } else if metric == Metric::Ece {
            self.bins_of(subject) != other.bins_of(subject)
        } else {
            !self.cells_of(subject).eq(other.cells_of(subject))
        }
    }

    /// Subjects that hold each true class.
    pub(crate) fn subjects_by_class(&self) -> Vec<usize> {
        let mut count = vec![0; self.classes];
        for s in 0..self.subjects() {
            let mut seen: Vec<usize> = self.cells_of(s).map(|((truth, _), _)| truth).collect();
            seen.dedup();
            for class in seen {
                if let Some(count) = count.get_mut(class) {
                    *count += 1;
                }
            }
        }
        count
    }

    /// The distinct (truth, predicted) pairs of a subject with their counts, ordered by truth.
    pub(crate) fn cells_of(
        &self,
        subject: usize,
    ) -> impl Iterator<Item = ((usize, usize), f64)> + '_ {
        entries(&self.offsets, &self.entries, subject)
            .iter()
            .filter_map(|&(cell, count)| Some((*self.cells.get(cell)?, count)))
    }

    /// (cell, count) of a subject, cells as in [`Tally::cells`].
    pub(crate) fn entries_of(&self, subject: usize) -> &[(usize, f64)] {
        entries(&self.offsets, &self.entries, subject)
    }

    /// Distinct (truth, predicted) pairs.
    pub(crate) fn cells(&self) -> &[(usize, usize)] {
        &self.cells
    }

    /// Number of distinct (truth, predicted) pairs.
    pub(crate) fn cell_count(&self) -> usize {
        self.cells.len()
    }

    fn linear_index(&self, metric: Metric) -> Option<usize> {
        self.linear.iter().position(|(of, _)| *of == metric)
    }

    /// Loss sum of each subject for a metric that is a mean of row losses.
    pub(crate) fn linear(&self, metric: Metric) -> Option<&[f64]> {
        self.linear
            .iter()
            .find(|(of, _)| *of == metric)
            .map(|(_, sums)| sums.as_slice())
    }
}

fn entries<'a>(
    offsets: &[usize],
    entries: &'a [(usize, f64)],
    subject: usize,
) -> &'a [(usize, f64)] {
    match (offsets.get(subject), offsets.get(subject + 1)) {
        (Some(&from), Some(&to)) => entries.get(from..to).unwrap_or(&[]),
        _ => &[],
    }
}

/// Values, standard errors and influences of metrics on a [`Tally`] under subject weights. Holds scratch space only.
pub(crate) struct Evaluator<'a> {
    tally: &'a Tally,
    metrics: &'a [Metric],
    ones: Vec<f64>,
    count: Vec<f64>,
    rows: Vec<f64>,
    columns: Vec<f64>,
    bins: [f64; ECE_BINS],
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
            rows: vec![0.0; tally.classes],
            columns: vec![0.0; tally.classes],
            bins: [0.0; ECE_BINS],
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

    /// Value and cluster-robust standard error of each metric; NaN where not defined.
    pub(crate) fn values_and_errors(&mut self, weights: Option<&[f64]>) -> (&[f64], &[f64]) {
        self.evaluate(weights, true);
        (&self.values, &self.errors)
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
            if let Some(place) = self.values.get_mut(slot) {
                *place = value;
            }
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
        self.n += sign * of.size.get(s).copied().unwrap_or(0.0);
        let width = self.moments.len();
        if let Some(own) = of.moments.get(s * width..(s + 1) * width) {
            for (total, moment) in self.moments.iter_mut().zip(own) {
                *total += sign * moment;
            }
        }
        let same = std::ptr::eq(of, self.tally);
        for &(cell, count) in of.entries_of(s) {
            let Some(&pair) = of.cells.get(cell) else {
                continue;
            };
            let place = if same {
                Some(cell)
            } else {
                self.tally.cells.binary_search(&pair).ok()
            };
            if let Some(total) = place.and_then(|place| self.count.get_mut(place)) {
                *total += sign * count;
            }
            if let (Some(row), Some(column)) =
                (self.rows.get_mut(pair.0), self.columns.get_mut(pair.1))
            {
                *row += sign * count;
                *column += sign * count;
            }
        }
        for &(bin, gap) in of.bins_of(s) {
            if let Some(total) = self.bins.get_mut(bin) {
                *total += sign * gap;
            }
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
            self.each_influence(metric, value, &ones, |s, u| {
                if let Some(slot) = influence.get_mut(s) {
                    *slot = u;
                }
            });
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
                if let Some(slot) = influence.get_mut(s) {
                    *slot = u;
                }
            });
            b.each_influence(metric, of_b, weights, |s, u| {
                if let Some(slot) = influence.get_mut(s) {
                    *slot -= u;
                }
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
        for i in 0..self.metrics.len() {
            let Some(&metric) = self.metrics.get(i) else {
                continue;
            };
            let value = self.value(metric);
            let mut error = f64::NAN;
            if with_errors && value.is_finite() && drawn > 1.0 {
                let sum = self.linear_square(metric, value).unwrap_or_else(|| {
                    let mut sum = 0.0;
                    self.each_influence(metric, value, weights, |s, u| {
                        sum += weights.get(s).copied().unwrap_or(0.0) * u * u;
                    });
                    sum
                });
                error = (sum * drawn / (drawn - 1.0)).sqrt();
            }
            if let (Some(v), Some(e)) = (self.values.get_mut(i), self.errors.get_mut(i)) {
                *v = value;
                *e = error;
            }
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
            if let Some(of_subject) = self.tally.moments.get(s * width..(s + 1) * width) {
                for (total, moment) in self.moments.iter_mut().zip(of_subject) {
                    *total += w * moment;
                }
            }
        }
        let needs_cells = self
            .metrics
            .iter()
            .any(|m| !m.is_mean() && *m != Metric::Ece);
        if needs_cells {
            self.count.fill(0.0);
            for (s, &w) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                for &(cell, count) in entries(&self.tally.offsets, &self.tally.entries, s) {
                    if let Some(total) = self.count.get_mut(cell) {
                        *total += w * count;
                    }
                }
            }
            self.margins();
        }
        if self.metrics.contains(&Metric::Ece) {
            self.bins.fill(0.0);
            for (s, &w) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                for &(bin, sum) in entries(&self.tally.bin_offsets, &self.tally.bin_entries, s) {
                    if let Some(total) = self.bins.get_mut(bin) {
                        *total += w * sum;
                    }
                }
            }
        }
    }

    /// Margins of the confusion matrix.
    fn margins(&mut self) {
        self.rows.fill(0.0);
        self.columns.fill(0.0);
        for (&(truth, predicted), &count) in self.tally.cells.iter().zip(&self.count) {
            if let (Some(r), Some(c)) = (self.rows.get_mut(truth), self.columns.get_mut(predicted))
            {
                *r += count;
                *c += count;
            }
        }
    }

    /// `sum w u^2` of a metric that is a mean of losses, from the moments: exactly 0 where rounding is all there is.
    fn linear_square(&self, metric: Metric, value: f64) -> Option<f64> {
        let i = self.tally.linear_index(metric)?;
        let width = self.tally.linear.len();
        let square = *self.moments.get(width + i)?;
        let product = *self.moments.get(2 * width + i)?;
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
            return self.moments.get(i).copied().unwrap_or(f64::NAN) / self.n;
        }
        let cells = &self.tally.cells;
        match metric {
            Metric::BalancedAccuracy | Metric::MacroMae => {
                let loss = |(truth, predicted): (usize, usize)| match metric {
                    Metric::BalancedAccuracy => f64::from(truth == predicted),
                    _ => truth.abs_diff(predicted) as f64,
                };
                // The mean of row losses within each class, then over classes.
                let mut by_class = vec![0.0; self.tally.classes];
                for (&cell, &count) in cells.iter().zip(&self.count) {
                    if let Some(sum) = by_class.get_mut(cell.0) {
                        *sum += loss(cell) * count;
                    }
                }
                let mut present = 0.0;
                let mut total = 0.0;
                for (sum, &row) in by_class.iter_mut().zip(&self.rows) {
                    if row > 0.0 {
                        *sum /= row;
                        total += *sum;
                        present += 1.0;
                    }
                }
                for (&cell, gradient) in cells.iter().zip(&mut self.gradient) {
                    let row = self.rows.get(cell.0).copied().unwrap_or(0.0);
                    let mean = by_class.get(cell.0).copied().unwrap_or(0.0);
                    *gradient = if row > 0.0 {
                        (loss(cell) - mean) / (row * present)
                    } else {
                        0.0
                    };
                }
                total / present
            }
            Metric::MacroF1 => {
                let size = |k: usize| {
                    self.rows.get(k).copied().unwrap_or(0.0)
                        + self.columns.get(k).copied().unwrap_or(0.0)
                };
                let mut f1 = vec![0.0; self.tally.classes];
                for (&(truth, predicted), &count) in cells.iter().zip(&self.count) {
                    if truth == predicted
                        && size(truth) > 0.0
                        && let Some(f1) = f1.get_mut(truth)
                    {
                        *f1 = 2.0 * count / size(truth);
                    }
                }
                let present = (0..f1.len()).filter(|&k| size(k) > 0.0).count() as f64;
                let share = |k: usize| {
                    if size(k) > 0.0 {
                        f1.get(k).copied().unwrap_or(0.0) / size(k)
                    } else {
                        0.0
                    }
                };
                for (&(truth, predicted), gradient) in cells.iter().zip(&mut self.gradient) {
                    let hit = if truth == predicted && size(truth) > 0.0 {
                        2.0 / size(truth)
                    } else {
                        0.0
                    };
                    *gradient = (hit - share(truth) - share(predicted)) / present;
                }
                f1.iter().sum::<f64>() / present
            }
            Metric::Kappa | Metric::QuadraticKappa => self.kappa(metric),
            Metric::Ece if !self.tally.bin_entries.is_empty() => {
                self.bins.iter().map(|sum| sum.abs()).sum::<f64>() / self.n
            }
            _ => f64::NAN,
        }
    }

    /// `1 - n O / E`: observed disagreement `O = sum w n_tp` against that of independent margins, `E = sum w r_t c_p`.
    fn kappa(&mut self, metric: Metric) -> f64 {
        let quadratic = metric == Metric::QuadraticKappa;
        let moments = |margin: &[f64]| {
            margin
                .iter()
                .enumerate()
                .fold((0.0, 0.0, 0.0), |m, (k, &count)| {
                    let k = k as f64;
                    (m.0 + count, m.1 + k * count, m.2 + k * k * count)
                })
        };
        let (r0, r1, r2) = moments(&self.rows);
        let (c0, c1, c2) = moments(&self.columns);
        let weight = |(truth, predicted): (usize, usize)| {
            if quadratic {
                (truth as f64 - predicted as f64).powi(2)
            } else {
                f64::from(truth != predicted)
            }
        };
        let cells = &self.tally.cells;
        let observed: f64 = cells
            .iter()
            .zip(&self.count)
            .map(|(&cell, &count)| weight(cell) * count)
            .sum();
        let expected = if quadratic {
            c0 * r2 - 2.0 * r1 * c1 + r0 * c2
        } else {
            r0 * c0
                - self
                    .rows
                    .iter()
                    .zip(&self.columns)
                    .map(|(r, c)| r * c)
                    .sum::<f64>()
        };
        // Of one single class, apart from rounding: kappa is 0/0.
        if expected <= 1e-12 * self.n * self.n {
            return f64::NAN;
        }
        let ratio = observed / expected;
        for (&cell, gradient) in cells.iter().zip(&mut self.gradient) {
            let (t, p) = (cell.0 as f64, cell.1 as f64);
            // Change of `expected` when a row is added to the cell.
            let change = if quadratic {
                (c0 * t * t - 2.0 * t * c1 + c2) + (r2 - 2.0 * r1 * p + r0 * p * p)
            } else {
                let column = self.columns.get(cell.0).copied().unwrap_or(0.0);
                let row = self.rows.get(cell.1).copied().unwrap_or(0.0);
                (c0 - column) + (r0 - row)
            };
            *gradient =
                -ratio - self.n * weight(cell) / expected + self.n * ratio * change / expected;
        }
        1.0 - self.n * ratio
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
        let drawn = |s: &usize| weights.get(*s).is_some_and(|w| *w != 0.0);
        let tally = self.tally;
        if let Some(sums) = tally.linear(metric) {
            for (s, (sum, size)) in sums.iter().zip(&tally.size).enumerate() {
                each(s, (sum - value * size) / self.n);
            }
        } else if metric == Metric::Ece {
            for (s, size) in tally.size.iter().enumerate() {
                let sum: f64 = entries(&tally.bin_offsets, &tally.bin_entries, s)
                    .iter()
                    .map(|&(bin, gap)| {
                        let total = self.bins.get(bin).copied().unwrap_or(0.0);
                        if total >= 0.0 { gap } else { -gap }
                    })
                    .sum();
                each(s, (sum - value * size) / self.n);
            }
        } else {
            for s in (0..tally.subjects()).filter(drawn) {
                let u = entries(&tally.offsets, &tally.entries, s)
                    .iter()
                    .map(|&(cell, count)| self.gradient.get(cell).copied().unwrap_or(0.0) * count)
                    .sum();
                each(s, u);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small sample with everything in it: unequal clusters, a class that is never predicted, probabilities.
    fn data() -> (Vec<usize>, Vec<usize>, Vec<usize>, Vec<f64>) {
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
        (truth, predicted, subject, p)
    }

    #[test]
    fn weights_equal_repetition_of_subjects() {
        let (truth, predicted, subject, p) = data();
        let midpoints = [10.0, 16.0, 21.5, 28.5];
        let sample = Sample::new(4, &truth, &predicted, &subject).unwrap();
        let sample = sample
            .with_probabilities(&p)
            .unwrap()
            .with_midpoints(&midpoints)
            .unwrap();
        let weights = [2.0, 0.0, 1.0, 3.0, 1.0, 0.0, 1.0];
        let tally = Tally::new(&sample, None);
        let weighted = Evaluator::new(&tally, &Metric::ALL)
            .values(Some(&weights))
            .to_vec();
        let mut rows = Vec::new();
        for (row, &s) in subject.iter().enumerate() {
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
        let (truth, predicted, subject, p) = data();
        let midpoints = [10.0, 16.0, 21.5, 28.5];
        let sample = Sample::new(4, &truth, &predicted, &subject).unwrap();
        let sample = sample
            .with_probabilities(&p)
            .unwrap()
            .with_midpoints(&midpoints)
            .unwrap();
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
}
