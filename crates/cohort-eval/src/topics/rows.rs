//! Queries by unit, and each topic beside the rest.

use std::collections::{BTreeMap, HashMap};

use super::TopicQueries;
use crate::bootstrap;
use crate::permute::WITHOUT_ERROR;
use crate::random::{Stream, shuffle};

/// Rows in the order of their units, topics numbered from 0 without gaps.
pub(super) struct Rows {
    answered: Vec<f64>,
    /// Which of `sets` each row's topics are.
    pub(super) kind: Vec<usize>,
    /// Sets of topics that occur, each ascending.
    sets: Vec<Vec<usize>>,
    stratum: Vec<usize>,
    /// Units as they were given, in order.
    unit: Vec<usize>,
    /// Where each unit's rows begin, and the end.
    pub(super) starts: Vec<usize>,
    /// The numbers of the topics as they were given.
    pub(super) topics: Vec<usize>,
}

/// A topic beside the rest.
pub(super) struct Contrast {
    /// Units with rows of the topic, and those with no other rows.
    pub(super) units: usize,
    pub(super) alone: usize,
    /// Means of the topic and of the rest.
    mean: f64,
    pub(super) rest: f64,
    /// How much lower the topic is, over its standard error.
    pub(super) statistic: f64,
}

impl Rows {
    pub(super) fn new<T: AsRef<[usize]>>(queries: &TopicQueries<'_, T>) -> Self {
        let unit = queries.unit;
        let mut order: Vec<usize> = (0..unit.len()).collect();
        order.sort_by_key(|&row| (unit[row], row));
        let mut topics: Vec<usize> = (queries.topics.iter())
            .flat_map(|topics| topics.as_ref().iter().copied())
            .collect();
        topics.sort_unstable();
        topics.dedup();
        let mut starts = vec![0];
        for rows in order.chunk_by(|&a, &b| unit[a] == unit[b]) {
            starts.push(starts[starts.len() - 1] + rows.len());
        }
        let mut sets: Vec<Vec<usize>> = Vec::new();
        let mut kinds: HashMap<Vec<usize>, usize> = HashMap::new();
        let kind = order.iter().map(|&row| {
            let own = queries.topics[row].as_ref().iter();
            let mut own: Vec<usize> = own.map(|t| topics.partition_point(|o| o < t)).collect();
            own.sort_unstable();
            own.dedup();
            let next = sets.len();
            let kind = *kinds.entry(own.clone()).or_insert(next);
            if kind == next {
                sets.push(own);
            }
            kind
        });
        let kind = kind.collect();
        Self {
            answered: order.iter().map(|&row| queries.answered[row]).collect(),
            kind,
            sets,
            stratum: order.iter().map(|&row| queries.stratum[row]).collect(),
            unit: order.iter().map(|&row| unit[row]).collect(),
            starts,
            topics,
        }
    }

    pub(super) fn units(&self) -> usize {
        self.starts.len() - 1
    }

    /// The values of a topic's rows, or of all others, and their units.
    pub(super) fn side(&self, topic: usize, own: bool) -> (Vec<f64>, Vec<usize>) {
        (0..self.kind.len())
            .filter(|&row| self.sets[self.kind[row]].contains(&topic) == own)
            .map(|row| (self.answered[row], self.unit[row]))
            .unzip()
    }

    /// Where the rows of units begin that have as many rows of the same strata, and how many these are.
    pub(super) fn strata(&self) -> Vec<(usize, Vec<usize>)> {
        let mut strata = BTreeMap::<Vec<usize>, Vec<usize>>::new();
        for ends in self.starts.windows(2) {
            let mut own = self.stratum[ends[0]..ends[1]].to_vec();
            own.sort_unstable();
            strata.entry(own).or_default().push(ends[0]);
        }
        let strata = strata.into_iter();
        strata.map(|(own, starts)| (own.len(), starts)).collect()
    }

    /// The topics exchanged between units of a stratum.
    pub(super) fn exchanged(
        &self,
        strata: &[(usize, Vec<usize>)],
        stream: Stream,
        item: usize,
    ) -> Vec<usize> {
        let generator = &mut stream.item(item);
        let mut kind = self.kind.clone();
        for (rows, starts) in strata {
            let mut from = starts.clone();
            shuffle(generator, &mut from);
            for (&to, &from) in starts.iter().zip(&from) {
                kind[to..to + rows].copy_from_slice(&self.kind[from..from + rows]);
            }
        }
        kind
    }

    /// Each topic beside the rest, if rows had these sets of topics.
    pub(super) fn contrasts(&self, kind: &[usize]) -> Vec<Contrast> {
        let topics = self.topics.len();
        let (mut sum, mut size) = (vec![0.0; topics], vec![0.0; topics]);
        for (&kind, &v) in kind.iter().zip(&self.answered) {
            for &k in &self.sets[kind] {
                sum[k] += v;
                size[k] += 1.0;
            }
        }
        let all_sum: f64 = self.answered.iter().sum();
        let all_size = self.answered.len() as f64;
        let mean: Vec<f64> = (0..topics).map(|k| sum[k] / size[k]).collect();
        let rest: Vec<f64> = (0..topics)
            .map(|k| (all_sum - sum[k]) / (all_size - size[k]))
            .collect();
        // squares of what units add: first as if none had the topic, then set right where one has
        let (mut ss, mut sn, mut nn) = (0.0, 0.0, 0.0);
        let mut right = vec![0.0; topics];
        let (mut units, mut alone) = (vec![0; topics], vec![0; topics]);
        let mut own: Vec<(usize, f64, f64)> = Vec::new();
        for ends in self.starts.windows(2) {
            let (s, n) = self.of_unit(kind, ends, &mut own);
            (ss, sn, nn) = (ss + s * s, sn + s * n, nn + n * n);
            for &(k, own_s, own_n) in &own {
                units[k] += 1;
                alone[k] += usize::from(own_n == n);
                let others = all_size - size[k];
                let inside = (own_s - mean[k] * own_n) / size[k];
                let outside = ((s - own_s) - rest[k] * (n - own_n)) / others;
                let plain = (s - rest[k] * n) / others;
                right[k] += (inside - outside).powi(2) - plain.powi(2);
            }
        }
        let count = self.units() as f64;
        (0..topics)
            .map(|k| {
                let others = all_size - size[k];
                let r = rest[k];
                let square = (ss - 2.0 * r * sn + r * r * nn) / (others * others) + right[k];
                let error = (square.max(0.0) * count / (count - 1.0)).sqrt();
                let gap = r - mean[k];
                let statistic = match error > bootstrap::NO_ERROR {
                    true => gap / error,
                    false => gap * WITHOUT_ERROR,
                };
                Contrast {
                    units: units[k],
                    alone: alone[k],
                    mean: mean[k],
                    rest: r,
                    statistic,
                }
            })
            .collect()
    }

    /// The correlation of the means of a topic and of the rest: 0 where no unit has rows of both, or one of them has no error.
    pub(super) fn correlation(&self, topic: usize, contrast: &Contrast) -> f64 {
        let (mut inside, mut outside, mut both) = (0.0, 0.0, 0.0);
        let mut own = Vec::new();
        for ends in self.starts.windows(2) {
            let (s, n) = self.of_unit(&self.kind, ends, &mut own);
            let found = own.iter().find(|(k, ..)| *k == topic);
            let (own_s, own_n) = found.map_or((0.0, 0.0), |&(_, s, n)| (s, n));
            let a = own_s - contrast.mean * own_n;
            let b = (s - own_s) - contrast.rest * (n - own_n);
            (inside, outside, both) = (inside + a * a, outside + b * b, both + a * b);
        }
        let size = (inside * outside).sqrt();
        if size > 0.0 { both / size } else { 0.0 }
    }

    /// The sum and the number of a unit's rows; of each of its topics into `own`.
    fn of_unit(
        &self,
        kind: &[usize],
        ends: &[usize],
        own: &mut Vec<(usize, f64, f64)>,
    ) -> (f64, f64) {
        own.clear();
        let rows = ends[0]..ends[1];
        let mut all = (0.0, 0.0);
        for (&kind, &v) in kind[rows.clone()].iter().zip(&self.answered[rows]) {
            all = (all.0 + v, all.1 + 1.0);
            for &k in &self.sets[kind] {
                match own.iter_mut().find(|(other, ..)| *other == k) {
                    Some((_, s, n)) => (*s, *n) = (*s + v, *n + 1.0),
                    None => own.push((k, v, 1.0)),
                }
            }
        }
        all
    }
}
