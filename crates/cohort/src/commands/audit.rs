//! `cohort audit`: skill, error and fairness of any model's predictions.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use cohort_eval::{Audit as Document, AuditSettings, EvalError, Outcome as Shown, audit, compare};
use cohort_tables::{LabelTable, nearest, write_atomic};

use super::meaning::{Meaning, Meanings, notes_of};
use super::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort audit`.
///
/// Exit code 1 when a group is shown to be at a disadvantage; what is suspected, not shown or not testable exits with 0.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Predictions, CSV or Parquet: VideoName, ground_truth, prediction and perhaps probabilities; - is standard input
    predictions: PathBuf,
    /// Label table with subject and attributes of every clip; may be given again
    #[arg(long, required = true, value_name = "FILE")]
    labels: Vec<PathBuf>,
    #[command(flatten)]
    tables: TableArgs,
    /// Column with the subject; VideoName takes every clip for a subject of its own [default: the schema's, else UserID]
    #[arg(long, value_name = "COLUMN")]
    subject: Option<String>,
    /// Column that the model predicts [default: the schema's, else AgeGroup]
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Column whose groups are compared; may be given again [default: every other column]
    #[arg(long = "group", value_name = "COLUMN")]
    groups: Vec<String>,
    /// Compare the groups of every pair of columns too
    #[arg(long)]
    intersections: bool,
    #[command(flatten)]
    meaning: Meaning,
    /// The class that people want, by code or name: adds selection rates, demographic parity and the four-fifths ratio
    #[arg(long, value_name = "CLASS")]
    favourable: Option<String>,
    /// Predictions of a second model to compare with
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Bootstrap resamples, 100 to 1000000
    #[arg(long, value_name = "N", default_value_t = AuditSettings::default().resamples)]
    resamples: usize,
    /// Random relabellings a test, 100 to 1000000
    #[arg(long, value_name = "N", default_value_t = AuditSettings::default().permutations)]
    permutations: usize,
    /// Level of the intervals
    #[arg(long, value_name = "LEVEL", default_value_t = AuditSettings::default().level)]
    level: f64,
    /// Chance of any false alarm among the findings
    #[arg(long, value_name = "RATE", default_value_t = AuditSettings::default().alpha)]
    alpha: f64,
    /// Seed of all random numbers; the default is that of a run, so that its figures come out again
    #[arg(long, value_name = "S", default_value_t = super::SEED)]
    seed: u64,
    /// Print one JSON document (cohort.audit/1)
    #[arg(long)]
    json: bool,
    /// Write audit.json, audit.txt, tables as CSV and report.html into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Audit {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let labels = self.tables.all_labels(&self.labels, shell)?;
        let labels = labels.unwrap_or_default();
        let meanings = self.meaning.of(Some(&labels))?;
        // predictions with a truth of their own need no such column, so that a slip of the pen would go unnoticed
        if let Some(target) = &self.target
            && labels.column(target).is_none()
            && let Some(near) = nearest(target, labels.column_names())
        {
            bail!(
                "--target {target}: expected a column of the labels, found none (did you mean {near}?)"
            );
        }
        let mut settings = self.settings(&meanings);
        let classes = self.meaning.classes(&meanings, &settings.target)?;
        let stated = classes.is_some();
        let read =
            |path: &Path, classes: Option<&[String]>| self.tables.predictions(path, classes, shell);
        let (predictions, columns) = read(&self.predictions, classes.as_deref())?;
        // a model that never says a class has it all the same
        let of_all = classes.as_deref().unwrap_or(&predictions.classes);
        let against = self.against.as_deref();
        let against = against.map(|path| read(path, Some(of_all))).transpose()?;
        self.tables.all_found()?;
        let mut notes = notes_of(&predictions, &columns, stated);
        settings.ordered = self.meaning.ordered(
            &meanings,
            &settings.target,
            &predictions.classes,
            &mut notes,
        );
        // the value of each class, in the order of the classes
        let target = meanings
            .schema
            .as_ref()
            .and_then(|schema| schema.attribute(&settings.target));
        settings.midpoints = target.and_then(|target| {
            let value = |class: &String| target.levels.get(target.level(class)?)?.midpoint;
            predictions.classes.iter().map(value).collect()
        });
        settings.scale = target.and_then(|target| target.scale.clone());
        let mut document = shell
            .apart(|| audit(&predictions, &labels, &settings))
            .map_err(|error| self.place(&self.predictions, &labels, &settings, error))?;
        if columns.put_right || columns.disagreeing_rows > 0 {
            document.class_columns = Some(columns);
        }
        if let (Some(against), Some((other, columns))) = (&self.against, &against) {
            let name = against
                .file_name()
                .map(|name| name.to_string_lossy())
                .unwrap_or_default();
            let told = notes_of(other, columns, stated);
            notes.extend(told.into_iter().map(|note| format!("{name}: {note}")));
            let comparison = shell
                .apart(|| compare(&predictions, other, &name, &labels, &settings))
                .map_err(|error| self.place(against, &labels, &settings, error))?;
            document.comparison = Some(comparison);
        }
        for note in notes
            .iter()
            .chain(document.notes.iter().filter(|note| about_reading(note)))
        {
            shell.say(note);
        }
        notes.splice(0..0, self.tables.notes());
        document.notes.splice(0..0, notes);
        if let Some(out) = &self.out {
            write(&document, out)?;
        }
        if self.json {
            shell.print_json(&document)?;
        } else {
            shell.print(&document.to_text())?;
        }
        let shown = document.fairness.outcome == Shown::Shown;
        Ok(if shown { Outcome::Found } else { Outcome::Done })
    }

    /// Names the file that an error is about, and what to do where a column is not there.
    fn place(
        &self,
        predictions: &Path,
        labels: &LabelTable,
        settings: &AuditSettings,
        error: EvalError,
    ) -> anyhow::Error {
        let EvalError::Column { name, .. } = &error else {
            return anyhow::Error::from(error).context(predictions.display().to_string());
        };
        let hint = if *name == settings.subject {
            "--subject names another column; --subject VideoName takes every clip for a subject of its own"
        } else if *name == settings.target {
            "--target names another column"
        } else {
            "--group takes the name of a column"
        };
        let files: Vec<String> = self
            .labels
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let proposed = labels.proposal(name).map_or(String::new(), |theirs| {
            format!("; if that is what {theirs} holds: --column {name}={theirs}")
        });
        anyhow::anyhow!("{}: {error}; {hint}{proposed}", files.join(", "))
    }

    fn settings(&self, meanings: &Meanings) -> AuditSettings {
        let schema = meanings.schema.as_ref();
        let mut settings = AuditSettings {
            meanings: Some(meanings.whose.clone()),
            ..AuditSettings::default()
        };
        if let Some(schema) = schema {
            settings.subject.clone_from(&schema.subject_column);
            settings.target.clone_from(&schema.target);
            settings.nouns = schema.nouns();
            for attribute in &schema.attributes {
                let names = attribute
                    .levels
                    .iter()
                    .map(|l| (cohort_tables::code(&l.code).into_owned(), l.name.clone()));
                settings
                    .names
                    .insert(attribute.column.clone(), names.collect());
            }
        }
        if let Some(target) = &self.target {
            settings.target.clone_from(target);
        }
        if let Some(subject) = &self.subject {
            settings.subject.clone_from(subject);
        }
        let name_column = schema.map_or("VideoName", |schema| &schema.name_column);
        if settings.subject == name_column {
            settings.nouns.unit.clone_from(&settings.nouns.item);
        }
        AuditSettings {
            groups: self.groups.clone(),
            favourable: self.favourable.clone(),
            intersections: self.intersections,
            resamples: self.resamples,
            permutations: self.permutations,
            level: self.level,
            alpha: self.alpha,
            seed: self.seed,
            ..settings
        }
    }
}

/// Whether a note of the document is about ids or codes that were read otherwise than they are written, or look alike.
fn about_reading(note: &str) -> bool {
    note.starts_with("warning: ")
        || note.starts_with("ids: ")
        || note.contains("in more than one spelling")
}

/// Writes the document in every form; each file is whole or absent.
fn write(document: &Document, out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let value = serde_json::to_value(document)?;
    write_atomic(
        &out.join("audit.json"),
        serde_json::to_string_pretty(&value)?.as_bytes(),
    )?;
    write_atomic(&out.join("audit.txt"), document.to_text().as_bytes())?;
    for (name, table) in document.to_csv() {
        write_atomic(&out.join(name), table.as_bytes())?;
    }
    write_atomic(
        &out.join("report.html"),
        cohort_report::audit_page(document)?.as_bytes(),
    )?;
    Ok(())
}
