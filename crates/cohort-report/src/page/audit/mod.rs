//! The audit: who is at a disadvantage, skill, groups, classes, gaps, abstention.

mod abstention;
mod by_class;
mod curves;
mod figures;
mod gaps;
mod groups;
#[cfg(test)]
pub(super) mod made;
mod selection;
mod skill;
mod verdict;

use cohort_eval::{Audit, Outcome};

pub(super) use abstention::section as abstention;
pub(super) use by_class::section as by_class;
pub(super) use curves::section as curves;
pub use figures::{AuditFigure, audit_figure};
pub(super) use gaps::{comparison, section as gaps};
pub(super) use groups::{calibration, section as groups};
pub(super) use selection::section as selection;
pub(super) use skill::section as skill;
pub(super) use verdict::{section as verdict, sentence};

/// Whether gaps between groups say anything: a model that guesses treats everybody alike. A gap that is shown says something
/// whatever the model.
fn is_told(audit: &Audit) -> bool {
    audit.skill.information.shown || audit.fairness.outcome == Outcome::Shown
}

/// A name, or the code where there is none.
pub(super) fn named<'a>(name: &'a str, code: &'a str) -> &'a str {
    if name.is_empty() { code } else { name }
}
