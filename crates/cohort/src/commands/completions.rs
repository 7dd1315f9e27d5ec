//! `cohort completions`: what makes a shell complete the command line.

use clap::Args;
use clap_complete::Shell as Kind;

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell; its file goes to standard output
    #[arg(value_enum, value_name = "SHELL")]
    kind: Kind,
}

impl Completions {
    /// Writes what completes the command line `all`.
    pub(crate) fn run(self, mut all: clap::Command, shell: &Shell) -> anyhow::Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.kind, &mut all, "cohort", &mut script);
        shell.print_data(&String::from_utf8(script)?)?;
        Ok(Outcome::Done)
    }
}
