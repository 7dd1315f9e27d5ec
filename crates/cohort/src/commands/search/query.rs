//! `cohort search query`: the nearest neighbours of vectors.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use cohort_search::{Answer, Found, Hit, Index, Mask, Progress, SearchDocument};
use cohort_tables::{did_you_mean, write_atomic};

use super::index::{fits, read};
use crate::commands::known::{self, About};
use crate::commands::stages::Stages;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Queries that are asked exactly too, to see what a search by graph finds of them.
const MEASURED_ON: usize = 100;

/// Arguments of `cohort search query`.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The index
    index: PathBuf,
    /// Embedding tables with the vectors to look for, made as the index's were
    #[arg(value_name = "VECTORS", required_unless_present = "clip")]
    tables: Vec<PathBuf>,
    #[command(flatten)]
    reading: TableArgs,
    /// A clip of the index to look for, which is not its own neighbour; may be given again
    #[arg(long, value_name = "CLIP")]
    clip: Vec<String>,
    /// Neighbours of each
    #[arg(long, short, value_name = "N", default_value_t = 10)]
    k: usize,
    /// Only clips whose column has this value (code or name), looked for exactly; may be given again: all must hold
    #[arg(long = "where", value_name = "COLUMN=VALUE", requires = "labels", value_parser = parse_filter)]
    filters: Vec<(String, String)>,
    /// Who the clips are: a label table, or the folder of a data set
    #[arg(long, value_name = "L.csv|ROOT")]
    labels: Option<PathBuf>,
    /// What codes mean [default: the data set's, else First Impressions where the codes fit]
    #[arg(long, value_name = "SCHEMA.toml", requires = "labels")]
    schema: Option<PathBuf>,
    /// Look at every vector, where the index has a graph too
    #[arg(long)]
    exact: bool,
    /// Where the answers go as JSON
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Print one JSON document (cohort.search/1)
    #[arg(long)]
    json: bool,
}

fn parse_filter(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((column, value)) if !column.is_empty() => Ok((column.into(), value.into())),
        _ => Err("expected COLUMN=VALUE, e.g. Gender=2".into()),
    }
}

impl Query {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let index = Index::open(&self.index)?;
        let mask = self.mask(&index, shell)?;
        let searched = mask.as_ref().map_or(index.live().count(), Mask::count);
        // a filter is exact
        let nearly = index
            .known_recall()
            .filter(|_| mask.is_none() && !self.exact);
        let width = nearly.map_or(0, |known| known.width);
        let search = |queries: &[f32], k: usize, progress: &Progress| match nearly {
            Some(_) => index.search_nearly(queries, k, width, progress),
            None => index.search(queries, k, mask.as_ref(), progress),
        };
        let mut recall = None;
        let mut names = Vec::new();
        let mut answers: Vec<Vec<Hit>> = Vec::new();
        let stages = Stages::new(shell);
        let progress = |stage: &str, done, total| stages.at(stage, done, total);
        if !self.clip.is_empty() {
            let known = index.rows_by_id();
            for clip in &self.clip {
                let row = known.get(clip.as_str()).with_context(|| {
                    format!(
                        "{}: expected a clip {clip:?}, found none",
                        self.index.display()
                    )
                })?;
                // one more, in case it is there itself
                let found = shell.apart(|| search(index.vector(*row), self.k + 1, &progress));
                let mut found = found?.pop().unwrap_or_default();
                found.retain(|hit| hit.row != *row);
                found.truncate(self.k);
                names.push(clip.clone());
                answers.push(found);
            }
        }
        for path in &self.tables {
            let table = read(path, &self.reading, shell)?;
            fits(&index, path, &table, shell)?;
            let found = shell.apart(|| search(&table.values, self.k, &progress));
            answers.extend(found.with_context(|| path.display().to_string())?);
            if nearly.is_some() && recall.is_none() {
                let sample = &table.values[..table.dim * table.len().min(MEASURED_ON)];
                recall = Some(shell.apart(|| index.recall(sample, self.k, width, &progress))?);
            }
            names.extend(table.clips);
        }
        stages.end();
        self.reading.all_found()?;
        let found = |hit: Hit| Found {
            clip: index.id(hit.row).to_string(),
            distance: hit.distance,
        };
        let name = self.index.file_name().unwrap_or_default();
        let document = SearchDocument {
            schema: "cohort.search/1".into(),
            index: name.to_string_lossy().into_owned(),
            producer: index.producer().to_string(),
            distance: index.distance(),
            vectors: index.live().count(),
            searched,
            filters: self
                .filters
                .iter()
                .map(|(c, v)| format!("{c}={v}"))
                .collect(),
            k: self.k,
            nearly: nearly.map(|known| recall.unwrap_or(known)),
            notes: self.reading.notes(),
            queries: names
                .into_iter()
                .zip(answers)
                .map(|(clip, hits)| Answer {
                    clip,
                    found: hits.into_iter().map(found).collect(),
                })
                .collect(),
        };
        if let Some(out) = &self.out {
            write_json(out, &document, shell)?;
        }
        match self.json {
            true => shell.print_json(&document)?,
            false => shell.print(&document.to_text())?,
        }
        Ok(Outcome::Done)
    }

    /// The rows that the filters leave; `None` without filters.
    fn mask(&self, index: &Index, shell: &Shell) -> anyhow::Result<Option<Mask>> {
        let Some(labels) = self.labels.as_ref().filter(|_| !self.filters.is_empty()) else {
            return Ok(None);
        };
        let mut mask = index.live().clone();
        for (column, value) in &self.filters {
            let ask = known::Ask {
                column: Some(column),
                subject: None,
                schema: self.schema.as_deref(),
                option: "--where",
            };
            let known = match labels.is_dir() {
                true => known::from_dataset(labels, &ask, shell)?,
                false => known::from_table(labels, &self.reading.labels(labels, shell)?, &ask)?,
            };
            let group = known
                .groups
                .iter()
                .position(|(code, name)| code == value || name == value);
            let Some(group) = group else {
                let all: Vec<&str> = known.groups.iter().map(|group| group.1.as_str()).collect();
                bail!(
                    "--where {column}={value}: expected one of {}, found {value:?}{}",
                    all.join(", "),
                    did_you_mean(value, all.iter().copied())
                );
            };
            let of = |about: Option<&About>| about.and_then(|about| about.group);
            mask.retain(|row| of(known.about(index.id(row))) == Some(group));
        }
        ensure!(
            mask.count() > 0,
            "{}: expected clips with {}, found none",
            self.index.display(),
            self.filters
                .iter()
                .map(|(c, v)| format!("{c}={v}"))
                .collect::<Vec<_>>()
                .join(" and ")
        );
        Ok(Some(mask))
    }
}

/// Writes a document as JSON.
pub(super) fn write_json<T: serde::Serialize>(
    out: &Path,
    document: &T,
    shell: &Shell,
) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(document)? + "\n";
    write_atomic(out, json.as_bytes())?;
    shell.say(&format!("wrote {}", out.display()));
    Ok(())
}
