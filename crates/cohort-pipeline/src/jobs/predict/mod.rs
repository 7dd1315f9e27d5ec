//! New clips through a run's models: label, probabilities and each modality's share.

mod answers;
mod eyes;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use cohort_video::FrameSettings;

use crate::branches::{ClipMedia, Videos, chunks};
use crate::error::PipelineError;
use crate::models::{Answer, Predictor, Seen};
use crate::watch::{Watch, say_warnings};

use answers::SCHEMA;
pub use answers::{Answers, ClipAnswer, FailedMedium};
use eyes::Eyes;

/// How clips are answered for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictSettings {
    /// How often sets hold the true class, from .50 to .99 in hundredths. Default .90.
    pub coverage: f64,
    /// Classes of a set at most, for an answer that can be used; of a clip with more nothing is said. Default none: any.
    pub widest: Option<usize>,
    /// Frames of videos.
    pub frames: FrameSettings,
}

impl Default for PredictSettings {
    fn default() -> Self {
        Self {
            coverage: 0.9,
            widest: None,
            frames: FrameSettings::default(),
        }
    }
}

impl PredictSettings {
    fn check(&self) -> Result<(), PipelineError> {
        let hundredths = self.coverage * 100.0;
        let whole = (hundredths - hundredths.round()).abs() < 1e-9;
        if !(whole && (0.5..=0.99).contains(&self.coverage)) {
            return Err(PipelineError::Setting {
                name: "coverage",
                expected: "0.50 to 0.99 in hundredths",
                found: self.coverage.to_string(),
            });
        }
        if self.widest == Some(0) {
            return Err(PipelineError::Setting {
                name: "widest",
                expected: "at least 1",
                found: "0".to_string(),
            });
        }
        Ok(())
    }
}

/// Answers for clips of which any modality may be missing. Media that cannot be read are listed, and their clips answered for by what
/// else there is. Clips of which nothing is there that the run has a model of are left out.
///
/// Of a clip without pictures that has a video, frames are looked at, and what the model sees in them is pooled.
///
/// # Errors
/// A run that is not finished; settings out of range; [`PipelineError::Stopped`].
pub fn predict(
    run: &Path,
    clips: &[ClipMedia],
    settings: &PredictSettings,
    watch: &dyn Watch,
) -> Result<Answers, PipelineError> {
    settings.check()?;
    let predictor = Predictor::load(run, watch)?;
    let (clips, videos) = Videos::open(clips, watch)?;
    let clips = clips.as_slice();
    let mut eyes = Eyes {
        predictor: &predictor,
        videos,
        frames: settings.frames,
        watch,
        failed: Vec::new(),
        warnings: Vec::new(),
        seen: BTreeMap::new(),
        flags: BTreeMap::new(),
    };
    let classes = predictor.classes().to_vec();
    let known = predictor.config().open_dataset().ok();
    let names = known.as_ref().and_then(|dataset| {
        let levels = &dataset.schema.target_attribute()?.levels;
        Some(levels.iter().map(|level| level.name.clone()).collect())
    });
    let mut all = Vec::new();
    // a branch that looks at all clips at once does so before they are answered for, some at a time
    let mut seen_before = Vec::new();
    for branch in predictor.branches() {
        let modality = branch.modality();
        let before = match branch.sees_all_at_once() {
            true => Some(eyes.see(branch, clips)?),
            false => None,
        };
        seen_before.push((modality, before));
    }
    watch.begin("clips", clips.len());
    let mut done = 0;
    for some in chunks(clips) {
        if watch.stopped() {
            watch.end();
            return Err(PipelineError::Stopped);
        }
        let names: HashSet<&str> = some.iter().map(|clip| clip.clip.as_str()).collect();
        let mut seen = Vec::new();
        for (branch, (_, before)) in predictor.branches().zip(&seen_before) {
            seen.push(match before {
                Some(before) => before.of(&names),
                None => eyes.see(branch, some)?,
            });
        }
        all.extend(answer(&predictor, &classes, some, &seen, settings)?);
        done += some.len();
        watch.at(done);
    }
    watch.end();
    for branch in predictor.branches() {
        branch.say_seen(watch);
    }
    let Eyes {
        failed,
        warnings,
        mut seen,
        mut flags,
        ..
    } = eyes;
    say_warnings(&warnings, watch);
    for one in &mut all {
        one.video = seen.remove(&one.clip);
        one.flags = flags.remove(&one.clip).unwrap_or_default();
    }
    let mut notes = known.map(|dataset| dataset.notes).unwrap_or_default();
    if predictor.sets().is_none() {
        notes.push(
            "this run was made before there were prediction sets; cohort run --resume makes them"
                .to_string(),
        );
    }
    Ok(Answers {
        schema: SCHEMA.to_string(),
        coverage: predictor.sets().map(|_| settings.coverage),
        classes,
        names: names.unwrap_or_default(),
        clips: all,
        failed,
        warnings,
        notes,
    })
}

/// The answers for clips of which `seen` is seen.
fn answer(
    predictor: &Predictor,
    classes: &[String],
    clips: &[ClipMedia],
    seen: &[Seen],
    settings: &PredictSettings,
) -> Result<Vec<ClipAnswer>, PipelineError> {
    let seen: Vec<&_> = seen.iter().collect();
    let names: Vec<String> = clips.iter().map(|clip| clip.clip.clone()).collect();
    let joint = predictor.joint(&seen, &names)?;
    let code = |class: usize| classes[class].clone();
    let answers = predictor.answers(&seen)?;
    Ok(answers
        .into_iter()
        .map(|(clip, answer)| {
            let Answer {
                probabilities,
                class,
                shares,
            } = answer;
            let found = joint.as_ref().and_then(|joint| {
                let row = joint.names.iter().position(|name| *name == clip)?;
                let p = joint.row(row).expect("joint answers are probabilities");
                Some((joint.predicted[row], p.to_vec()))
            });
            let modalities: Vec<&str> =
                shares.iter().map(|(modality, _)| modality.name()).collect();
            let rule = predictor
                .sets()
                .and_then(|sets| sets.rule(&modalities, settings.coverage));
            let set = rule.map(|rule| rule.set(&probabilities));
            let abstained = match (settings.widest, &set) {
                (None, _) => false,
                (Some(widest), Some(set)) => set.len() > widest,
                (Some(_), None) => true,
            };
            ClipAnswer {
                clip,
                set: set.map(|set| set.into_iter().map(code).collect()),
                abstained,
                flags: Vec::new(),
                video: None,
                modalities: shares.iter().map(|(modality, _)| *modality).collect(),
                class: code(class),
                probabilities,
                shares: shares.into_iter().collect(),
                joint_class: found.as_ref().map(|(class, _)| code(*class)),
                joint_probabilities: found.map(|(_, p)| p),
            }
        })
        .collect())
}
