//! `cohort search add` and `cohort search delete`: changes of an index.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use cohort_search::Index;

use super::index::{GraphArgs, about, add, read};
use crate::commands::stages::some;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The index
    index: PathBuf,
    /// Embedding tables with vectors of the same model
    #[arg(required = true, value_name = "TABLE")]
    tables: Vec<PathBuf>,
    #[command(flatten)]
    reading: TableArgs,
    #[command(flatten)]
    graph: GraphArgs,
}

impl Add {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let mut index = Index::open(&self.index)?;
        for path in &self.tables {
            let table = read(path, &self.reading, shell)?;
            let producer = &table.provenance.producer;
            if producer != index.producer() {
                shell.say(&format!(
                    "warning: {}: its vectors are by {producer:?}, those of the index by {:?}; distances between models mean nothing",
                    path.display(),
                    index.producer()
                ));
            }
            add(&mut index, path, &table, shell)?;
        }
        self.reading.all_found()?;
        self.graph.build(&mut index, shell)?;
        shell.print(&about(&index))?;
        Ok(Outcome::Done)
    }
}

/// Arguments of `cohort search delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The index
    index: PathBuf,
    /// Clips to delete
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<String>,
}

impl Delete {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let mut index = Index::open(&self.index)?;
        let known = index.rows_by_id();
        let rows: Vec<Option<usize>> = (self.clips.iter())
            .map(|clip| known.get(clip.as_str()).copied())
            .collect();
        let missing: Vec<&str> = (self.clips.iter().zip(&rows))
            .filter(|(_, row)| row.is_none())
            .map(|(clip, _)| clip.as_str())
            .collect();
        if !missing.is_empty() {
            bail!(
                "{}: expected the clips to delete, found none called {}",
                self.index.display(),
                some(&missing)
            );
        }
        let rows: Vec<usize> = rows.into_iter().flatten().collect();
        drop(known);
        index.delete(&rows)?;
        shell.print(&about(&index))?;
        Ok(Outcome::Done)
    }
}
