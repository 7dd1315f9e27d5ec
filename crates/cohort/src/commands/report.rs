//! `cohort report`: the page of a run, from the documents in its folder.

use std::path::PathBuf;

use clap::Args;

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Run folder
    run: PathBuf,
}

impl Report {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let page = cohort_pipeline::write_report(&self.run)?;
        shell.print(&page.display().to_string())?;
        Ok(Outcome::Done)
    }
}
