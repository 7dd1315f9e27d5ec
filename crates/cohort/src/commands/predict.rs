//! `cohort predict`: a run's answers for new clips.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use cohort_data::Dataset;
use cohort_pipeline::{ClipMedia, PredictSettings, predict};
use cohort_tables::write_atomic;

use crate::shell::{Outcome, Shell};

/// Arguments of `cohort predict`.
#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// Run folder of `cohort run` or `cohort demo`
    run: PathBuf,
    /// Pictures, sounds, videos and transcripts (or folders of them); those of one name are one clip, and any may be missing. - reads
    /// their names from standard input, one a line
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Every clip of a data set, in place of files
    #[arg(long, value_name = "ROOT", conflicts_with = "files")]
    data: Option<PathBuf>,
    /// One split of it
    #[arg(long, value_name = "NAME", requires = "data")]
    split: Option<String>,
    /// Write a table: VideoName,prediction,p1..pK and each modality's share; - prints it in place of the text
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// How often a clip's set of classes holds the true one, for new subjects: .50 to .99, in hundredths
    #[arg(long, value_name = "SHARE", default_value_t = PredictSettings::default().coverage)]
    coverage: f64,
    /// Abstain from an answer where the set has more classes than this [default: never]
    #[arg(long, value_name = "N")]
    widest: Option<usize>,
    #[command(flatten)]
    frames: super::frames::FrameArguments,
    #[command(flatten)]
    reading: super::reading::Reading,
    /// Print one JSON document (cohort.predict/1)
    #[arg(long)]
    json: bool,
}

impl Predict {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        if self.json && self.csv.as_deref() == Some(Path::new("-")) {
            bail!("--csv -: expected no --json beside it, since both print on standard output");
        }
        let mut notes = Vec::new();
        let clips = match &self.data {
            Some(root) => {
                let dataset = Dataset::open_with(root, &self.reading.options())?;
                shell.say_notes(&dataset.notes);
                notes = dataset.notes_for_documents();
                ClipMedia::from_dataset(&dataset, self.split.as_deref())?
            }
            None => {
                let (clips, unused) = ClipMedia::from_files(&listed(&self.files)?)?;
                if !unused.is_empty() {
                    shell.say(&format!("not used: {unused}"));
                }
                clips
            }
        };
        if clips.is_empty() {
            bail!("expected pictures, sounds, videos or transcripts, or --data ROOT, found none");
        }
        let settings = PredictSettings {
            coverage: self.coverage,
            widest: self.widest,
            frames: self.frames.settings()?,
        };
        let mut found = shell.apart(|| predict(&self.run, &clips, &settings, shell))?;
        if let (true, Some(first)) = (found.clips.is_empty(), found.failed.first()) {
            bail!(
                "expected a clip of which something can be read, found none; {}, {}: {}",
                first.clip,
                first.modality,
                first.reason
            );
        }
        for failed in &found.failed {
            shell.say(&format!(
                "not used: {}, {}: {}",
                failed.clip, failed.modality, failed.reason
            ));
        }
        // the run's own data set may be the same one, by another path
        let said = |note: &String| notes.iter().any(|own| note.ends_with(own.as_str()));
        found.notes.retain(|note| !said(note));
        shell.say_notes(&found.notes);
        found.notes.splice(0..0, notes);
        let to_stdout = self.csv.as_deref() == Some(Path::new("-"));
        match &self.csv {
            Some(_) if to_stdout => shell.print_data(&found.to_csv())?,
            Some(path) => write_atomic(path, found.to_csv().as_bytes())?,
            None => {}
        }
        if self.json {
            shell.print_json(&found)?;
        } else if !to_stdout {
            shell.print(&found.to_text())?;
            shell.say(cohort_pipeline::Answers::LEGEND);
        }
        Ok(match found.failed.is_empty() {
            true => Outcome::Done,
            false => Outcome::Found,
        })
    }
}

/// The files, with those that standard input names in the place of `-`.
fn listed(files: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        if file.as_path() != Path::new("-") {
            all.push(file.clone());
            continue;
        }
        for line in std::io::stdin().lines() {
            let line = line.context("standard input: expected names of files, one a line")?;
            if !line.trim().is_empty() {
                all.push(PathBuf::from(line));
            }
        }
    }
    Ok(all)
}
