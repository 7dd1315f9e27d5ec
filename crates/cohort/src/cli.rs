//! The command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands;
use crate::examples;
use crate::overwritten;
use crate::shell::{Outcome, Shell};
use crate::talk::Talk;

/// Trains, fuses and audits recognition models on faces, voices and words.
#[derive(Debug, Parser)]
#[command(
    name = "cohort",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// Threads to use, 1 to 1024 [default: one a core]; results do not depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(crate::threads::MOST)))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) talk: Talk,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "networks")]
    /// The whole job on an embedded corpus, to see what comes out
    Demo(commands::demo::Demo),
    #[cfg(feature = "networks")]
    /// The whole job on your data: statistics, features, models, fusion, ablation, audit, report
    Run(commands::run::Run),
    /// Write a cohort.toml for what lies in a folder
    Init(commands::init::Init),
    /// Make the embedded corpus, describe a data set, guard its splits
    #[command(subcommand)]
    Data(commands::data::Data),
    /// Acoustic features of sound files, and pictures of them
    #[command(subcommand)]
    Audio(commands::audio::Audio),
    #[cfg(feature = "networks")]
    /// Acoustic and text features of every clip, cached
    Features(commands::features::Features),
    #[cfg(feature = "networks")]
    /// Train one model, of one modality or of all together
    Train(commands::train::Train),
    #[cfg(feature = "networks")]
    /// Train one model under a grid of settings and compare
    Sweep(commands::sweep::Sweep),
    #[cfg(feature = "networks")]
    /// A run's answers for new clips, and each modality's share in them
    Predict(commands::predict::Predict),
    #[cfg(feature = "networks")]
    /// How a run's models bear noise, blur, darkness, occlusion, cut sound and dropped words
    Degrade(commands::degrade::Degrade),
    /// Combine the predictions of several models (late fusion)
    Fuse(commands::fuse::Fuse),
    /// What each modality is worth: all subsets, differences and Shapley shares
    Ablate(commands::ablate::Ablate),
    /// Skill, error and fairness of any model's predictions, with honest intervals
    Audit(commands::audit::Audit),
    /// PCA, t-SNE or UMAP picture of an embedding table, and how far it can be trusted
    Map(Box<commands::map::Map>),
    /// Nearest neighbours in any embedding table, and how good they are
    #[command(subcommand)]
    Search(Box<commands::search::Search>),
    /// Objects in pictures, and how good a detector of them is: COCO's figures, with intervals
    #[command(subcommand)]
    Detect(commands::detect::Detect),
    #[cfg(feature = "networks")]
    /// The page of a run, from the documents in its folder
    Report(commands::report::Report),
    /// What makes a shell complete commands, options and names
    Completions(commands::completions::Completions),
    /// Manual pages
    Man(commands::man::ManPages),
}

/// The command line as it is parsed, described and completed.
pub(crate) fn command() -> clap::Command {
    examples::add(Cli::command())
}

/// The command line of the process, with why it would lose a file if it would; a wrong one ends the process, as a question for help does.
pub(crate) fn read() -> (Cli, Option<String>) {
    let mut command = command();
    let parsed = command.try_get_matches_from_mut(arguments());
    let parsed = parsed.and_then(|mut matches| {
        let conflict = overwritten::conflict(&matches);
        Ok((Cli::from_arg_matches_mut(&mut matches)?, conflict))
    });
    parsed.unwrap_or_else(|error| propose(error.format(&mut command), &command).exit())
}

/// Of an unknown command that is one below another (`cohort stats`), the error names that one.
fn propose(mut error: clap::Error, command: &clap::Command) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let Some(ContextValue::String(wanted)) = error.get(ContextKind::InvalidSubcommand).cloned()
    else {
        return error;
    };
    let below = command.get_subcommands().flat_map(|outer| {
        let inner = outer.get_subcommands().map(clap::Command::get_name);
        let same = inner.filter(|inner| *inner == wanted);
        same.map(|inner| format!("{} {inner}", outer.get_name()))
    });
    let below: Vec<String> = below.filter(|name| !name.starts_with("help ")).collect();
    if !below.is_empty() {
        error.insert(
            ContextKind::SuggestedSubcommand,
            ContextValue::Strings(below),
        );
    }
    error
}

impl Command {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        match self {
            #[cfg(feature = "networks")]
            Self::Demo(command) => command.run(shell),
            #[cfg(feature = "networks")]
            Self::Run(command) => command.run(shell),
            Self::Init(command) => command.run(shell),
            Self::Data(command) => command.run(shell),
            Self::Audio(command) => command.run(shell),
            #[cfg(feature = "networks")]
            Self::Features(command) => command.run(shell),
            #[cfg(feature = "networks")]
            Self::Train(command) => command.run(shell),
            #[cfg(feature = "networks")]
            Self::Sweep(command) => command.run(shell),
            #[cfg(feature = "networks")]
            Self::Predict(command) => command.run(shell),
            #[cfg(feature = "networks")]
            Self::Degrade(command) => command.run(shell),
            Self::Fuse(command) => command.run(shell),
            Self::Ablate(command) => command.run(shell),
            Self::Audit(command) => command.run(shell),
            Self::Map(command) => command.run(shell),
            Self::Search(command) => command.run(shell),
            Self::Detect(command) => command.run(shell),
            #[cfg(feature = "networks")]
            Self::Report(command) => command.run(shell),
            Self::Completions(own) => own.run(command(), shell),
            Self::Man(own) => own.run(command(), shell),
        }
    }
}

/// The arguments of the process. One that starts with `-` and is the name of a file that exists is that file, not an
/// option: clip ids may start so (`-9Uee9Y2UZo.000`), and `*.wav` gives such names.
fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().map(|argument| {
        if is_file_like(&argument) && Path::new(&argument).exists() {
            Path::new(".").join(argument).into_os_string()
        } else {
            argument
        }
    })
}

/// Whether an argument may be meant as a file though it starts with `-`. No name without a dot, so that no option is
/// ever taken for a file.
fn is_file_like(argument: &OsStr) -> bool {
    let bytes = argument.as_encoded_bytes();
    bytes.starts_with(b"-") && bytes.contains(&b'.') && !bytes.contains(&b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_is_taken_for_a_file() {
        let mut commands = vec![command()];
        while let Some(command) = commands.pop() {
            for option in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(!is_file_like(format!("--{option}").as_ref()), "{option}");
            }
            commands.extend(command.get_subcommands().cloned());
        }
        for name in ["-9Uee9Y2UZo.000.wav", "--x.csv"] {
            assert!(is_file_like(name.as_ref()), "{name}");
        }
        for name in ["-h", "--", "-", "--level=0.9", "a.wav", "./-a.wav"] {
            assert!(!is_file_like(name.as_ref()), "{name}");
        }
    }

    /// Commands without subcommands, by their path.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let mut inner = command.get_subcommands().peekable();
        if inner.peek().is_none() {
            found.push(path.trim().to_string());
        }
        for command in inner.filter(|command| command.get_name() != "help") {
            leaves(command, &format!("{path} {}", command.get_name()), found);
        }
    }

    #[test]
    fn every_command_has_examples_and_each_of_them_parses() {
        let mut commands = Vec::new();
        leaves(&command(), "", &mut commands);
        for command in &commands {
            assert!(
                examples::EXAMPLES.iter().any(|(path, _)| path == command),
                "no example of cohort {command}"
            );
        }
        for (path, examples) in examples::EXAMPLES {
            // a build without networks has fewer commands
            if !commands.iter().any(|command| command == path) {
                if cfg!(feature = "networks") {
                    panic!("cohort {path} is no command");
                }
                continue;
            }
            for (wanted, call) in *examples {
                let start = format!("cohort {path} ");
                assert!(format!("{call} ").starts_with(&start), "{call}");
                assert!(!wanted.ends_with('.') && call.len() < 130, "{call}");
                let own = call.split(['>', '|']).next().unwrap_or_default();
                let parsed = command().try_get_matches_from(own.split_whitespace());
                if let Err(error) = parsed {
                    panic!("{call}\n{error}");
                }
            }
        }
    }
}
