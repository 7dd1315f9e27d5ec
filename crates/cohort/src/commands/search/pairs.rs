//! `cohort search pairs`: how well captions find their pictures and pictures their captions.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use cohort_data::Pairs as Source;
use cohort_search::{
    Direction, DirectionMeasured, PairsDifference, PairsSettings, compare_pairs, summarise_pairs,
};
use cohort_tables::{csv_line, write_atomic};

use super::paired::{Measured, Model, PairedArgs, measure, name};
use crate::commands::deliver::deliver;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search pairs`.
///
/// Both tables must be made by the same model, whose picture and text vectors lie in one space. A caption looks for its one picture
/// among all pictures; for a picture any of its captions among all captions is right.
#[derive(Debug, Args)]
pub(crate) struct Pairs {
    #[command(flatten)]
    paired: PairedArgs,
    /// Another model's tables of the same pictures and captions, to compare with
    #[arg(long, num_args = 2, value_names = ["PICTURES", "CAPTIONS"])]
    against: Option<Vec<PathBuf>>,
    /// The k of R@k
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_values_t = PairsSettings::default().ks)]
    k: Vec<usize>,
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

impl Pairs {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let paired = &self.paired;
        let settings = paired.settings(self.k.clone());
        let (source, centre, mut notes) = paired.source(shell)?;
        let mut model = paired.model(
            &paired.pictures,
            &paired.captions,
            &source,
            &mut notes,
            shell,
        )?;
        let mut other = match self.against.as_deref() {
            Some([pictures, captions]) => {
                Some(paired.model(pictures, captions, &source, &mut notes, shell)?)
            }
            _ => None,
        };
        paired.reading.all_found()?;
        if let Some(centre) = &centre {
            paired.centre(&mut model, [&paired.pictures, &paired.captions], centre)?;
            if let (Some(other), Some([pictures, captions])) = (&mut other, self.against.as_deref())
            {
                paired.centre(other, [pictures, captions], centre)?;
            }
            notes.push(paired.told_centre(centre));
        }
        let models: Vec<&Model> = std::iter::once(&model).chain(&other).collect();
        let measured = paired.measured(&source, &models)?;
        let vectors = model.vectors(&measured);
        let question = measured.question(&vectors, model.pictures.dim);
        let directions = measure(&question, &settings, shell).with_context(|| {
            format!("{} and {}", name(&paired.pictures), name(&paired.captions))
        })?;
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
        paired.name_in(&mut document, &model);
        document.notes = paired.reading.notes();
        document.notes.extend(notes);
        if let Some(out) = &self.per_query {
            let table = table(&measured, &source, &directions);
            write_atomic(out, table.as_bytes())?;
            shell.say(&format!("wrote {}", out.display()));
        }
        let to = (self.out.as_deref(), self.json);
        deliver(&document, || document.to_text(), to, shell)
    }
}

fn only_one(a: &[Option<usize>], b: &[Option<usize>]) -> usize {
    let one = |(a, b): &(&Option<usize>, &Option<usize>)| a.is_some() != b.is_some();
    a.iter().zip(b).filter(one).count()
}

/// Every query as a line of CSV.
fn table(measured: &Measured, source: &Source, directions: &[DirectionMeasured]) -> String {
    let picture = |row: usize| source.pictures[measured.pictures[row]].id.as_str();
    let caption = |row: usize| source.captions[measured.captions[row]].id.as_str();
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
