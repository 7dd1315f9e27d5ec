//! What is named: groups at a disadvantage, and the gaps of the rates of each class, from one family of tests.

use serde::{Deserialize, Serialize};

use crate::compared::Compared;

/// Which statistic a finding rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The difference divided by its cluster-robust standard error.
    Studentised,
    /// The difference itself: subjects on both sides are alike, so that it has no standard error (total separation). Its p
    /// value is that of the exact permutation test.
    Unstudentised,
}

impl Rule {
    /// Machine name.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Studentised => "studentised",
            Rule::Unstudentised => "unstudentised",
        }
    }
}

/// A disadvantage that the audit names at its stated error rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The label column.
    pub attribute: String,
    /// Code of the group at a disadvantage.
    pub group: String,
    /// Its name for people.
    pub name: String,
    /// What differs.
    pub metric: Compared,
    /// Code of the class that a rate is about; absent for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// `"worse"`; for the signed error `"higher"` or `"lower"`.
    pub direction: String,
    /// The group's value at the common mix of classes.
    pub value: f64,
    /// The value of the others at the common mix of classes.
    pub rest: f64,
    /// `value - rest`.
    pub difference: f64,
    /// Cluster-robust standard error of the difference; 0 where none can be seen.
    pub standard_error: f64,
    /// Which statistic the p value rests on.
    pub rule: Rule,
    /// Clips of the group that the value rests on.
    pub clips: usize,
    /// Subjects of the group that the value rests on.
    pub subjects: usize,
    /// Chance of so large a contrast in any group of the attribute under random relabelling within classes.
    pub p_value: f64,
    /// The same, corrected for everything else that could have been found: single-step within the attribute, Holm over
    /// attributes.
    pub p_holm: f64,
}

/// Equal opportunity and equalised odds for one class against the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassGap {
    /// The label column.
    pub attribute: String,
    /// Code of the class.
    pub class: String,
    /// Its name.
    pub name: String,
    /// Largest minus smallest true positive rate over groups with at least 5 subjects of the class (Hardt et al. 2016);
    /// absent with fewer than two such groups.
    pub true_positive_gap: Option<f64>,
    /// p value of the largest studentised contrast of a group's rate with that of the rest, by relabelling within classes.
    pub true_positive_p: Option<f64>,
    /// Largest minus smallest false positive rate.
    pub false_positive_gap: Option<f64>,
    /// Its p value, like that of the true positive rate; at the common mix of the other classes.
    pub false_positive_p: Option<f64>,
    /// The larger of the two gaps (Fairlearn's `equalized_odds_difference`), where both are there.
    pub equalised_odds: Option<f64>,
    /// The smaller of the two p values, corrected within the family of the findings.
    pub p_holm: Option<f64>,
}
