//! `cohort map`: a picture of an embedding table, and how far it can be trusted.

mod draw;
mod thumbnails;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use cohort_search::{
    Giant, Group, JUDGED_BY, Labelling, MapDocument, MapSettings, Method, Metric, PlacedClip,
    Points, agreement,
};
use cohort_tables::{EmbeddingTable, clip_id, did_you_mean};

use super::known::{self, About, Known};
use super::named::named;
use super::stages::{Stages, some};
use super::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Vectors of excessive length that are named one by one.
const GIANTS: usize = 5;

/// Arguments of `cohort map`.
///
/// The map is made of the vectors alone: labels colour it, they never shape it.
#[derive(Debug, Args)]
pub(crate) struct Map {
    /// Embedding table: Parquet as `cohort features`, pandas or polars write it, CSV with a column a component, .npy, .npz
    table: PathBuf,
    #[command(flatten)]
    tables: TableArgs,
    /// How the map is made
    #[arg(long, value_name = "METHOD", default_value = "tsne", value_parser = named::<Method>(["pca", "tsne", "umap"]))]
    method: Method,
    /// Who the clips are: a label table, or the folder of a data set
    #[arg(long, value_name = "L.csv|ROOT")]
    labels: Option<PathBuf>,
    /// Label column that the points are coloured by [default: the schema's target]
    #[arg(long, alias = "colour", value_name = "COLUMN", requires = "labels")]
    color: Option<String>,
    /// Only clips of this split (a split of the data set, or a value of the label table's column split)
    #[arg(long, value_name = "NAME", requires = "labels")]
    split: Option<String>,
    /// Column with the subject: neighbours of one subject do not count as agreement [default: the schema's, else UserID]
    #[arg(long, value_name = "COLUMN", requires = "labels")]
    subject: Option<String>,
    /// What codes mean [default: the data set's, else First Impressions where the codes fit]
    #[arg(long, value_name = "SCHEMA.toml", requires = "labels")]
    schema: Option<PathBuf>,
    /// Predictions to show beside the labels
    #[arg(long, value_name = "P.csv")]
    predictions: Option<PathBuf>,
    /// Transcripts for the HTML map (VideoName, Transcript) [default: the data set's]
    #[arg(long, value_name = "T.csv")]
    transcripts: Option<PathBuf>,
    /// Folder with a picture a clip, for small pictures in the HTML map
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Small pictures from the data set in the HTML map
    #[arg(long, requires = "labels")]
    thumbnails: bool,
    /// Where the map goes: .svg, .png, .html (to explore) or .csv (coordinates); may be given again
    #[arg(long, value_name = "FILE")]
    out: Vec<PathBuf>,
    /// What "near" means
    #[arg(long, value_name = "METRIC", default_value = "euclidean", value_parser = named::<Metric>(["euclidean", "cosine"]))]
    metric: Metric,
    /// t-SNE: effective number of neighbours [default: 30, or as many as fit]
    #[arg(long, value_name = "P")]
    perplexity: Option<f64>,
    /// UMAP: neighbours, the clip itself among them [default: 15]
    #[arg(long, value_name = "N")]
    neighbours: Option<usize>,
    /// UMAP: distance in the map below which points are as near as can be
    #[arg(long, value_name = "D", default_value_t = MapSettings::default().min_dist)]
    min_dist: f64,
    /// t-SNE: iterations after the exaggeration [default: 500]; UMAP: epochs [default: 500, or 200 above 10,000 clips]
    #[arg(long, value_name = "N")]
    iterations: Option<usize>,
    /// Seed of all random numbers
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Print one JSON document (cohort.map/1)
    #[arg(long)]
    json: bool,
}

impl Map {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        self.out.iter().try_for_each(|out| draw::check(out))?;
        let table = self.tables.vectors(&self.table, shell)?;
        let known = match &self.labels {
            Some(path) => Some(self.known(path, shell)?),
            None => None,
        };
        let rows = self.rows(&table, known.as_ref(), shell)?;
        let clips: Vec<&str> = rows.iter().map(|&row| table.clips[row].as_str()).collect();
        // before the map, which takes long: a wrong file is told at once
        let (predictions, of_columns) = self.predictions(&clips, shell)?;
        let transcripts = match &self.transcripts {
            Some(path) => Some(draw::Transcripts::new(
                path,
                self.tables.labels(path, shell)?,
            )?),
            None => None,
        };
        self.tables.all_found()?;
        let mut values = Vec::with_capacity(rows.len() * table.dim);
        for &row in &rows {
            values.extend_from_slice(table.row(row).unwrap_or_default());
        }
        let at = || self.table.display().to_string();
        let points = Points::new(&values, table.dim, self.metric).with_context(at)?;
        drop(values);
        if points.without_direction() > 0 {
            let n = points.without_direction();
            shell.say(&format!(
                "{n} vectors of zeros have no direction: their cosine distance to all is 1"
            ));
        }
        let giants: Vec<Giant> = points
            .giants()
            .into_iter()
            .map(|(place, times)| Giant {
                row: rows[place - 1] + 1,
                clip: clips[place - 1].to_string(),
                times,
            })
            .collect();
        for giant in giants.iter().take(GIANTS) {
            shell.say(&format!(
                "{}: {giant}; all others are one point beside it, and a map of them says little",
                self.table.display()
            ));
        }
        if giants.len() > GIANTS {
            shell.say(&format!(
                "and {} more vectors of such length",
                giants.len() - GIANTS
            ));
        }
        let stages = Stages::new(shell);
        let progress = |stage: &str, done, total| stages.at(stage, done, total);
        let map = shell.apart(|| cohort_search::map(&points, &self.settings(), &progress));
        stages.end();
        let map = map.with_context(at)?;
        let about: Vec<Option<&About>> = clips
            .iter()
            .map(|clip| known.as_ref()?.about(clip))
            .collect();
        let labels = match &known {
            None => None,
            Some(known) => {
                let groups: Vec<Option<usize>> = about
                    .iter()
                    .map(|about| about.and_then(|a| a.group))
                    .collect();
                let subjects = known.subjects(&about);
                let plane = map.plane()?;
                let agreed = shell.apart(|| {
                    agreement(
                        &points,
                        &plane,
                        &groups,
                        subjects.as_deref(),
                        JUDGED_BY,
                        self.seed,
                        &progress,
                    )
                });
                stages.end();
                Some(labelling(known, &groups, agreed?))
            }
        };
        let mut notes = self.tables.notes();
        notes.extend(of_columns);
        notes.extend(known.iter().flat_map(|known| known.notes.iter().cloned()));
        let name = self.table.file_name().unwrap_or_default();
        let place = |(i, clip): (usize, &&str)| PlacedClip {
            clip: (*clip).to_string(),
            x: map.points[i][0],
            y: map.points[i][1],
            label: about[i]
                .and_then(|a| a.group)
                .zip(known.as_ref())
                .and_then(|(group, known)| known.groups.get(group).map(|g| g.0.clone())),
            prediction: predictions.get(*clip).cloned(),
        };
        let document = MapDocument {
            schema: "cohort.map/1".into(),
            table: name.to_string_lossy().into_owned(),
            producer: table.provenance.producer.clone(),
            vectors: clips.len(),
            dim: table.dim,
            split: self.split.clone(),
            notes,
            giants,
            recipe: map.recipe,
            trustworthiness: map.trustworthiness,
            explained: map.explained,
            divergence: map.divergence,
            labels,
            points: clips.iter().enumerate().map(place).collect(),
        };
        for out in &self.out {
            let extras = draw::Extras {
                about: &about,
                transcripts: transcripts.as_ref(),
                images: self.images.as_deref(),
                thumbnails: self.thumbnails || self.images.is_some(),
            };
            draw::write(out, &document, &extras, shell)?;
        }
        if self.json {
            shell.print_json(&document)?;
        } else {
            shell.print(&document.to_text())?;
        }
        Ok(Outcome::Done)
    }

    fn settings(&self) -> MapSettings {
        MapSettings {
            method: self.method,
            metric: self.metric,
            seed: self.seed,
            perplexity: self.perplexity,
            neighbours: self.neighbours,
            min_dist: self.min_dist,
            iterations: self.iterations,
        }
    }

    fn known(&self, path: &Path, shell: &Shell) -> anyhow::Result<Known> {
        let ask = known::Ask {
            column: self.color.as_deref(),
            subject: self.subject.as_deref(),
            schema: self.schema.as_deref(),
            option: "--color",
        };
        let known = if path.is_dir() {
            known::from_dataset(path, &ask, shell)?
        } else {
            known::from_table(path, &self.tables.labels(path, shell)?, &ask)?
        };
        if let Some(split) = &self.split {
            ensure!(
                known.splits.contains(split),
                "{}: expected a split {split}, found {}",
                path.display(),
                if known.splits.is_empty() {
                    "a label table without a column split".to_string()
                } else {
                    let near = did_you_mean(split, known.splits.iter().map(String::as_str));
                    format!("splits {}{near}", known.splits.join(", "))
                }
            );
        }
        Ok(known)
    }

    /// Rows of the table that go into the map: those of the split, or all.
    fn rows(
        &self,
        table: &EmbeddingTable,
        known: Option<&Known>,
        shell: &Shell,
    ) -> anyhow::Result<Vec<usize>> {
        let all = 0..table.len();
        let (Some(known), Some(labels)) = (known, &self.labels) else {
            return Ok(all.collect());
        };
        let missing: Vec<&str> = table
            .clips
            .iter()
            .map(String::as_str)
            .filter(|clip| known.about(clip).is_none())
            .collect();
        if missing.len() == table.len() {
            let mut there: Vec<&str> = known.clips.keys().map(String::as_str).collect();
            there.sort_unstable();
            bail!(
                "{}: expected labels for the clips of {} ({}), found none of them among {}",
                labels.display(),
                self.table.display(),
                some(&missing),
                some(&there)
            );
        }
        let Some(split) = &self.split else {
            if !missing.is_empty() {
                let n = missing.len();
                let note = format!(
                    "{n} clips without labels are drawn grey: {}",
                    some(&missing)
                );
                shell.say(&note);
            }
            return Ok(all.collect());
        };
        let inside = |row: &usize| {
            let about = known.about(&table.clips[*row]);
            about.is_some_and(|a| a.split.as_ref() == Some(split))
        };
        let rows: Vec<usize> = all.filter(inside).collect();
        ensure!(
            !rows.is_empty(),
            "{}: expected clips of split {split}, found none among {} clips",
            self.table.display(),
            table.len()
        );
        Ok(rows)
    }

    /// What was predicted, by clip, and what is to be said of the table's columns.
    fn predictions(
        &self,
        clips: &[&str],
        shell: &Shell,
    ) -> anyhow::Result<(HashMap<String, String>, Vec<String>)> {
        let Some(path) = &self.predictions else {
            return Ok((HashMap::new(), Vec::new()));
        };
        let (table, columns) = self.tables.predictions(path, None, shell)?;
        let notes = columns.notes();
        shell.say_notes(&notes);
        let rows = table.names.iter().zip(&table.predicted);
        let found: HashMap<String, String> = rows
            .map(|(name, &class)| (clip_id(name).to_string(), table.classes[class].clone()))
            .collect();
        let missing: Vec<&str> = clips
            .iter()
            .copied()
            .filter(|c| !found.contains_key(*c))
            .collect();
        ensure!(
            missing.len() < clips.len(),
            "{}: expected predictions for the clips of the map ({}), found none of them",
            path.display(),
            some(&missing)
        );
        Ok((found, notes))
    }
}

fn labelling(
    known: &Known,
    groups: &[Option<usize>],
    agreement: Option<cohort_search::Agreement>,
) -> Labelling {
    let count = |group| groups.iter().filter(|g| **g == group).count();
    let group = |(i, (code, name)): (usize, &(String, String))| Group {
        code: code.clone(),
        name: name.clone(),
        points: count(Some(i)),
    };
    Labelling {
        column: known.column.clone(),
        ordered: known.ordered,
        groups: known.groups.iter().enumerate().map(group).collect(),
        unlabelled: count(None),
        agreement,
    }
}
