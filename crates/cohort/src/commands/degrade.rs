//! `cohort degrade`: how a run's models bear worse media.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use cohort_data::Dataset;
use cohort_eval::IntervalSettings;
use cohort_pipeline::{Damage, RunConfig, damages, degrade, write_report};
use cohort_tables::did_you_mean;

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort degrade`.
///
/// Writes degradation.json and degradation.csv into the run folder and makes its report anew.
#[derive(Debug, Args)]
pub(crate) struct Degrade {
    /// Run folder of `cohort run` or `cohort demo`
    run: PathBuf,
    /// Folder of the data set [default: the run's own]
    #[arg(long, value_name = "ROOT")]
    data: Option<PathBuf>,
    /// Only these, separated by commas: noise, cut-sound, blur, darkness, occlusion, dropped-words
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    only: Vec<String>,
    /// Use at most about so many test clips, whole subjects
    #[arg(long, value_name = "N")]
    clips: Option<usize>,
    /// Bootstrap resamples, 100 to 1000000
    #[arg(long, value_name = "N", default_value_t = 1000)]
    resamples: usize,
    /// Print one JSON document (cohort.degradation/1)
    #[arg(long)]
    json: bool,
}

impl Degrade {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let intervals = IntervalSettings {
            resamples: self.resamples,
            ..IntervalSettings::default()
        };
        intervals.check()?;
        let config = RunConfig::read(&self.run.join("config.toml"))?;
        let name = |damage: &Damage| damage.name.replace(' ', "-");
        if let Some(wrong) =
            (self.only.iter()).find(|only| !damages().iter().any(|d| name(d) == **only))
        {
            let known: Vec<String> = damages().iter().map(name).collect();
            bail!(
                "--only: expected some of {}, found {wrong}{}",
                known.join(", "),
                did_you_mean(wrong, known.iter().map(String::as_str))
            );
        }
        let wanted = |damage: &Damage| self.only.is_empty() || self.only.contains(&name(damage));
        let damages: Vec<Damage> = damages().into_iter().filter(wanted).collect();
        let intervals = IntervalSettings {
            seed: config.seed,
            ..intervals
        };
        let dataset = match &self.data {
            Some(root) => Dataset::open(root, None)?,
            None => config.open_dataset()?,
        };
        let found = degrade(&self.run, &dataset, &damages, self.clips, &intervals, shell)?;
        write_report(&self.run)?;
        if self.json {
            shell.print_json(&found)?;
        } else {
            shell.print(&found.to_text())?;
        }
        Ok(Outcome::Done)
    }
}
