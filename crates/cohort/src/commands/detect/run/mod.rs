//! `cohort detect run`: what a detector finds in pictures.

mod categories;
mod sources;
mod work;
mod write;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use cohort_detection::{Shape, Truth};
use cohort_detectors::Origin;
use cohort_detectors::yolox::{Settings, Yolox};
use cohort_tables::counted;

use crate::shell::{Outcome, Shell};
use categories::Categories;
use work::Work;
use write::Out;

/// Arguments of `cohort detect run`.
///
/// YOLOX, nano to x: the project's ONNX files and its checkpoints; pictures are fitted into a square as it was trained.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Pictures, and folders that are searched for them; with --truth the folders that its pictures are in
    #[arg(value_name = "PICTURE|FOLDER", required_unless_present = "truth")]
    pictures: Vec<PathBuf>,
    /// Weights: YOLOX's ONNX file, .pth or safetensors
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// COCO results (.json), a table (.csv), or a folder for detections.json and detections.csv
    #[arg(long, value_name = "FILE|DIR")]
    out: PathBuf,
    /// COCO annotations: their pictures are looked at, and ids are theirs [default folder: the file's own]
    #[arg(long, value_name = "FILE.json")]
    truth: Option<PathBuf>,
    /// Folder for the pictures with boxes and labels drawn in, as PNG
    #[arg(long, value_name = "DIR")]
    annotated: Option<PathBuf>,
    /// Names of the classes, a line each, in the network's order [default: COCO's 80]
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
    /// Detections have a score above this
    #[arg(long, value_name = "P", default_value_t = 0.001)]
    score: f64,
    /// Detections drawn have a score of at least this
    #[arg(long, value_name = "P", default_value_t = 0.3)]
    draw: f64,
    /// Two detections of a class overlap by no more than this (intersection over union)
    #[arg(long, value_name = "P", default_value_t = 0.65)]
    nms: f64,
    /// Side of the square that pictures are fitted into, a multiple of 32 [default: 416 for nano and tiny, else 640]
    #[arg(long, value_name = "PX")]
    size: Option<usize>,
    /// Most detections of a picture
    #[arg(long, value_name = "N", default_value_t = 300)]
    most: usize,
    /// Leave out, count and list pictures that cannot be used
    #[arg(long)]
    skip_bad: bool,
}

impl Run {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        if !(0.0..=1.0).contains(&self.draw) {
            bail!("--draw: expected a number from 0 to 1, found {}", self.draw);
        }
        let out = Out::new(&self.out)?;
        self.tell_origin(shell)?;
        let yolox = Yolox::open(&self.weights)?;
        let architecture = yolox.architecture();
        let settings = Settings {
            side: self.size.unwrap_or(architecture.side()),
            score: self.score,
            nms: self.nms,
            most: self.most,
        };
        settings.check()?;
        let truth = match &self.truth {
            None => None,
            Some(path) => Some((path.as_path(), Truth::read(path, Shape::Box)?)),
        };
        if let Some((_, truth)) = &truth {
            shell.say_notes(&truth.notes);
        }
        let (categories, notes) = Categories::new(
            architecture.classes,
            self.classes.as_deref(),
            truth.as_ref(),
        )?;
        shell.say_notes(&notes);
        let (pictures, notes) = sources::pictures(&self.pictures, truth.as_ref())?;
        shell.say_notes(&notes);
        shell.say(&format!(
            "{}, {} classes, {} at {} pixels",
            architecture.name().unwrap_or("a YOLOX of another size"),
            architecture.classes,
            counted(pictures.len(), "picture"),
            settings.side
        ));
        let work = Work {
            yolox: &yolox,
            settings,
            categories: &categories,
            annotated: self.annotated.as_deref(),
            draw: self.draw,
            skip_bad: self.skip_bad,
        };
        let done = work.all(&pictures, out.journal(), shell)?;
        for path in out.write(&done.looked_at, &categories)? {
            shell.say(&format!("wrote {}", path.display()));
        }
        let summary = write::summary(&done, &categories, self.draw);
        done.journal.remove()?;
        for (file, why) in &done.skipped {
            shell.say(&format!("skipped {file}: {why}"));
        }
        if !done.skipped.is_empty() {
            shell.say(&format!(
                "{} skipped",
                counted(done.skipped.len(), "picture")
            ));
        }
        shell.print(&summary)?;
        Ok(Outcome::Done)
    }

    /// Says under which licence known weights are; refuses those of networks that are not run here.
    fn tell_origin(&self, shell: &Shell) -> anyhow::Result<()> {
        let path = self.weights.display();
        let origin = Origin::of(&self.weights).with_context(|| format!("cannot read {path}"))?;
        match origin {
            Origin::Yolox => shell.say(&format!(
                "note: {path}: YOLOX's published weights are under Apache-2.0"
            )),
            Origin::Unknown => {}
            Origin::Ultralytics => bail!(
                "{path}: expected weights of YOLOX, found a file of Ultralytics (AGPL-3.0, code and weights, and weights one trains with it): not run here"
            ),
        }
        Ok(())
    }
}
