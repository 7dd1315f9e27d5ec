//! Recall by topic: which topics a search is weak in, and whether that is shown.

mod rows;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::EvalError;
use crate::estimate::{Estimate, Interval, Method};
use crate::family::{Family, Score, Test};
use crate::interval::IntervalSettings;
use crate::means::{mean_intervals, quick_mean_intervals};
use crate::outcome::{Outcome, SUSPECTED_BELOW};
use crate::random::Stream;
use crate::recovered::recovered;
use crate::support::FEWEST_SUBJECTS;
use rows::{Contrast, Rows};

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

/// Queries with their topics, a row each.
#[derive(Debug, Clone, Copy)]
pub struct TopicQueries<'a, T> {
    /// Whether each was answered: 0 or 1, or a share such as a reciprocal rank.
    pub answered: &'a [f64],
    /// The topics of each; one of several counts in each of them, one of none only in the rest of all.
    pub topics: &'a [T],
    /// The unit that each is of, such as the picture of a caption: rows of one unit are not independent.
    pub unit: &'a [usize],
    /// What makes a query easier or harder whatever its topic, such as how many items are right for it: topics are exchanged only
    /// between units that are alike in it.
    pub stratum: &'a [usize],
}

/// One topic.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicRecall {
    /// Its number.
    pub topic: usize,
    /// Queries of it.
    pub queries: usize,
    /// Units that have one.
    pub units: usize,
    /// Mean of its queries, with the interval by unit.
    pub recall: Interval,
    /// Mean of all other queries, likewise (more than 500 units: by Student's t); none where there is no other query.
    pub elsewhere: Option<Interval>,
    /// The topic less elsewhere: limits recovered from those of both (Zou 2007), which are correlated where units have queries of both.
    pub difference: Option<Interval>,
    /// Chance of so low a recall against elsewhere if topics did not matter; none for a topic of fewer than 5 units, or of all but 5.
    pub p_value: Option<f64>,
    /// The same for the lowest of all topics: corrected for having looked at every one.
    pub p_family: Option<f64>,
    /// Whether it is weak: shown with `p_family` at most alpha; suspected with `p_value` below 0.05 alone.
    pub outcome: Outcome,
}

/// The recall of each topic, lowest first, of equals the lower number.
///
/// Intervals are those of [`mean_intervals`] over a topic's rows. A topic is tested against all other rows by the difference of the
/// means over its cluster-robust standard error. Under the null that topics do not matter, units with as many queries of the same
/// strata may exchange their topics: the p values come from such exchanges, those of the family from the smallest p of each (Westfall
/// and Young 1993), so that they are exact and heed how the topics hang together. Queries without a topic are one of their own number,
/// if the caller wants them judged.
///
/// # Errors
/// [`EvalError`] for settings out of range, columns of different lengths, no rows, or a value outside 0 to 1.
pub fn topic_recall<T: AsRef<[usize]>>(
    queries: &TopicQueries<'_, T>,
    settings: &TopicSettings,
) -> Result<Vec<TopicRecall>, EvalError> {
    check(queries, settings)?;
    let rows = Rows::new(queries);
    let observed = rows.contrasts(&rows.kind);
    let tested: Vec<usize> = (0..rows.topics.len())
        .filter(|&k| {
            let fewest = FEWEST_SUBJECTS;
            observed[k].units >= fewest && rows.units() - observed[k].alone >= fewest
        })
        .collect();
    let scores = scores(&rows, &observed, &tested, settings);
    let (family, _) = Family::new(&scores);
    let all = 1.0 + settings.permutations as f64;
    let mut found = Vec::with_capacity(rows.topics.len());
    for (k, contrast) in observed.iter().enumerate() {
        let place = tested.iter().position(|&t| t == k);
        let p_value = place.map(|t| scores[t][0].labellings() as f64 / all);
        let p_family = place.map(|t| family.p_value(family.score(scores[t][0])));
        let (recall, elsewhere) = intervals(&rows, k, &settings.intervals)?;
        found.push(TopicRecall {
            topic: rows.topics[k],
            queries: recall.clips(),
            units: contrast.units,
            difference: elsewhere.as_ref().map(|rest| {
                let units = rows.units();
                difference(&recall, rest, rows.correlation(k, contrast), units)
            }),
            recall,
            elsewhere,
            p_value,
            p_family,
            outcome: match (p_value, p_family) {
                (Some(_), Some(p)) if p <= settings.alpha => Outcome::Shown,
                (Some(p), _) if p < SUSPECTED_BELOW => Outcome::Suspected,
                (Some(_), _) => Outcome::NotShown,
                (None, _) => Outcome::NotTestable,
            },
        });
    }
    let value = |topic: &TopicRecall| topic.recall.value().unwrap_or(f64::NAN);
    found.sort_by(|a, b| value(a).total_cmp(&value(b)).then(a.topic.cmp(&b.topic)));
    Ok(found)
}

/// How extreme each tested topic is, as it is and in every exchange.
fn scores(
    rows: &Rows,
    observed: &[Contrast],
    tested: &[usize],
    settings: &TopicSettings,
) -> Vec<Vec<Score>> {
    let stream = Stream::new(settings.intervals.seed, &["topics"]);
    let statistics = |contrasts: &[Contrast]| -> Vec<f64> {
        tested.iter().map(|&k| contrasts[k].statistic).collect()
    };
    // the topics as they are count as one of the exchanges
    let mut labellings = vec![statistics(observed)];
    let strata = rows.strata();
    labellings.par_extend(
        (0..settings.permutations)
            .into_par_iter()
            .map(|i| statistics(&rows.contrasts(&rows.exchanged(&strata, stream, i)))),
    );
    (0..tested.len())
        .map(|t| {
            let values: Vec<f64> = labellings.iter().map(|all| all[t]).collect();
            let test = Test::new(values.clone());
            values.into_iter().map(|value| test.score(value)).collect()
        })
        .collect()
}

/// The means of a topic and of the rest.
fn intervals(
    rows: &Rows,
    k: usize,
    settings: &IntervalSettings,
) -> Result<(Interval, Option<Interval>), EvalError> {
    let number = rows.topics[k].to_string();
    let (column, unit) = rows.side(k, true);
    let names = ["topic", &number];
    let mut own = mean_intervals(&[column], &unit, (0.0, 1.0), &names, settings)?;
    let own = own.pop().expect("one column has one interval");
    let (column, unit) = rows.side(k, false);
    if column.is_empty() {
        return Ok((own, None));
    }
    let names = ["topic elsewhere", &number];
    let mut rest = quick_mean_intervals(&[column], &unit, (0.0, 1.0), &names, settings)?;
    Ok((own, rest.pop()))
}

/// A topic less the rest.
fn difference(own: &Interval, rest: &Interval, correlation: f64, units: usize) -> Interval {
    let value = own.value().unwrap_or(f64::NAN) - rest.value().unwrap_or(f64::NAN);
    let clips = own.clips() + rest.clips();
    let (Some(a), Some(b)) = (own.estimate(), rest.estimate()) else {
        let side = match own.estimate() {
            None => "the topic",
            Some(_) => "the rest",
        };
        let reason = format!("the mean of {side} has no interval");
        return Interval::none_of(value, clips, units, reason);
    };
    let (low, high) = recovered(
        (a.value, a.low, a.high),
        (b.value, b.low, b.high),
        correlation,
    );
    let (sa, sb) = (a.standard_error, b.standard_error);
    let square = sa * sa + sb * sb - 2.0 * correlation * sa * sb;
    Interval::Estimated(Estimate {
        value,
        low: low.clamp(-1.0, value),
        high: high.clamp(value, 1.0),
        method: Method::RecoveredLimits,
        standard_error: square.max(0.0).sqrt(),
        clips,
        subjects: units,
        debiased: None,
        caution: (a
            .caution
            .as_ref()
            .map(|told| format!("of the topic: {told}")))
        .or_else(|| {
            b.caution
                .as_ref()
                .map(|told| format!("of the rest: {told}"))
        }),
    })
}

fn check<T>(queries: &TopicQueries<'_, T>, settings: &TopicSettings) -> Result<(), EvalError> {
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
    let answered = queries.answered;
    for (what, found) in [
        ("topics", queries.topics.len()),
        ("units", queries.unit.len()),
        ("strata", queries.stratum.len()),
    ] {
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

#[cfg(test)]
mod tests;
