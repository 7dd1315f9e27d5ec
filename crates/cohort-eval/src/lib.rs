//! Metrics with intervals by subject, and the audit of skill and fairness, from prediction tables.
//!
//! Everything here reads plain tables ([`cohort_tables`]) and knows no network, so it serves anybody's predictions:
//! [`score`] and [`interval`] for one metric, [`paired_difference`] for two models, [`audit`] for the whole report.
//! `docs/statistics.md` in this crate gives each method with its formula, its source and its measured coverage.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod abstention;
mod audit;
mod bootstrap;
mod compare;
mod compared;
mod conformal;
mod correction;
mod csv_tables;
mod discordant;
mod disparity;
mod distributions;
mod ece;
mod epochs;
mod error;
mod evaluator;
mod family;
mod finding;
mod frame;
mod groups;
mod headline;
mod interval;
mod measure;
mod metrics;
mod outcome;
mod permute;
mod pooling;
mod random;
mod ranking;
mod reference;
mod sample;
mod scale;
mod settings;
mod skill;
mod tally;
mod text;
mod text_ages;
mod units;

pub use abstention::{CoveragePoint, RiskCoverage};
pub use audit::{AUDIT_SCHEMA, Audit, ClassRow, audit};
pub use compare::{Comparison, ComparisonRow, compare};
pub use compared::Compared;
pub use conformal::{Conformal, CoverageUnit, SetCoverage};
pub use correction::{benjamini_hochberg, holm};
pub use disparity::{Disparity, Gaps, Scheme, disparities};
pub use epochs::{
    Change, EpochMetrics, NamedValues, TRAIN_LOSS, TRAINING_SCHEMA, TrainingRecord, VALID_LOSS, train_name, valid_name,
};
pub use error::EvalError;
pub use finding::{ClassGap, Finding, Rule};
pub use frame::Joins;
pub use groups::{Calibration, CalibrationBin, ClassError, Confusion, GroupRow};
pub use headline::{HEADLINE_SCHEMA, Headline, HeadlineRow, Majority, ModelKind};
pub use interval::{
    Estimate, FEWEST_CLAIMED, FEWEST_FOR_BOOTSTRAP, FEWEST_SUBJECTS, Interval, IntervalSettings,
    MOST_FOR_BOOTSTRAP, Method, NotEstimable, interval, intervals, paired_difference,
    paired_differences,
};
pub use measure::Measure;
pub use metrics::{ConfusionMatrix, Metric, score, scores, surprise};
pub use outcome::{AttributeOutcome, Fairness, Outcome, SUSPECTED_BELOW};
pub use pooling::Pooled;
pub use ranking::{
    ClassCurves, ClassScores, Curve, MOST_CLASSES_WITH_SHARES, MOST_CURVE_POINTS,
    PrecisionRecallPoint, RocPoint,
};
pub use reference::{ReferenceBias, reference_evaluation};
pub use sample::{PROBABILITY_TOLERANCE, Sample};
pub use settings::AuditSettings;
pub use skill::{Answers, Beats, Information, Skill, Verdict};
