//! `cohort search pairs`: how well captions find their pictures and pictures their captions.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use cohort_data::{Joined, Pairs as Source, PairsOptions, read_pairs};
use cohort_search::{
    Direction, DirectionMeasured, Distance, PairsDifference, PairsQuestion, PairsSettings,
    compare_pairs, measure_pairs, summarise_pairs,
};
use cohort_tables::{EmbeddingTable, csv_line, write_atomic};

use super::index::{read, say_without_direction};
use super::query::write_json;
use crate::commands::named::named;
use crate::commands::stages::Stages;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search pairs`.
///
/// Both tables must be made by the same model, whose picture and text vectors lie in one space. A caption looks for its one picture
/// among all pictures; for a picture any of its captions among all captions is right.
#[derive(Debug, Args)]
pub(crate) struct Pairs {
    /// Embedding table of the pictures, keyed by file or by COCO's image id
    pictures: PathBuf,
    /// Embedding table of the captions, keyed by their ids: COCO's, those of a column caption_id, else PICTURE#0, PICTURE#1 and so on
    captions: PathBuf,
    /// Which caption is of which picture: COCO's captions (captions_*.json), a table with a column each of pictures and captions,
    /// Flickr's token file, or a folder with one of them
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// Only the pictures of this split and their captions [default: all]
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Column of the pictures in a table of pairs [default: image, path, file and the like]
    #[arg(long, value_name = "COLUMN")]
    picture_column: Option<String>,
    /// Column of the captions [default: caption, text, sentence and the like]
    #[arg(long, value_name = "COLUMN")]
    caption_column: Option<String>,
    #[command(flatten)]
    reading: TableArgs,
    /// What "near" means: cosine, euclidean or inner-product
    #[arg(long, value_name = "METRIC", default_value = "cosine", value_parser = named::<Distance>(Distance::ALL.map(Distance::name)))]
    metric: Distance,
    /// Take the means of this split's pictures and captions off all vectors, for tables whose two kinds lie apart
    #[arg(long, value_name = "SPLIT")]
    centre: Option<String>,
    /// Correct cosines for hubs by K neighbours (CSLS), which looks at all queries at once
    #[arg(long, value_name = "K")]
    csls: Option<usize>,
    /// Another model's tables of the same pictures and captions, to compare with
    #[arg(long, num_args = 2, value_names = ["PICTURES", "CAPTIONS"])]
    against: Option<Vec<PathBuf>>,
    /// The k of R@k
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_values_t = PairsSettings::default().ks)]
    k: Vec<usize>,
    /// Shuffles of the pairs, for the control
    #[arg(long, value_name = "N", default_value_t = PairsSettings::default().shuffles)]
    shuffles: usize,
    /// Bootstrap resamples of pictures
    #[arg(long, value_name = "B", default_value_t = PairsSettings::default().resamples)]
    resamples: usize,
    /// Level of the intervals
    #[arg(long, value_name = "P", default_value_t = PairsSettings::default().level)]
    level: f64,
    /// Seed of all random numbers
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Where every query's rank, answer and score go as a table
    #[arg(long, value_name = "FILE.csv")]
    per_query: Option<PathBuf>,
    /// Where the document goes as JSON
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Print one JSON document (cohort.pairs/1)
    #[arg(long)]
    json: bool,
}

/// A model's two tables, and where the pairs stand in them.
struct Model {
    pictures: EmbeddingTable,
    captions: EmbeddingTable,
    joined: Joined,
}

/// Which pictures and captions of the pairs are measured, and how they go together.
struct Measured {
    pictures: Vec<usize>,
    captions: Vec<usize>,
    picture_of: Vec<Option<u32>>,
}

/// The vectors of a model that are measured, row by row.
struct Vectors {
    pictures: Vec<f32>,
    captions: Vec<f32>,
}

impl Pairs {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let settings = PairsSettings {
            distance: self.metric,
            csls: self.csls,
            ks: self.k.clone(),
            shuffles: self.shuffles,
            resamples: self.resamples,
            level: self.level,
            seed: self.seed,
        };
        let (source, centre, mut notes) = self.source(shell)?;
        let mut model = self.model(&self.pictures, &self.captions, &source, &mut notes, shell)?;
        let mut other = match self.against.as_deref() {
            Some([pictures, captions]) => {
                Some(self.model(pictures, captions, &source, &mut notes, shell)?)
            }
            _ => None,
        };
        self.reading.all_found()?;
        if let Some(centre) = &centre {
            self.centre(&mut model, [&self.pictures, &self.captions], centre)?;
            if let (Some(other), Some([pictures, captions])) = (&mut other, self.against.as_deref())
            {
                self.centre(other, [pictures, captions], centre)?;
            }
            notes.push(format!(
                "the means of the {} pictures and {} captions of {} are taken off",
                centre.pictures.len(),
                centre.captions.len(),
                self.centre.as_deref().unwrap_or_default()
            ));
        }
        let models: Vec<&Model> = std::iter::once(&model).chain(&other).collect();
        let measured = self.measured(&source, &models)?;
        let vectors = model.vectors(&measured);
        let question = measured.question(&vectors, model.pictures.dim);
        let directions = measure(&question, &settings, shell)
            .with_context(|| format!("{} and {}", name(&self.pictures), name(&self.captions)))?;
        let mut document = shell.apart(|| summarise_pairs(&question, &directions, &settings))?;
        if let (Some(other), Some([pictures, captions])) = (&other, self.against.as_deref()) {
            let vectors = other.vectors(&measured);
            let question = measured.question(&vectors, other.pictures.dim);
            let theirs = measure(&question, &settings, shell)
                .with_context(|| format!("{} and {}", name(pictures), name(captions)))?;
            document.against = Some(PairsDifference {
                pictures: name(pictures),
                captions: name(captions),
                pictures_left_out: only_one(&model.joined.pictures, &other.joined.pictures),
                captions_left_out: only_one(&model.joined.captions, &other.joined.captions),
                directions: shell.apart(|| compare_pairs(&directions, &theirs, &settings))?,
            });
        }
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
        document.notes = self.reading.notes();
        document.notes.extend(notes);
        if let Some(out) = &self.per_query {
            let table = measured.table(&source, &directions);
            write_atomic(out, table.as_bytes())?;
            shell.say(&format!("wrote {}", out.display()));
        }
        if let Some(out) = &self.out {
            write_json(out, &document, shell)?;
        }
        match self.json {
            true => shell.print_json(&document)?,
            false => shell.print(&document.to_text())?,
        }
        Ok(Outcome::Done)
    }

    /// Takes the means of a split's vectors off all of a model's.
    fn centre(
        &self,
        model: &mut Model,
        [pictures, captions]: [&Path; 2],
        centre: &Source,
    ) -> anyhow::Result<()> {
        let joined = centre.join((pictures, &model.pictures), (captions, &model.captions))?;
        take_off_mean(&mut model.pictures, &joined.pictures);
        take_off_mean(&mut model.captions, &joined.captions);
        Ok(())
    }

    /// The pairs, of one split where that is asked for, those of the split that is the centre, and what is to be told of them.
    fn source(&self, shell: &Shell) -> anyhow::Result<(Source, Option<Source>, Vec<String>)> {
        let options = PairsOptions {
            images: None,
            without_files: true,
            picture: self.picture_column.clone(),
            caption: self.caption_column.clone(),
            table: self.reading.options().format,
        };
        let pairs = read_pairs(&self.pairs, &options)?;
        let notes = pairs.told();
        shell.say_notes(&notes);
        let of = |split: &String| pairs.in_split(&self.pairs, split);
        let centre = self.centre.as_ref().map(of).transpose()?;
        let own = self.split.as_ref().map(of).transpose()?;
        Ok((own.unwrap_or(pairs), centre, notes))
    }

    /// Reads two tables and finds the pairs in them.
    fn model(
        &self,
        pictures: &Path,
        captions: &Path,
        source: &Source,
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
    fn measured(&self, source: &Source, models: &[&Model]) -> anyhow::Result<Measured> {
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

fn only_one(a: &[Option<usize>], b: &[Option<usize>]) -> usize {
    let one = |(a, b): &(&Option<usize>, &Option<usize>)| a.is_some() != b.is_some();
    a.iter().zip(b).filter(one).count()
}

fn measure(
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
    fn vectors(&self, measured: &Measured) -> Vectors {
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
    fn unnamed(&self) -> usize {
        let of = |table: &EmbeddingTable, rows: &[Option<usize>]| {
            let named: HashSet<usize> = rows.iter().flatten().copied().collect();
            table.len() - named.len()
        };
        of(&self.pictures, &self.joined.pictures) + of(&self.captions, &self.joined.captions)
    }
}

impl Measured {
    fn question<'a>(&'a self, vectors: &'a Vectors, dim: usize) -> PairsQuestion<'a> {
        PairsQuestion {
            dim,
            pictures: &vectors.pictures,
            captions: &vectors.captions,
            picture_of: &self.picture_of,
        }
    }

    /// Every query as a line of CSV.
    fn table(&self, source: &Source, directions: &[DirectionMeasured]) -> String {
        let picture = |row: usize| source.pictures[self.pictures[row]].id.as_str();
        let caption = |row: usize| source.captions[self.captions[row]].id.as_str();
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let mut text = String::new();
        for of in directions {
            if text.is_empty() {
                let mut header: Vec<String> = ["direction", "query", "picture", "relevant", "rank"]
                    .map(String::from)
                    .into();
                header.extend(of.measures.iter().map(|measure| measure.name()));
                header.extend(["answer", "score", "unrelated", "percentile"].map(String::from));
                text += &csv_line(header);
            }
            for record in &of.asked {
                let (direction, query, answer) = match of.direction {
                    Direction::TextToImage => (
                        "text_to_image",
                        caption(record.query),
                        picture(record.answer),
                    ),
                    Direction::ImageToText => (
                        "image_to_text",
                        picture(record.query),
                        caption(record.answer),
                    ),
                };
                let mut fields = vec![
                    direction.to_string(),
                    query.to_string(),
                    picture(record.picture).to_string(),
                    record.relevant.to_string(),
                    record.rank.to_string(),
                ];
                fields.extend(record.values.iter().map(f64::to_string));
                fields.extend([
                    answer.to_string(),
                    record.score.to_string(),
                    number(record.unrelated),
                    number(record.percentile),
                ]);
                text += &csv_line(fields);
            }
        }
        text
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
