//! New clips through a run's models: label, probabilities and each modality's share.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use cohort_tables::{csv_field, shown};
use serde::Serialize;

use crate::branches::{ClipMedia, chunks};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::models::{Answer, Predictor, Seen};
use crate::watch::{Watch, say_warnings};

/// Version of the document.
const SCHEMA: &str = "cohort.predict/1";

/// The answers for some clips; JSON `cohort.predict/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answers {
    /// `cohort.predict/1`.
    pub schema: String,
    /// Codes of the classes, in order.
    pub classes: Vec<String>,
    /// Their names for people, when the run's data set is there to tell them.
    pub names: Vec<String>,
    /// One a clip.
    pub clips: Vec<ClipAnswer>,
    /// What was odd about media files that were read even so, a line each; absent where nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What was read otherwise than it was written of the tables that tell the classes' names, a line each; absent where
    /// nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The answer for one clip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClipAnswer {
    /// The clip.
    pub clip: String,
    /// Modalities that it has.
    pub modalities: Vec<Modality>,
    /// Code of the class that late fusion answers.
    pub class: String,
    /// Late fusion's probabilities.
    pub probabilities: Vec<f64>,
    /// What each modality adds to the logarithm of the class's probability over its share in the validation split
    /// (Shapley values; natural logarithm; negative speaks against).
    pub shares: BTreeMap<Modality, f64>,
    /// Code of the joint model's class, when the run has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joint_class: Option<String>,
    /// The joint model's probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joint_probabilities: Option<Vec<f64>>,
}

/// Answers for clips of which any modality may be missing. Those of which nothing is there that the run has a model of
/// are left out.
///
/// # Errors
/// A run that is not finished; media that cannot be read, named by clip; [`PipelineError::Stopped`].
pub fn predict(
    run: &Path,
    clips: &[ClipMedia],
    watch: &dyn Watch,
) -> Result<Answers, PipelineError> {
    let predictor = Predictor::load(run, watch)?;
    let classes = predictor.classes().to_vec();
    let known = predictor.config().open_dataset().ok();
    let names = known.as_ref().and_then(|dataset| {
        let levels = &dataset.schema.target_attribute()?.levels;
        Some(levels.iter().map(|level| level.name.clone()).collect())
    });
    let (mut all, mut warnings) = (Vec::new(), Vec::new());
    // a branch that looks at all clips at once does so before they are answered for, some at a time
    let mut seen_before = Vec::new();
    for branch in predictor.branches() {
        let modality = branch.modality();
        let before = match branch.sees_all_at_once() {
            true => {
                let media = branch.decode(clips, &mut warnings)?;
                Some(predictor.see(modality, &media)?)
            }
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
        for (branch, (modality, before)) in predictor.branches().zip(&seen_before) {
            seen.push(match before {
                Some(before) => before.of(&names),
                None => {
                    let media = branch.decode(some, &mut warnings)?;
                    predictor.see(*modality, &media)?
                }
            });
        }
        all.extend(answer(&predictor, &classes, some, &seen)?);
        done += some.len();
        watch.at(done);
    }
    watch.end();
    for branch in predictor.branches() {
        branch.say_seen(watch);
    }
    say_warnings(&warnings, watch);
    Ok(Answers {
        schema: SCHEMA.to_string(),
        classes,
        names: names.unwrap_or_default(),
        clips: all,
        warnings,
        notes: known.map(|dataset| dataset.notes).unwrap_or_default(),
    })
}

/// The answers for clips of which `seen` is seen.
fn answer(
    predictor: &Predictor,
    classes: &[String],
    clips: &[ClipMedia],
    seen: &[Seen],
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
            ClipAnswer {
                clip,
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

impl Answers {
    /// A line a clip: class, its probability, each modality's share, the joint model's class.
    pub fn to_text(&self) -> String {
        let name = |code: &str| {
            let at = self.classes.iter().position(|known| known == code);
            let name = at.and_then(|at| self.names.get(at));
            name.map_or_else(|| code.to_string(), |name| format!("{code} ({name})"))
        };
        let mut text = String::new();
        for clip in &self.clips {
            let best = clip.probabilities.iter().copied().fold(0.0, f64::max);
            text += &format!(
                "{}: {} {best:.3};",
                shown(&clip.clip),
                shown(&name(&clip.class))
            );
            for (modality, share) in &clip.shares {
                text += &format!(" {modality} {share:+.2}");
            }
            if let Some(joint) = &clip.joint_class {
                text += &format!("; joint {}", shown(&name(joint)));
            }
            text.push('\n');
        }
        text
    }

    /// How a line of [`Self::to_text`] is read.
    pub const LEGEND: &str = "After the colon late fusion's class and its probability, then what each modality adds to the logarithm of that \
                probability over the class's share (Shapley values).";

    /// `VideoName,prediction,p1..pK`, then a column `share_MODALITY` each, empty where the clip lacks it.
    pub fn to_csv(&self) -> String {
        let columns: Vec<String> = (1..=self.classes.len()).map(|k| format!("p{k}")).collect();
        let shares = Modality::ALL.map(|modality| format!("share_{modality}"));
        let mut csv = format!(
            "VideoName,prediction,{},{}\n",
            columns.join(","),
            shares.join(",")
        );
        for clip in &self.clips {
            let p: Vec<String> = clip.probabilities.iter().map(f64::to_string).collect();
            let shares = Modality::ALL.map(|modality| {
                let share = clip.shares.get(&modality);
                share.map_or_else(String::new, f64::to_string)
            });
            csv += &format!(
                "{},{},{},{}\n",
                csv_field(&clip.clip),
                clip.class,
                p.join(","),
                shares.join(",")
            );
        }
        csv
    }
}
