//! The command line.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::shell::{Outcome, Shell};

/// Trains, fuses and audits recognition models on faces, voices and words.
#[derive(Debug, Parser)]
#[command(
    name = "cohort",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// Threads to use [default: one a core]; results do not depend on it
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole job on an embedded corpus, to see what comes out
    Demo(commands::demo::Demo),
    /// The whole job on your data: statistics, features, models, fusion, ablation, audit, report
    Run(commands::run::Run),
    /// Make the embedded corpus, describe a data set, guard its splits
    #[command(subcommand)]
    Data(commands::data::Data),
    /// Acoustic features of sound files, and pictures of them
    #[command(subcommand)]
    Audio(commands::audio::Audio),
    /// Acoustic and text features of every clip, cached
    Features(commands::features::Features),
    /// Train one model
    Train(commands::train::Train),
    /// Combine the predictions of several models (late fusion)
    Fuse(commands::fuse::Fuse),
    /// What each modality is worth: all subsets, differences and Shapley shares
    Ablate(commands::ablate::Ablate),
    /// Skill, error and fairness of any model's predictions, with honest intervals
    Audit(commands::audit::Audit),
    /// The page of a run, from the documents in its folder
    Report(commands::report::Report),
}

impl Command {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        match self {
            Self::Demo(command) => command.run(shell),
            Self::Run(command) => command.run(shell),
            Self::Data(command) => command.run(shell),
            Self::Audio(command) => command.run(shell),
            Self::Features(command) => command.run(shell),
            Self::Train(command) => command.run(shell),
            Self::Fuse(command) => command.run(shell),
            Self::Ablate(command) => command.run(shell),
            Self::Audit(command) => command.run(shell),
            Self::Report(command) => command.run(shell),
        }
    }
}
