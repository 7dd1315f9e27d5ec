//! A value with its interval, or without one and why.

use serde::{Deserialize, Serialize};

use crate::tally::Tally;

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Subjects resampled, studentised (bootstrap-t) on the metric's scale, and never narrower than the t interval;
    /// 20 to 5,000 subjects.
    ClusterBootstrapT,
    /// Student's t with the jackknife over subjects, on the metric's scale; 5 to 19 subjects, and more than 5,000.
    ClusterRobustT,
    /// For a difference of two models that differ on few subjects: gamma intervals of gains and losses (Fay and Feuer 1997)
    /// joined by square-and-add.
    DiscordantSubjects,
    /// For the calibration error: the true errors under which the observed one is not unusual; may reach 0.
    CalibrationInversion,
    /// For shares close to 0 or 1: the interval above widened to Clopper and Pearson's at the effective number of rows
    /// (Korn and Graubard 1998), which is wider than needed rather than too narrow.
    EffectiveBinomial,
    /// For differences and ratios of the rates of groups: from the limits of the rates (Zou and Donner 2008), for all pairs of
    /// groups at once.
    RecoveredLimits,
}

impl Method {
    /// Machine name, e.g. `cluster_bootstrap_t`.
    pub fn name(self) -> &'static str {
        match self {
            Method::ClusterBootstrapT => "cluster_bootstrap_t",
            Method::ClusterRobustT => "cluster_robust_t",
            Method::DiscordantSubjects => "discordant_subjects",
            Method::CalibrationInversion => "calibration_inversion",
            Method::EffectiveBinomial => "effective_binomial",
            Method::RecoveredLimits => "recovered_limits",
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
    /// For the calibration error: without the share of noise (median-unbiased), 0 where it is no more than noise; `value`
    /// is the error in bins as it is, which noise pushes up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debiased: Option<f64>,
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

    /// The same with the clips that stand behind it.
    pub(crate) fn with_clips(mut self, rows: usize) -> Self {
        match &mut self {
            Interval::Estimated(estimate) => estimate.clips = rows,
            Interval::NotEstimable(none) => none.clips = rows,
        }
        self
    }

    /// No interval of a value on a tally, and why.
    pub(crate) fn none(value: f64, tally: &Tally, reason: String) -> Self {
        Self::none_of(value, tally.rows(), tally.subjects(), reason)
    }

    /// The same of a value on so many rows of so many subjects.
    pub(crate) fn none_of(value: f64, clips: usize, subjects: usize, reason: String) -> Self {
        Interval::NotEstimable(NotEstimable {
            not_estimable: true,
            value: Some(value).filter(|value| value.is_finite()),
            clips,
            subjects,
            reason,
        })
    }
}
