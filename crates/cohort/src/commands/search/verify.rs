//! `cohort search verify`: whether two vectors are of one person.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use cohort_eval::EvalError;
use cohort_search::{Distance, VerifyError, VerifySettings, verify};
use cohort_tables::id_key;

use super::index::{read, say_without_direction};
use crate::commands::deliver::deliver;
use crate::commands::known;
use crate::commands::stages::Stages;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search verify`.
///
/// Every two vectors of the tables are a pair; those of one unit should be nearer than those of two.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Embedding tables
    #[arg(required = true, value_name = "TABLE")]
    tables: Vec<PathBuf>,
    #[command(flatten)]
    reading: TableArgs,
    /// Whose the clips are: label tables, or the folder of a data set; may be given again
    #[arg(long, value_name = "L.csv|ROOT", required = true)]
    labels: Vec<PathBuf>,
    /// Column of the units that are told apart, such as the subject
    #[arg(long, value_name = "COLUMN")]
    unit: String,
    /// What "near" means: euclidean, inner-product, cosine, manhattan or chebyshev
    #[arg(long, value_name = "DISTANCE", default_value = "cosine")]
    metric: Distance,
    /// False accept rates at which true accepts are counted [default: those of 0.1, 0.01 and 0.001 that the pairs suffice for]
    #[arg(long, value_name = "P,P,..", value_delimiter = ',')]
    far: Vec<f64>,
    /// Most pairs of two units that are looked at; of more, so many are drawn
    #[arg(long, value_name = "N", default_value_t = VerifySettings::default().most_impostors)]
    impostors: usize,
    /// Bootstrap resamples of units
    #[arg(long, value_name = "B", default_value_t = VerifySettings::default().resamples)]
    resamples: usize,
    /// Level of the intervals
    #[arg(long, value_name = "P", default_value_t = VerifySettings::default().level)]
    level: f64,
    /// Seed of all random numbers
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Where the document goes as JSON
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Print one JSON document (cohort.verification/1)
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let (mut clips, mut rows, mut dim) = (Vec::new(), Vec::new(), 0);
        for path in &self.tables {
            let table = read(path, &self.reading, shell)?;
            ensure!(
                dim == 0 || dim == table.dim,
                "{}: expected vectors of {dim} numbers as in {}, found {}",
                path.display(),
                self.tables[0].display(),
                table.dim
            );
            say_without_direction(path, &table, self.metric, shell);
            dim = table.dim;
            clips.extend(table.clips);
            rows.extend(table.values);
        }
        let ask = known::Ask {
            column: Some(&self.unit),
            subject: None,
            schema: None,
            option: "--unit",
        };
        let first = &self.labels[0];
        let known = match first.is_dir() {
            true => known::from_dataset(first, &ask, shell)?,
            false => {
                let labels = self.reading.all_labels(&self.labels, shell)?;
                known::from_table(first, &labels.expect("there is a table"), &ask)?
            }
        };
        self.reading.all_found()?;
        let mut seen_clips: HashSet<String> = HashSet::new();
        let (mut values, mut unit) = (Vec::with_capacity(rows.len()), Vec::new());
        for (clip, row) in clips.iter().zip(rows.chunks_exact(dim.max(1))) {
            ensure!(
                seen_clips.insert(id_key(clip)),
                "expected every clip once in the tables, found {clip:?} again"
            );
            if let Some(group) = known.about(clip).and_then(|about| about.group) {
                values.extend_from_slice(row);
                unit.push(group);
            }
        }
        ensure!(
            !unit.is_empty(),
            "{}: expected {} of the clips of {}, found none",
            first.display(),
            self.unit,
            self.tables[0].display()
        );
        // only those that occur
        let mut seen: Vec<usize> = unit.clone();
        seen.sort_unstable();
        seen.dedup();
        let numbers: HashMap<usize, usize> = seen.into_iter().zip(0..).collect();
        unit.iter_mut().for_each(|unit| *unit = numbers[unit]);
        let settings = VerifySettings {
            distance: self.metric,
            false_accept_rates: self.far.clone(),
            most_impostors: self.impostors,
            resamples: self.resamples,
            level: self.level,
            seed: self.seed,
        };
        let stages = Stages::new(shell);
        let progress = |stage: &str, done, total| stages.at(stage, done, total);
        let found = shell.apart(|| verify(&values, dim, &unit, &settings, &progress));
        stages.end();
        let mut document = found.map_err(|error| match error {
            VerifyError::Eval(EvalError::Input {
                what: "false accept rate",
                ..
            }) => anyhow::Error::from(error).context("--far"),
            _ => error.into(),
        })?;
        let name = |path: &PathBuf| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        document.tables = self.tables.iter().map(name).collect();
        document.unit.clone_from(&self.unit);
        document.without_unit = clips.len() - unit.len();
        document.notes.splice(0..0, self.reading.notes());
        let to = (self.out.as_deref(), self.json);
        deliver(&document, || document.to_text(), to, shell)
    }
}
