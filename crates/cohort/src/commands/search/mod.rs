//! `cohort search`: nearest neighbours in an embedding table, and how good they are.

mod bridge;
mod change;
#[cfg(feature = "networks")]
mod embed;
#[cfg(feature = "networks")]
mod encoder;
#[cfg(not(feature = "networks"))]
#[path = "no_encoder.rs"]
mod encoder;
mod evaluate;
mod index;
mod making;
mod paired;
mod pairs;
mod query;
mod sheet;
mod topic_source;
mod topics;
mod verify;

use clap::Subcommand;

use crate::shell::{Outcome, Shell};

/// Subcommands of `cohort search`.
#[derive(Debug, Subcommand)]
pub(crate) enum Search {
    /// Vectors of pictures or of captions, as an embedding table
    #[cfg(feature = "networks")]
    Embed(Box<embed::Embed>),
    /// Pictures in the space of words, by the names of the classes that networks see in them
    Bridge(bridge::Bridge),
    /// Make an index of embedding tables, or of pictures
    Index(index::MakeIndex),
    /// Add the rows of embedding tables, or pictures, to an index
    Add(change::Add),
    /// Delete rows of an index
    Delete(change::Delete),
    /// Rewrite what is left after deletions into one file
    Compact(change::Compact),
    /// The nearest neighbours of pictures, of other vectors, or of rows of the index
    Query(Box<query::Query>),
    /// Precision, recall and the like, with intervals, chance levels and a control
    Evaluate(Box<evaluate::Evaluate>),
    /// How well captions find their pictures and pictures their captions, with intervals, chance levels and a control
    Pairs(Box<pairs::Pairs>),
    /// Which topics captions and pictures find each other badly in, with intervals and corrected for looking at many
    Topics(Box<topics::Topics>),
    /// Whether two vectors are of one person: true accepts at false accept rates, with intervals by person
    Verify(verify::Verify),
}

impl Search {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        match self {
            #[cfg(feature = "networks")]
            Self::Embed(command) => command.run(shell),
            Self::Bridge(command) => command.run(shell),
            Self::Index(command) => command.run(shell),
            Self::Add(command) => command.run(shell),
            Self::Delete(command) => command.run(shell),
            Self::Compact(command) => command.run(shell),
            Self::Query(command) => command.run(shell),
            Self::Evaluate(command) => command.run(shell),
            Self::Pairs(command) => command.run(shell),
            Self::Topics(command) => command.run(shell),
            Self::Verify(command) => command.run(shell),
        }
    }
}
