//! `cohort search add`, `delete` and `compact`: changes of an index.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::Args;
use cohort_search::Index;

use super::encoder::{Encoded, LookArgs, encode_more};
use super::index::{GraphArgs, about, add, read};
use super::making::Making;
use crate::commands::stages::some;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The index
    index: PathBuf,
    /// Embedding tables with vectors of the same model; or folders of pictures, which are looked at as those of the index were
    #[arg(required = true, value_name = "TABLE|FOLDER")]
    tables: Vec<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    reading: TableArgs,
    #[command(flatten)]
    graph: GraphArgs,
}

impl Add {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let mut index = Index::open(&self.index)?;
        let folders = self.tables.iter().filter(|path| path.is_dir()).count();
        ensure!(
            folders == 0 || folders == self.tables.len(),
            "expected tables alone or folders of pictures alone, found both"
        );
        if folders > 0 {
            let making = Making::begin(&self.index)?;
            let Encoded { table, record, .. } =
                encode_more(&index, &self.tables, &self.look, &making, shell)?;
            // a folder without vectors does no harm, vectors without their folder have no pictures
            record.write(index.folder())?;
            add(&mut index, &self.tables[0], &table, shell)?;
            making.done()?;
            return self.end(index, shell);
        }
        for path in &self.tables {
            let table = read(path, &self.reading, shell)?;
            add(&mut index, path, &table, shell)?;
        }
        self.reading.all_found()?;
        self.end(index, shell)
    }

    fn end(&self, mut index: Index, shell: &Shell) -> anyhow::Result<Outcome> {
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

/// Arguments of `cohort search compact`.
#[derive(Debug, Args)]
pub(crate) struct Compact {
    /// The index
    index: PathBuf,
    #[command(flatten)]
    graph: GraphArgs,
}

impl Compact {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let mut index = Index::open(&self.index)?;
        let (before, had_graph) = (index.bytes(), index.has_graph());
        if index.compact()? {
            // what was searched by a graph is searched by one again
            let graph = if had_graph {
                self.graph.of_any_size()
            } else {
                self.graph
            };
            graph.build(&mut index, shell)?;
            shell.say(&format!(
                "{:.1} MB before, {:.1} MB now",
                before as f64 / 1e6,
                index.bytes() as f64 / 1e6
            ));
        } else {
            shell.say("nothing to do: no row was deleted, and all lie in one file");
        }
        shell.print(&about(&index))?;
        Ok(Outcome::Done)
    }
}
