//! `cohort sweep`: one model under a grid of settings.

use std::path::PathBuf;

use clap::Args;
use cohort_pipeline::{Modality, RunConfig, SweepGrid};

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort sweep`.
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// Folder of a data set, or a configuration file (.toml)
    data: PathBuf,
    /// image, audio or text
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
    /// Print one JSON document (cohort.sweep/2)
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the runs as CSV
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    changes: super::run::Changes,
}

impl Sweep {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
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
        let grid = SweepGrid {
            more_data: self.data_sets,
            batch_sizes: self.batch_size,
            learning_rates: self.learning_rate,
            seeds: self.seeds,
        };
        let found = cohort_pipeline::sweep(&config, self.modality, &grid, &self.out, shell)?;
        if self.json {
            shell.print_json(&found)?;
        } else if self.csv {
            shell.print_data(&found.to_csv())?;
        } else {
            shell.print(&found.to_text())?;
        }
        Ok(Outcome::Done)
    }
}
