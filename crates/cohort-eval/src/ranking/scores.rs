//! Areas and F1 of every class under weights of subjects, and their intervals.

use std::collections::BTreeMap;

use super::ranked::Ranked;
use crate::interval::{Quantities, resampled_intervals};
use crate::random::Stream;
use crate::resampled::Resampled;
use crate::scale::Scale;
use crate::support::Support;
use crate::{Interval, IntervalSettings, Sample};

/// Most resamples of subjects for these quantities, each of which needs a pass over all rows.
const MOST_RESAMPLES: usize = 2_000;
/// With more rows times classes times passes, the closed form stands in for resampling and for leaving out.
const MOST_WORK: usize = 10_000_000_000;

/// What an interval is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    F1(usize),
    Auc(usize),
    AveragePrecision(usize),
    MacroAuc,
    MacroAveragePrecision,
}

/// The quantities of a sample with their intervals; without `ranks` those of decisions alone. `by_class` says on how many
/// subjects each class rests.
pub(super) fn quantities(
    sample: &Sample,
    ranks: Option<&[Ranked]>,
    by_class: &[Support],
    settings: &IntervalSettings,
) -> BTreeMap<Quantity, Interval> {
    let tables = Tables::new(sample, ranks);
    let whole = Support::of_rows(sample, |_| true);
    let supports: Vec<(Quantity, Support)> = tables
        .wanted
        .iter()
        .map(|&quantity| {
            let support = match quantity {
                // As many as the rarer side has.
                Quantity::Auc(class) => {
                    let others = Support::of_rows(sample, |row| sample.truth()[row] != class);
                    by_class[class].clone().least(&others)
                }
                Quantity::F1(class) | Quantity::AveragePrecision(class) => by_class[class].clone(),
                Quantity::MacroAuc | Quantity::MacroAveragePrecision => {
                    whole.clone().with_classes(by_class)
                }
            };
            (quantity, support)
        })
        .collect();
    let resamples = settings.resamples.min(MOST_RESAMPLES);
    let work = |passes: usize| {
        let scores = sample.len().saturating_mul(sample.classes());
        scores.saturating_mul(passes) <= MOST_WORK
    };
    let given = Quantities {
        scale: Scale::Logit,
        range: (0.0, 1.0),
        rows: sample.len(),
        supports: supports.iter().map(|(_, support)| support).collect(),
        resamples: if work(resamples) { resamples } else { 0 },
        leaves_out: work(tables.subjects),
    };
    let stream = Stream::new(settings.seed, &["class curves"]);
    let found = resampled_intervals(|| Scorer::new(&tables), &given, settings.level, stream);
    tables.wanted.iter().copied().zip(found).collect()
}

/// What all evaluations share.
struct Tables<'a> {
    wanted: Vec<Quantity>,
    ranks: Option<&'a [Ranked]>,
    classes: usize,
    /// Subjects that have rows; weights are those of subjects by index, so that others have weight without effect.
    subjects: usize,
    /// Index of a subject among those that have rows.
    dense: Vec<usize>,
    /// For each subject and class: right predictions, and clips plus predictions of the class.
    counts: Vec<(f64, f64)>,
}

impl<'a> Tables<'a> {
    fn new(sample: &Sample, ranks: Option<&'a [Ranked]>) -> Self {
        let classes = sample.classes();
        let mut has_rows = vec![false; sample.subject_bound()];
        for &subject in sample.subject() {
            has_rows[subject] = true;
        }
        let dense: Vec<usize> = (0..has_rows.len()).filter(|&s| has_rows[s]).collect();
        let mut place = vec![usize::MAX; has_rows.len()];
        for (at, &subject) in dense.iter().enumerate() {
            place[subject] = at;
        }
        let mut counts = vec![(0.0, 0.0); dense.len() * classes];
        for row in 0..sample.len() {
            let (truth, predicted) = (sample.truth()[row], sample.predicted()[row]);
            let own = place[sample.subject()[row]] * classes;
            counts[own + truth].1 += 1.0;
            counts[own + predicted].1 += 1.0;
            if truth == predicted {
                counts[own + truth].0 += 1.0;
            }
        }
        let mut wanted: Vec<Quantity> = (0..classes).map(Quantity::F1).collect();
        if ranks.is_some() {
            wanted.extend((0..classes).map(Quantity::Auc));
            wanted.extend((0..classes).map(Quantity::AveragePrecision));
            wanted.extend([Quantity::MacroAuc, Quantity::MacroAveragePrecision]);
        }
        Self {
            wanted,
            ranks,
            classes,
            subjects: dense.len(),
            dense,
            counts,
        }
    }
}

/// Values and errors under weights; holds scratch space only.
struct Scorer<'a> {
    tables: &'a Tables<'a>,
    /// Weights by subject index.
    weights: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
    influence: Vec<f64>,
    /// Sums over the classes, for the two means.
    sums: [Vec<f64>; 2],
}

impl<'a> Scorer<'a> {
    fn new(tables: &'a Tables<'a>) -> Self {
        let bound = tables.dense.last().map_or(0, |last| last + 1);
        Self {
            tables,
            weights: vec![0.0; bound],
            values: vec![f64::NAN; tables.wanted.len()],
            errors: vec![f64::NAN; tables.wanted.len()],
            influence: vec![0.0; bound],
            sums: [vec![0.0; bound], vec![0.0; bound]],
        }
    }

    fn f1(&mut self, class: usize, with_error: bool) -> f64 {
        let tables = self.tables;
        let own = |s: usize| tables.counts[s * tables.classes + class];
        let (mut hits, mut size) = (0.0, 0.0);
        for (s, &subject) in tables.dense.iter().enumerate() {
            let (right, rows) = own(s);
            hits += self.weights[subject] * right;
            size += self.weights[subject] * rows;
        }
        if size <= 0.0 {
            return f64::NAN;
        }
        let value = 2.0 * hits / size;
        if with_error {
            for (s, &subject) in tables.dense.iter().enumerate() {
                let (right, rows) = own(s);
                self.influence[subject] = (2.0 * right - value * rows) / size;
            }
        }
        value
    }
}

/// The cluster-robust standard error, `sqrt(S/(S-1) sum w u^2)`.
fn error(weights: &[f64], influence: &[f64]) -> f64 {
    let drawn: f64 = weights.iter().sum();
    if drawn <= 1.0 {
        return f64::NAN;
    }
    let terms = weights.iter().zip(influence).map(|(w, u)| w * u * u);
    (terms.sum::<f64>() * drawn / (drawn - 1.0)).sqrt()
}

impl Resampled for Scorer<'_> {
    fn units(&self) -> usize {
        self.tables.subjects
    }

    fn values_and_errors(&mut self, weights: &[f64], with_errors: bool) -> (&[f64], &[f64]) {
        let tables = self.tables;
        for (&subject, &weight) in tables.dense.iter().zip(weights) {
            self.weights[subject] = weight;
        }
        let mut means = [(0.0, 0.0); 2];
        for sums in &mut self.sums {
            sums.fill(0.0);
        }
        for (i, &quantity) in tables.wanted.iter().enumerate() {
            self.influence.fill(0.0);
            let influence = with_errors.then_some(self.influence.as_mut_slice());
            let ranked = |class: usize| {
                let ranks = tables
                    .ranks
                    .expect("areas are wanted only where there are ranks");
                &ranks[class]
            };
            let (value, mean) = match quantity {
                Quantity::F1(class) => (self.f1(class, with_errors), None),
                Quantity::Auc(class) => (ranked(class).auc(&self.weights, influence), Some(0)),
                Quantity::AveragePrecision(class) => {
                    let value = ranked(class).average_precision(&self.weights, influence);
                    (value, Some(1))
                }
                Quantity::MacroAuc | Quantity::MacroAveragePrecision => {
                    let mean = usize::from(quantity == Quantity::MacroAveragePrecision);
                    let (sum, classes) = means[mean];
                    for (own, sum) in self.influence.iter_mut().zip(&self.sums[mean]) {
                        *own = sum / classes;
                    }
                    (sum / classes, None)
                }
            };
            self.values[i] = value;
            self.errors[i] = if with_errors && value.is_finite() {
                error(&self.weights, &self.influence)
            } else {
                f64::NAN
            };
            if let Some(mean) = mean.filter(|_| value.is_finite()) {
                means[mean].0 += value;
                means[mean].1 += 1.0;
                for (sum, own) in self.sums[mean].iter_mut().zip(&self.influence) {
                    *sum += own;
                }
            }
        }
        (&self.values, &self.errors)
    }
}
