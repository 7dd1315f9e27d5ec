//! How the models of a run are audited, and what is told of it.

use std::collections::BTreeMap;

use cohort_data::Dataset;
use cohort_eval::{Audit, AuditSettings, Finding, Outcome};

use crate::config::RunConfig;

/// Attribute columns that are compared: those asked for, else all but the target.
pub(super) fn groups(config: &RunConfig, dataset: &Dataset) -> Vec<String> {
    if !config.audit.groups.is_empty() {
        return config.audit.groups.clone();
    }
    let schema = &dataset.schema;
    let attributes = schema
        .attributes
        .iter()
        .map(|attribute| attribute.column.clone());
    attributes
        .filter(|column| *column != schema.target)
        .collect()
}

/// How the models of a run are audited.
pub(super) fn audit_settings(config: &RunConfig, dataset: &Dataset) -> AuditSettings {
    let schema = &dataset.schema;
    let target = schema.target_attribute();
    let names = schema.attributes.iter().map(|attribute| {
        let levels = attribute.levels.iter();
        let names: BTreeMap<String, String> = levels
            .map(|level| (level.code.clone(), level.name.clone()))
            .collect();
        (attribute.column.clone(), names)
    });
    AuditSettings {
        subject: schema.subject_column.clone(),
        target: schema.target.clone(),
        groups: groups(config, dataset),
        ordered: target.is_some_and(|target| target.ordered),
        scale: target.and_then(|target| target.scale.clone()),
        nouns: schema.nouns(),
        midpoints: target
            .and_then(|target| target.levels.iter().map(|level| level.midpoint).collect()),
        names: names.collect(),
        meanings: Some(format!("names and values are those of {}", schema.name)),
        resamples: config.audit.resamples,
        seed: config.seed,
        ..AuditSettings::default()
    }
}

/// What an audit says of every attribute that is shown or suspected, a line each; else one line for the whole.
pub(super) fn findings(audit: &Audit) -> Vec<String> {
    let nouns = &audit.settings.nouns;
    let sentence = |finding: &Finding| finding.sentence(nouns);
    let mut lines: Vec<String> = audit.findings.iter().map(sentence).collect();
    let suspected = audit
        .fairness
        .attributes
        .iter()
        .filter(|attribute| attribute.outcome == Outcome::Suspected);
    lines.extend(suspected.map(|attribute| {
        format!(
            "{}: a disadvantage is suspected, not shown (p {:.4} by itself)",
            attribute.attribute,
            attribute.p_value.unwrap_or(1.0)
        )
    }));
    if let (true, Outcome::NotTestable, Some(reason)) = (
        lines.is_empty(),
        audit.fairness.outcome,
        &audit.fairness.reason,
    ) {
        let reason = reason.strip_prefix("not testable: ").unwrap_or(reason);
        lines.push(format!("gaps are not testable: {}", nouns.say(reason)));
    }
    lines
}
