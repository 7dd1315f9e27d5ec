//! How much a command says of its work.

/// What is said on stderr while a command works.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Talk {
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: every epoch that is the best so far
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Draw no progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}
