//! What is said of gaps between groups.

use serde::{Deserialize, Serialize};

use crate::finding::{ClassGap, Finding};
use crate::measure::Measure;
use crate::metrics::Metric;
use crate::outcome::AttributeOutcome;

/// Among whom labels are exchanged at random, to see what gap chance alone gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Among all subjects; values as they are.
    Plain,
    /// Among subjects of the same true class, and means of losses compared as if every group had the same mix of
    /// classes: a group is not blamed for being older or younger.
    WithinTarget,
}

impl Scheme {
    /// Machine name: `plain` or `within_target`.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Plain => "plain",
            Scheme::WithinTarget => "within_target",
        }
    }
}

/// One gap between the groups of an attribute, beside its distribution when subjects are relabelled at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disparity {
    /// The label column (`A x B` for an intersection).
    pub attribute: String,
    /// The metric compared.
    pub metric: Metric,
    /// How the gap is measured.
    pub measure: Measure,
    /// Among whom labels were exchanged.
    pub scheme: Scheme,
    /// Groups compared: those of at least 5 subjects.
    pub groups: usize,
    /// Subjects in them.
    pub subjects: usize,
    /// The gap found.
    pub observed: f64,
    /// Mean gap under random relabelling: what a fair model would show.
    pub null_mean: f64,
    /// 95th percentile of the gap under random relabelling.
    pub null_p95: f64,
    /// Share of relabellings with a gap at least as large (the observed one counted in).
    pub p_value: f64,
    /// The same after Holm's correction over all attributes and metrics of one measure and scheme; for
    /// [`Measure::LargestContrast`] corrected within the family of the findings.
    pub p_holm: f64,
    /// The same after Benjamini and Hochberg's correction.
    pub p_bh: f64,
    /// The gap in this measure that these data would have found in 4 of 5 cases (tested alone), were the group that did
    /// worst worse still; absent for [`Measure::LargestContrast`], where no gap within the metric's range suffices, where
    /// relabelling changes nothing, and where groups and true classes cannot be told apart.
    pub minimum_detectable: Option<f64>,
}

/// Everything about gaps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gaps {
    /// Gaps beside what chance gives.
    pub disparities: Vec<Disparity>,
    /// Disadvantages named at the family's level.
    pub findings: Vec<Finding>,
    /// Gaps of the rates of each class.
    pub class_gaps: Vec<ClassGap>,
    /// What is said of each attribute, before it is asked whether the model carries information.
    pub attributes: Vec<AttributeOutcome>,
    /// What was not tested, and why.
    pub notes: Vec<String>,
}
