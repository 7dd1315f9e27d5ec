//! `cohort search embed`: pictures or captions as a table of vectors.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use cohort_data::{PairsOptions, read_pairs};
use cohort_pipeline::{ClipMedia, Encoder};
use cohort_tables::{EmbeddingTable, counted};

use super::encoder::{EncoderArgs, LookArgs, pictures_of, table_in};
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search embed`.
#[derive(Debug, Args)]
pub(crate) struct Embed {
    /// Folder of pictures (with all below them) or root of a data set; or pictures with captions: COCO's captions (captions_*.json), a
    /// table with a column each of pictures and captions, Flickr's token file. With --captions also a .txt of a text a line
    source: PathBuf,
    /// Embedding table that is made (.parquet); rows that are there and unchanged are kept
    #[arg(long, value_name = "TABLE")]
    out: PathBuf,
    /// The captions instead of the pictures
    #[arg(long)]
    captions: bool,
    /// Folder with the pictures that captions name [default: where the captions are]
    #[arg(long, value_name = "DIR", conflicts_with = "captions")]
    images: Option<PathBuf>,
    #[command(flatten)]
    encoder: EncoderArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl Embed {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        ensure!(
            self.out
                .extension()
                .is_some_and(|ending| ending == "parquet"),
            "--out {}: expected a name that ends in .parquet, found another",
            self.out.display()
        );
        let (table, what) = match self.captions {
            true => (self.words(shell)?, "caption"),
            false => (self.pictures(shell)?, "picture"),
        };
        shell.print(&format!(
            "{}: {} as vectors of {} values, by {}",
            self.out.display(),
            counted(table.len(), what),
            table.dim,
            table.provenance.producer
        ))?;
        Ok(Outcome::Done)
    }

    fn words(&self, shell: &Shell) -> anyhow::Result<EmbeddingTable> {
        // heads and names bring words into the pictures' space, a text encoder by itself has its own
        let settings = match self.encoder.of_words() {
            Some(words) if !self.encoder.joins() => words,
            _ => self.encoder.settings(&self.source)?,
        };
        let texts = self.texts(shell)?;
        let encoder = Encoder::open(&settings, self.look.device, shell)?;
        let texts: Vec<(&str, &str)> = (texts.iter())
            .map(|(id, text)| (id.as_str(), text.as_str()))
            .collect();
        Ok(encoder.words_table(&texts, &self.out, shell)?)
    }

    /// The texts with their ids: captions, or the lines of a file, each its own name.
    fn texts(&self, shell: &Shell) -> anyhow::Result<Vec<(String, String)>> {
        let is_text = self.source.extension().is_some_and(|e| e == "txt");
        let text = match is_text {
            true => std::fs::read_to_string(&self.source)
                .with_context(|| format!("cannot read {}", self.source.display()))?,
            false => String::new(),
        };
        // Flickr's token files may end in .txt too: picture.jpg#0, a tab, the caption
        let first = text.lines().next().unwrap_or_default();
        if !is_text
            || first
                .split_once('\t')
                .is_some_and(|(id, _)| id.contains('#'))
        {
            let captions = self.pairs(true, shell)?.captions.into_iter();
            return Ok(captions.map(|caption| (caption.id, caption.text)).collect());
        }
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let named: Vec<(String, String)> = lines
            .map(|line| {
                let times = seen.entry(line).or_default();
                *times += 1;
                let id = match times {
                    1 => line.to_string(),
                    times => format!("{line} ({times})"),
                };
                (id, line.to_string())
            })
            .collect();
        ensure!(
            !named.is_empty(),
            "{}: expected a text a line, found none",
            self.source.display()
        );
        Ok(named)
    }

    fn pictures(&self, shell: &Shell) -> anyhow::Result<EmbeddingTable> {
        let settings = self.encoder.settings(&self.source)?;
        let media = match self.source.is_dir() && self.images.is_none() {
            true => pictures_of(std::slice::from_ref(&self.source), shell)?.0,
            false => {
                let pairs = self.pairs(false, shell)?;
                let with_files = pairs.pictures.into_iter();
                with_files
                    .filter_map(|picture| Some(ClipMedia::picture(picture.id, picture.file?)))
                    .collect()
            }
        };
        ensure!(
            !media.is_empty(),
            "{}: expected pictures that are there, found none",
            self.source.display()
        );
        let encoder = Encoder::open(&settings, self.look.device, shell)?;
        table_in(&encoder, &media, &self.look, &self.out, shell)
    }

    fn pairs(&self, without_files: bool, shell: &Shell) -> anyhow::Result<cohort_data::Pairs> {
        let options = PairsOptions {
            images: self.images.clone(),
            without_files,
            ..PairsOptions::default()
        };
        let pairs = read_pairs(&self.source, &options)?;
        shell.say_notes(&pairs.told());
        Ok(pairs)
    }
}
