//! What was planted in a corpus drawn by code, beside what was found in it.

use cohort_eval::{Audit, Headline, Metric, ModelKind, Outcome};
use serde::{Deserialize, Serialize};

use super::ModelDocument;
use super::estimate::Estimate;
use super::layout::Section;
use super::table::{Cell, Table};
use super::words::listed;
use crate::format;

/// The document `cohort.planted/1`: what a corpus was drawn to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planted {
    /// [`Planted::SCHEMA`].
    pub schema: String,
    /// Label column of the disadvantage.
    pub attribute: String,
    /// Name of the group that it is planted in.
    pub group: String,
    /// Modality that it is planted in.
    pub modality: String,
    /// How many times as large the group's error there is.
    pub factor: f64,
    /// How it shows in the media.
    pub how: String,
    /// Attributes without a planted disadvantage.
    pub no_disadvantage: Vec<String>,
    /// The modalities, the one that carries most first.
    pub modalities: Vec<String>,
    /// Accuracy that no model of all modalities can be expected to exceed.
    pub best_accuracy: Option<f64>,
}

impl Planted {
    /// Version of the document.
    pub const SCHEMA: &str = "cohort.planted/1";
}

/// The section; `models` are those that were audited on their own.
pub(super) fn section(
    planted: &Planted,
    headline: Option<&Headline>,
    fused: Option<&Audit>,
    models: &[ModelDocument],
) -> Section {
    let mut section = Section::new("planted", "Planted and found");
    section.lead(
        "This corpus was drawn by code with known faults, so that what the program finds can be held against what is there.",
    );
    let mut table = Table::new("", 3, ["", "planted", "found"]);
    let words = |text: String| Cell::new(text).class("words");
    let alone = models.iter().find(|m| m.name == planted.modality);
    let audits = [
        (
            planted.modality.as_str(),
            alone.and_then(|m| m.audit.as_ref()),
        ),
        ("fused", fused),
    ];
    let said = audits.iter().filter_map(|(name, audit)| {
        Some(format!(
            "{name}: {}",
            outcome(audit.as_ref()?, &planted.attribute, &planted.group)
        ))
    });
    table.row([
        Cell::from("a disadvantage"),
        words(format!(
            "{} {}, in {}: errs {} times as much",
            planted.attribute, planted.group, planted.modality, planted.factor
        )),
        words(said.collect::<Vec<_>>().join("; ")),
    ]);
    let all = || {
        let single = models
            .iter()
            .filter_map(|m| Some((m.name.as_str(), m.audit.as_ref()?)));
        single.chain(fused.map(|audit| ("fused", audit)))
    };
    for attribute in &planted.no_disadvantage {
        let named: Vec<String> = all()
            .filter(|(_, audit)| of_attribute(audit, attribute) == Some(Outcome::Shown))
            .map(|(name, _)| name.to_owned())
            .collect();
        table.row([
            Cell::from("no disadvantage"),
            words(format!("none by {attribute}")),
            words(match named.is_empty() {
                true => format!("none shown in {} models", all().count()),
                false => format!("a false alarm in {}", listed(&named)),
            }),
        ]);
    }
    if let Some(headline) = headline {
        let mut singles: Vec<(&str, f64)> = (headline.rows.iter())
            .filter(|row| row.kind == ModelKind::Single)
            .filter_map(|row| Some((row.model.as_str(), row.balanced_accuracy.value()?)))
            .collect();
        singles.sort_by(|a, b| b.1.total_cmp(&a.1));
        let shown: Vec<String> = singles
            .iter()
            .map(|(name, value)| format!("{name} {}", format::fixed(*value, 3)))
            .collect();
        table.row([
            Cell::from("what carries most"),
            words(planted.modalities.join(", then ")),
            words(format!("balanced accuracy {}", shown.join(", "))),
        ]);
    }
    let accuracy = fused.and_then(|audit| audit.metrics.get(&Metric::Accuracy));
    if let (Some(best), Some(found)) = (planted.best_accuracy, accuracy.map(Estimate::from)) {
        table.row([
            Cell::from("the most that can be right"),
            words(format::percent(best, 1)),
            words(format!(
                "{} by the fused model",
                found
                    .value
                    .map_or_else(|| format::NONE.to_owned(), |v| format::percent(v, 1))
            )),
        ]);
    }
    table.write(&mut section.body);
    section
}

fn of_attribute(audit: &Audit, attribute: &str) -> Option<Outcome> {
    let all = &audit.fairness.attributes;
    let found = all.iter().find(|a| a.attribute == attribute)?;
    Some(found.outcome)
}

/// What an audit says of the group.
fn outcome(audit: &Audit, attribute: &str, group: &str) -> String {
    let found = of_attribute(audit, attribute);
    let title = found.map_or("not audited", Outcome::title);
    let named = |f: &&cohort_eval::Finding| f.attribute == attribute && f.name == group;
    match (found, audit.findings.iter().find(named)) {
        (Some(Outcome::Shown), Some(_)) => format!("{title}, and it is {group}"),
        (Some(Outcome::Shown), None) => format!("{title}, but for another group"),
        _ => title.to_owned(),
    }
}
