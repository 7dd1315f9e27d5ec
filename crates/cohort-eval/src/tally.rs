//! What each subject contributes, so that resampling subjects is a weighted sum and never touches rows again.
//!
//! Every metric is a smooth function `f(T)` of totals `T = sum over subjects of w_s x_s`. Its linearised ("influence")
//! contribution of subject `s` is `u_s = gradient f(T) . x_s`; as every metric is unchanged when all totals are scaled,
//! `sum w_s u_s = 0`, and the cluster-robust variance is `S/(S-1) sum w_s u_s^2` (Binder 1983).

use crate::metrics::ece::{BINS, confidence};
use crate::metrics::{Arithmetic, Shape};
use crate::{Metric, Sample};

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
    pub(crate) ordered: bool,
    /// Largest minus smallest midpoint; 0 without midpoints.
    span: f64,
    /// Rows of each subject.
    pub(crate) size: Vec<f64>,
    /// Loss sums of each subject, for each metric that is a mean of row losses.
    pub(crate) linear: Vec<(Metric, Vec<f64>)>,
    /// For each subject the loss sums, their squares and their products with the size: `3 x linear.len()` numbers.
    pub(crate) moments: Vec<f64>,
    /// Distinct (truth, predicted) pairs that occur.
    pub(crate) cells: Vec<(usize, usize)>,
    /// `entries[offsets[s]..offsets[s + 1]]`: (cell, count) of subject `s`.
    pub(crate) offsets: Vec<usize>,
    pub(crate) entries: Vec<(usize, f64)>,
    /// The same for calibration bins: (bin, sum of correct minus confidence).
    pub(crate) bin_offsets: Vec<usize>,
    pub(crate) bin_entries: Vec<(usize, f64)>,
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
        let subject_of = |row: usize| sample.subject()[row];
        let mut order = rows.to_vec();
        order.sort_by_key(|&row| (subject_of(row), row));

        let classes = sample.classes();
        let cell_of = |row: usize| (sample.truth()[row], sample.predicted()[row]);
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
                let loss = |&row: &usize| {
                    let loss = metric.row_loss(sample, row);
                    loss.expect("metrics that do not apply to the sample were left out above")
                };
                sums.push(rows.iter().map(loss).sum());
            }
            let mut of_subject: Vec<usize> = rows
                .iter()
                .map(|&row| tally.cell_index(cell_of(row)))
                .collect();
            of_subject.sort_unstable();
            for same in of_subject.chunk_by(|a, b| a == b) {
                tally.entries.push((same[0], same.len() as f64));
            }
            tally.offsets.push(tally.entries.len());
            if sample.has_probabilities() {
                let mut bins = [None; BINS];
                for &row in rows {
                    let (confidence, bin) = confidence(sample, row)
                        .expect("the sample has probabilities, so every row has a confidence");
                    let (truth, predicted) = cell_of(row);
                    let gap = f64::from(truth == predicted) - confidence;
                    // A bin that no row fell into yet begins at 0.
                    bins[bin] = Some(bins[bin].map_or(0.0, |sum: f64| sum) + gap);
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
            let sums = || tally.linear.iter().map(|(_, sums)| sums[s]);
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
                sums[truth].0 += rows;
                sums[truth].1 += rows * rows;
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
        let shape = Shape {
            classes: self.classes,
            span: self.span,
        };
        (metric.definition().range)(shape)
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
            let place = cells.binary_search(&self.cells[cell]);
            (place.expect("the joined cells hold these too"), count)
        };
        Self {
            entries: self.entries.iter().map(place).collect(),
            cells: cells.clone(),
            ..self.clone()
        }
    }

    /// Whether two models differ on a subject in what a metric is made of.
    pub(crate) fn differs(&self, other: &Self, metric: Metric, subject: usize) -> bool {
        if let (Some(a), Some(b)) = (self.linear(metric), other.linear(metric)) {
            a[subject] != b[subject]
        } else if matches!(metric.definition().arithmetic, Arithmetic::Gaps(_)) {
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
                count[class] += 1;
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
            .map(|&(cell, count)| (self.cells[cell], count))
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

    /// Place of a (truth, predicted) pair among the cells, which must hold it.
    pub(crate) fn cell_index(&self, pair: (usize, usize)) -> usize {
        let place = self.cells.binary_search(&pair);
        place.expect("the cells hold every pair that occurs")
    }

    pub(crate) fn linear_index(&self, metric: Metric) -> Option<usize> {
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

pub(crate) fn entries<'a>(
    offsets: &[usize],
    entries: &'a [(usize, f64)],
    subject: usize,
) -> &'a [(usize, f64)] {
    &entries[offsets[subject]..offsets[subject + 1]]
}
