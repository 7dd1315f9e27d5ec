//! The audit: verdict, skill, groups, gaps, abstention.

mod abstention;
mod by_class;
mod gaps;
mod groups;
mod models;
mod skill;

use serde_json::Value;

pub(super) use models::by_model;

use super::layout::Section;
use super::read;
use crate::ReportError;

pub(super) fn subtitle(audit: &Value) -> String {
    read::clips_and_subjects(audit)
}

/// The sections of an audit, the verdict first.
pub(super) fn sections(audit: &Value) -> Result<Vec<Section>, ReportError> {
    let mut sections = vec![skill::verdict(audit)];
    sections.extend(skill::section(audit)?);
    sections.extend(groups::section(audit)?);
    sections.extend(by_class::section(audit));
    sections.extend(gaps::section(audit)?);
    sections.extend(abstention::section(audit)?);
    Ok(sections)
}

/// Whether gaps between groups say anything: a model without skill treats everybody alike.
fn has_skill(audit: &Value) -> bool {
    audit.get("skill").and_then(|s| read::text(s, "verdict")) == Some("skill")
}
