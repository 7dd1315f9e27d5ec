//! `cohort search index`: an index of embedding tables.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use clap::Args;
use cohort_search::{Distance, Index};
use cohort_tables::{EmbeddingTable, IMAGE_EXTENSIONS};

use crate::commands::named::named;
use crate::commands::stages::Stages;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search index`.
#[derive(Debug, Args)]
pub(crate) struct MakeIndex {
    /// Embedding tables: Parquet as `cohort features`, pandas or polars write it, CSV with a column a component, .npy, .npz
    #[arg(required = true, value_name = "TABLE")]
    tables: Vec<PathBuf>,
    #[command(flatten)]
    reading: TableArgs,
    /// Folder of the index, which is made [default: beside the first table, with the ending .index]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What "near" means
    #[arg(long, value_name = "METRIC", default_value = "euclidean", value_parser = named::<Distance>(Distance::ALL.map(Distance::name)))]
    metric: Distance,
    #[command(flatten)]
    graph: GraphArgs,
}

/// When a graph is built, for an approximate search.
#[derive(Debug, Args)]
pub(super) struct GraphArgs {
    /// Tables of so many rows get a graph, for a search that is faster and finds nearly all
    #[arg(long, value_name = "ROWS", default_value_t = 100_000)]
    graph_from: usize,
    /// Share of the true neighbours that a search by graph should find
    #[arg(long, value_name = "R", default_value_t = 0.97, value_parser = parse_share)]
    recall: f64,
}

fn parse_share(argument: &str) -> Result<f64, String> {
    let share: Option<f64> = argument.parse().ok();
    let share = share.filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "expected a share above 0, at most 1".into())
}

impl GraphArgs {
    /// Builds the graphs that are missing, and says what they find.
    pub(super) fn build(&self, index: &mut Index, shell: &Shell) -> anyhow::Result<()> {
        let stages = Stages::new(shell);
        let progress = |stage: &str, done, total| stages.at(stage, done, total);
        let built = index.build_graphs(self.graph_from, self.recall, &progress);
        stages.end();
        Ok(built?)
    }
}

impl MakeIndex {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let out = self
            .out
            .clone()
            .unwrap_or_else(|| self.tables[0].with_extension("index"));
        if out.join("index.json").exists() {
            bail!(
                "{}: expected no index, found one; `cohort search add` adds to it",
                out.display()
            );
        }
        let first = read(&self.tables[0], &self.reading, shell)?;
        let mut index = Index::create(&out, self.metric, first.dim, &first.provenance.producer)?;
        if let Err(error) = self.fill(&mut index, first, shell) {
            // made by this very call
            std::fs::remove_dir_all(&out)?;
            return Err(error);
        }
        self.graph.build(&mut index, shell)?;
        shell.print(&about(&index))?;
        Ok(Outcome::Done)
    }

    fn fill(&self, index: &mut Index, first: EmbeddingTable, shell: &Shell) -> anyhow::Result<()> {
        add(index, &self.tables[0], &first, shell)?;
        drop(first);
        for path in &self.tables[1..] {
            let table = read(path, &self.reading, shell)?;
            add(index, path, &table, shell)?;
        }
        self.reading.all_found()
    }
}

/// Reads a table of vectors; what is none is told with what to do.
pub(super) fn read(
    path: &Path,
    tables: &TableArgs,
    shell: &Shell,
) -> anyhow::Result<EmbeddingTable> {
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let picture = IMAGE_EXTENSIONS.contains(&ending.as_str());
    ensure!(
        !path.is_dir() && !picture,
        "{}: expected an embedding table, found a {}; `cohort features` makes one",
        path.display(),
        if picture { "picture" } else { "folder" }
    );
    tables.vectors(path, shell)
}

/// Adds a table's rows.
pub(super) fn add(
    index: &mut Index,
    path: &Path,
    table: &EmbeddingTable,
    shell: &Shell,
) -> anyhow::Result<()> {
    fits(index, path, table, shell)?;
    let ids: Vec<&str> = table.clips.iter().map(String::as_str).collect();
    Ok(index.add(&ids, &table.values)?)
}

/// Warns of vectors that have no direction where directions are compared.
pub(super) fn say_without_direction(
    path: &Path,
    table: &EmbeddingTable,
    distance: Distance,
    shell: &Shell,
) {
    let zeros = match distance {
        Distance::Cosine => {
            let rows = table.values.chunks_exact(table.dim.max(1));
            rows.filter(|row| row.iter().all(|v| *v == 0.0)).count()
        }
        _ => 0,
    };
    if zeros > 0 {
        shell.say(&format!(
            "warning: {}: vectors of zeros have no direction, their cosine distance is 1 to everything: {zeros} of {}",
            path.display(),
            table.len()
        ));
    }
}

/// Refuses vectors of another length than the index's; says which have no direction where directions are compared.
pub(super) fn fits(
    index: &Index,
    path: &Path,
    table: &EmbeddingTable,
    shell: &Shell,
) -> anyhow::Result<()> {
    ensure!(
        table.dim == index.dim(),
        "{}: expected vectors of {} numbers as in {}, found {}",
        path.display(),
        index.dim(),
        index.folder().display(),
        table.dim
    );
    say_without_direction(path, table, index.distance(), shell);
    Ok(())
}

/// An index in a few words.
pub(super) fn about(index: &Index) -> String {
    let (left, all) = (index.live().count(), index.rows());
    let deleted = if left < all {
        format!(", {} deleted", all - left)
    } else {
        String::new()
    };
    let mut text = format!(
        "{}: {left} vectors of {}{deleted}, {} distance, {:.1} MB",
        index.folder().display(),
        index.dim(),
        index.distance().name(),
        index.bytes() as f64 / 1e6
    );
    if let Some(known) = index.known_recall() {
        text += &format!(
            "\nby graph: {:.3} of the {} nearest found, on {} of its own vectors (width {})",
            known.value, known.k, known.queries, known.width
        );
    }
    text
}
