//! From what came of each query to means with intervals, chance levels and the control.

use std::collections::{BTreeMap, HashSet};

use cohort_eval::{EvalError, Interval, IntervalSettings, mean_intervals};

use super::{
    Alone, Asked, Chances, ClassDifference, ClassFigures, Control, Curve, Difference, Figure,
    LEVELS, Legacy, Measure, Measured, Paired, Protocol, Question, RetrievalDocument,
    RetrievalSettings, Ties, legacy_ap,
};

/// Standard errors that a control may lie away from chance.
const AWAY: f64 = 4.0;

/// The document of what was measured. Names of tables and columns and the notes are the caller's to fill in.
///
/// # Errors
/// [`EvalError`] for settings out of range.
pub fn summarise(
    question: &Question,
    measured: &Measured,
    settings: &RetrievalSettings,
) -> Result<RetrievalDocument, EvalError> {
    let mut chances = Chances::new(measured);
    let all: Vec<&Asked> = measured.asked.iter().collect();
    let several = |labels: &[Vec<u32>]| labels.iter().any(|labels| labels.len() > 1);
    let several_labels = several(&question.query_labels) || several(&question.gallery_labels);
    let measures = figures(question, measured, &all, &mut chances, settings, "all")?;
    let mut classes = Vec::with_capacity(question.classes.len());
    for (class, name) in question.classes.iter().enumerate() {
        let has = |labels: &[u32]| labels.contains(&(class as u32));
        let own = |asked: &&Asked| has(&question.query_labels[asked.query]);
        let own: Vec<&Asked> = measured.asked.iter().filter(own).collect();
        classes.push(ClassFigures {
            class: name.clone(),
            queries: own.len(),
            gallery: question.gallery_labels.iter().filter(|l| has(l)).count(),
            measures: figures(question, measured, &own, &mut chances, settings, name)?,
            curve: curve(&own),
        });
    }
    let units: HashSet<usize> = all
        .iter()
        .map(|asked| question.query_units[asked.query])
        .collect();
    let map = measured
        .measures
        .iter()
        .position(|m| *m == Measure::AveragePrecision);
    let legacy = (!several_labels).then(|| {
        let right: Vec<bool> = all.iter().map(|asked| asked.first_right).collect();
        let class = |asked: &&Asked| question.query_labels[asked.query][0] as usize;
        let class: Vec<usize> = all.iter().map(class).collect();
        let legacy_ap = legacy_ap(&right, &class)?;
        let map = measures.get(map?)?.interval.value()?;
        Some(Legacy { legacy_ap, map })
    });
    Ok(RetrievalDocument {
        schema: "cohort.retrieval/1".into(),
        index: String::new(),
        producer: question.index.producer().to_string(),
        queries: None,
        distance: question.index.distance(),
        dim: question.index.dim(),
        label: String::new(),
        unit: None,
        protocol: Protocol {
            within: question.itself.iter().any(Option::is_some),
            apart: question.apart.is_some(),
            several_labels,
        },
        settings: settings.clone(),
        asked: all.len(),
        units: units.len(),
        without_label: measured.unlabelled,
        alone: alone(question, measured),
        gallery: measured.gallery,
        gallery_without_label: measured.gallery_unlabelled,
        copies: all.iter().filter(|asked| asked.copy).count(),
        ties: ties(measured),
        measures,
        classes,
        legacy: legacy.flatten(),
        against: None,
        notes: Vec::new(),
    })
}

fn interval_settings(settings: &RetrievalSettings) -> IntervalSettings {
    IntervalSettings {
        resamples: settings.resamples,
        level: settings.level,
        seed: settings.seed,
    }
}

/// Each measure over some of the queries.
fn figures(
    question: &Question,
    measured: &Measured,
    asked: &[&Asked],
    chances: &mut Chances,
    settings: &RetrievalSettings,
    name: &str,
) -> Result<Vec<Figure>, EvalError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let n = asked.len() as f64;
    let mut chance = vec![0.0; measured.measures.len()];
    for asked in asked {
        let own = chances.of(&measured.measures, asked);
        chance
            .iter_mut()
            .zip(own)
            .for_each(|(sum, own)| *sum += own / n);
    }
    let columns: Vec<Vec<f64>> = (0..measured.measures.len())
        .map(|m| asked.iter().map(|asked| asked.values[m]).collect())
        .collect();
    let units = units(question, asked);
    let names = ["retrieval", name];
    let intervals = mean_intervals(
        &columns,
        &units,
        (0.0, 1.0),
        &names,
        &interval_settings(settings),
    )?;
    let figure = |((m, interval), chance): ((usize, Interval), f64)| Figure {
        measure: measured.measures[m],
        interval,
        chance,
        control: control(asked, m, settings.shuffles, chance),
    };
    Ok(intervals
        .into_iter()
        .enumerate()
        .zip(chance)
        .map(figure)
        .collect())
}

fn units(question: &Question, asked: &[&Asked]) -> Vec<usize> {
    asked
        .iter()
        .map(|asked| question.query_units[asked.query])
        .collect()
}

fn control(asked: &[&Asked], measure: usize, shuffles: usize, chance: f64) -> Control {
    let n = asked.len() as f64;
    let of = |shuffle: usize| {
        asked
            .iter()
            .map(|asked| asked.shuffled[shuffle][measure])
            .sum::<f64>()
            / n
    };
    let values: Vec<f64> = (0..shuffles).map(of).collect();
    Control::of(&values, chance)
}

impl Control {
    /// Of a measure's value under each shuffle, at least one.
    pub(crate) fn of(values: &[f64], chance: f64) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
        Self {
            mean,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            // of one shuffle no error is known
            at_chance: values.len() < 2 || (mean - chance).abs() <= AWAY * error + 1e-9,
        }
    }
}

impl Paired {
    /// A difference with its interval.
    pub(crate) fn of(measure: Measure, interval: Interval) -> Self {
        let shown = interval
            .estimate()
            .is_some_and(|e| e.caution.is_none() && (e.low > 0.0 || e.high < 0.0));
        Self {
            measure,
            interval,
            shown,
        }
    }
}

fn curve(asked: &[&Asked]) -> Option<Curve> {
    if asked.is_empty() {
        return None;
    }
    let n = asked.len() as f64;
    let at = |level: usize| {
        asked
            .iter()
            .map(|asked| asked.precision[level])
            .sum::<f64>()
            / n
    };
    let share = |asked: &&Asked| asked.relevant as f64 / asked.gallery as f64;
    Some(Curve {
        precision: (0..LEVELS).map(at).collect(),
        chance: asked.iter().map(share).sum::<f64>() / n,
    })
}

fn alone(question: &Question, measured: &Measured) -> Vec<Alone> {
    let mut count: BTreeMap<&[u32], usize> = BTreeMap::new();
    for &query in &measured.alone {
        *count.entry(&question.query_labels[query]).or_default() += 1;
    }
    let name = |labels: &[u32]| {
        let names: Vec<&str> = labels
            .iter()
            .map(|&l| question.classes[l as usize].as_str())
            .collect();
        names.join("+")
    };
    let alone = |(labels, queries): (&[u32], usize)| Alone {
        class: name(labels),
        queries,
    };
    count.into_iter().map(alone).collect()
}

fn ties(measured: &Measured) -> Option<Ties> {
    let queries = measured
        .asked
        .iter()
        .filter(|asked| asked.tied.is_some())
        .count();
    if queries == 0 {
        return None;
    }
    let n = measured.asked.len() as f64;
    let mean = |of: &dyn Fn(&Asked) -> f64| measured.asked.iter().map(of).sum::<f64>() / n;
    let each = |best: bool| {
        let value = move |asked: &Asked, m: usize| match &asked.tied {
            Some((first, last)) => (if best { first } else { last })[m],
            None => asked.values[m],
        };
        (0..measured.measures.len())
            .map(|m| mean(&|asked| value(asked, m)))
            .collect()
    };
    Some(Ties {
        queries,
        worst: each(false),
        best: each(true),
    })
}

/// Differences of two models, the first minus the other. `other_of` gives for each query of the first the other's number.
///
/// # Errors
/// [`EvalError`] for settings out of range.
pub fn compare(
    question: &Question,
    measured: &Measured,
    other: &Measured,
    other_of: &[Option<usize>],
    settings: &RetrievalSettings,
) -> Result<Difference, EvalError> {
    let by_query: BTreeMap<usize, &Asked> = other.asked.iter().map(|a| (a.query, a)).collect();
    let pairs: Vec<(&Asked, &Asked)> = (measured.asked.iter())
        .filter_map(|asked| Some((asked, *by_query.get(&other_of[asked.query]?)?)))
        .collect();
    let differences = |pairs: &[(&Asked, &Asked)], name: &str| -> Result<Vec<Paired>, EvalError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let columns: Vec<Vec<f64>> = (0..measured.measures.len())
            .map(|m| {
                pairs
                    .iter()
                    .map(|(a, b)| a.values[m] - b.values[m])
                    .collect()
            })
            .collect();
        let asked: Vec<&Asked> = pairs.iter().map(|pair| pair.0).collect();
        let (units, names) = (units(question, &asked), ["retrieval difference", name]);
        let intervals = mean_intervals(
            &columns,
            &units,
            (-1.0, 1.0),
            &names,
            &interval_settings(settings),
        )?;
        let paired = |(measure, interval): (&Measure, Interval)| Paired::of(*measure, interval);
        Ok(measured
            .measures
            .iter()
            .zip(intervals)
            .map(paired)
            .collect())
    };
    let mut classes = Vec::new();
    for (class, name) in question.classes.iter().enumerate() {
        let has = |pair: &&(&Asked, &Asked)| {
            question.query_labels[pair.0.query].contains(&(class as u32))
        };
        let own: Vec<(&Asked, &Asked)> = pairs.iter().filter(has).copied().collect();
        classes.push(ClassDifference {
            class: name.clone(),
            measures: differences(&own, name)?,
        });
    }
    Ok(Difference {
        against: String::new(),
        queries: pairs.len(),
        left_out: measured.asked.len() + other.asked.len() - 2 * pairs.len(),
        rows_left_out: 0,
        measures: differences(&pairs, "all")?,
        classes,
    })
}
