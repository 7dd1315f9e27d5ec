//! `cohort sweep`: one model under a grid of settings, or a search in a declared space.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use clap::Args;
use cohort_pipeline::{Method, Modality, RunConfig, SearchSettings, Space, SweepGrid};

use super::named::named;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort sweep`.
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// Folder of a data set, or a configuration file (.toml)
    data: PathBuf,
    /// What is trained
    #[arg(value_parser = named::<Modality>(Modality::ALL.map(Modality::name)))]
    modality: Modality,
    /// Folder of the runs and of the results; a sweep that was stopped goes on, and a finished run is not run again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Further data sets, read and trained on as DATA is; give it once each. Their test figures are compared where the test
    /// items are the same
    #[arg(long = "data-set", value_name = "DIR")]
    data_sets: Vec<PathBuf>,
    /// Samples a step, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    batch_size: Vec<usize>,
    /// Peak learning rates, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    learning_rate: Vec<f64>,
    /// Seeds, separated by commas; a setting's results are averaged over them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Search instead of a grid: file (TOML) of the settings by key, each a list of values or
    /// `{ low = 1e-4, high = 1e-1, scale = "log" }`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data_sets", "batch_size", "learning_rate", "seeds"])]
    space: Option<PathBuf>,
    /// How the search chooses what to try [default: tpe]
    #[arg(long, value_name = "METHOD", requires = "space", value_parser = named::<Method>(["tpe", "random"]))]
    method: Option<Method>,
    /// Trials of the search; it may grow later [default: 30]
    #[arg(long, value_name = "N", requires = "space")]
    trials: Option<usize>,
    /// Trials at a time, each in a process of its own [default: 1]; a suggestion then knows as many trials less
    #[arg(long, value_name = "N", requires = "space")]
    jobs: Option<usize>,
    /// Train every trial to its end, also those that fall behind the others
    #[arg(long, requires = "space")]
    no_pruning: bool,
    /// The trial that this process trains
    #[arg(long, value_name = "NUMBER", hide = true)]
    trial: Option<usize>,
    /// Print one JSON document (cohort.sweep/2, of a search cohort.tuning/1)
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the runs or trials as CSV
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    changes: super::run::Changes,
}

impl Sweep {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        if let Some(number) = self.trial {
            cohort_pipeline::run_trial(self.modality, &self.out, number, shell)?;
            return Ok(Outcome::Done);
        }
        let is_file = self
            .data
            .extension()
            .is_some_and(|extension| extension == "toml");
        let config = if is_file {
            RunConfig::read(&self.data)?
        } else {
            RunConfig {
                data: self.data,
                ..RunConfig::default()
            }
        };
        let config = self.changes.apply(config).resolve()?;
        let form = match (self.json, self.csv) {
            (true, _) => Form::Json,
            (_, true) => Form::Csv,
            _ => Form::Text,
        };
        if let Some(space) = &self.space {
            let settings = SearchSettings {
                space: read_space(space)?,
                method: self.method.unwrap_or_default(),
                trials: self.trials.unwrap_or(30),
                jobs: self.jobs.unwrap_or(1),
                prune: !self.no_pruning,
            };
            let spawn = |number| trial_process(self.modality, &self.out, number, settings.jobs);
            let found = cohort_pipeline::search(
                &config,
                self.modality,
                &settings,
                &self.out,
                &spawn,
                shell,
            )?;
            return form.print(&found, &found.to_csv(), &found.to_text(), shell);
        }
        let grid = SweepGrid {
            more_data: self.data_sets,
            batch_sizes: self.batch_size,
            learning_rates: self.learning_rate,
            seeds: self.seeds,
        };
        let found = cohort_pipeline::sweep(&config, self.modality, &grid, &self.out, shell)?;
        form.print(&found, &found.to_csv(), &found.to_text(), shell)
    }
}

/// What is printed of a sweep or a search.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Csv,
    Text,
}

impl Form {
    fn print<T: serde::Serialize>(
        self,
        document: &T,
        csv: &str,
        text: &str,
        shell: &Shell,
    ) -> anyhow::Result<Outcome> {
        match self {
            Self::Json => shell.print_json(document)?,
            Self::Csv => shell.print_data(csv)?,
            Self::Text => shell.print(text)?,
        }
        Ok(Outcome::Done)
    }
}

/// Reads the space of a search.
fn read_space(path: &Path) -> anyhow::Result<Space> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let table: toml::Table = toml::from_str(&text)
        .map_err(|error| anyhow::anyhow!("{}: {}", path.display(), error.to_string().trim_end()))?;
    Space::from_toml(&table).with_context(|| path.display().to_string())
}

/// Starts a process that trains a trial; what it says goes to a file in the trial's folder.
fn trial_process(
    modality: Modality,
    out: &Path,
    number: usize,
    jobs: usize,
) -> std::io::Result<Child> {
    let log = out.join(format!("trials/{number:04}/log.txt"));
    // the processes share the cores
    let threads = (rayon::current_num_threads() / jobs).max(1);
    Command::new(std::env::current_exe()?)
        .arg("sweep")
        .arg(out)
        .args([modality.name(), "--trial", &number.to_string()])
        .args(["--threads", &threads.to_string()])
        .arg("--out")
        .arg(out)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(log)?)
        .spawn()
}
