//! What codes mean to a command: whose names they are, which order the classes have, and what is said of both.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use cohort_data::Schema;
use cohort_tables::{
    ClassColumns, LabelTable, Predictions, before_the_spreadsheet, have_evident_order,
};

/// Classes named in a note.
const LISTED: usize = 5;

/// What states the meaning of codes on the command line.
#[derive(Debug, Args)]
pub(super) struct Meaning {
    /// The classes have no order
    #[arg(long, conflicts_with = "order")]
    unordered: bool,
    /// The classes in their order, by code, e.g. child,adult,senior [default: the schema's, else that of their numbers]
    #[arg(long, value_name = "CODE,CODE,..", value_delimiter = ',')]
    order: Vec<String>,
    /// What codes mean: a schema file, or first-impressions [default: First Impressions where ids and codes are its own,
    /// else nothing: codes as they are]
    #[arg(long, value_name = "SCHEMA.toml")]
    schema: Option<PathBuf>,
}

/// Meanings in use.
pub(super) struct Meanings {
    pub(super) schema: Option<Schema>,
    /// Whose they are, in words.
    pub(super) whose: String,
}

/// A schema file, or the built-in schema by its name.
pub(super) fn read_schema(argument: &Path) -> anyhow::Result<Schema> {
    if argument.as_os_str() == FIRST_IMPRESSIONS && !argument.exists() {
        return Ok(Schema::first_impressions());
    }
    Ok(Schema::from_toml(argument)?)
}

/// Name of the built-in schema on the command line.
const FIRST_IMPRESSIONS: &str = "first-impressions";

impl Meaning {
    /// The meanings of the labels' codes.
    pub(super) fn of(&self, labels: Option<&LabelTable>) -> anyhow::Result<Meanings> {
        if let Some(path) = &self.schema {
            let schema = read_schema(path)?;
            let whose = format!(
                "names and values are those of {} (--schema {})",
                schema.name,
                path.display()
            );
            return Ok(Meanings {
                schema: Some(schema),
                whose,
            });
        }
        let built_in = Schema::first_impressions();
        Ok(match labels {
            Some(labels) if built_in.is_layout_of(labels) => Meanings {
                whose: format!(
                    "names and years are those of {}, whose ids and codes the labels have; --schema gives others",
                    built_in.name
                ),
                schema: Some(built_in),
            },
            _ => Meanings {
                schema: None,
                whose: "codes as they are, none stated; --schema gives names and values".into(),
            },
        })
    }

    /// The classes in order, where `--order` or the schema states them for the column `target`.
    pub(super) fn classes(
        &self,
        meanings: &Meanings,
        target: &str,
    ) -> anyhow::Result<Option<Vec<String>>> {
        if !self.order.is_empty() {
            let order: Vec<String> = self
                .order
                .iter()
                .map(|class| cohort_tables::code(class).into_owned())
                .collect();
            for (i, class) in order.iter().enumerate() {
                ensure!(
                    !class.is_empty() && !order[..i].contains(class),
                    "--order: expected every class once, found {class:?} {}",
                    if class.is_empty() { "empty" } else { "twice" }
                );
            }
            return Ok(Some(order));
        }
        let schema = meanings.schema.as_ref();
        let attribute = schema.and_then(|schema| schema.attribute(target));
        let codes = attribute.map(cohort_data::Attribute::codes);
        Ok(codes.filter(|codes| !codes.is_empty()))
    }

    /// Whether the classes are ordered: as stated, else by their own numbers; adds a note where they have no order.
    pub(super) fn ordered(
        &self,
        meanings: &Meanings,
        target: &str,
        classes: &[String],
        notes: &mut Vec<String>,
    ) -> bool {
        if self.unordered {
            return false;
        }
        if !self.order.is_empty() {
            return true;
        }
        let schema = meanings.schema.as_ref();
        if let Some(attribute) = schema.and_then(|schema| schema.attribute(target))
            && (!attribute.levels.is_empty() || !attribute.ordered)
        {
            return attribute.ordered;
        }
        let evident = have_evident_order(classes);
        if !evident {
            notes.push(format!(
                "the classes {} have no order that is stated or evident from numbers: metrics of ordered classes (quadratic kappa, errors in classes, within one, ranked probability score) are left out; --order {} states one",
                listed(classes),
                classes.join(",")
            ));
        }
        evident
    }
}

/// What reading predictions told: columns put right, and classes that one side alone has where nobody stated them.
pub(super) fn notes_of(
    predictions: &Predictions,
    columns: &ClassColumns,
    stated: bool,
) -> Vec<String> {
    let mut notes = columns.notes();
    if stated {
        return notes;
    }
    for (alone, side) in predictions
        .one_sided_classes()
        .iter()
        .zip(["the ground truth", "the predictions"])
    {
        if alone.is_empty() {
            continue;
        }
        let each = alone.iter().take(LISTED).map(|(class, rows)| {
            let date = before_the_spreadsheet(class);
            let date = date.map_or(String::new(), |range| {
                format!(", a spreadsheet's date for {range}?")
            });
            format!("{class} ({rows} rows{date})")
        });
        let each: Vec<String> = each.collect();
        let more = if alone.len() > LISTED { ", ..." } else { "" };
        notes.push(format!(
            "{} of the classes only in {side}: {}{more}",
            alone.len(),
            each.join(", ")
        ));
    }
    notes
}

fn listed(classes: &[String]) -> String {
    let more = if classes.len() > LISTED { ", ..." } else { "" };
    format!("{}{more}", classes[..classes.len().min(LISTED)].join(", "))
}
