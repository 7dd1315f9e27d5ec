//! `cohort detect`: objects in pictures, and how good a detector is.

mod evaluate;
mod pictures;
mod run;

use clap::Subcommand;

use crate::shell::{Outcome, Shell};

/// Subcommands of `cohort detect`.
#[derive(Debug, Subcommand)]
pub(crate) enum Detect {
    /// What a detector finds in pictures: COCO results, a table, pictures with the boxes drawn in
    Run(Box<run::Run>),
    /// COCO's figures of any detector's results, with intervals, weak groups and kinds of errors
    Evaluate(Box<evaluate::Evaluate>),
}

impl Detect {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        match self {
            Self::Run(command) => command.run(shell),
            Self::Evaluate(command) => command.run(shell),
        }
    }
}
