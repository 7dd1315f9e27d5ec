//! `cohort demo`: the whole job on the embedded corpus.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use cohort_pipeline::RunConfig;
use cohort_synth::{SynthSettings, synthesise};

use super::run::Changes;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder for corpus and run; the same call goes on with what is there
    #[arg(long, value_name = "DIR", default_value = "cohort-demo")]
    out: PathBuf,
    /// Clips of the embedded corpus
    #[arg(long, value_name = "N", default_value_t = 3000)]
    clips: usize,
    #[command(flatten)]
    changes: Changes,
}

impl Demo {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let corpus = self.out.join("corpus");
        let config = RunConfig {
            title: "Embedded corpus".to_string(),
            data: corpus.clone(),
            ..RunConfig::default()
        };
        let config = self.changes.apply(config).resolve()?;
        refuse_foreign(&self.out)?;
        std::fs::create_dir_all(&self.out)
            .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", self.out.display()))?;
        let settings = SynthSettings {
            clips: self.clips,
            seed: config.seed,
        };
        let bar = shell.bar("embedded corpus", self.clips);
        shell.apart(|| synthesise(&corpus, &settings, &|done, _| bar.set_position(done as u64)))?;
        bar.finish_and_clear();
        let summary = cohort_pipeline::run(&config, &self.out.join("run"), true, shell)?;
        shell.print(&summary.to_text())?;
        Ok(Outcome::Done)
    }
}

/// An error when the folder holds anything and was not made by an earlier demo.
fn refuse_foreign(out: &Path) -> anyhow::Result<()> {
    let Ok(mut entries) = out.read_dir() else {
        // not there, or not a folder, which is told when it is made
        return Ok(());
    };
    let ours = ["corpus/truth.json", ".corpus.partial"];
    if ours.iter().any(|name| out.join(name).exists()) {
        return Ok(());
    }
    match entries.next() {
        Some(Ok(entry)) => bail!(
            "{}: expected no such folder, an empty one, or that of an earlier demo (with corpus/truth.json), found {} in it; \
             --out names another",
            out.display(),
            entry.file_name().display()
        ),
        _ => Ok(()),
    }
}
