//! Intervals for metrics and for differences of two models, by subject.

use serde::{Deserialize, Serialize};

use crate::bootstrap::{NO_ERROR, paired_pivots, pivots, pivots_of};
use crate::discordant::discordant;
use crate::distributions::normal_quantile;
use crate::estimate::{Estimate, Interval, Method};
use crate::evaluator::Evaluator;
use crate::random::Stream;
use crate::resampled::Resampled;
use crate::scale::{Scale, effective_binomial};
use crate::support::{FEWEST_SUBJECTS, Support};
use crate::tally::{Tally, kish};
use crate::{EvalError, Metric, Sample, ece};

/// Fewest subjects for which subjects are resampled; below, a t interval is given.
pub const FEWEST_FOR_BOOTSTRAP: usize = 20;
/// Most subjects that are resampled; above, the closed form agrees with the bootstrap to its Monte Carlo error.
pub const MOST_FOR_BOOTSTRAP: usize = 5_000;
/// A share with fewer effective subjects on its rarer side is not claimed to keep its level.
const FEWEST_RARE: f64 = 5.0;
/// With fewer effective subjects on whom a model is ever wrong (weighed by the wrong clips) no metric is claimed.
const FEWEST_WRONG: f64 = 10.0;
/// A probability score that fewer effective subjects make up is not claimed to keep its level.
const FEWEST_LOSSES: f64 = 15.0;

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IntervalSettings {
    /// Bootstrap resamples of subjects (default 10,000).
    pub resamples: usize,
    /// Confidence level, above 0 and below 1 (default 0.95).
    pub level: f64,
    /// Seed: the same seed gives the same bytes whatever the number of threads (default 0).
    pub seed: u64,
}

impl Default for IntervalSettings {
    fn default() -> Self {
        Self {
            resamples: 10_000,
            level: 0.95,
            seed: 0,
        }
    }
}

impl IntervalSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`EvalError::Setting`] unless there are 100 to 1,000,000 resamples and the level lies between 0.5 and 1.
    pub fn check(&self) -> Result<(), EvalError> {
        if !(100..=1_000_000).contains(&self.resamples) {
            return Err(EvalError::Setting {
                name: "resamples",
                expected: "100 to 1000000",
                found: self.resamples.to_string(),
            });
        }
        if !(self.level >= 0.5 && self.level < 1.0) {
            return Err(EvalError::Setting {
                name: "level",
                expected: "at least 0.5 and below 1",
                found: self.level.to_string(),
            });
        }
        Ok(())
    }

    /// Random numbers for the sample that `names` spell.
    pub(crate) fn stream(&self, names: &[&str]) -> Stream {
        Stream::new(self.seed, names)
    }
}

/// The interval of one metric, by subject; see [`intervals`].
///
/// # Errors
/// [`EvalError::Setting`] for settings out of range.
pub fn interval(
    metric: Metric,
    sample: &Sample,
    settings: &IntervalSettings,
) -> Result<Interval, EvalError> {
    intervals(&[metric], sample, settings)?
        .pop()
        .ok_or_else(nothing)
}

/// The intervals of several metrics from one set of resamples.
///
/// Subjects, not rows, are the independent units. With 20 subjects or more they are resampled and the interval is
/// studentised on the metric's scale (logit for shares, log for losses, Fisher's z for kappa, as it is for signed
/// errors); with 5 to 19 a t interval on that scale from the jackknife over subjects is given; with fewer the value is
/// kept and the interval is "not estimable". `docs/statistics.md` gives formulas, sources and measured coverage.
///
/// # Errors
/// [`EvalError::Setting`] for settings out of range.
pub fn intervals(
    metrics: &[Metric],
    sample: &Sample,
    settings: &IntervalSettings,
) -> Result<Vec<Interval>, EvalError> {
    settings.check()?;
    let stream = settings.stream(&["sample"]);
    Ok(tally_intervals(
        metrics,
        &Tally::new(sample, None),
        settings,
        stream,
    ))
}

/// The difference `a - b` of a metric between two models on the same rows, with its interval by subject.
///
/// # Errors
/// [`EvalError`] for settings out of range or samples whose truth, subjects or classes differ.
pub fn paired_difference(
    metric: Metric,
    a: &Sample,
    b: &Sample,
    settings: &IntervalSettings,
) -> Result<Interval, EvalError> {
    paired_differences(&[metric], a, b, settings)?
        .pop()
        .ok_or_else(nothing)
}

/// The differences `a - b` of several metrics from one set of resamples; see [`paired_difference`].
///
/// Methods as in [`intervals`], on the difference itself.
///
/// # Errors
/// [`EvalError`] for settings out of range or samples whose truth, subjects or classes differ.
pub fn paired_differences(
    metrics: &[Metric],
    a: &Sample,
    b: &Sample,
    settings: &IntervalSettings,
) -> Result<Vec<Interval>, EvalError> {
    settings.check()?;
    if a.classes() != b.classes() || a.truth() != b.truth() || a.subject() != b.subject() {
        return Err(EvalError::Input {
            what: "two models",
            expected: "the same rows with the same truth and subjects",
            found: "others".into(),
        });
    }
    let stream = settings.stream(&["paired"]);
    Ok(tally_differences(
        metrics,
        &Tally::new(a, None),
        &Tally::new(b, None),
        settings,
        stream,
    ))
}

fn nothing() -> EvalError {
    EvalError::Input {
        what: "metrics",
        expected: "at least one",
        found: "none".into(),
    }
}

/// Intervals of metrics on a tally; `stream` separates the random numbers of different tallies.
pub(crate) fn tally_intervals(
    metrics: &[Metric],
    tally: &Tally,
    settings: &IntervalSettings,
    stream: Stream,
) -> Vec<Interval> {
    let subjects = tally.subjects();
    let support = Support::new(tally);
    let mut evaluator = Evaluator::new(tally, metrics);
    let values = evaluator.values(None).to_vec();
    evaluator.whole();
    let errors = jackknife_errors(subjects, &values, |s, without| {
        without.copy_from_slice(evaluator.without(s));
    });
    let pivots = if (FEWEST_FOR_BOOTSTRAP..=MOST_FOR_BOOTSTRAP).contains(&subjects) {
        pivots(tally, metrics, &values, settings.resamples, stream)
    } else {
        vec![Vec::new(); metrics.len()]
    };
    let mut intervals = Vec::with_capacity(metrics.len());
    for (((&metric, pivots), &value), &error) in
        metrics.iter().zip(&pivots).zip(&values).zip(&errors)
    {
        if let Some(reason) = no_interval(value, subjects) {
            intervals.push(Interval::none(value, tally, reason));
            continue;
        }
        let scale = metric.scale();
        let share = metric.is_share();
        let (of_subjects, upper, lower) = support.quantiles(pivots, settings.level);
        let seen = Some(of_subjects).filter(|_| error > NO_ERROR);
        let mut found = seen.and_then(|method| {
            let ends = scale.interval(value, error, (upper, lower), tally.range(metric))?;
            Some((method, ends))
        });
        let rare = support.subjects * value.min(1.0 - value) < FEWEST_RARE;
        if share && rare {
            let binomial = effective_binomial(value, error, tally.rows(), support.subjects)
                .interval(settings.level);
            let ends = found.map_or(binomial, |(_, ends)| {
                (ends.0.min(binomial.0), ends.1.max(binomial.1))
            });
            found = Some((Method::EffectiveBinomial, ends));
        }
        let mut debiased = None;
        if let (Metric::Ece, Some((_, usual))) = (metric, found) {
            let widening = support.t(settings.level) / normal_quantile(0.5 + settings.level / 2.0);
            if let Some(ece) = ece::debiased(tally, widening, settings.level, stream) {
                // The noise taken off at the upper end is known too badly to make the interval shorter.
                let ends = (ece.low.min(value), ece.high.max(usual.1));
                found = Some((Method::CalibrationInversion, ends));
                debiased = Some(ece.value);
            }
        }
        let Some((method, (low, high))) = found else {
            let reason = if error.is_nan() {
                "not defined without one of the subjects"
            } else {
                "no difference between subjects, so its error cannot be seen"
            };
            intervals.push(Interval::none(value, tally, reason.into()));
            continue;
        };
        intervals.push(Interval::Estimated(Estimate {
            value,
            low,
            high,
            method,
            standard_error: if error > NO_ERROR { error } else { 0.0 },
            clips: tally.rows(),
            subjects,
            debiased,
            caution: if share && rare {
                Some("close to 0 or 1 for so few subjects: coverage is not assured".into())
            } else {
                support
                    .caution(metric.weighs_classes())
                    .or_else(|| (!share).then(|| few_errors(metric, tally))?)
            },
        }));
    }
    intervals
}

/// Differences of metrics between two tallies of the same rows.
pub(crate) fn tally_differences(
    metrics: &[Metric],
    a: &Tally,
    b: &Tally,
    settings: &IntervalSettings,
    stream: Stream,
) -> Vec<Interval> {
    let subjects = a.subjects();
    let support = Support::new(a);
    let (mut ea, mut eb) = (Evaluator::new(a, metrics), Evaluator::new(b, metrics));
    let of_b = eb.values(None).to_vec();
    let values: Vec<f64> = ea
        .values(None)
        .iter()
        .zip(&of_b)
        .map(|(a, b)| a - b)
        .collect();
    ea.whole();
    eb.whole();
    let errors = jackknife_errors(subjects, &values, |s, without| {
        without.copy_from_slice(ea.without(s));
        for (a, b) in without.iter_mut().zip(eb.without(s)) {
            *a -= b;
        }
    });
    let pivots = if (FEWEST_FOR_BOOTSTRAP..=MOST_FOR_BOOTSTRAP).contains(&subjects) {
        paired_pivots(a, b, metrics, &values, settings.resamples, stream)
    } else {
        vec![Vec::new(); metrics.len()]
    };
    let discordant = discordant(a, b, metrics);
    let mut intervals = Vec::with_capacity(metrics.len());
    for ((((&metric, pivots), &value), &error), few) in metrics
        .iter()
        .zip(&pivots)
        .zip(&values)
        .zip(&errors)
        .zip(&discordant)
    {
        if let Some(reason) = no_interval(value, subjects) {
            intervals.push(Interval::none(value, a, reason));
            continue;
        }
        let range = difference_range(a, metric);
        let mut few_differ = None;
        let found = if let Some(few) = few {
            few_differ = Some(few.subjects());
            // A subject of the usual weight on whom one model is right throughout and the other wrong.
            let one = metric.is_share().then(|| 1.0 / support.subjects);
            // What lies outside the range is not possible, so it is cut off.
            few.interval(value, one, settings.level).map(|(low, high)| {
                let ends = (low.max(range.0), high.min(range.1));
                (Method::DiscordantSubjects, ends)
            })
        } else if error > NO_ERROR {
            let (method, upper, lower) = support.quantiles(pivots, settings.level);
            Scale::Identity
                .interval(value, error, (upper, lower), range)
                .map(|ends| (method, ends))
        } else {
            None
        };
        let Some((method, (low, high))) = found else {
            let reason = if few_differ.is_some() {
                "the two models do not differ on any subject, so how far they might cannot be seen"
            } else if error.is_nan() {
                "not defined without one of the subjects"
            } else {
                "no difference between subjects, so its error cannot be seen"
            };
            intervals.push(Interval::none(value, a, reason.into()));
            continue;
        };
        intervals.push(Interval::Estimated(Estimate {
            value,
            low,
            high,
            method,
            standard_error: if error > NO_ERROR { error } else { 0.0 },
            clips: a.rows(),
            subjects,
            debiased: None,
            caution: few_differ
                .map(|n| format!("the models differ on {n} of {subjects} subjects only"))
                .or_else(|| support.caution(metric.weighs_classes())),
        }));
    }
    intervals
}

/// The least and the largest difference of a metric between two models of the same rows.
fn difference_range(tally: &Tally, metric: Metric) -> (f64, f64) {
    let (low, high) = tally.range(metric);
    // The truth is the same, so two signed errors differ by the distance of two predictions.
    let most = match metric.higher_is_better() {
        None => high,
        Some(_) => high - low,
    };
    (-most, most)
}

/// Quantities that share a scale and a range, for [`resampled_intervals`].
pub(crate) struct Quantities<'a> {
    pub(crate) scale: Scale,
    pub(crate) range: (f64, f64),
    /// Rows of the sample.
    pub(crate) rows: usize,
    /// On how many subjects each quantity rests: what its degrees of freedom and cautions come from.
    pub(crate) supports: Vec<&'a Support>,
    /// Resamples; 0: Student's t alone.
    pub(crate) resamples: usize,
    /// Whether standard errors come from leaving out every subject in turn; else from influences.
    pub(crate) leaves_out: bool,
}

/// Intervals of quantities other than metrics, as [`intervals`] makes them.
pub(crate) fn resampled_intervals<R: Resampled>(
    make: impl Fn() -> R + Sync + Send,
    given: &Quantities,
    level: f64,
    stream: Stream,
) -> Vec<Interval> {
    let mut whole = make();
    let subjects = whole.units();
    let ones = vec![1.0; subjects];
    let (values, errors) = whole.values_and_errors(&ones, true);
    let (values, mut errors) = (values.to_vec(), errors.to_vec());
    if given.leaves_out && subjects <= MOST_FOR_BOOTSTRAP {
        let mut weights = ones;
        errors = jackknife_errors(subjects, &values, |s, without| {
            weights[s] = 0.0;
            without.copy_from_slice(whole.values_and_errors(&weights, false).0);
            weights[s] = 1.0;
        });
    }
    let pivots = if (FEWEST_FOR_BOOTSTRAP..=MOST_FOR_BOOTSTRAP).contains(&subjects) {
        let scales = vec![given.scale; values.len()];
        pivots_of(make, &scales, &values, given.resamples, stream)
    } else {
        vec![Vec::new(); values.len()]
    };
    let of = |(((&value, error), pivots), support): (((&f64, f64), &Vec<f64>), &&Support)| {
        let none = |reason: String| Interval::none_of(value, given.rows, support.counted, reason);
        if let Some(reason) = no_interval(value, support.counted) {
            return none(reason);
        }
        if error.is_nan() {
            return none("not defined without one of the subjects".into());
        }
        let (method, upper, lower) = support.quantiles(pivots, level);
        let ends = Some(error).filter(|error| *error > NO_ERROR);
        let ends = ends.and_then(|e| given.scale.interval(value, e, (upper, lower), given.range));
        let Some((low, high)) = ends else {
            return none("no difference between subjects, so its error cannot be seen".into());
        };
        Interval::Estimated(Estimate {
            value,
            low,
            high,
            method,
            standard_error: error,
            clips: given.rows,
            subjects: support.counted,
            debiased: None,
            caution: support.caution(true),
        })
    };
    let terms = values.iter().zip(errors).zip(&pivots);
    terms.zip(&given.supports).map(of).collect()
}

fn no_interval(value: f64, subjects: usize) -> Option<String> {
    if !value.is_finite() {
        Some("not defined on these rows".into())
    } else if subjects < FEWEST_SUBJECTS {
        Some(format!("{subjects} subjects, fewer than {FEWEST_SUBJECTS}"))
    } else {
        None
    }
}

/// Jackknife standard errors over subjects, `sqrt((S-1)/S sum (v_(-s) - v)^2)` about the value itself; `leave_out` writes the
/// values without a subject.
fn jackknife_errors(
    subjects: usize,
    values: &[f64],
    mut leave_out: impl FnMut(usize, &mut [f64]),
) -> Vec<f64> {
    let mut sums = vec![0.0; values.len()];
    let mut without = vec![0.0; values.len()];
    for s in 0..subjects {
        leave_out(s, &mut without);
        for ((sum, value), without) in sums.iter_mut().zip(values).zip(&without) {
            *sum += (without - value).powi(2);
        }
    }
    let factor = (subjects as f64 - 1.0) / subjects as f64;
    sums.iter().map(|sum| (factor * sum).sqrt()).collect()
}

/// Errors that few subjects make, or a loss that few make up, say little of the errors of those who were not drawn; without
/// any, the next one would change the metric by more than its interval.
fn few_errors(metric: Metric, tally: &Tally) -> Option<String> {
    let right = tally.linear(Metric::Accuracy)?;
    let wrong = kish(
        tally
            .size
            .iter()
            .zip(right)
            .map(|(size, right)| size - right),
    );
    if wrong < FEWEST_WRONG {
        return Some(format!(
            "wrong on few subjects, as on {wrong:.0} alike: the interval may be too narrow"
        ));
    }
    if !metric.needs_probabilities() {
        return None;
    }
    let effective = kish(tally.linear(metric)?.iter().copied());
    (effective < FEWEST_LOSSES).then(|| {
        format!("few subjects make up most of the loss, as {effective:.0} alike would: the interval may be too narrow")
    })
}
