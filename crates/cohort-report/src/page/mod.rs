//! Pages: one self-contained HTML file each, with no script and nothing from the network.

mod ablation;
mod answers;
mod audit;
mod cautions;
mod check;
mod data;
mod degradation;
mod estimate;
mod figure;
mod fusion;
mod glossary;
mod layout;
mod metrics;
mod mistakes;
mod planted;
mod record;
mod result;
mod sheet;
mod table;
mod training;
mod words;

use cohort_data::{CheckReport, Statistics};
use cohort_eval::{AUDIT_SCHEMA, Audit, Change, EpochMetrics, HEADLINE_SCHEMA, Headline};
use cohort_fusion::{
    ABLATION_SCHEMA, Ablation, Curves, DEGRADATION_SCHEMA, FUSION_SCHEMA, FusionRecord,
};

pub use audit::{AuditFigure, audit_figure};
pub use cautions::{Caution, cautions};
pub use mistakes::{Mistake, Mistakes};
pub use planted::Planted;
pub use record::{RunRecord, RunSetting};
pub use sheet::sheet_page;

use crate::ReportError;
use ablation::Audited;
use layout::{Group, Notice, Page};
use words::Words;

/// One model: the epochs of its training and its audit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelDocument {
    /// Name of the model, such as `image`.
    pub name: String,
    /// Lines of its `metrics.jsonl`.
    pub epochs: Vec<EpochMetrics>,
    /// Epoch whose weights were kept.
    pub best_epoch: Option<usize>,
    /// Name of the value of an epoch that selected it.
    pub selected_by: Option<String>,
    /// What changed in the course of the epochs.
    pub changes: Vec<Change>,
    /// The audit of its own predictions.
    pub audit: Option<Audit>,
}

/// What the stages of a run wrote: a section is left out when its document is missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunDocuments {
    /// Title of the page.
    pub title: String,
    /// `cohort.headline/1`: each model, their fusion and the majority on the test split.
    pub headline: Option<Headline>,
    /// `cohort.stats/1`: who is in the data.
    pub stats: Option<Statistics>,
    /// `cohort.check/1`: what the split guard found.
    pub check: Option<CheckReport>,
    /// The trained models, in the order in which they are shown.
    pub models: Vec<ModelDocument>,
    /// Rule, weights, temperatures.
    pub fusion: Option<FusionRecord>,
    /// Every subset of the modalities, and their Shapley shares.
    pub ablation: Option<Ablation>,
    /// Metrics against the severity of damages.
    pub degradation: Option<Curves>,
    /// Skill, groups, classes, disparities, abstention of the fusion.
    pub audit: Option<Audit>,
    /// The most telling mistakes, with their pictures.
    pub mistakes: Option<Mistakes>,
    /// What was planted in the data, where they were drawn by code.
    pub planted: Option<Planted>,
    /// How the run was made.
    pub record: Option<RunRecord>,
}

/// Makes the page of a whole run.
///
/// The same documents give the same bytes. Strings from the documents are shown as text, whatever they hold.
///
/// # Errors
/// [`ReportError::Schema`] when a document names another schema than its place asks for.
pub fn run_page(documents: &RunDocuments) -> Result<String, ReportError> {
    check_schemas(documents)?;
    let words = words_of(documents);
    let stats = documents.stats.as_ref();
    let audit = documents.audit.as_ref();
    let models = &documents.models;
    let audited: Vec<(&str, &Audit)> = (models.iter())
        .filter_map(|m| Some((m.name.as_str(), m.audit.as_ref()?)))
        .collect();
    // of one model alone the fusion says nothing that the model does not
    let several = audited.len() > 1;
    let name = if several { "the fusion" } else { "the model" };
    let planted = documents.planted.as_ref();
    let planted = planted.map(|p| planted::section(p, documents.headline.as_ref(), audit, models));
    let result = Group::new(
        "result",
        "Result",
        [
            answers::section(documents, &words),
            planted,
            documents
                .headline
                .as_ref()
                .map(|h| result::section(h, &words)),
            audit.map(|audit| audit::skill(audit, name, &words)),
            audit
                .map(|audit| audit::curves(audit, &words))
                .transpose()?
                .flatten(),
            documents
                .mistakes
                .as_ref()
                .map(|m| mistakes::section(m, &words)),
            audit.and_then(|audit| audit::calibration(audit, &words)),
            audit.and_then(|audit| audit::abstention(audit, &words)),
        ],
    );
    let data = Group::new(
        "data-part",
        "Data",
        [
            stats
                .map(|stats| data::section(stats, &words))
                .transpose()?,
            documents.check.as_ref().map(|c| check::section(c, &words)),
        ],
    );
    let training = Group::new(
        "training-part",
        "Training",
        [training::section(models, &words)],
    );
    let fusion = documents
        .fusion
        .as_ref()
        .filter(|f| f.model.modalities.len() > 1);
    let ablation = documents
        .ablation
        .as_ref()
        .filter(|a| a.modalities.len() > 1);
    let known = Audited::new(audit, models);
    let fusion = Group::new(
        "fusion-part",
        "Fusion and ablation",
        [
            ablation
                .map(|a| {
                    let name = |attribute: &str, code: &str| level_name(stats, attribute, code);
                    ablation::section(a, &known, &words, name)
                })
                .transpose()?,
            fusion.map(|f| fusion::section(f, &words, |code| class_name(stats, code))),
            documents
                .degradation
                .as_ref()
                .map(|d| degradation::section(d, &words)),
        ],
    );
    let beside: &[(&str, &Audit)] = if several { &audited } else { &[] };
    let fairness = fairness(audit, beside, &words)?;
    let record = documents.record.as_ref();
    let about = Group::new(
        "about",
        "About",
        [
            record
                .map(|record| record::section(record, &words.items(), documents.planted.is_some())),
        ],
    );
    let mut page = Page::new(&documents.title);
    page.subtitle = subtitle(documents, &words);
    page.notices = notices(documents, &words);
    page.groups = vec![result, data, training, fusion, fairness, about];
    Ok(finish(page, &words))
}

/// Makes the page of an audit alone.
///
/// # Errors
/// [`ReportError::Schema`] when the document names another schema or none.
pub fn audit_page(audit: &Audit) -> Result<String, ReportError> {
    check_schema("audit", &audit.schema, AUDIT_SCHEMA)?;
    let words = Words::of(audit);
    let result = Group::new(
        "result",
        "Result",
        [
            answers::of_audit(audit, &words),
            Some(audit::skill(audit, "the model", &words)),
            audit::curves(audit, &words)?,
            audit::comparison(audit, &words),
            audit::calibration(audit, &words),
            audit::abstention(audit, &words),
        ],
    );
    let mut page = Page::new("Audit of predictions");
    page.subtitle = words.counts(audit.clips, audit.subjects);
    page.notices = alarms(cautions(None, Some(audit)));
    page.groups = vec![
        result,
        fairness(Some(audit), &[], &words)?,
        Group::new("about", "About", []),
    ];
    Ok(finish(page, &words))
}

fn fairness(
    audit: Option<&Audit>,
    models: &[(&str, &Audit)],
    words: &Words,
) -> Result<Group, ReportError> {
    let sections = match audit {
        Some(audit) => vec![
            Some(audit::verdict(audit, models, words)),
            audit::groups(audit, words)?,
            audit::by_class(audit, words),
            audit::selection(audit, words),
            audit::gaps(audit, words),
        ],
        None => Vec::new(),
    };
    Ok(Group::new("fairness", "Fairness", sections))
}

/// The page with its glossary, which is the last section of its last group.
fn finish(mut page: Page, words: &Words) -> String {
    page.closing = words.ages.then_some(OF_AGES);
    let glossary = glossary::section(&page.mentioned(), words);
    if let Some(about) = page.groups.last_mut() {
        about.sections.push(glossary);
    }
    page.write()
}

/// What a page about age groups ends with.
const OF_AGES: &str = "Apparent age is what people see and hear, not how old someone is.";

fn check_schemas(documents: &RunDocuments) -> Result<(), ReportError> {
    if let Some(headline) = &documents.headline {
        check_schema("headline", &headline.schema, HEADLINE_SCHEMA)?;
    }
    if let Some(check) = &documents.check {
        check_schema("data check", &check.schema, "cohort.check/1")?;
    }
    if let Some(curves) = &documents.degradation {
        check_schema("degradation", &curves.schema, DEGRADATION_SCHEMA)?;
    }
    if let Some(fusion) = &documents.fusion {
        check_schema("fusion", &fusion.schema, FUSION_SCHEMA)?;
    }
    if let Some(ablation) = &documents.ablation {
        check_schema("ablation", &ablation.schema, ABLATION_SCHEMA)?;
    }
    if let Some(mistakes) = &documents.mistakes {
        check_schema("mistakes", &mistakes.schema, Mistakes::SCHEMA)?;
    }
    if let Some(planted) = &documents.planted {
        check_schema("planted", &planted.schema, Planted::SCHEMA)?;
    }
    if let Some(record) = &documents.record {
        check_schema("provenance", &record.schema, RunRecord::SCHEMA)?;
    }
    let of_models = documents.models.iter();
    let of_models = of_models.map(|m| ("audit of a model", &m.audit));
    for (document, audit) in std::iter::once(("audit", &documents.audit)).chain(of_models) {
        if let Some(audit) = audit {
            check_schema(document, &audit.schema, AUDIT_SCHEMA)?;
        }
    }
    Ok(())
}

fn check_schema(
    document: &'static str,
    found: &str,
    expected: &'static str,
) -> Result<(), ReportError> {
    if found == expected {
        return Ok(());
    }
    Err(ReportError::Schema {
        document,
        expected,
        found: format!("{found:?}"),
    })
}

/// The words of the audit, which knows most; else those of the data.
fn words_of(documents: &RunDocuments) -> Words {
    let of_data = documents.stats.as_ref().map(Statistics::nouns);
    let of_check = documents.check.as_ref().map(CheckReport::nouns);
    let of_models = documents.headline.as_ref().map(|h| h.nouns.clone());
    match &documents.audit {
        Some(audit) => Words::of(audit),
        None => Words::new(of_data.or(of_models).or(of_check).unwrap_or_default()),
    }
}

/// Name of a class of the target; the code where the statistics do not tell it.
fn class_name(stats: Option<&Statistics>, code: &str) -> String {
    let target = stats.map_or("", |stats| stats.target.as_str());
    level_name(stats, target, code)
}

/// Name of a level of an attribute; the code where the statistics do not tell it.
fn level_name(stats: Option<&Statistics>, attribute: &str, code: &str) -> String {
    let find = || {
        let mut counts = stats?.pooled.counts.iter();
        let counts = counts.find(|counts| counts.attribute == attribute)?;
        let level = counts.levels.iter().find(|level| level.code == code)?;
        Some(level.name.clone())
    };
    find().unwrap_or_else(|| code.to_owned())
}

fn alarms(cautions: Vec<Caution>) -> Vec<Notice> {
    let notice = |caution: Caution| Notice {
        class: "alert",
        title: caution.title,
        text: caution.text,
    };
    cautions.into_iter().map(notice).collect()
}

/// What stands above everything else: leaks, no skill, data that are not what they seem.
fn notices(documents: &RunDocuments, words: &Words) -> Vec<Notice> {
    let mut notices = alarms(cautions(documents.check.as_ref(), documents.audit.as_ref()));
    let notice = |class, title: &str, text: &str| Notice {
        class,
        title: title.to_owned(),
        text: text.to_owned(),
    };
    if documents.planted.is_some() {
        notices.push(notice(
            "plain",
            "Drawn by code.",
            "No real person is in these data: every picture, voice and text was made by the program, with known faults in it.",
        ));
    }
    if documents.record.as_ref().is_some_and(|r| r.composed) {
        notices.push(notice(
            "warn",
            "Composed data.",
            &format!(
                "Pictures, sounds and texts in this set were paired by hand: that they belong to one {} is not so. Read \
                 nothing into what the modalities add to one another.",
                words.unit()
            ),
        ));
    }
    notices
}

fn subtitle(documents: &RunDocuments, words: &Words) -> String {
    let mut parts = Vec::new();
    if let Some(stats) = &documents.stats {
        if documents.planted.is_none() && stats.dataset != documents.title {
            parts.push(stats.dataset.clone());
        }
        parts.push(words.counts(stats.pooled.clips, stats.pooled.subjects));
    }
    if !documents.models.is_empty() {
        let names: Vec<&str> = documents.models.iter().map(|m| m.name.as_str()).collect();
        let models = if names.len() == 1 { "model" } else { "models" };
        parts.push(format!("{models}: {}", names.join(", ")));
    }
    parts.retain(|p| !p.is_empty());
    parts.join(" · ")
}
