//! Pages: one self-contained HTML file each, with no script and nothing from the network.

mod ablation;
mod audit;
mod check;
mod data;
mod degradation;
mod figure;
mod fusion;
mod glossary;
mod headline;
mod layout;
mod made;
mod metrics;
mod mistakes;
mod read;
mod table;
mod training;

use cohort_eval::{AUDIT_SCHEMA, Audit};
use cohort_fusion::{
    ABLATION_SCHEMA, Ablation, Curves, DEGRADATION_SCHEMA, FUSION_SCHEMA, FusionRecord,
};
use serde_json::Value;

pub use mistakes::{Mistake, Mistakes};

use crate::ReportError;
use layout::{Page, Section};

/// One model: the epochs of its training and its audit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelDocument {
    /// Name of the model, such as `image`.
    pub name: String,
    /// Lines of its `metrics.jsonl`: objects with `epoch`, `train_loss`, `train_accuracy`, `valid_loss`, `valid_accuracy`,
    /// `valid_balanced_accuracy`, `valid_quadratic_kappa`; what is missing is not drawn.
    pub metrics: Vec<Value>,
    /// Epoch whose weights were kept; `None` marks the one with the best validation balanced accuracy (the lower
    /// validation loss among equals).
    pub best_epoch: Option<u64>,
    /// The audit of its own predictions.
    pub audit: Option<Audit>,
}

/// What the stages of a run wrote: a section is left out when its document is missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunDocuments {
    /// Title of the page.
    pub title: String,
    /// `cohort.headline/1`: each model, their fusion and the majority baseline on the test split.
    pub headline: Option<Value>,
    /// `cohort.stats/1`: who is in the data.
    pub stats: Option<Value>,
    /// `cohort.check/1`: what the split guard found.
    pub check: Option<Value>,
    /// The trained models, in the order in which they are shown.
    pub models: Vec<ModelDocument>,
    /// Rule, weights, temperatures.
    pub fusion: Option<FusionRecord>,
    /// Every subset of the modalities, and their Shapley shares.
    pub ablation: Option<Ablation>,
    /// Metrics against the severity of damages.
    pub degradation: Option<Curves>,
    /// Skill, groups, classes, disparities, abstention.
    pub audit: Option<Audit>,
    /// The most telling mistakes, with their pictures.
    pub mistakes: Option<Mistakes>,
    /// How the run was made: seeds, settings, hashes, versions; any JSON object, shown as it is. Leave times and paths
    /// of the machine out, so that two runs give the same bytes.
    pub provenance: Value,
    /// Whether faces, voices and words were paired by hand, not recorded together; the page then says so on top.
    pub composed: bool,
}

/// Makes the page of a whole run.
///
/// The same documents give the same bytes. Strings from the documents are shown as text, whatever they hold.
///
/// # Errors
/// [`ReportError::Schema`] when a document names another schema than its place asks for.
pub fn run_page(documents: &RunDocuments) -> Result<String, ReportError> {
    for (document, value, expected) in [
        ("headline", &documents.headline, "cohort.headline/1"),
        ("statistics", &documents.stats, "cohort.stats/1"),
        ("data check", &documents.check, "cohort.check/1"),
    ] {
        if let Some(value) = value {
            let found = read::text(value, "schema");
            check_schema(document, found, expected)?;
        }
    }
    if let Some(curves) = &documents.degradation {
        check_schema("degradation", Some(&curves.schema), DEGRADATION_SCHEMA)?;
    }
    if let Some(fusion) = &documents.fusion {
        check_schema("fusion", Some(&fusion.schema), FUSION_SCHEMA)?;
    }
    if let Some(ablation) = &documents.ablation {
        check_schema("ablation", Some(&ablation.schema), ABLATION_SCHEMA)?;
    }
    if let Some(mistakes) = &documents.mistakes {
        check_schema("mistakes", Some(&mistakes.schema), Mistakes::SCHEMA)?;
    }
    for (document, audit) in std::iter::once(("audit", &documents.audit)).chain(
        documents
            .models
            .iter()
            .map(|m| ("audit of a model", &m.audit)),
    ) {
        if let Some(audit) = audit {
            check_schema(document, Some(&audit.schema), AUDIT_SCHEMA)?;
        }
    }
    let mut sections: Vec<Option<Section>> = vec![
        documents.headline.as_ref().map(headline::section),
        documents.stats.as_ref().map(data::section).transpose()?,
        documents.check.as_ref().map(check::section),
        training::section(&documents.models),
        documents
            .fusion
            .as_ref()
            .map(|f| fusion::section(f, |code| read::class_name(documents.stats.as_ref(), code)))
            .transpose()?,
        documents
            .ablation
            .as_ref()
            .map(|a| {
                ablation::section(a, |attribute, code| {
                    read::level_name(documents.stats.as_ref(), attribute, code)
                })
            })
            .transpose()?,
        documents.degradation.as_ref().map(degradation::section),
    ];
    if let Some(audit) = &documents.audit {
        sections.extend(audit::sections(audit)?.into_iter().map(Some));
        let models = documents.models.iter();
        sections.push(audit::by_model(
            audit,
            models.map(|m| (m.name.as_str(), m.audit.as_ref())),
        ));
    }
    sections.push(documents.mistakes.as_ref().map(mistakes::section));
    sections.push(made::section(&documents.provenance));
    let mut page = Page::new(&documents.title);
    page.subtitle = subtitle(documents);
    if documents.composed {
        page.banner = Some(
            "Faces, voices and words in this set were paired by hand: that they belong to one person is not so. Read \
             nothing into what the modalities add to one another.",
        );
    }
    page.sections = sections.into_iter().flatten().collect();
    let ages = documents.audit.as_ref().is_none_or(audit::is_about_ages);
    page.closing = ages.then_some(OF_AGES);
    let glossary = glossary::section(&page.words(), ages);
    page.sections.push(glossary);
    Ok(page.write())
}

/// What a page about age groups ends with.
const OF_AGES: &str = "Apparent age is what people see and hear in a clip, not how old someone is.";

/// Makes the page of an audit alone.
///
/// # Errors
/// [`ReportError::Schema`] when the document names another schema or none.
pub fn audit_page(audit: &Audit) -> Result<String, ReportError> {
    check_schema("audit", Some(&audit.schema), AUDIT_SCHEMA)?;
    let mut page = Page::new("Audit of predictions");
    page.subtitle = audit::subtitle(audit);
    page.sections = audit::sections(audit)?;
    let ages = audit::is_about_ages(audit);
    page.closing = ages.then_some(OF_AGES);
    let glossary = glossary::section(&page.words(), ages);
    page.sections.push(glossary);
    Ok(page.write())
}

fn check_schema(
    document: &'static str,
    found: Option<&str>,
    expected: &'static str,
) -> Result<(), ReportError> {
    match found {
        Some(found) if found == expected => Ok(()),
        found => Err(ReportError::Schema {
            document,
            expected,
            found: found.map_or("none".to_owned(), |f| format!("{f:?}")),
        }),
    }
}

fn subtitle(documents: &RunDocuments) -> String {
    let mut parts = Vec::new();
    if let Some(stats) = &documents.stats {
        if let Some(name) = read::text(stats, "dataset") {
            parts.push(name.to_owned());
        }
        if let Some(pooled) = stats.get("pooled") {
            parts.push(read::clips_and_subjects(pooled));
        }
    }
    if !documents.models.is_empty() {
        let names: Vec<&str> = documents.models.iter().map(|m| m.name.as_str()).collect();
        parts.push(format!("models: {}", names.join(", ")));
    }
    parts.retain(|p| !p.is_empty());
    parts.join(" · ")
}
