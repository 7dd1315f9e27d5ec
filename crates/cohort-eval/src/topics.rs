//! Recall by topic: which topics a search is weak in, and whether that is shown.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::estimate::Interval;
use crate::family::{Family, Score, Test};
use crate::interval::IntervalSettings;
use crate::means::mean_intervals;
use crate::permute::WITHOUT_ERROR;
use crate::random::{Stream, shuffle};
use crate::support::FEWEST_SUBJECTS;
use crate::{EvalError, bootstrap};

/// How topics are judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TopicSettings {
    /// Intervals of recall, and the seed of everything.
    pub intervals: IntervalSettings,
    /// Exchanges of topics between units, 99 to 1,000,000 (default 4,999).
    pub permutations: usize,
    /// Chance that any topic is called weak where none is, above 0 and below 0.5 (default 0.05).
    pub alpha: f64,
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self {
            intervals: IntervalSettings::default(),
            permutations: 4_999,
            alpha: 0.05,
        }
    }
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopicRecall {
    /// Its number.
    pub topic: usize,
    /// Queries of it.
    pub queries: usize,
    /// Units that have one.
    pub units: usize,
    /// Mean of its queries, with the interval by unit.
    pub recall: Interval,
    /// Mean of all other queries; none where there is none.
    pub elsewhere: Option<f64>,
    /// Chance of so low a recall against elsewhere if topics did not matter; none for a topic of fewer than 5 units, or of all but 5.
    pub p_value: Option<f64>,
    /// The same for the lowest of all topics: corrected for having looked at every one.
    pub p_family: Option<f64>,
    /// Whether it is shown to be weak: `p_family` at most alpha.
    pub weak: bool,
}

/// The recall of each topic, lowest first, of equals the lower number.
///
/// A row is a query: whether it was answered (0 or 1, or a share such as a reciprocal rank), its topic, and the unit that it is of, such
/// as the picture of a caption; rows of one unit are not independent. Intervals are those of [`mean_intervals`] over a topic's
/// rows. A topic is tested against all other rows by the difference of the means over its cluster-robust standard error. Under
/// the null that topics do not matter, units with as many queries may exchange their topics: the p values come from
/// such exchanges, those of the family from the smallest p of each (Westfall and Young 1993), so that they are exact and heed how the topics hang
/// together. Queries without a topic are one of their own number, if the caller wants them judged.
///
/// # Errors
/// [`EvalError`] for settings out of range, columns of different lengths, no rows, or a value outside 0 to 1.
pub fn topic_recall(
    answered: &[f64],
    topic: &[usize],
    unit: &[usize],
    settings: &TopicSettings,
) -> Result<Vec<TopicRecall>, EvalError> {
    check(answered, topic, unit, settings)?;
    let rows = Rows::new(answered, topic, unit);
    let observed = rows.contrasts(&rows.topic);
    let tested: Vec<usize> = (0..rows.topics.len())
        .filter(|&k| {
            let fewest = FEWEST_SUBJECTS;
            observed[k].units >= fewest && rows.units() - observed[k].alone >= fewest
        })
        .collect();
    let stream = Stream::new(settings.intervals.seed, &["topics"]);
    let statistics = |contrasts: &[Contrast]| -> Vec<f64> {
        tested.iter().map(|&k| contrasts[k].statistic).collect()
    };
    // the topics as they are count as one of the exchanges
    let mut labellings = vec![statistics(&observed)];
    let strata = rows.strata();
    labellings.par_extend(
        (0..settings.permutations)
            .into_par_iter()
            .map(|i| statistics(&rows.contrasts(&rows.exchanged(&strata, stream, i)))),
    );
    let scores: Vec<Vec<Score>> = (0..tested.len())
        .map(|t| {
            let values: Vec<f64> = labellings.iter().map(|all| all[t]).collect();
            let test = Test::new(values.clone());
            values.into_iter().map(|value| test.score(value)).collect()
        })
        .collect();
    let (family, _) = Family::new(&scores);
    let all = 1.0 + settings.permutations as f64;
    let mut found = Vec::with_capacity(rows.topics.len());
    for (k, contrast) in observed.iter().enumerate() {
        let own = || (0..answered.len()).filter(|&row| topic[row] == rows.topics[k]);
        let column: Vec<f64> = own().map(|row| answered[row]).collect();
        let units: Vec<usize> = own().map(|row| unit[row]).collect();
        let names = ["topic", &rows.topics[k].to_string()];
        let interval = mean_intervals(&[column], &units, (0.0, 1.0), &names, &settings.intervals)?;
        let place = tested.iter().position(|&t| t == k);
        let p_value = place.map(|t| scores[t][0].labellings() as f64 / all);
        let p_family = place.map(|t| family.p_value(family.score(scores[t][0])));
        found.extend(interval.into_iter().map(|recall| TopicRecall {
            topic: rows.topics[k],
            queries: units.len(),
            units: contrast.units,
            recall,
            elsewhere: contrast.rest.is_finite().then_some(contrast.rest),
            p_value,
            p_family,
            weak: p_family.is_some_and(|p| p <= settings.alpha),
        }));
    }
    let value = |topic: &TopicRecall| topic.recall.value().unwrap_or(f64::NAN);
    found.sort_by(|a, b| value(a).total_cmp(&value(b)).then(a.topic.cmp(&b.topic)));
    Ok(found)
}

fn check(
    answered: &[f64],
    topic: &[usize],
    unit: &[usize],
    settings: &TopicSettings,
) -> Result<(), EvalError> {
    settings.intervals.check()?;
    if !(99..=1_000_000).contains(&settings.permutations) {
        return Err(EvalError::Setting {
            name: "permutations",
            expected: "99 to 1000000",
            found: settings.permutations.to_string(),
        });
    }
    if !(settings.alpha > 0.0 && settings.alpha < 0.5) {
        return Err(EvalError::Setting {
            name: "alpha",
            expected: "above 0 and below 0.5",
            found: settings.alpha.to_string(),
        });
    }
    for (what, found) in [("topics", topic.len()), ("units", unit.len())] {
        if found != answered.len() {
            return Err(EvalError::Length {
                what,
                expected: answered.len(),
                found,
            });
        }
    }
    if answered.is_empty() {
        return Err(EvalError::Input {
            what: "queries",
            expected: "at least one",
            found: "none".into(),
        });
    }
    match answered.iter().position(|v| !(0.0..=1.0).contains(v)) {
        None => Ok(()),
        Some(row) => Err(EvalError::Row {
            what: "queries".into(),
            row: row + 1,
            expected: "a number from 0 to 1".into(),
            found: answered[row].to_string(),
        }),
    }
}

/// Rows in the order of their units, topics numbered from 0 without gaps.
struct Rows {
    answered: Vec<f64>,
    topic: Vec<usize>,
    /// Where each unit's rows begin, and the end.
    starts: Vec<usize>,
    /// The numbers given.
    topics: Vec<usize>,
}

/// A topic beside the rest.
struct Contrast {
    /// Units with rows of the topic, and those with no other rows.
    units: usize,
    alone: usize,
    rest: f64,
    /// How much lower the topic is, over its standard error.
    statistic: f64,
}

impl Rows {
    fn new(answered: &[f64], topic: &[usize], unit: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..unit.len()).collect();
        order.sort_by_key(|&row| (unit[row], row));
        let mut topics = topic.to_vec();
        topics.sort_unstable();
        topics.dedup();
        let mut starts = vec![0];
        for rows in order.chunk_by(|&a, &b| unit[a] == unit[b]) {
            starts.push(starts[starts.len() - 1] + rows.len());
        }
        Self {
            answered: order.iter().map(|&row| answered[row]).collect(),
            topic: order
                .iter()
                .map(|&row| topics.partition_point(|&t| t < topic[row]))
                .collect(),
            starts,
            topics,
        }
    }

    fn units(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where the rows of units begin that have as many rows, and how many these are.
    fn strata(&self) -> Vec<(usize, Vec<usize>)> {
        let mut strata = std::collections::BTreeMap::<usize, Vec<usize>>::new();
        for ends in self.starts.windows(2) {
            strata.entry(ends[1] - ends[0]).or_default().push(ends[0]);
        }
        strata.into_iter().collect()
    }

    /// The topics exchanged between units with as many rows.
    fn exchanged(&self, strata: &[(usize, Vec<usize>)], stream: Stream, item: usize) -> Vec<usize> {
        let generator = &mut stream.item(item);
        let mut topic = self.topic.clone();
        for (rows, starts) in strata {
            let mut from = starts.clone();
            shuffle(generator, &mut from);
            for (&to, &from) in starts.iter().zip(&from) {
                topic[to..to + rows].copy_from_slice(&self.topic[from..from + rows]);
            }
        }
        topic
    }

    /// Each topic beside the rest, if rows had these topics.
    fn contrasts(&self, topic: &[usize]) -> Vec<Contrast> {
        let topics = self.topics.len();
        let (mut sum, mut size) = (vec![0.0; topics], vec![0.0; topics]);
        for (&k, &v) in topic.iter().zip(&self.answered) {
            sum[k] += v;
            size[k] += 1.0;
        }
        let [all_sum, all_size] = [&sum, &size].map(|column| column.iter().sum::<f64>());
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
            let rows = ends[0]..ends[1];
            own.clear();
            for (&k, &v) in topic[rows.clone()].iter().zip(&self.answered[rows]) {
                match own.iter_mut().find(|(other, ..)| *other == k) {
                    Some((_, s, n)) => (*s, *n) = (*s + v, *n + 1.0),
                    None => own.push((k, v, 1.0)),
                }
            }
            let (s, n) = own.iter().fold((0.0, 0.0), |a, o| (a.0 + o.1, a.1 + o.2));
            (ss, sn, nn) = (ss + s * s, sn + s * n, nn + n * n);
            for &(k, own_s, own_n) in &own {
                units[k] += 1;
                alone[k] += usize::from(own.len() == 1);
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
                    rest: r,
                    statistic,
                }
            })
            .collect()
    }
}

#[cfg(test)]
#[path = "topics_tests.rs"]
mod tests;
