//! Intervals for metrics and for differences of two models, by subject.

use serde::{Deserialize, Serialize};

use crate::bootstrap::{paired_pivots, pivots, quantile};
use crate::distributions::{normal_quantile, t_quantile};
use crate::random::Stream;
use crate::scale::{Scale, effective_binomial};
use crate::tally::{Evaluator, Tally};
use crate::{EvalError, Metric, Sample};

/// Fewest subjects for which an interval is given at all.
pub const FEWEST_SUBJECTS: usize = 5;
/// Fewest subjects for which subjects are resampled; below, a t interval is given.
pub const FEWEST_FOR_BOOTSTRAP: usize = 20;
/// Most subjects that are resampled; above, the closed form agrees with the bootstrap to its Monte Carlo error.
pub const MOST_FOR_BOOTSTRAP: usize = 5_000;
/// Below this many subjects standard errors come from the jackknife, above from linearisation (they differ by 1/S).
const MOST_FOR_JACKKNIFE: usize = 500;
/// With fewer subjects the level is not claimed: from 20 on intervals err on the wide side, below 20 on either.
pub const FEWEST_CLAIMED: usize = 40;
/// A share with fewer effective subjects on its rarer side is not claimed to keep its level.
const FEWEST_RARE: f64 = 5.0;
/// With fewer subjects the calibration error's upward bias is not small beside its spread.
const FEWEST_FOR_ECE: usize = 300;

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

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Subjects resampled, studentised (bootstrap-t) on the metric's scale, and never narrower than the t interval;
    /// 20 to 5,000 subjects.
    ClusterBootstrapT,
    /// Student's t with the jackknife over subjects, on the metric's scale; 5 to 19 subjects.
    ClusterRobustT,
    /// The linearised cluster-robust standard error with normal quantiles; more than 5,000 subjects.
    ClusterRobustNormal,
    /// For shares close to 0 or 1: the interval above widened to Clopper and Pearson's at the effective number of rows
    /// (Korn and Graubard 1998), which is wider than needed rather than too narrow.
    EffectiveBinomial,
}

impl Method {
    /// Machine name, e.g. `cluster_bootstrap_t`.
    pub fn name(self) -> &'static str {
        match self {
            Method::ClusterBootstrapT => "cluster_bootstrap_t",
            Method::ClusterRobustT => "cluster_robust_t",
            Method::ClusterRobustNormal => "cluster_robust_normal",
            Method::EffectiveBinomial => "effective_binomial",
        }
    }
}

/// A value with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The metric on the sample.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// How the interval was made.
    pub method: Method,
    /// Cluster-robust standard error of the value.
    pub standard_error: f64,
    /// Rows.
    pub clips: usize,
    /// Subjects.
    pub subjects: usize,
    /// Why the stated level is not claimed for this interval; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
}

/// A value without an interval, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotEstimable {
    /// Always `true`.
    pub not_estimable: bool,
    /// The metric on the sample, where it is defined.
    pub value: Option<f64>,
    /// Rows.
    pub clips: usize,
    /// Subjects.
    pub subjects: usize,
    /// Why there is no interval.
    pub reason: String,
}

/// A value with its interval, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Interval {
    /// There is an interval.
    Estimated(Estimate),
    /// There is none.
    NotEstimable(NotEstimable),
}

impl Interval {
    /// The value, where it is defined.
    pub fn value(&self) -> Option<f64> {
        match self {
            Interval::Estimated(estimate) => Some(estimate.value),
            Interval::NotEstimable(none) => none.value,
        }
    }

    /// The estimate, where there is an interval.
    pub fn estimate(&self) -> Option<&Estimate> {
        match self {
            Interval::Estimated(estimate) => Some(estimate),
            Interval::NotEstimable(_) => None,
        }
    }

    /// Rows.
    pub fn clips(&self) -> usize {
        match self {
            Interval::Estimated(estimate) => estimate.clips,
            Interval::NotEstimable(none) => none.clips,
        }
    }

    /// Subjects.
    pub fn subjects(&self) -> usize {
        match self {
            Interval::Estimated(estimate) => estimate.subjects,
            Interval::NotEstimable(none) => none.subjects,
        }
    }

    fn none(value: f64, tally: &Tally, reason: String) -> Self {
        Interval::NotEstimable(NotEstimable {
            not_estimable: true,
            value: Some(value).filter(|value| value.is_finite()),
            clips: tally.rows(),
            subjects: tally.subjects(),
            reason,
        })
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
    let mut evaluator = Evaluator::new(tally, metrics);
    let (values, errors) = evaluator.values_and_errors(None);
    let (values, mut errors) = (values.to_vec(), errors.to_vec());
    if (FEWEST_SUBJECTS..MOST_FOR_JACKKNIFE).contains(&subjects) {
        errors = jackknife_errors(subjects, &values, |w| evaluator.values(Some(w)).to_vec());
    }
    let pivots = if (FEWEST_FOR_BOOTSTRAP..=MOST_FOR_BOOTSTRAP).contains(&subjects) {
        pivots(tally, metrics, &values, settings.resamples, stream)
    } else {
        vec![Vec::new(); metrics.len()]
    };
    let by_class = tally.subjects_by_class();
    let mut intervals = Vec::with_capacity(metrics.len());
    for (((&metric, pivots), &value), &error) in
        metrics.iter().zip(&pivots).zip(&values).zip(&errors)
    {
        if let Some(reason) = no_interval(value, subjects) {
            intervals.push(Interval::none(value, tally, reason));
            continue;
        }
        let scale = Scale::of(metric);
        let visible = error > 0.0 && scale.inside(value);
        let share = matches!(metric, Metric::Accuracy | Metric::WithinOne);
        if !visible && !share {
            let reason = "no difference between subjects, so its error cannot be seen";
            intervals.push(Interval::none(value, tally, reason.into()));
            continue;
        }
        let mut ends = (value, value);
        let mut method = Method::EffectiveBinomial;
        if visible {
            let (of_subjects, upper, lower) = quantiles(tally, pivots, settings.level);
            method = of_subjects;
            ends = scale.interval(value, error, upper, lower);
        }
        let rare = tally.effective_subjects() * value.min(1.0 - value);
        if share && rare < FEWEST_RARE {
            let binomial =
                effective_binomial(value, error, tally.rows(), tally.effective_subjects())
                    .interval(settings.level);
            method = Method::EffectiveBinomial;
            ends = (ends.0.min(binomial.0), ends.1.max(binomial.1));
        }
        intervals.push(Interval::Estimated(Estimate {
            value,
            low: ends.0,
            high: ends.1,
            method,
            standard_error: error,
            clips: tally.rows(),
            subjects,
            caution: if share && rare < FEWEST_RARE {
                Some("close to 0 or 1 for so few subjects: coverage is not assured".into())
            } else {
                caution(metric, subjects, &by_class)
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
    let (values, mut errors) = crate::bootstrap::difference(a, b, metrics);
    if (FEWEST_SUBJECTS..MOST_FOR_JACKKNIFE).contains(&subjects) {
        let (mut ea, mut eb) = (Evaluator::new(a, metrics), Evaluator::new(b, metrics));
        errors = jackknife_errors(subjects, &values, |w| {
            let a = ea.values(Some(w));
            a.iter()
                .zip(eb.values(Some(w)))
                .map(|(a, b)| a - b)
                .collect()
        });
    }
    let pivots = if (FEWEST_FOR_BOOTSTRAP..=MOST_FOR_BOOTSTRAP).contains(&subjects) {
        paired_pivots(a, b, metrics, &values, settings.resamples, stream)
    } else {
        vec![Vec::new(); metrics.len()]
    };
    let by_class = a.subjects_by_class();
    let mut intervals = Vec::with_capacity(metrics.len());
    for (((&metric, pivots), &value), &error) in
        metrics.iter().zip(&pivots).zip(&values).zip(&errors)
    {
        if let Some(reason) = no_interval(value, subjects) {
            intervals.push(Interval::none(value, a, reason));
            continue;
        }
        // Two models that decide alike everywhere: the difference is 0 and stays 0.
        let (method, upper, lower) = if error > 0.0 {
            quantiles(a, pivots, settings.level)
        } else {
            (Method::ClusterRobustT, 0.0, 0.0)
        };
        intervals.push(Interval::Estimated(Estimate {
            value,
            low: value - upper * error,
            high: value - lower * error,
            method,
            standard_error: error,
            clips: a.rows(),
            subjects,
            caution: caution(metric, subjects, &by_class),
        }));
    }
    intervals
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

/// Method and the upper and lower quantile of the pivot.
///
/// The bootstrap's quantiles are used where they lie beyond those of Student's t, whose degrees of freedom are the
/// effective number of subjects less one: with 20 to 100 subjects neither alone keeps 93 % in every regime studied.
fn quantiles(tally: &Tally, pivots: &[f64], level: f64) -> (Method, f64, f64) {
    let tail = (1.0 - level) / 2.0;
    if tally.subjects() > MOST_FOR_BOOTSTRAP {
        let z = normal_quantile(1.0 - tail);
        return (Method::ClusterRobustNormal, z, -z);
    }
    let t = t_quantile(1.0 - tail, (tally.effective_subjects() - 1.0).max(1.0));
    if pivots.is_empty() {
        return (Method::ClusterRobustT, t, -t);
    }
    // Infinite where too many resamples lie at an end of the range: the pivot says nothing there.
    let finite = |quantile: f64, otherwise: f64| {
        if quantile.is_finite() {
            quantile
        } else {
            otherwise
        }
    };
    let upper = finite(quantile(pivots, 1.0 - tail), t).max(t);
    let lower = finite(quantile(pivots, tail), -t).min(-t);
    (Method::ClusterBootstrapT, upper, lower)
}

/// Jackknife standard errors over subjects: `sqrt((S-1)/S sum (v_(-s) - mean)^2)` about the value itself.
fn jackknife_errors(
    subjects: usize,
    values: &[f64],
    mut at: impl FnMut(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let mut sums = vec![0.0; values.len()];
    let mut weights = vec![1.0; subjects];
    for s in 0..subjects {
        if let Some(weight) = weights.get_mut(s) {
            *weight = 0.0;
        }
        for ((sum, value), left_out) in sums.iter_mut().zip(values).zip(at(&weights)) {
            *sum += (left_out - value).powi(2);
        }
        if let Some(weight) = weights.get_mut(s) {
            *weight = 1.0;
        }
    }
    let factor = (subjects as f64 - 1.0) / subjects as f64;
    sums.iter().map(|sum| (factor * sum).sqrt()).collect()
}

/// Why the level is not claimed (measured coverage: `docs/statistics.md`).
fn caution(metric: Metric, subjects: usize, subjects_by_class: &[usize]) -> Option<String> {
    let thin = subjects_by_class
        .iter()
        .filter(|n| **n < FEWEST_SUBJECTS)
        .count();
    if subjects < FEWEST_CLAIMED {
        Some(format!(
            "fewer than {FEWEST_CLAIMED} subjects: coverage is not assured"
        ))
    } else if metric.weighs_classes() && thin > 0 {
        Some(format!(
            "{thin} of the classes rest on fewer than {FEWEST_SUBJECTS} subjects each: the interval may be too narrow"
        ))
    } else if metric == Metric::Ece && subjects < FEWEST_FOR_ECE {
        Some(format!(
            "biased upward by noise with fewer than {FEWEST_FOR_ECE} subjects"
        ))
    } else {
        None
    }
}
