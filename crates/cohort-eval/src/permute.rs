//! Values of groups when subjects are relabelled at random.

use rayon::prelude::*;

use crate::Metric;
use crate::random::{Stream, shuffle};
use crate::tally::{Evaluator, Tally};

/// Groups of subjects and what is compared between them.
pub(crate) struct Relabelling<'a> {
    pub(crate) tally: &'a Tally,
    pub(crate) metrics: &'a [Metric],
    /// Group of each subject that takes part; `None` for subjects of groups too small to compare.
    pub(crate) group: &'a [Option<usize>],
    pub(crate) groups: usize,
    /// Stratum of each subject: labels are exchanged within strata only.
    pub(crate) stratum: &'a [usize],
    /// For each metric that is a mean of losses: the loss sum of each subject, perhaps less that expected of its strata.
    pub(crate) sums: Vec<Option<Vec<f64>>>,
    pub(crate) classes: usize,
    /// `[class][group]`: whether the group has enough subjects of the class to compare its true positive rate.
    pub(crate) rate_groups: Vec<Vec<bool>>,
}

/// What one labelling gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Labelled {
    /// `[metric][group]`: value.
    pub(crate) values: Vec<Vec<f64>>,
    /// `[metric]`: value of all rows together.
    pub(crate) overall: Vec<f64>,
    /// `[metric][group]`: `(v_g - v_rest) / se`; empty for metrics that are no means.
    pub(crate) contrasts: Vec<Vec<f64>>,
    /// `[class]`: largest minus smallest true positive rate of the groups, and false positive rate.
    pub(crate) rate_gaps: Vec<(f64, f64)>,
}

/// Sums of one group for one metric: loss, its square, its product with the size.
#[derive(Clone, Copy, Default)]
struct Sums {
    loss: f64,
    square: f64,
    product: f64,
}

/// Subjects, rows and squared rows of one group.
#[derive(Clone, Copy, Default)]
struct Size {
    subjects: f64,
    rows: f64,
    square: f64,
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
                        labels.extend(
                            members
                                .iter()
                                .map(|&s| self.group.get(s).copied().flatten()),
                        );
                        shuffle(generator, labels);
                        for (&s, &label) in members.iter().zip(labels.iter()) {
                            if let Some(group) = group.get_mut(s) {
                                *group = label;
                            }
                        }
                    }
                    each(permutation, self.labelled(group, evaluator))
                },
            )
            .collect()
    }

    /// Subjects that take part, by stratum.
    fn strata(&self) -> Vec<Vec<usize>> {
        let count = self.stratum.iter().max().map_or(0, |largest| largest + 1);
        let mut strata = vec![Vec::new(); count];
        for (s, (&stratum, group)) in self.stratum.iter().zip(self.group).enumerate() {
            if group.is_some()
                && let Some(members) = strata.get_mut(stratum)
            {
                members.push(s);
            }
        }
        strata
    }

    fn labelled(&self, group: &[Option<usize>], evaluator: &mut Evaluator) -> Labelled {
        let mut sizes = vec![Size::default(); self.groups];
        for (g, &rows) in group.iter().zip(&self.tally.size) {
            if let Some(size) = g.and_then(|g| sizes.get_mut(g)) {
                size.subjects += 1.0;
                size.rows += rows;
                size.square += rows * rows;
            }
        }
        let cells = self.tally.cell_count();
        let mut counts = vec![0.0; cells * self.groups];
        for (s, g) in group.iter().enumerate() {
            let Some(g) = g else { continue };
            for &(cell, count) in self.tally.entries_of(s) {
                if let Some(total) = counts.get_mut(g * cells + cell) {
                    *total += count;
                }
            }
        }
        let mut all = vec![0.0; cells];
        for of_group in counts.chunks_exact(cells.max(1)) {
            all.iter_mut()
                .zip(of_group)
                .for_each(|(all, count)| *all += count);
        }
        let mut labelled = Labelled::default();
        for (&metric, sums) in self.metrics.iter().zip(&self.sums) {
            if let Some(sums) = sums {
                let (values, overall, contrasts) = self.means(group, &sizes, sums);
                labelled.values.push(values);
                labelled.overall.push(overall);
                labelled.contrasts.push(contrasts);
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
                labelled.contrasts.push(Vec::new());
            }
        }
        labelled.rate_gaps = self.rate_gaps(&counts, cells);
        labelled
    }

    /// Means by group, over all, and the studentised contrast of each group with the rest.
    fn means(
        &self,
        group: &[Option<usize>],
        sizes: &[Size],
        sums: &[f64],
    ) -> (Vec<f64>, f64, Vec<f64>) {
        let mut of_group = vec![Sums::default(); self.groups];
        for ((g, &loss), &rows) in group.iter().zip(sums).zip(&self.tally.size) {
            if let Some(sums) = g.and_then(|g| of_group.get_mut(g)) {
                sums.loss += loss;
                sums.square += loss * loss;
                sums.product += loss * rows;
            }
        }
        let mut all = (Size::default(), Sums::default());
        for (size, sums) in sizes.iter().zip(&of_group) {
            all.0.subjects += size.subjects;
            all.0.rows += size.rows;
            all.0.square += size.square;
            all.1.loss += sums.loss;
            all.1.square += sums.square;
            all.1.product += sums.product;
        }
        let value = |size: &Size, sums: &Sums| sums.loss / size.rows;
        // Cluster-robust variance of a mean, with the factor S / (S - 1).
        let variance = |size: &Size, sums: &Sums| {
            let v = value(size, sums);
            (sums.square - 2.0 * v * sums.product + v * v * size.square).max(0.0)
                / (size.rows * size.rows)
                * size.subjects
                / (size.subjects - 1.0)
        };
        let contrasts = sizes
            .iter()
            .zip(&of_group)
            .map(|(size, sums)| {
                let rest = (
                    Size {
                        subjects: all.0.subjects - size.subjects,
                        rows: all.0.rows - size.rows,
                        square: all.0.square - size.square,
                    },
                    Sums {
                        loss: all.1.loss - sums.loss,
                        square: all.1.square - sums.square,
                        product: all.1.product - sums.product,
                    },
                );
                let error = (variance(size, sums) + variance(&rest.0, &rest.1)).sqrt();
                let gap = value(size, sums) - value(&rest.0, &rest.1);
                if error > 1e-12 { gap / error } else { 0.0 }
            })
            .collect();
        let values = sizes
            .iter()
            .zip(&of_group)
            .map(|(size, sums)| value(size, sums))
            .collect();
        (values, value(&all.0, &all.1), contrasts)
    }

    /// Gaps of true and false positive rates by class, one against the rest.
    fn rate_gaps(&self, counts: &[f64], cells: usize) -> Vec<(f64, f64)> {
        if self.classes > MOST_CLASSES {
            return Vec::new();
        }
        let mut ends = vec![[Ends::default(); 2]; self.classes];
        for (g, counts) in counts.chunks_exact(cells.max(1)).enumerate() {
            let rates = rates(self.tally.cells(), counts, self.classes);
            for (class, (&(hit, wrong), [hits, wrongs])) in rates.iter().zip(&mut ends).enumerate()
            {
                if self.rate_groups.get(class).and_then(|groups| groups.get(g)) == Some(&true) {
                    hits.add(hit);
                }
                wrongs.add(wrong);
            }
        }
        ends.iter()
            .map(|[hits, wrongs]| (hits.gap(), wrongs.gap()))
            .collect()
    }
}

/// Smallest and largest of some rates.
#[derive(Clone, Copy)]
struct Ends {
    low: f64,
    high: f64,
    rates: usize,
}

impl Default for Ends {
    fn default() -> Self {
        Self {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            rates: 0,
        }
    }
}

impl Ends {
    fn add(&mut self, rate: f64) {
        if rate.is_finite() {
            self.low = self.low.min(rate);
            self.high = self.high.max(rate);
            self.rates += 1;
        }
    }

    /// Largest minus smallest; NaN with fewer than two.
    fn gap(&self) -> f64 {
        if self.rates < 2 {
            f64::NAN
        } else {
            self.high - self.low
        }
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
        if let Some(row) = rows.get_mut(truth) {
            *row += count;
        }
        if let Some(column) = columns.get_mut(predicted) {
            *column += count;
        }
        if truth == predicted
            && let Some(hit) = hits.get_mut(truth)
        {
            *hit += count;
        }
    }
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { f64::NAN };
    hits.iter()
        .zip(&rows)
        .zip(&columns)
        .map(|((hit, row), column)| (ratio(*hit, *row), ratio(column - hit, n - row)))
        .collect()
}
