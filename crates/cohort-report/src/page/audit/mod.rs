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

/// Whether gaps between groups say anything: a model that guesses treats everybody alike. A gap that is shown says something
/// whatever the model.
fn is_told(audit: &Value) -> bool {
    informed(audit) || outcome(audit) == "shown"
}

/// Whether the model is shown to carry information.
fn informed(audit: &Value) -> bool {
    let skill = audit.get("skill");
    let shown = skill.and_then(|s| s.get("information")?.get("shown")?.as_bool());
    shown.unwrap_or_else(|| skill.and_then(|s| read::text(s, "verdict")) == Some("skill"))
}

/// What the audit says of the whole: `shown`, `suspected`, `not_testable` or `not_shown`.
fn outcome(audit: &Value) -> &str {
    let stated = audit.get("fairness").and_then(|f| read::text(f, "outcome"));
    stated.unwrap_or(match (informed(audit), read::list(audit, "findings")) {
        (false, _) => "not_testable",
        (true, []) => "not_shown",
        (true, _) => "shown",
    })
}
