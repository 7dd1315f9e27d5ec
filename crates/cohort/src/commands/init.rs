//! `cohort init`: a `cohort.toml` for what lies in a folder.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use cohort_data::{SCHEMA_FILE, propose};
use cohort_tables::{counted, shown_lines, write_atomic};

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort init`.
///
/// Looks for class folders, a table of paths, label tables with or without media, predictions and COCO annotations, and writes
/// down, with comments, what it took for what. What it writes it has read back.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Column of the target, where there are several that may be it
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Print the file and write nothing
    #[arg(long)]
    stdout: bool,
    /// Write over a cohort.toml that is there
    #[arg(long, conflicts_with = "stdout")]
    force: bool,
}

impl Init {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let path = self.folder.join(SCHEMA_FILE);
        if !self.stdout && !self.force && path.symlink_metadata().is_ok() {
            bail!(
                "{}: expected no such file, found one; --force writes over it, --stdout prints what would be written",
                path.display()
            );
        }
        let proposal = shell.apart(|| propose(&self.folder, self.target.as_deref()))?;
        shell.say_notes(&proposal.notes);
        if self.stdout {
            // as it is: a terminal must not break its lines
            shell.print_data(&shown_lines(&proposal.text))?;
            return Ok(Outcome::Done);
        }
        write_atomic(&path, proposal.text.as_bytes())?;
        let schema = &proposal.dataset.schema;
        shell.say(&format!(
            "wrote {}: {}, the target is {} ({})",
            path.display(),
            schema.items(proposal.dataset.len()),
            schema.target,
            counted(
                schema
                    .target_attribute()
                    .map_or(0, |target| target.levels.len()),
                "class"
            )
        ));
        let folder = self.folder.display().to_string();
        // as a shell takes it
        let folder = match folder.contains(' ') {
            true => format!("'{folder}'"),
            false => folder,
        };
        shell.say(&format!(
            "next: cohort data stats {folder}, then cohort data check {folder}"
        ));
        Ok(Outcome::Done)
    }
}
