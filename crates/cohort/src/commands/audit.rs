//! `cohort audit`: skill, error and fairness of any model's predictions.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use cohort_audit::{About, Ask, AskError, Audited, ReadPredictions};
use cohort_eval::{Audit as Document, AuditSettings, EvalError, Outcome as Shown};
use cohort_tables::{LabelTable, write_atomic};

use super::meaning::{Meaning, of_order};
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
        let plan = self.ask().plan(&labels).map_err(|error| match error {
            AskError::Target { ref target, .. } => anyhow!("--target {target}: {error}"),
            AskError::Stated(error) => of_order(&error),
            error => error.into(),
        })?;
        let read = |path: &Path, classes: Option<&[String]>| {
            let (table, columns) = self.tables.predictions(path, classes, shell)?;
            anyhow::Ok(ReadPredictions { table, columns })
        };
        let predictions = read(&self.predictions, plan.classes())?;
        // a model that never says a class has it all the same
        let of_all = plan.classes().unwrap_or(&predictions.table.classes);
        let against = self.against.as_deref();
        let against = against.map(|path| anyhow::Ok((path, read(path, Some(of_all))?)));
        let against = against.transpose()?;
        self.tables.all_found()?;
        let named = against.as_ref().map(|(path, read)| {
            let name = path.file_name().map(|name| name.to_string_lossy());
            (name.unwrap_or_default(), read)
        });
        let second = named.as_ref().map(|(name, read)| (name.as_ref(), *read));
        let audited = shell.apart(|| plan.audit(&labels, &predictions, second));
        let Audited { mut document, told } = audited.map_err(|error| match error {
            AskError::Eval { about, error } => {
                let file = match (about, &self.against) {
                    (About::Second, Some(against)) => against,
                    _ => &self.predictions,
                };
                self.place(file, &labels, plan.settings(), error)
            }
            AskError::Stated(error) => of_order(&error),
            error => error.into(),
        })?;
        for note in &told {
            shell.say(note);
        }
        document.notes.splice(0..0, self.tables.notes());
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

    fn ask(&self) -> Ask {
        Ask {
            stated: self.meaning.stated(),
            subject: self.subject.clone(),
            target: self.target.clone(),
            groups: self.groups.clone(),
            intersections: self.intersections,
            favourable: self.favourable.clone(),
            resamples: self.resamples,
            permutations: self.permutations,
            level: self.level,
            alpha: self.alpha,
            seed: self.seed,
        }
    }
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
