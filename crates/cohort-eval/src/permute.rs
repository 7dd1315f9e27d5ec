//! The permutation test: values of groups when subjects are relabelled at random, and studentised contrasts of each group
//! with the others (a difference divided by its cluster-robust standard error).

use rayon::prelude::*;

use crate::Metric;
use crate::evaluator::Evaluator;
use crate::random::{Stream, shuffle};
use crate::tally::Tally;

/// Loss sums of subjects over the rows that a mean is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    /// Subject, sum of its losses (perhaps less those expected of the true classes), its rows; subjects without rows are
    /// left out.
    pub(crate) entries: Vec<(usize, f64, f64)>,
    /// Whether each group is compared with the rest in this column.
    pub(crate) compared: Vec<bool>,
}

/// Groups of subjects and what is compared between them.
pub(crate) struct Relabelling<'a> {
    pub(crate) tally: &'a Tally,
    pub(crate) metrics: &'a [Metric],
    /// Group of each subject that takes part; `None` for subjects of groups too small to compare.
    pub(crate) group: &'a [Option<usize>],
    pub(crate) groups: usize,
    /// Stratum of each subject: labels are exchanged within strata only.
    pub(crate) stratum: &'a [usize],
    /// For each metric that is a mean of losses: the loss sums.
    pub(crate) sums: Vec<Option<Column>>,
    /// Means whose studentised contrasts are tested.
    pub(crate) contrasts: Vec<Column>,
}

/// What one labelling gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Labelled {
    /// `[metric][group]`: value.
    pub(crate) values: Vec<Vec<f64>>,
    /// `[metric]`: value of all rows together.
    pub(crate) overall: Vec<f64>,
    /// `[column]`: largest absolute statistic of the groups compared.
    pub(crate) largest: Vec<f64>,
}

/// A group beside the rest in one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Contrast {
    pub(crate) value: f64,
    pub(crate) rest: f64,
    pub(crate) error: f64,
    /// `(value - rest) / error`; where no error can be seen, beyond all that have one, in the order of the gaps.
    pub(crate) statistic: f64,
    pub(crate) rows: f64,
    pub(crate) subjects: f64,
}

/// Beyond every studentised contrast: subjects of both sides are alike, so that the gap has no error to be measured by. The
/// gap itself is then the statistic; its p value stays exact, since it is counted among the same relabellings.
pub(crate) const WITHOUT_ERROR: f64 = 1e9;

/// Sums of one group in one column.
#[derive(Clone, Copy, Default)]
struct Sums {
    subjects: f64,
    rows: f64,
    /// Squared rows.
    rows_square: f64,
    loss: f64,
    square: f64,
    /// Loss times rows.
    product: f64,
}

impl Sums {
    fn add(&mut self, loss: f64, rows: f64) {
        self.subjects += 1.0;
        self.rows += rows;
        self.rows_square += rows * rows;
        self.loss += loss;
        self.square += loss * loss;
        self.product += loss * rows;
    }

    fn plus(&self, other: &Self, sign: f64) -> Self {
        Self {
            subjects: self.subjects + sign * other.subjects,
            rows: self.rows + sign * other.rows,
            rows_square: self.rows_square + sign * other.rows_square,
            loss: self.loss + sign * other.loss,
            square: self.square + sign * other.square,
            product: self.product + sign * other.product,
        }
    }

    fn value(&self) -> f64 {
        self.loss / self.rows
    }

    /// Cluster-robust variance of the mean, with the factor S / (S - 1).
    fn variance(&self) -> f64 {
        let v = self.value();
        (self.square - 2.0 * v * self.product + v * v * self.rows_square).max(0.0)
            / (self.rows * self.rows)
            * self.subjects
            / (self.subjects - 1.0)
    }
}

impl Relabelling<'_> {
    /// The labels as they are.
    pub(crate) fn observed(&self) -> Labelled {
        let mut evaluator = Evaluator::new(self.tally, self.metrics);
        self.labelled(self.group, &mut evaluator)
    }

    /// `permutations` random labellings, mapped by `each`, in order.
    pub(crate) fn relabelled<T: Send>(
        &self,
        permutations: usize,
        stream: Stream,
        each: impl Fn(usize, Labelled) -> T + Sync,
    ) -> Vec<T> {
        let strata = self.strata();
        (0..permutations)
            .into_par_iter()
            .map_init(
                || {
                    (
                        Evaluator::new(self.tally, self.metrics),
                        self.group.to_vec(),
                        Vec::new(),
                    )
                },
                |(evaluator, group, labels), permutation| {
                    let generator = &mut stream.item(permutation);
                    for members in &strata {
                        labels.clear();
                        labels.extend(members.iter().map(|&s| self.group[s]));
                        shuffle(generator, labels);
                        for (&s, &label) in members.iter().zip(labels.iter()) {
                            group[s] = label;
                        }
                    }
                    each(permutation, self.labelled(group, evaluator))
                },
            )
            .collect()
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.tally.classes()
    }

    /// Counts by cell of each group under the labels as they are.
    pub(crate) fn observed_counts(&self) -> Vec<Vec<f64>> {
        let cells = self.tally.cell_count();
        let counts = self.counts(self.group);
        counts
            .chunks_exact(cells.max(1))
            .map(<[f64]>::to_vec)
            .collect()
    }

    fn counts(&self, group: &[Option<usize>]) -> Vec<f64> {
        let cells = self.tally.cell_count();
        let mut counts = vec![0.0; cells * self.groups];
        for (s, g) in group.iter().enumerate() {
            let Some(g) = g else { continue };
            for &(cell, count) in self.tally.entries_of(s) {
                counts[g * cells + cell] += count;
            }
        }
        counts
    }

    /// Subjects that take part, by stratum.
    fn strata(&self) -> Vec<Vec<usize>> {
        let count = self.stratum.iter().max().map_or(0, |largest| largest + 1);
        let mut strata = vec![Vec::new(); count];
        for (s, (&stratum, group)) in self.stratum.iter().zip(self.group).enumerate() {
            if group.is_some() {
                strata[stratum].push(s);
            }
        }
        strata
    }

    fn labelled(&self, group: &[Option<usize>], evaluator: &mut Evaluator) -> Labelled {
        let cells = self.tally.cell_count();
        let counts = self.counts(group);
        let mut all = vec![0.0; cells];
        for of_group in counts.chunks_exact(cells.max(1)) {
            all.iter_mut()
                .zip(of_group)
                .for_each(|(all, count)| *all += count);
        }
        let mut labelled = Labelled::default();
        for (&metric, sums) in self.metrics.iter().zip(&self.sums) {
            if let Some(column) = sums {
                let (of_group, all) = self.sums_of(group, column);
                labelled
                    .values
                    .push(of_group.iter().map(Sums::value).collect());
                labelled.overall.push(all.value());
            } else {
                let of_groups = counts.chunks_exact(cells.max(1));
                labelled.values.push(
                    of_groups
                        .map(|counts| evaluator.value_of_counts(metric, counts))
                        .collect(),
                );
                labelled
                    .overall
                    .push(evaluator.value_of_counts(metric, &all));
            }
        }
        labelled.largest = self
            .contrasts
            .iter()
            .map(|column| {
                let contrasts = self.contrasts_of(group, column);
                let statistics = contrasts.iter().flatten().map(|c| c.statistic.abs());
                statistics.fold(0.0, f64::max)
            })
            .collect();
        labelled
    }

    fn sums_of(&self, group: &[Option<usize>], column: &Column) -> (Vec<Sums>, Sums) {
        let mut of_group = vec![Sums::default(); self.groups];
        for &(subject, loss, rows) in &column.entries {
            // Subjects of groups that are not relabelled take no part.
            if let Some(group) = group[subject] {
                of_group[group].add(loss, rows);
            }
        }
        let all = of_group
            .iter()
            .fold(Sums::default(), |all, sums| all.plus(sums, 1.0));
        (of_group, all)
    }

    /// Each group against the rest under the labels as they are; `None` for groups that are not compared in the column.
    pub(crate) fn observed_contrasts(&self, column: &Column) -> Vec<Option<Contrast>> {
        self.contrasts_of(self.group, column)
    }

    fn contrasts_of(&self, group: &[Option<usize>], column: &Column) -> Vec<Option<Contrast>> {
        let (of_group, all) = self.sums_of(group, column);
        of_group
            .iter()
            .zip(&column.compared)
            .map(|(sums, &compared)| {
                let rest = all.plus(sums, -1.0);
                // Relabelling can leave a side without two subjects where classes change within a subject.
                if !compared || sums.subjects < 2.0 || rest.subjects < 2.0 {
                    return None;
                }
                let (value, other) = (sums.value(), rest.value());
                let gap = value - other;
                let error = (sums.variance() + rest.variance()).sqrt();
                let statistic = if error > 1e-7 {
                    gap / error
                } else if gap.abs() > 1e-7 {
                    (WITHOUT_ERROR + gap.abs()).copysign(gap)
                } else {
                    0.0
                };
                Some(Contrast {
                    value,
                    rest: other,
                    error,
                    statistic,
                    rows: sums.rows,
                    subjects: sums.subjects,
                })
            })
            .collect()
    }
}

/// Rates by class are not compared between groups for more classes than this.
pub(crate) const MOST_CLASSES: usize = 50;

/// True and false positive rate of each class, one against the rest, from counts by cell; NaN where there are no rows.
pub(crate) fn rates(cells: &[(usize, usize)], counts: &[f64], classes: usize) -> Vec<(f64, f64)> {
    let mut hits = vec![0.0; classes];
    let mut rows = vec![0.0; classes];
    let mut columns = vec![0.0; classes];
    let mut n = 0.0;
    for (&(truth, predicted), &count) in cells.iter().zip(counts) {
        n += count;
        rows[truth] += count;
        columns[predicted] += count;
        if truth == predicted {
            hits[truth] += count;
        }
    }
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { f64::NAN };
    hits.iter()
        .zip(&rows)
        .zip(&columns)
        .map(|((hit, row), column)| (ratio(*hit, *row), ratio(column - hit, n - row)))
        .collect()
}
