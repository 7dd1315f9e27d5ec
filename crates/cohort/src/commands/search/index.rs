//! `cohort search index`: an index of embedding tables, or of pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use cohort_search::{Distance, Index};
use cohort_tables::{EmbeddingTable, IMAGE_EXTENSIONS};

use super::encoder::{Encoded, EncoderArgs, LookArgs, encode};
use super::making::Making;
use crate::commands::named::named;
use crate::commands::stages::Stages;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search index`.
#[derive(Debug, Args)]
pub(crate) struct MakeIndex {
    /// Embedding tables: Parquet as `cohort features`, pandas or polars write it, CSV with a column a component, .npy, .npz. Or
    /// folders of pictures (with all below them) or roots of data sets, whose pictures an encoder looks at
    #[arg(required = true, value_name = "TABLE|FOLDER")]
    tables: Vec<PathBuf>,
    #[command(flatten)]
    encoder: EncoderArgs,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    reading: TableArgs,
    /// Folder of the index, which is made [default: beside the first table, with the ending .index]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What "near" means [default: euclidean; of pictures what their encoder was made for]
    #[arg(long, value_name = "METRIC", value_parser = named::<Distance>(Distance::ALL.map(Distance::name)))]
    metric: Option<Distance>,
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
    /// The same for tables of any number of rows.
    pub(super) fn of_any_size(self) -> Self {
        Self {
            graph_from: 0,
            ..self
        }
    }

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
        let out = match &self.out {
            Some(out) => out.clone(),
            None => beside(&self.tables[0])?,
        };
        if out.join("index.json").exists() {
            bail!(
                "{}: expected no index, found one; `cohort search add` adds to it",
                out.display()
            );
        }
        let holds_files = std::fs::read_dir(&out).is_ok_and(|mut files| files.next().is_some());
        ensure!(
            !holds_files && !out.is_file(),
            "{}: expected no folder, or an empty one, found {}",
            out.display(),
            if holds_files {
                "a folder with files"
            } else {
                "a file"
            }
        );
        let folders = self.tables.iter().filter(|path| path.is_dir()).count();
        ensure!(
            folders == 0 || folders == self.tables.len(),
            "expected tables alone or folders of pictures alone, found both"
        );
        if let (0, Some(option)) = (folders, self.encoder.given()) {
            bail!("{option}: expected folders of pictures to look at, found tables alone");
        }
        let making = Making::begin(&out)?;
        let mut index = match folders {
            0 => self.of_tables(&making, shell)?,
            _ => self.of_pictures(&making, shell)?,
        };
        self.graph.build(&mut index, shell)?;
        // its files are let go of before their folder gets another name
        drop(index);
        making.finish(&out)?;
        shell.print(&about(&Index::open(&out)?))?;
        Ok(Outcome::Done)
    }

    fn of_tables(&self, making: &Making, shell: &Shell) -> anyhow::Result<Index> {
        let first = read(&self.tables[0], &self.reading, shell)?;
        let metric = self.metric.unwrap_or_default();
        let producer = &first.provenance.producer;
        let mut index = Index::create(&making.index(), metric, first.dim, producer)?;
        add(&mut index, &self.tables[0], &first, shell)?;
        drop(first);
        for path in &self.tables[1..] {
            let table = read(path, &self.reading, shell)?;
            add(&mut index, path, &table, shell)?;
        }
        self.reading.all_found()?;
        Ok(index)
    }

    fn of_pictures(&self, making: &Making, shell: &Shell) -> anyhow::Result<Index> {
        let Encoded {
            table,
            record,
            distance,
        } = encode(&self.tables, &self.encoder, &self.look, making, shell)?;
        let metric = match self.metric {
            Some(metric) => metric,
            None => distance.parse().map_err(anyhow::Error::msg)?,
        };
        let producer = &table.provenance.producer;
        let mut index = Index::create(&making.index(), metric, table.dim, producer)?;
        record.write(index.folder())?;
        add(&mut index, &self.tables[0], &table, shell)?;
        Ok(index)
    }
}

/// The index beside a table or folder.
fn beside(path: &Path) -> anyhow::Result<PathBuf> {
    let name = path.file_name().with_context(|| {
        format!(
            "--out: expected the folder of the index, as {} has no name of its own, found none",
            path.display()
        )
    })?;
    if !path.is_dir() {
        return Ok(path.with_extension("index"));
    }
    let mut name = name.to_os_string();
    name.push(".index");
    Ok(path.with_file_name(name))
}

/// Whether a path names pictures, by its ending or as a folder.
pub(super) fn names_pictures(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    path.is_dir() || IMAGE_EXTENSIONS.contains(&ending.to_lowercase().as_str())
}

/// Reads a table of vectors; what is none is told with what to do.
pub(super) fn read(
    path: &Path,
    tables: &TableArgs,
    shell: &Shell,
) -> anyhow::Result<EmbeddingTable> {
    ensure!(
        !names_pictures(path),
        "{}: expected an embedding table, found a {}; `cohort features` makes one",
        path.display(),
        if path.is_dir() { "folder" } else { "picture" }
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

/// Refuses vectors of another length than the index's; says when they are of another model, and which have no direction where directions are compared.
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
    let producer = &table.provenance.producer;
    if producer != index.producer() {
        shell.say(&format!(
            "warning: {}: its vectors are by {producer:?}, those of the index by {:?}; distances between models mean nothing",
            path.display(),
            index.producer()
        ));
    }
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
