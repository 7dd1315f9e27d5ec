//! Late fusion of prediction tables: calibration, fitted weights, stacking; aggregation by subject; ablation with
//! Shapley shares; degradation curves.
//!
//! Tables in, tables out: no network is needed, so any model's predictions can be fused, ours or not.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod ablation;
mod aggregate;
mod align;
mod calibrate;
mod candidates;
mod curves;
mod design;
mod error;
mod fit;
mod folds;
mod fuse;
mod lbfgs;
mod model;
mod multinomial;
mod newton;
mod numeric;
mod ordinal;
mod sets;
mod settings;
mod shapley;
mod shares;
mod subjects;
mod tally;
#[cfg(test)]
mod test_data;
mod text;
mod weights;

pub use ablation::{
    ABLATION_SCHEMA, Ablation, AblationFigure, AblationRow, AblationSettings, ablate,
};
pub use aggregate::{
    AGGREGATION_SCHEMA, Aggregation, AggregationRule, Agreement, Figure, RuleResult, aggregate,
    aggregation,
};
pub use align::{MOST_MODALITIES, ModelPredictions};
pub use calibrate::{TEMPERATURES, temperature};
pub use candidates::{Family, JointModel};
pub use curves::{CurvePoint, Curves, DEGRADATION_SCHEMA, DegradedPredictions, curves};
pub use error::FusionError;
pub use fuse::{
    FUSION_METRICS, FUSION_SCHEMA, Fused, FusionRecord, ModelScores, SplitRecord, fuse,
};
pub use model::{CrossValidated, Form, FusionModel, SubsetFusion};
pub use numeric::PROBABILITY_FLOOR;
pub use sets::{FusionSets, SubsetSets, fusion_sets};
pub use settings::{Fit, FusionRule, FusionSettings, StackingKind};
pub use shapley::shapley;
pub use shares::{SHARED_METRICS, SharePart, Shares};
pub use subjects::Subjects;
