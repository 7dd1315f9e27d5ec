//! `cohort search bridge`: pictures in the space of words, by the names of the classes that networks see in them.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use cohort_search::{LabelScores, label_bridge};
use cohort_tables::{EmbeddingTable, Provenance, content_hash, match_ids};

use super::index::read;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search bridge`.
///
/// A picture becomes the mean of the vectors of its most probable classes' names, so that captions find it without any training on
/// pairs. Of several networks the directions are summed.
#[derive(Debug, Args)]
pub(crate) struct Bridge {
    /// Tables by twos: class scores of the pictures (`search embed --scores`, or any detector's), and vectors of the classes' names in
    /// the same order (`search embed names.txt --captions`, a name a line)
    #[arg(required = true, value_name = "SCORES NAMES", num_args = 2..)]
    tables: Vec<PathBuf>,
    #[command(flatten)]
    reading: TableArgs,
    /// Classes of a picture that count, one number for all networks or one each
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_values_t = [10])]
    top: Vec<usize>,
    /// Embedding table that is made (.parquet)
    #[arg(long, value_name = "TABLE")]
    out: PathBuf,
}

impl Bridge {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        ensure!(
            self.tables.len() % 2 == 0,
            "expected tables by twos, scores and names, found {}",
            self.tables.len()
        );
        ensure!(
            self.out
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")),
            "--out {}: expected a file that ends in .parquet",
            self.out.display()
        );
        let networks = self.tables.len() / 2;
        ensure!(
            self.top.len() == 1 || self.top.len() == networks,
            "--top: expected one number or {networks}, found {}",
            self.top.len()
        );
        let mut all: Vec<(EmbeddingTable, EmbeddingTable)> = Vec::new();
        for pair in self.tables.chunks_exact(2) {
            let scores = read(&pair[0], &self.reading, shell)?;
            let mut names = read(&pair[1], &self.reading, shell)?;
            ensure!(
                scores.dim == names.len(),
                "{}: expected names of {} classes as {} scores, found {}",
                pair[1].display(),
                scores.dim,
                pair[0].display(),
                names.len()
            );
            if let Some(note) = as_scores(&scores, &mut names, &pair[0], &pair[1])? {
                shell.say(&format!("note: {note}"));
            }
            if let Some((_, first)) = all.first() {
                ensure!(
                    names.dim == first.dim,
                    "{}: expected vectors of {} numbers as in {}, found {}",
                    pair[1].display(),
                    first.dim,
                    self.tables[1].display(),
                    names.dim
                );
            }
            all.push((scores, names));
        }
        self.reading.all_found()?;
        let clips = all[0].0.clips.clone();
        for (number, (scores, _)) in all.iter_mut().enumerate().skip(1) {
            in_order_of(&clips, scores, &self.tables[2 * number], &self.tables[0])?;
        }
        let parts: Vec<LabelScores> = all
            .iter()
            .enumerate()
            .map(|(number, (scores, names))| LabelScores {
                scores: &scores.values,
                names: &names.values,
                top: *self.top.get(number).unwrap_or(&self.top[0]),
            })
            .collect();
        let dim = all[0].1.dim;
        let values = label_bridge(&parts, dim)?;
        let zeros = values
            .chunks_exact(dim)
            .filter(|row| row.iter().all(|v| *v == 0.0))
            .count();
        if zeros > 0 {
            shell.say(&format!(
                "note: of {zeros} of {} pictures no class has a score; their vectors are zeros",
                clips.len()
            ));
        }
        let made_of: Vec<String> = all
            .iter()
            .map(|(scores, names)| {
                let (scores, names) = (&scores.provenance, &names.provenance);
                format!(
                    "{} {} {} {}",
                    scores.source, scores.weights, names.source, names.weights
                )
            })
            .collect();
        let table = EmbeddingTable {
            sources: vec![String::new(); clips.len()],
            clips,
            dim,
            values,
            provenance: Provenance {
                producer: concat!("cohort ", env!("CARGO_PKG_VERSION"), " label bridge")
                    .to_string(),
                settings: content_hash(format!("{:?}", self.top).as_bytes()),
                source: content_hash(made_of.join("\n").as_bytes()),
                ..Provenance::default()
            },
        };
        table.write(&self.out)?;
        shell.print(&format!(
            "{}: {} pictures as vectors of {dim} values, of the names of their classes",
            self.out.display(),
            table.len()
        ))?;
        Ok(Outcome::Done)
    }
}

/// Puts the names into the order of the scores, where the scores' columns are called by them; what to tell of it.
fn as_scores(
    scores: &EmbeddingTable,
    names: &mut EmbeddingTable,
    path: &Path,
    names_path: &Path,
) -> anyhow::Result<Option<String>> {
    let columns = &scores.provenance.columns;
    if columns.len() != names.len() {
        return Ok(None);
    }
    let plain = |name: &String| name.trim().to_lowercase().replace(['_', '-'], " ");
    let wanted: Vec<String> = columns.iter().map(plain).collect();
    let there: Vec<String> = names.clips.iter().map(plain).collect();
    let rows: Vec<Option<usize>> = wanted
        .iter()
        .map(|name| there.iter().position(|other| other == name))
        .collect();
    let found = rows.iter().flatten().count();
    if found == 0 {
        return Ok(Some(format!(
            "{}: columns ({}, ..) are not called as the names of {} ({}, ..); their orders are taken to be the same",
            path.display(),
            columns[0],
            names_path.display(),
            names.clips[0]
        )));
    }
    if let Some(lost) = rows.iter().position(Option::is_none) {
        anyhow::bail!(
            "{}: expected the names of the columns of {}, found {found} of {}, none for {:?}",
            names_path.display(),
            path.display(),
            columns.len(),
            columns[lost]
        );
    }
    let rows: Vec<usize> = rows.into_iter().flatten().collect();
    let distinct: std::collections::HashSet<usize> = rows.iter().copied().collect();
    ensure!(
        distinct.len() == rows.len(),
        "{}: expected columns of different names, found some that differ by case or marks alone",
        path.display()
    );
    if rows.iter().copied().eq(0..rows.len()) {
        return Ok(None);
    }
    let mut values = Vec::with_capacity(names.values.len());
    for &row in &rows {
        values.extend_from_slice(&names.values[row * names.dim..][..names.dim]);
    }
    names.values = values;
    names.clips = rows.iter().map(|&row| names.clips[row].clone()).collect();
    Ok(Some(format!(
        "{}: names are put into the order of the columns of {}",
        names_path.display(),
        path.display()
    )))
}

/// Puts a table's rows into the order of `clips`.
fn in_order_of(
    clips: &[String],
    table: &mut EmbeddingTable,
    path: &Path,
    first: &Path,
) -> anyhow::Result<()> {
    let wanted: Vec<&str> = clips.iter().map(String::as_str).collect();
    let there: Vec<&str> = table.clips.iter().map(String::as_str).collect();
    let (rows, _) = match_ids(&wanted, &there);
    let mut values = Vec::with_capacity(clips.len() * table.dim);
    for (clip, row) in clips.iter().zip(rows) {
        let row = row.and_then(|row| table.row(row));
        let row = row.ok_or_else(|| {
            anyhow::anyhow!(
                "{}: expected the pictures of {}, found none called {clip:?}",
                path.display(),
                first.display()
            )
        })?;
        values.extend_from_slice(row);
    }
    table.values = values;
    table.clips = clips.to_vec();
    Ok(())
}
