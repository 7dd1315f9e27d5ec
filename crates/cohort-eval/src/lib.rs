//! Metrics with intervals by subject, and the audit of skill and fairness, from prediction tables.
//!
//! Everything here reads plain tables ([`cohort_tables`]) and knows no network, so it serves anybody's predictions:
//! [`score`] and [`interval`] for one metric, [`paired_difference`] for two models, [`audit`] for the whole report.
//! `docs/statistics.md` in this crate gives each method with its formula, its source and its measured coverage.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod abstention;
mod attribute;
mod audit;
mod bootstrap;
mod candidates;
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
mod estimate;
mod evaluator;
mod family;
mod finding;
mod frame;
mod gaps;
mod groups;
mod headline;
mod interval;
mod means;
mod measure;
mod metrics;
mod outcome;
mod permute;
mod pooling;
mod prediction_sets;
mod random;
mod ranking;
mod recovered;
mod reference;
mod repeats;
mod resampled;
mod sample;
mod scale;
mod scores;
mod selection;
mod settings;
mod skill;
mod support;
mod tally;
mod text;
mod text_ages;
mod topics;
mod truth;
mod units;
mod verification;
mod weighted;

pub use abstention::{CoveragePoint, RiskCoverage};
pub use audit::{AUDIT_SCHEMA, Audit, ClassRow, audit};
pub use compare::{Comparison, ComparisonRow, compare};
pub use compared::Compared;
pub use conformal::{Conformal, CoverageUnit, SetCoverage};
pub use correction::{benjamini_hochberg, holm};
pub use disparity::disparities;
pub use epochs::{
    Change, EpochMetrics, NamedValues, TRAIN_LOSS, TRAINING_SCHEMA, TrainingRecord, VALID_LOSS,
    train_name, valid_name,
};
pub use error::EvalError;
pub use estimate::{Estimate, Interval, Method, NotEstimable};
pub use family::{SmallestP, smallest_p};
pub use finding::{ClassGap, Finding, Rule};
pub use frame::Joins;
pub use gaps::{Disparity, Gaps, Scheme};
pub use groups::{Calibration, CalibrationBin, ClassError, GroupConfusion, GroupRow};
pub use headline::{HEADLINE_SCHEMA, Headline, HeadlineRow, Majority, ModelKind};
pub use interval::{
    FEWEST_FOR_BOOTSTRAP, IntervalSettings, MOST_FOR_BOOTSTRAP, interval, intervals,
    paired_difference, paired_differences,
};
pub use means::mean_intervals;
pub use measure::Measure;
pub use metrics::{ConfusionMatrix, Metric, surprise};
pub use outcome::{AttributeOutcome, Fairness, Outcome, SUSPECTED_BELOW};
pub use pooling::Pooled;
pub use prediction_sets::SetRule;
pub use random::{Stream, below, shuffle, unit};
pub use ranking::{
    ClassCurves, ClassScores, Curve, MOST_CLASSES_WITH_SHARES, MOST_CURVE_POINTS,
    PrecisionRecallPoint, RocPoint,
};
pub use reference::{ReferenceBias, reference_evaluation};
pub use repeats::Repeats;
pub use resampled::Resampled;
pub use sample::{PROBABILITY_TOLERANCE, Sample};
pub use scores::{score, scores};
pub use selection::{
    AttributeSelection, ByChance, FOUR_FIFTHS, FourFifths, GroupSelection, Selection,
    SelectionMeasure,
};
pub use settings::AuditSettings;
pub use skill::{AgainstMajority, Beats, Information, Skill, Verdict};
pub use support::{FEWEST_CLAIMED, FEWEST_SUBJECTS};
pub use topics::{TopicQueries, TopicRecall, TopicSettings, topic_recall};
pub use verification::{Operating, ScoredPairs, Verification, verification};
pub use weighted::{Weighted, weighted_intervals};
