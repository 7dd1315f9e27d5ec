//! From what came of each query to means with intervals, chance levels and the control.

use std::collections::{BTreeMap, HashSet};

use cohort_eval::{EvalError, IntervalSettings, mean_intervals};

use super::document::{DirectionDifference, DirectionFigures, PairsDocument};
use super::median::{median, median_rank};
use super::standing::{NullScores, Standing};
use super::{DirectionMeasured, PairRecord, PairsQuestion, PairsSettings};
use crate::retrieval::{Control, Figure, Paired, Sums, Ties};

/// Steps of the distribution of unrelated scores that a document has.
const STEPS: usize = 100;

/// The document of what was measured. Names of tables, what was left out and the notes are the caller's to fill in.
///
/// # Errors
/// [`EvalError`] for settings out of range.
pub fn summarise_pairs(
    question: &PairsQuestion,
    measured: &[DirectionMeasured],
    settings: &PairsSettings,
) -> Result<PairsDocument, EvalError> {
    let directions = measured.iter().map(|one| figures(one, settings));
    Ok(PairsDocument {
        schema: "cohort.pairs/1".into(),
        pictures: String::new(),
        captions: String::new(),
        pairs: String::new(),
        split: None,
        pictures_producer: String::new(),
        captions_producer: String::new(),
        dim: question.dim,
        gallery_pictures: question.pictures.len() / question.dim.max(1),
        gallery_captions: question.picture_of.len(),
        pictures_without_vector: 0,
        captions_without_vector: 0,
        vectors_without_pair: 0,
        settings: settings.clone(),
        directions: directions.collect::<Result<_, _>>()?,
        against: None,
        notes: Vec::new(),
    })
}

fn interval_settings(settings: &PairsSettings) -> IntervalSettings {
    IntervalSettings {
        resamples: settings.resamples,
        level: settings.level,
        seed: settings.seed,
    }
}

fn figures(
    measured: &DirectionMeasured,
    settings: &PairsSettings,
) -> Result<DirectionFigures, EvalError> {
    let asked = &measured.asked;
    let name = measured.direction.title();
    let unit: Vec<usize> = asked.iter().map(|record| record.picture).collect();
    let columns: Vec<Vec<f64>> = (0..measured.measures.len())
        .map(|m| asked.iter().map(|record| record.values[m]).collect())
        .collect();
    let names = ["pairs", name];
    let to = interval_settings(settings);
    let intervals = mean_intervals(&columns, &unit, (0.0, 1.0), &names, &to)?;
    let chances = chances(measured);
    let measures = intervals.into_iter().enumerate().map(|(m, interval)| {
        let shuffled: Vec<f64> = measured.shuffled.iter().map(|means| means[m]).collect();
        Figure {
            measure: measured.measures[m],
            interval,
            chance: chances[m],
            control: Control::of(&shuffled, chances[m]),
        }
    });
    Ok(DirectionFigures {
        direction: measured.direction,
        queries: asked.len(),
        pictures: unit.iter().collect::<HashSet<_>>().len(),
        alone: measured.alone,
        gallery: measured.gallery,
        measures: measures.collect(),
        median_rank: median_rank(
            asked,
            measured.gallery,
            &measured.shuffled_medians,
            name,
            settings,
        ),
        ties: ties(measured),
        standing: standing(measured, name, &to)?,
    })
}

/// Each measure's mean over the queries of what each could expect of a random order.
fn chances(measured: &DirectionMeasured) -> Vec<f64> {
    let mut kinds: BTreeMap<usize, usize> = BTreeMap::new();
    for record in &measured.asked {
        *kinds.entry(record.relevant).or_default() += 1;
    }
    let (n, sums) = (measured.asked.len() as f64, Sums::new(measured.gallery));
    let of = |measure: &crate::retrieval::Measure| {
        let kinds = kinds.iter();
        let each = kinds.map(|(&relevant, &queries)| {
            queries as f64 / n * measure.chance(relevant, measured.gallery, &sums)
        });
        each.sum::<f64>()
    };
    measured.measures.iter().map(of).collect()
}

fn ties(measured: &DirectionMeasured) -> Option<Ties> {
    let queries = measured.asked.iter().filter(|record| record.tied.is_some());
    let queries = queries.count();
    if queries == 0 {
        return None;
    }
    let n = measured.asked.len() as f64;
    let each = |order: usize| {
        let mean = |m: usize| {
            let value = |record: &PairRecord| match &record.tied {
                Some(orders) => orders[order][m],
                None => record.values[m],
            };
            measured.asked.iter().map(value).sum::<f64>() / n
        };
        (0..measured.measures.len()).map(mean).collect()
    };
    Some(Ties {
        queries,
        worst: each(1),
        best: each(0),
    })
}

fn standing(
    measured: &DirectionMeasured,
    name: &str,
    settings: &IntervalSettings,
) -> Result<Option<Standing>, EvalError> {
    let asked = &measured.asked;
    let null = NullScores::new(asked.iter().filter_map(|record| record.unrelated));
    let known = asked
        .iter()
        .filter_map(|r| Some((r.percentile?, r.picture)));
    let (column, unit): (Vec<f64>, Vec<usize>) = known.unzip();
    if column.is_empty() {
        return Ok(None);
    }
    let chance = told_apart_by_chance(measured, &unit);
    let names = ["pairs standing", name];
    let found = mean_intervals(&[column], &unit, (0.0, 1.0), &names, settings)?;
    let told_apart = found.into_iter().next();
    Ok(told_apart.map(|told_apart| Standing {
        queries: null.len(),
        told_apart,
        chance,
        unrelated: (0..=STEPS)
            .filter_map(|step| null.quantile(step as f64 / STEPS as f64))
            .collect(),
    }))
}

/// The chance that the largest of N equally likely scores exceeds the largest of N - R others, the mean over the pairs of a query
/// (the pictures of which are given) and one of another picture.
fn told_apart_by_chance(measured: &DirectionMeasured, pictures: &[usize]) -> f64 {
    let n = measured.gallery as f64;
    let (mut all, mut count) = (0.0, 0.0);
    let mut of_picture: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    let with = measured.asked.iter().filter(|r| r.unrelated.is_some());
    for record in with {
        let chance = n / (2.0 * n - record.relevant as f64);
        let own = of_picture.entry(record.picture).or_default();
        (own.0, own.1) = (own.0 + chance, own.1 + 1.0);
        (all, count) = (all + chance, count + 1.0);
    }
    let of = |picture: &usize| {
        let own = of_picture.get(picture).copied().unwrap_or_default();
        (all - own.0) / (count - own.1)
    };
    pictures.iter().map(of).sum::<f64>() / pictures.len() as f64
}

/// Differences of two models on the same pairs, the first minus the other, query by query.
///
/// # Errors
/// [`EvalError`] for settings out of range, or queries that are not the same.
pub fn compare_pairs(
    measured: &[DirectionMeasured],
    other: &[DirectionMeasured],
    settings: &PairsSettings,
) -> Result<Vec<DirectionDifference>, EvalError> {
    let to = interval_settings(settings);
    let one = |(a, b): (&DirectionMeasured, &DirectionMeasured)| {
        let queries = |of: &DirectionMeasured| -> Vec<usize> {
            of.asked.iter().map(|record| record.query).collect()
        };
        if queries(a) != queries(b) || a.measures != b.measures || a.direction != b.direction {
            return Err(EvalError::Input {
                what: "two models",
                expected: "the same queries and measures",
                found: "others".into(),
            });
        }
        let pairs = || a.asked.iter().zip(&b.asked);
        let unit: Vec<usize> = a.asked.iter().map(|record| record.picture).collect();
        let columns: Vec<Vec<f64>> = (0..a.measures.len())
            .map(|m| pairs().map(|(a, b)| a.values[m] - b.values[m]).collect())
            .collect();
        let names = ["pairs difference", a.direction.title()];
        let found = mean_intervals(&columns, &unit, (-1.0, 1.0), &names, &to)?;
        let paired = found.into_iter().zip(&a.measures);
        let mut ranks: Vec<u32> = b.asked.iter().map(|record| record.rank as u32).collect();
        Ok(DirectionDifference {
            direction: a.direction,
            queries: a.asked.len(),
            measures: paired
                .map(|(interval, measure)| Paired::of(*measure, interval))
                .collect(),
            other_median_rank: median(&mut ranks),
        })
    };
    measured.iter().zip(other).map(one).collect()
}
