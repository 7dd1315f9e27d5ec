//! `cohort features`: acoustic and text features of every clip, cached.

use std::path::PathBuf;

use clap::Args;
use cohort_data::Dataset;
use cohort_pipeline::RunConfig;

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort features`.
#[derive(Debug, Args)]
pub(crate) struct Features {
    /// Folder of a data set
    root: PathBuf,
    /// Folder of the tables acoustic.parquet and text.parquet
    #[arg(long, value_name = "DIR", default_value = "features")]
    out: PathBuf,
    /// Acoustic features: speech, first-impressions or speech-extended
    #[arg(long, value_name = "PRESET", default_value = "speech")]
    preset: cohort_audio::Preset,
    #[command(flatten)]
    text: super::run::TextOptions,
    /// Where networks are computed: cpu, vulkan or cuda
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: cohort_pipeline::DeviceChoice,
    /// Leave out, count and list clips whose media cannot be used
    #[arg(long)]
    skip_bad: bool,
    /// Print one JSON document (cohort.features/1)
    #[arg(long)]
    json: bool,
}

impl Features {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let dataset = Dataset::open(&self.root, None)?;
        let mut config = RunConfig::default().features;
        config.audio.preset = self.preset;
        self.text.apply(&mut config.text);
        let tables = cohort_pipeline::feature_tables(
            &dataset,
            &config,
            self.device,
            &self.out,
            self.skip_bad,
            shell,
        )?;
        if self.json {
            shell.print_json(&tables.document())?;
        } else {
            shell.print(&tables.to_text())?;
        }
        Ok(Outcome::Done)
    }
}
