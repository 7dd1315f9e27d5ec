//! Two tables of vectors whose pictures and captions belong together: what is read, and how they are compared.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use clap::Args;
use cohort_data::{Joined, Pairs, PairsOptions, read_pairs};
use cohort_search::{
    DirectionMeasured, Distance, PairsDocument, PairsQuestion, PairsSettings, measure_pairs,
};
use cohort_tables::EmbeddingTable;

use super::index::{read, say_without_direction};
use crate::commands::named::named;
use crate::commands::stages::Stages;
use crate::commands::tables::TableArgs;
use crate::shell::Shell;

/// Which tables, which pairs of them, and how they are compared.
#[derive(Debug, Args)]
pub(super) struct PairedArgs {
    /// Embedding table of the pictures, keyed by file or by COCO's image id
    pub(super) pictures: PathBuf,
    /// Embedding table of the captions, keyed by their ids: COCO's, those of a column caption_id, else PICTURE#0, PICTURE#1 and so on
    pub(super) captions: PathBuf,
    /// Which caption is of which picture: COCO's captions (captions_*.json), a table with a column each of pictures and captions,
    /// Flickr's token file, or a folder with one of them
    #[arg(long, value_name = "FILE")]
    pub(super) pairs: PathBuf,
    /// Only the pictures of this split and their captions [default: all]
    #[arg(long, value_name = "SPLIT")]
    pub(super) split: Option<String>,
    /// Column of the pictures in a table of pairs [default: image, path, file and the like]
    #[arg(long, value_name = "COLUMN")]
    pub(super) picture_column: Option<String>,
    /// Column of the captions [default: caption, text, sentence and the like]
    #[arg(long, value_name = "COLUMN")]
    pub(super) caption_column: Option<String>,
    #[command(flatten)]
    pub(super) reading: TableArgs,
    /// What "near" means: cosine, euclidean or inner-product
    #[arg(long, value_name = "METRIC", default_value = "cosine", value_parser = named::<Distance>(Distance::ALL.map(Distance::name)))]
    pub(super) metric: Distance,
    /// Take the means of this split's pictures and captions off all vectors, for tables whose two kinds lie apart
    #[arg(long, value_name = "SPLIT")]
    pub(super) centre: Option<String>,
    /// Correct cosines for hubs by K neighbours (CSLS), which looks at all queries at once
    #[arg(long, value_name = "K")]
    pub(super) csls: Option<usize>,
    /// Shuffles of the pairs, for the control
    #[arg(long, value_name = "N", default_value_t = PairsSettings::default().shuffles)]
    pub(super) shuffles: usize,
    /// Bootstrap resamples of pictures
    #[arg(long, value_name = "B", default_value_t = PairsSettings::default().resamples)]
    pub(super) resamples: usize,
    /// Level of the intervals
    #[arg(long, value_name = "P", default_value_t = PairsSettings::default().level)]
    pub(super) level: f64,
    /// Seed of all random numbers
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(super) seed: u64,
}

/// A model's two tables, and where the pairs stand in them.
pub(super) struct Model {
    pub(super) pictures: EmbeddingTable,
    pub(super) captions: EmbeddingTable,
    pub(super) joined: Joined,
}

/// Which pictures and captions of the pairs are measured, and how they go together.
pub(super) struct Measured {
    pub(super) pictures: Vec<usize>,
    pub(super) captions: Vec<usize>,
    pub(super) picture_of: Vec<Option<u32>>,
}

/// The vectors of a model that are measured, row by row.
pub(super) struct Vectors {
    pub(super) pictures: Vec<f32>,
    pub(super) captions: Vec<f32>,
}

impl PairedArgs {
    /// How pairs are measured, at these k.
    pub(super) fn settings(&self, ks: Vec<usize>) -> PairsSettings {
        PairsSettings {
            distance: self.metric,
            csls: self.csls,
            ks,
            shuffles: self.shuffles,
            resamples: self.resamples,
            level: self.level,
            seed: self.seed,
        }
    }

    /// Writes into a document what was read.
    pub(super) fn name_in(&self, document: &mut PairsDocument, model: &Model) {
        document.pictures = name(&self.pictures);
        document.captions = name(&self.captions);
        document.pairs = name(&self.pairs);
        document.split.clone_from(&self.split);
        document.pictures_producer = model.pictures.provenance.producer.clone();
        document.captions_producer = model.captions.provenance.producer.clone();
        let without = |rows: &[Option<usize>]| rows.iter().filter(|row| row.is_none()).count();
        document.pictures_without_vector = without(&model.joined.pictures);
        document.captions_without_vector = without(&model.joined.captions);
        document.vectors_without_pair = model.unnamed();
    }

    /// What to tell of the means that were taken off.
    pub(super) fn told_centre(&self, centre: &Pairs) -> String {
        format!(
            "the means of the {} pictures and {} captions of {} are taken off",
            centre.pictures.len(),
            centre.captions.len(),
            self.centre.as_deref().unwrap_or_default()
        )
    }

    /// Takes the means of a split's vectors off all of a model's.
    pub(super) fn centre(
        &self,
        model: &mut Model,
        [pictures, captions]: [&Path; 2],
        centre: &Pairs,
    ) -> anyhow::Result<()> {
        let joined = centre.join((pictures, &model.pictures), (captions, &model.captions))?;
        take_off_mean(&mut model.pictures, &joined.pictures);
        take_off_mean(&mut model.captions, &joined.captions);
        Ok(())
    }

    /// The pairs, of one split where that is asked for, those of the split that is the centre, and what is to be told of them.
    pub(super) fn source(
        &self,
        shell: &Shell,
    ) -> anyhow::Result<(Pairs, Option<Pairs>, Vec<String>)> {
        let options = PairsOptions {
            images: None,
            without_files: true,
            picture: self.picture_column.clone(),
            caption: self.caption_column.clone(),
            table: self.reading.options().format,
        };
        let ending = self.pairs.extension().unwrap_or_default();
        if ending.eq_ignore_ascii_case("json") {
            for (option, column) in [
                ("--picture-column", &self.picture_column),
                ("--caption-column", &self.caption_column),
            ] {
                ensure!(
                    column.is_none(),
                    "{option}: expected with a table of pairs, found {}",
                    self.pairs.display()
                );
            }
        }
        let pairs = read_pairs(&self.pairs, &options)?;
        let notes = pairs.told();
        shell.say_notes(&notes);
        let of = |split: &String| pairs.in_split(&self.pairs, split);
        let centre = self.centre.as_ref().map(of).transpose()?;
        let own = self.split.as_ref().map(of).transpose()?;
        Ok((own.unwrap_or(pairs), centre, notes))
    }

    /// Reads two tables and finds the pairs in them.
    pub(super) fn model(
        &self,
        pictures: &Path,
        captions: &Path,
        source: &Pairs,
        notes: &mut Vec<String>,
        shell: &Shell,
    ) -> anyhow::Result<Model> {
        let picture_table = read(pictures, &self.reading, shell)?;
        let caption_table = read(captions, &self.reading, shell)?;
        ensure!(
            picture_table.dim == caption_table.dim,
            "{}: expected vectors of {} numbers as in {}, found {}; both tables must be of one model",
            captions.display(),
            picture_table.dim,
            pictures.display(),
            caption_table.dim
        );
        for (path, table) in [(pictures, &picture_table), (captions, &caption_table)] {
            say_without_direction(path, table, self.metric, shell);
        }
        let joined = source.join((pictures, &picture_table), (captions, &caption_table))?;
        shell.say_notes(&joined.notes);
        notes.extend(joined.notes.iter().cloned());
        Ok(Model {
            pictures: picture_table,
            captions: caption_table,
            joined,
        })
    }

    /// The pictures and captions that every model has a vector of.
    pub(super) fn measured(&self, source: &Pairs, models: &[&Model]) -> anyhow::Result<Measured> {
        let every = |rows: &dyn Fn(&Model) -> bool| models.iter().all(|model| rows(model));
        let pictures: Vec<usize> = (0..source.pictures.len())
            .filter(|&i| every(&|model| model.joined.pictures[i].is_some()))
            .collect();
        let place: HashMap<usize, u32> = pictures.iter().copied().zip(0..).collect();
        let captions: Vec<usize> = (0..source.captions.len())
            .filter(|&i| every(&|model| model.joined.captions[i].is_some()))
            .collect();
        let of = |&caption: &usize| place.get(&source.captions[caption].picture).copied();
        let picture_of: Vec<Option<u32>> = captions.iter().map(of).collect();
        if picture_of.iter().all(Option::is_none) {
            bail!(
                "{}: expected a caption with a vector whose picture has one too, found none among {} captions and {} pictures with vectors",
                self.pairs.display(),
                captions.len(),
                pictures.len()
            );
        }
        Ok(Measured {
            pictures,
            captions,
            picture_of,
        })
    }
}

/// Takes the mean of some rows off all rows of a table.
fn take_off_mean(table: &mut EmbeddingTable, rows: &[Option<usize>]) {
    let mut mean = vec![0.0_f64; table.dim];
    let mut count = 0.0;
    for row in rows.iter().flatten().filter_map(|&row| table.row(row)) {
        count += 1.0;
        for (mean, value) in mean.iter_mut().zip(row) {
            *mean += f64::from(*value);
        }
    }
    for row in table.values.chunks_exact_mut(table.dim.max(1)) {
        for (value, mean) in row.iter_mut().zip(&mean) {
            *value = (f64::from(*value) - mean / count) as f32;
        }
    }
}

pub(super) fn measure(
    question: &PairsQuestion,
    settings: &PairsSettings,
    shell: &Shell,
) -> anyhow::Result<[DirectionMeasured; 2]> {
    let stages = Stages::new(shell);
    let progress = |stage: &str, done, total| stages.at(stage, done, total);
    let measured = shell.apart(|| measure_pairs(question, settings, &progress));
    stages.end();
    Ok(measured?)
}

impl Model {
    pub(super) fn vectors(&self, measured: &Measured) -> Vectors {
        let of = |table: &EmbeddingTable, rows: &[Option<usize>], items: &[usize]| -> Vec<f32> {
            let rows = items.iter().filter_map(|&item| rows[item]);
            let rows = rows.filter_map(|row| table.row(row));
            rows.flatten().copied().collect()
        };
        Vectors {
            pictures: of(&self.pictures, &self.joined.pictures, &measured.pictures),
            captions: of(&self.captions, &self.joined.captions, &measured.captions),
        }
    }

    /// Rows of the tables that no picture or caption of the pairs is.
    pub(super) fn unnamed(&self) -> usize {
        let of = |table: &EmbeddingTable, rows: &[Option<usize>]| {
            let named: HashSet<usize> = rows.iter().flatten().copied().collect();
            table.len() - named.len()
        };
        of(&self.pictures, &self.joined.pictures) + of(&self.captions, &self.joined.captions)
    }
}

impl Measured {
    pub(super) fn question<'a>(&'a self, vectors: &'a Vectors, dim: usize) -> PairsQuestion<'a> {
        PairsQuestion {
            dim,
            pictures: &vectors.pictures,
            captions: &vectors.captions,
            picture_of: &self.picture_of,
        }
    }
}

pub(super) fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
