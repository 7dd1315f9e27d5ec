//! The audit: verdict, skill, groups, classes, gaps, abstention.

mod abstention;
mod by_class;
mod curves;
mod gaps;
mod groups;
#[cfg(test)]
pub(super) mod made;
mod models;
mod skill;

use cohort_eval::{Audit, Outcome};

pub(super) use models::by_model;

use super::layout::Section;
use super::read;
use crate::ReportError;

pub(super) fn subtitle(audit: &Audit) -> String {
    read::of_clips(audit.clips, audit.subjects)
}

/// The sections of an audit, the verdict first.
pub(super) fn sections(audit: &Audit) -> Result<Vec<Section>, ReportError> {
    let mut sections = vec![skill::verdict(audit)];
    sections.extend(skill::section(audit));
    sections.extend(groups::section(audit)?);
    sections.extend(by_class::section(audit));
    sections.extend(curves::section(audit)?);
    sections.extend(gaps::section(audit));
    sections.extend(abstention::section(audit));
    Ok(sections)
}

/// Whether the classes are groups of age: they have values in years, or are First Impressions' own.
pub(super) fn is_about_ages(audit: &Audit) -> bool {
    audit.settings.midpoints.is_some() || audit.settings.target == "AgeGroup"
}

/// Whether gaps between groups say anything: a model that guesses treats everybody alike. A gap that is shown says something
/// whatever the model.
fn is_told(audit: &Audit) -> bool {
    audit.skill.information.shown || audit.fairness.outcome == Outcome::Shown
}

/// A name, or the code where there is none.
fn named<'a>(name: &'a str, code: &'a str) -> &'a str {
    if name.is_empty() { code } else { name }
}
