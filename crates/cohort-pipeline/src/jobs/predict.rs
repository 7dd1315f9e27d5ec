//! New clips through a run's models: label, probabilities and each modality's share.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use cohort_tables::{csv_field, shown};
use cohort_video::FrameSettings;
use serde::Serialize;

use crate::branches::{
    Branch, ClipMedia, Content, DecodedMedia, Looked, VideoSeen, Videos, chunks,
};
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
    /// How often sets hold the true class; absent where the run has no sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// One a clip.
    pub clips: Vec<ClipAnswer>,
    /// Media that could not be used; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedMedium>,
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
    /// Codes of the classes of which the true one is one as often as `coverage` says, for clips of new subjects like those of the
    /// validation split; absent where no validation clip has these modalities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<Vec<String>>,
    /// Whether the set is wider than was asked for, so that `class` should not be used; absent where it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub abstained: bool,
    /// What is odd about the clip: `no face`, `several faces` (in its video); absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// What was seen of its video; absent where pictures were given, or no video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoSeen>,
}

/// A medium of a clip that could not be used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedMedium {
    /// The clip.
    pub clip: String,
    /// What it was to be used for.
    pub modality: Modality,
    /// The file, what was expected and what was found.
    pub reason: String,
}

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
        ..
    } = eyes;
    say_warnings(&warnings, watch);
    for one in &mut all {
        one.video = seen.remove(&one.clip);
        let faceless = |video: &VideoSeen| video.with_main_face == Some(0);
        if one.video.as_ref().is_some_and(faceless) {
            one.flags.push("no face".to_string());
        }
        let crowded = |video: &VideoSeen| video.other_faces.is_some_and(|others| others > 0);
        if one.video.as_ref().is_some_and(crowded) {
            one.flags.push("several faces".to_string());
        }
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

/// What the models look with, and what was met on the way.
struct Eyes<'a> {
    predictor: &'a Predictor,
    videos: Videos,
    frames: FrameSettings,
    watch: &'a dyn Watch,
    failed: Vec<FailedMedium>,
    warnings: Vec<String>,
    seen: BTreeMap<String, VideoSeen>,
}

impl Eyes<'_> {
    /// What a model sees of some clips; what cannot be read is listed.
    fn see(&mut self, branch: &dyn Branch, clips: &[ClipMedia]) -> Result<Seen, PipelineError> {
        let mut seen = match self.plainly(branch, clips) {
            // one is at fault: which, and what of the others
            Err(PipelineError::Clip { .. }) => {
                let mut seen = self.plainly(branch, &[])?;
                for clip in clips {
                    match self.plainly(branch, std::slice::from_ref(clip)) {
                        Ok(one) => seen = seen.and(one),
                        Err(error) => self.fail(branch, error)?,
                    }
                }
                seen
            }
            seen => seen?,
        };
        for clip in clips {
            match self.through_video(branch, clip) {
                Ok(None) => {}
                Ok(Some(one)) => seen = seen.and(one),
                Err(error) => self.fail(branch, error)?,
            }
        }
        Ok(seen)
    }

    fn plainly(&mut self, branch: &dyn Branch, clips: &[ClipMedia]) -> Result<Seen, PipelineError> {
        let mut warnings = Vec::new();
        let media = branch.decode(clips, &mut warnings)?;
        let seen = self.predictor.see(branch.modality(), &media)?;
        self.warnings.extend(warnings);
        Ok(seen)
    }

    /// What a model of pictures sees of a clip's video.
    fn through_video(
        &mut self,
        branch: &dyn Branch,
        clip: &ClipMedia,
    ) -> Result<Option<Seen>, PipelineError> {
        if branch.modality() != Modality::Image {
            return Ok(None);
        }
        let frames = self.videos.frames(clip, &self.frames, self.watch.stop())?;
        let looked = match frames {
            Some(frames) => branch.look(&frames)?,
            None => None,
        };
        let Some(Looked {
            parts,
            weights,
            what,
        }) = looked
        else {
            return Ok(None);
        };
        let media = DecodedMedia {
            clips: vec![clip.clip.clone(); parts.len()],
            content: Content::Parts(parts),
        };
        let seen = self.predictor.see(branch.modality(), &media)?;
        self.seen.insert(clip.clip.clone(), what);
        Ok(Some(seen.pooled(&clip.clip, &weights)))
    }

    /// Lists a clip's medium that cannot be used; other errors are handed on.
    fn fail(&mut self, branch: &dyn Branch, error: PipelineError) -> Result<(), PipelineError> {
        match error {
            PipelineError::Clip { clip, source } => {
                self.failed.push(FailedMedium {
                    clip,
                    modality: branch.modality(),
                    reason: source.to_string(),
                });
                Ok(())
            }
            other => Err(other),
        }
    }
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
                match clip.abstained {
                    true => "abstained".to_string(),
                    false => shown(&name(&clip.class)).into_owned(),
                }
            );
            if let Some(set) = &clip.set {
                text += &format!(" [{}];", shown(&set.join(" ")));
            }
            for (modality, share) in &clip.shares {
                text += &format!(" {modality} {share:+.2}");
            }
            if !clip.flags.is_empty() {
                text += &format!("; {}", clip.flags.join(", "));
            }
            if let Some(joint) = &clip.joint_class {
                text += &format!("; joint {}", shown(&name(joint)));
            }
            text.push('\n');
        }
        text
    }

    /// How a line of [`Self::to_text`] is read.
    pub const LEGEND: &str = "After the colon late fusion's class and its probability, in brackets the classes that hold the true one as often \
                as --coverage says, then what each modality adds to the logarithm of that probability over the class's share (Shapley values).";

    /// `VideoName,prediction,p1..pK`, then a column `share_MODALITY` each, empty where the clip lacks it, the codes of the `set` with
    /// spaces between, `abstained` (0 or 1) and `flags`.
    pub fn to_csv(&self) -> String {
        let columns: Vec<String> = (1..=self.classes.len()).map(|k| format!("p{k}")).collect();
        let shares = Modality::ALL.map(|modality| format!("share_{modality}"));
        let mut csv = format!(
            "VideoName,prediction,{},{},set,abstained,flags\n",
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
                "{},{},{},{},{},{},{}\n",
                csv_field(&clip.clip),
                clip.class,
                p.join(","),
                shares.join(","),
                csv_field(
                    &clip
                        .set
                        .as_ref()
                        .map_or_else(String::new, |set| set.join(" "))
                ),
                u8::from(clip.abstained),
                clip.flags.join("; ")
            );
        }
        csv
    }
}
