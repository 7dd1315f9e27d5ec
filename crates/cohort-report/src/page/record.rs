//! How the run was made.

use serde::{Deserialize, Serialize};

use super::figure::folded;
use super::layout::Section;
use super::words::listed;
use crate::markup::Markup;

/// The document `cohort.provenance/1`: how a run was made, without times and places, so that two runs give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`RunRecord::SCHEMA`].
    pub schema: String,
    /// Title of the page; empty: the data set's name.
    pub title: String,
    /// Name of the data set.
    pub data_set: String,
    /// Version of the program.
    pub version: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Where networks were computed.
    pub device: String,
    /// Modalities with a model.
    pub modalities: Vec<String>,
    /// Items left out because their media could not be used.
    pub left_out: usize,
    /// Whether faces, voices and words were paired by hand, not recorded together; the page then says so on top.
    pub composed: bool,
    /// Every setting, in the order of the configuration file.
    pub settings: Vec<RunSetting>,
}

/// One setting of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSetting {
    /// Its place in the configuration, such as `audio.train.epochs`.
    pub name: String,
    /// Its value as it would stand in a file.
    pub value: String,
    /// The default, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

impl RunRecord {
    /// Version of the document.
    pub const SCHEMA: &str = "cohort.provenance/1";
}

/// `drawn`: whether the data were drawn by code, whatever their schema is called.
pub(super) fn section(record: &RunRecord, items: &str, drawn: bool) -> Section {
    let mut section = Section::new("made", "How it was made");
    section.lead("The same data, settings and seed give the same bytes of this page again.");
    let out = &mut section.body;
    let differing: Vec<&RunSetting> = record
        .settings
        .iter()
        .filter(|setting| setting.default.is_some())
        .collect();
    let data_set = match drawn {
        true => "drawn by code".to_owned(),
        false => record.data_set.clone(),
    };
    let told = [
        ("Data set", data_set),
        ("Program", format!("cohort {}", record.version)),
        ("Seed", record.seed.to_string()),
        ("Device", record.device.clone()),
        ("Modalities", listed(&record.modalities)),
    ];
    let left_out = (record.left_out > 0).then(|| {
        (
            "Left out",
            format!("{} {items}, media unusable", record.left_out),
        )
    });
    out.tag("dl").attr("class", "settings").open();
    for (name, value) in told.into_iter().chain(left_out) {
        out.element("dt", name).element("dd", &value);
    }
    for setting in &differing {
        out.open("dt").element("code", &setting.name).close("dt");
        out.open("dd").element("code", &setting.value);
        let default = setting.default.as_deref().unwrap_or_default();
        out.tag("small").text(&format!("default {default}"));
        out.close("dd");
    }
    out.close("dl");
    let said = match differing.len() {
        0 => "Every setting is the default.".to_owned(),
        1 => "One setting is not the default.".to_owned(),
        n => format!("{n} settings are not the defaults."),
    };
    section.aside(&format!(
        "{said} config.toml in the run folder holds every value and can be run again as it is."
    ));
    if !record.settings.is_empty() {
        folded(&mut section.body, "Every setting", |out| {
            every(out, &record.settings)
        });
    }
    section
}

fn every(out: &mut Markup, settings: &[RunSetting]) {
    out.tag("dl").attr("class", "settings").open();
    for setting in settings {
        out.open("dt").element("code", &setting.name).close("dt");
        out.open("dd").element("code", &setting.value).close("dd");
    }
    out.close("dl");
}
