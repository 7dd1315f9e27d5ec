//! `cohort data`: the embedded corpus, who is in a data set, what is wrong with its splits.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cohort_data::{
    AugmentSettings, CheckSettings, Dataset, OpenOptions, Section, Statistics, WordsSettings,
    augment, check_with, read_recipes, statistics, words,
};
#[cfg(feature = "networks")]
use cohort_pipeline::{FrameChoice, choose_frames};
use cohort_report::Style;
use cohort_report::charts::{BarChart, BarSeries, bars, shared_maximum};
use cohort_synth::{SynthSettings, synthesise};
#[cfg(feature = "networks")]
use cohort_tables::counted;
use cohort_tables::{did_you_mean, write_atomic};

use super::reading::Reading;
use crate::shell::{Outcome, Shell};

/// Subcommands of `cohort data`.
#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    /// Make the embedded corpus: faces, voices and words from a seed, in the First Impressions layout
    Synth(Synth),
    /// Who is in a data set: every count, pooled and by split, by clip and by subject
    Stats(Stats),
    /// What is wrong with a data set: leaks between splits, bad labels, bad media (exit code 1 when something is)
    Check(Check),
    /// Class folders enlarged by changed copies of the training pictures
    Augment(Augment),
    #[cfg(feature = "networks")]
    /// A picture of every video of a data set, where its readers find it
    Frames(Frames),
    /// Which words tell the target's groups apart, counted by subject
    Words(Words),
    /// Triplets of clips with several labels each: a positive that shares as many as any, a negative that shares none
    Triplets(super::triplets::Triplets),
}

#[derive(Debug, Args)]
pub(crate) struct Words {
    /// Folder of a data set with transcripts
    root: PathBuf,
    /// Count one split only
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Words shown for each group
    #[arg(long, value_name = "N", default_value_t = WordsSettings::default().top)]
    top: usize,
    /// Fewest subjects who must have used a word
    #[arg(long, value_name = "N", default_value_t = WordsSettings::default().least)]
    least: usize,
    /// Print one JSON document (cohort.words/1)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Synth {
    /// Folder of the corpus
    out: PathBuf,
    /// Clips in all splits
    #[arg(long, value_name = "N", default_value_t = SynthSettings::default().clips)]
    clips: usize,
    /// Seed of every draw
    #[arg(long, value_name = "S", default_value_t = SynthSettings::default().seed)]
    seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Folder of a data set (label tables alone will do), or a table of paths
    root: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Print one JSON document (cohort.stats/1)
    #[arg(long)]
    json: bool,
    /// Write stats.json, the tables as CSV and the charts as SVG into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Augment {
    /// Folder of a data set of pictures, or a table of paths
    root: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Folder of the enlarged set; a call that was broken off goes on in it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Recipes, each of which makes one copy of every training picture: mod1, mod2, mod3, or those of --recipes
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    recipe: Vec<String>,
    /// TOML file of own recipes: [recipe.NAME] with rotation, shift, zoom, flip, brightness
    #[arg(long, value_name = "FILE")]
    recipes: Option<PathBuf>,
    /// JPEG quality of the copies
    #[arg(long, value_name = "Q", default_value_t = AugmentSettings::default().quality,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Print one JSON document (cohort.augmented/1)
    #[arg(long)]
    json: bool,
}

impl Augment {
    fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let mut known = match &self.recipes {
            Some(path) => read_recipes(path)?,
            None => Vec::new(),
        };
        // a file's own mod1 comes before the built-in one
        known.extend(AugmentSettings::default().recipes);
        let mut recipes = Vec::new();
        for name in &self.recipe {
            let recipe = known.iter().find(|recipe| recipe.name == name.trim());
            let names: Vec<&str> = known.iter().map(|recipe| &*recipe.name).collect();
            let recipe = recipe.ok_or_else(|| {
                let near = did_you_mean(name, names.iter().copied());
                let names = names.join(", ");
                anyhow::anyhow!("--recipe: expected some of {names}, found {name}{near}")
            })?;
            recipes.push(recipe.clone());
        }
        let settings = AugmentSettings {
            recipes,
            quality: self.quality,
        };
        let options = OpenOptions {
            as_it_lies: true,
            ..self.reading.options()
        };
        let dataset = Dataset::open_with(&self.root, &options)?;
        shell.say_notes(&dataset.notes);
        let bar = shell.bar("augmented pictures", 0);
        // what is there whenever it ends is kept, and gone on with
        let made = shell.apart(|| {
            augment(&dataset, &self.out, &settings, &|done, total| {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            })
        })?;
        bar.finish_and_clear();
        if self.json {
            shell.print_json(&made)?;
            return Ok(Outcome::Done);
        }
        for split in &dataset.splits {
            let [copied, changed] = made.splits[&split.name];
            shell.print(&format!(
                "{}: {} pictures in {}, {copied} as they were and {changed} changed",
                split.name,
                copied + changed,
                self.out.join(&split.name).display()
            ))?;
        }
        Ok(Outcome::Done)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Folder of a data set, or a table of paths
    root: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Print one JSON document (cohort.check/1)
    #[arg(long)]
    json: bool,
}

/// Arguments of `cohort data frames`.
///
/// The pictures go to ROOT/video-frames, one an item that has a video and no picture; those of the same videos that are there stay.
#[cfg(feature = "networks")]
#[derive(Debug, Args)]
pub(crate) struct Frames {
    /// Folder of a data set, or a table of paths
    root: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Folder of a face detector (pnet.pt, rnet.pt, onet.pt): the frame that shows the main face best is taken [default: the sharpest]
    #[arg(
        long,
        value_name = "DIR",
        default_value = "",
        hide_default_value = true
    )]
    detector: String,
    #[command(flatten)]
    frames: super::frames::FrameArguments,
}

#[cfg(feature = "networks")]
impl Frames {
    fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let frames = self.frames.settings()?;
        let dataset = Dataset::open_with(&self.root, &self.reading.options())?;
        let choice = FrameChoice {
            detector: self.detector,
            frames,
        };
        let done = choose_frames(&dataset, &choice, shell)?;
        for (item, reason) in &done.failed {
            shell.say(&format!("not used: {item}: {reason}"));
        }
        let mut text = format!(
            "{}: {} made, {} kept",
            done.folder.display(),
            counted(done.made, "picture"),
            done.kept
        );
        for (count, what) in [
            (done.anew, "anew, since their videos are others now"),
            (done.faceless, "without a face that the detector finds"),
        ] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        for (count, what) in [
            (done.sound_alone, "with sound alone"),
            (done.failed.len(), "that cannot be read"),
        ] {
            if count > 0 {
                text += &format!(", {} {what}", counted(count, "video"));
            }
        }
        shell.print(&text)?;
        Ok(match done.failed.is_empty() {
            true => Outcome::Done,
            false => Outcome::Found,
        })
    }
}

impl Data {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        match self {
            Self::Synth(command) => command.run(shell),
            Self::Stats(command) => command.run(shell),
            Self::Check(command) => command.run(shell),
            Self::Augment(command) => command.run(shell),
            #[cfg(feature = "networks")]
            Self::Frames(command) => command.run(shell),
            Self::Words(command) => command.run(shell),
            Self::Triplets(command) => command.run(shell),
        }
    }
}

impl Words {
    fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let settings = WordsSettings {
            split: self.split,
            top: self.top,
            least: self.least,
            ..WordsSettings::default()
        };
        let dataset = Dataset::open(&self.root, None)?;
        shell.say_notes(&dataset.notes);
        let found = shell.apart(|| words(&dataset, &settings))?;
        if self.json {
            shell.print_json(&found)?;
        } else {
            shell.print(&found.to_text())?;
        }
        Ok(Outcome::Done)
    }
}

impl Synth {
    fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let settings = SynthSettings {
            clips: self.clips,
            seed: self.seed,
        };
        let bar = shell.bar("embedded corpus", self.clips);
        // whenever it ends, what is there of the corpus is no corpus yet
        let truth = shell.apart(|| {
            synthesise(&self.out, &settings, &|done, _| {
                bar.set_position(done as u64)
            })
        })?;
        bar.finish_and_clear();
        shell.print(&format!(
            "{} clips of {} subjects in {}; truth.json says what was planted",
            truth.clips,
            truth.subjects,
            self.out.display()
        ))?;
        Ok(Outcome::Done)
    }
}

impl Stats {
    fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let dataset = Dataset::open_with(&self.root, &self.reading.options())?;
        shell.say_notes(&dataset.notes);
        let document = statistics(&dataset);
        if let Some(out) = &self.out {
            write_statistics(&document, out)?;
        }
        if self.json {
            shell.print_json(&document)?;
        } else {
            shell.print(&document.to_text())?;
        }
        Ok(Outcome::Done)
    }
}

impl Check {
    fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let bar = shell.bar("split guard", 0);
        let progress = |done, total| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        };
        let settings = CheckSettings::default();
        let report = shell
            .apart(|| check_with(&self.root, &self.reading.options(), &settings, &progress))?;
        bar.finish_and_clear();
        if self.json {
            shell.print_json(&report)?;
        } else {
            shell.print(&report.to_text())?;
        }
        Ok(if report.found() {
            Outcome::Found
        } else {
            Outcome::Done
        })
    }
}

/// The document, its tables and its charts as files.
fn write_statistics(document: &Statistics, out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)
        .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", out.display()))?;
    let mut json = serde_json::to_vec_pretty(document)?;
    json.push(b'\n');
    write_atomic(&out.join("stats.json"), &json)?;
    for (name, table) in document.csv_tables() {
        write_atomic(&out.join(name), table.as_bytes())?;
    }
    let mut charts = charts(document, "pooled", &document.pooled);
    for (split, section) in &document.splits {
        charts.extend(self::charts(document, split, section));
    }
    for (name, mut chart, maximum) in charts {
        chart.maximum = Some(maximum);
        write_atomic(&out.join(name), bars(&chart, &Style::default())?.as_bytes())?;
    }
    Ok(())
}

/// Bar charts of a section with their file names; charts that belong together share one scale.
fn charts(
    document: &Statistics,
    section_name: &str,
    section: &Section,
) -> Vec<(String, BarChart, f64)> {
    let (items, units) = (document.items(), document.units());
    let counts: Vec<(String, BarChart)> = section
        .counts
        .iter()
        .map(|counts| {
            let levels = &counts.levels;
            let series = |name: &str, values: Vec<f64>| BarSeries {
                name: name.into(),
                values,
            };
            let chart = BarChart {
                title: format!("{} ({section_name})", counts.attribute),
                description: format!("{} and {units} by {}", capital(&items), counts.attribute),
                categories: levels.iter().map(|level| level.name.clone()).collect(),
                series: vec![
                    series(
                        &items,
                        levels.iter().map(|level| level.clips as f64).collect(),
                    ),
                    series(
                        &units,
                        levels.iter().map(|level| level.subjects as f64).collect(),
                    ),
                ],
                y_label: format!("{items} and {units}"),
                ..BarChart::default()
            };
            (format!("{section_name}-{}.svg", counts.attribute), chart)
        })
        .collect();
    let tables = |tables: &[cohort_data::Table], note: &str| -> Vec<(String, BarChart)> {
        tables
            .iter()
            .map(|table| {
                let rows = table
                    .row_levels
                    .iter()
                    .enumerate()
                    .map(|(row, names)| BarSeries {
                        name: names.join(", "),
                        values: (0..table.column_levels.len())
                            .map(|column| table.count(cohort_data::Unit::Clips, row, column) as f64)
                            .collect(),
                    });
                let by = table.rows.join(" and ");
                let chart = BarChart {
                    title: format!("{} by {by} ({section_name}{note})", table.column),
                    description: format!("{} by {} and {by}{note}", capital(&items), table.column),
                    categories: table.column_levels.clone(),
                    series: rows.collect(),
                    y_label: items.clone(),
                    ..BarChart::default()
                };
                let file = note.replace(", without ", "-without-").replace(' ', "-");
                let name = format!(
                    "{section_name}-{}-by-{}{file}.svg",
                    table.column,
                    table.rows.join("-")
                );
                (name, chart)
            })
            .collect()
    };
    let mut groups = vec![counts, tables(&section.tables, "")];
    for view in &section.without_majority {
        groups.push(tables(
            &view.tables,
            &format!(", without {}", view.left_out),
        ));
    }
    groups
        .into_iter()
        .flat_map(|group| {
            let maximum = shared_maximum(group.iter().map(|(_, chart)| chart));
            group
                .into_iter()
                .map(move |(name, chart)| (name, chart, maximum))
        })
        .collect()
}

/// With a capital letter in front.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
