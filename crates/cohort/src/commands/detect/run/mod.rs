//! `cohort detect run`: what a detector finds in pictures.

mod categories;
mod kept;
mod sources;
mod work;
mod write;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use cohort_detection::{Shape, Truth};
use cohort_detectors::{Asked, Detector, Origin};
use cohort_tables::counted;

use crate::shell::{Outcome, Shell};
use categories::Categories;
use work::Work;
use write::Out;

/// Arguments of `cohort detect run`.
///
/// YOLOX, nano to x: the project's ONNX files and its checkpoints. Faster and Mask R-CNN with a ResNet-50 as torchvision and detectron2
/// publish them, masks as run lengths. Pictures are resized as the network was trained.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Pictures, and folders that are searched for them; with --truth the folders that its pictures are in
    #[arg(value_name = "PICTURE|FOLDER", required_unless_present = "truth")]
    pictures: Vec<PathBuf>,
    /// Weights: YOLOX's ONNX file, .pth, .pkl or safetensors
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// COCO results (.json), a table (.csv), or a folder for detections.json and detections.csv
    #[arg(long, value_name = "FILE|DIR")]
    out: PathBuf,
    /// COCO annotations: their pictures are looked at, and ids are theirs [default folder: the file's own]
    #[arg(long, value_name = "FILE.json")]
    truth: Option<PathBuf>,
    /// Folder for the pictures with boxes, masks and labels drawn in, as PNG
    #[arg(long, value_name = "DIR")]
    annotated: Option<PathBuf>,
    /// Names of the classes, a line each, in the network's order [default: COCO's 80]
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
    /// Detections have a score above this [default: .001 for a YOLOX, .05 for an R-CNN]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    score: Option<f64>,
    /// Detections drawn have a score of at least this
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.3,
        allow_negative_numbers = true
    )]
    draw: f64,
    /// Two detections of a class overlap by no more than this (intersection over union) [default: .65 for a YOLOX, .5 for an R-CNN]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    nms: Option<f64>,
    /// Side of YOLOX's square, a multiple of 32 [default: 416 for nano and tiny, else 640], or the shorter side of an R-CNN's pictures [default: 800]
    #[arg(long, value_name = "PX")]
    size: Option<usize>,
    /// Most detections of a picture [default: 300 for a YOLOX, 100 for an R-CNN]
    #[arg(long, value_name = "N")]
    most: Option<usize>,
    /// What an R-CNN's norms add to variances [default: 0 for torchvision's files, as those for COCO want, 1e-5 for detectron2's]
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    norm_epsilon: Option<f64>,
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
        let asked = Asked {
            size: self.size,
            score: self.score,
            nms: self.nms,
            most: self.most,
            norm_epsilon: self.norm_epsilon,
        };
        let detector = Detector::open(&self.weights, &asked)?;
        let truth = match &self.truth {
            None => None,
            Some(path) => Some((path.as_path(), Truth::read(path, Shape::Box)?)),
        };
        if let Some((_, truth)) = &truth {
            shell.say_notes(&truth.notes);
        }
        let (categories, notes) =
            Categories::new(&detector, self.classes.as_deref(), truth.as_ref())?;
        shell.say_notes(&notes);
        let (pictures, notes) = sources::pictures(&self.pictures, truth.as_ref())?;
        shell.say_notes(&notes);
        shell.say(&format!(
            "{}; {} classes, {}",
            detector.described(),
            detector.classes(),
            counted(pictures.len(), "picture"),
        ));
        let work = Work {
            detector: &detector,
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
            Origin::Detectron2 => shell.say(&format!(
                "note: {path}: the weights of detectron2's model zoo are under CC BY-SA 3.0"
            )),
            Origin::Torchvision => shell.say(&format!(
                "note: {path}: torchvision (BSD-3-Clause) leaves the terms of its published weights to those of their data, here COCO's"
            )),
            Origin::Unknown => {}
            Origin::Ultralytics => bail!(
                "{path}: expected weights of YOLOX, torchvision or detectron2, found a file of Ultralytics (AGPL-3.0, code and weights, and weights one trains with it): not run here"
            ),
        }
        Ok(())
    }
}
