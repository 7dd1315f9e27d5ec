//! `cohort man`: manual pages.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap_mangen::Man;
use cohort_tables::write_atomic;

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort man`.
#[derive(Debug, Args)]
pub(crate) struct ManPages {
    /// Folder for a page of every command, cohort-audit.1 and so on [default: the page of cohort on standard output]
    #[arg(value_name = "DIR")]
    out: Option<PathBuf>,
}

impl ManPages {
    /// Writes the pages of the command line `all`.
    pub(crate) fn run(self, all: clap::Command, shell: &Shell) -> anyhow::Result<Outcome> {
        let mut command = all.disable_help_subcommand(true);
        // gives each command its full name
        command.build();
        let Some(out) = &self.out else {
            shell.print_data(&String::from_utf8(page(&command)?)?)?;
            return Ok(Outcome::Done);
        };
        std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        let pages = write(&command, out)?;
        shell.say(&format!("{pages} pages in {}", out.display()));
        Ok(Outcome::Done)
    }
}

fn page(command: &clap::Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

/// Writes the page of a command and those of all below it; gives their number.
fn write(command: &clap::Command, out: &Path) -> anyhow::Result<usize> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    write_atomic(&out.join(format!("{name}.1")), &page(command)?)?;
    let mut pages = 1;
    for inner in command.get_subcommands() {
        pages += write(inner, out)?;
    }
    Ok(pages)
}
