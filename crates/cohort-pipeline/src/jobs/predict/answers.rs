//! The answers for some clips, and how they are printed.

use std::collections::BTreeMap;

use cohort_tables::{csv_field, shown};
use serde::Serialize;

use crate::branches::VideoSeen;
use crate::modality::Modality;

/// Version of the document.
pub(super) const SCHEMA: &str = "cohort.predict/1";

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
    /// What is odd about the clip's media: `dark`, `blurred`, `silent`, `clipped sound`, `short sound`, and of videos `no face` and
    /// `several faces`; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
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
