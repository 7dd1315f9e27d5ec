//! `cohort detect`: objects in pictures, and how good a detector is.

mod evaluate;
mod pictures;

use clap::Subcommand;

use crate::shell::{Outcome, Shell};

/// Subcommands of `cohort detect`.
#[derive(Debug, Subcommand)]
pub(crate) enum Detect {
    /// COCO's figures of any detector's results, with intervals, weak groups and kinds of errors
    Evaluate(Box<evaluate::Evaluate>),
}

impl Detect {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        match self {
            Self::Evaluate(command) => command.run(shell),
        }
    }
}
