//! The statement of what was planted, written beside the corpus as `truth.json`.

use serde::{Deserialize, Serialize};

use crate::ceiling::Ceiling;
use crate::cue::{DISADVANTAGED, FACTOR, Modality, SUBJECT_SHARE};
use crate::population::{ANNOTATOR_SD, MOST_ANNOTATORS, Subject, floors, real_shares};
use crate::schema::{GROUP_NAMES, GROUPS, Gender, Split, group_of};
use crate::settings::SynthSettings;

/// Version of the drawing: raised whenever the same seed gives other bytes than before.
const DRAWING: u32 = 3;

/// What was planted in a corpus, and what that allows at best (`truth.json`).
///
/// Every subject has a latent apparent age. Labels are the age group of the averaged guesses of one
/// to three annotators. Each modality is drawn from a *cue age*, the latent age with an error of its
/// own; errors are relative (standard deviations of the logarithm of the age) and independent
/// between modalities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// `cohort.truth/1`.
    pub schema: String,
    /// Version of the drawing: corpora of different versions differ at the same seed.
    pub drawing: u32,
    /// Seed of every draw.
    pub seed: u64,
    /// Clips in all splits.
    pub clips: usize,
    /// Subjects in all splits.
    pub subjects: usize,
    /// Clips and subjects of train, valid and test.
    pub splits: Splits,
    /// The age groups, youngest first, with their number of clips.
    pub groups: Vec<Group>,
    /// Strongest modality first.
    pub modalities: Vec<ModalityTruth>,
    /// The one group put at a disadvantage in one modality.
    pub disadvantage: Disadvantage,
    /// Attributes without a planted disadvantage.
    pub no_disadvantage: Vec<String>,
    /// Error of the labels.
    pub label_noise: LabelNoise,
    /// Fewest subjects of each age group.
    pub floors: Floors,
    /// Accuracy of the Bayes classifier that knows the planted distributions, for every set of
    /// modalities: no model of the media can be expected above it.
    pub ceilings: Vec<CeilingTruth>,
}

/// Sizes of the three parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Splits {
    /// Training part, about 60 % of the subjects.
    pub train: SplitTruth,
    /// Validation part, about 20 %.
    pub valid: SplitTruth,
    /// Test part, about 20 %.
    pub test: SplitTruth,
}

/// Size of one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitTruth {
    /// Number of clips.
    pub clips: usize,
    /// Number of subjects.
    pub subjects: usize,
}

/// One age group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Code in the label tables, 1 to 7.
    pub code: usize,
    /// Ages in years.
    pub name: String,
    /// Clips with this label.
    pub clips: usize,
    /// Share of clips with this label in First Impressions v3, in `[0, 1]`.
    pub real_share: f64,
}

/// How much one modality carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModalityTruth {
    /// `image`, `audio` or `text`.
    pub modality: String,
    /// 1 is the strongest.
    pub rank: usize,
    /// Standard deviation of the logarithm of the cue age given the age, before any disadvantage.
    pub relative_sd: f64,
    /// The same as years for somebody of 30.
    pub years_at_30: f64,
    /// Part of that variance shared by all clips of a subject.
    pub subject_share: f64,
    /// Pearson's correlation of the logarithms of cue age and latent age over all clips.
    pub correlation: f64,
}

/// The planted disadvantage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disadvantage {
    /// Column of the label tables.
    pub attribute: String,
    /// Name of the disadvantaged group.
    pub group: String,
    /// Its code in the label tables.
    pub code: u8,
    /// Modality in which it is put at a disadvantage.
    pub modality: String,
    /// The group's cue error is this many times the others'.
    pub factor: f64,
    /// How it shows in the media.
    pub how: String,
}

/// Error of the labels, as annotators make it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelNoise {
    /// Fewest and most annotators a subject; their guesses are averaged.
    pub annotators: [usize; 2],
    /// Standard deviation of the logarithm of one annotator's guess.
    pub relative_sd: f64,
    /// Share of clips whose label is not the group of the latent age.
    pub off_label: f64,
}

/// Fewest subjects that each age group keeps in each part, however small its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floors {
    /// In the training part.
    pub train: usize,
    /// In the validation part.
    pub valid: usize,
    /// In the test part.
    pub test: usize,
}

/// The best accuracy that a set of modalities allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CeilingTruth {
    /// The modalities used.
    pub inputs: Vec<String>,
    /// Over all clips.
    pub accuracy: f64,
    /// Over clips of code 1.
    pub male: f64,
    /// Over clips of code 2.
    pub female: f64,
}

impl Truth {
    /// States what the plan of a corpus holds. `clips` are all clips with their cue ages.
    pub(crate) fn new(
        settings: &SynthSettings,
        subjects: &[Subject],
        clips: &[(&Subject, [f64; 3])],
    ) -> Self {
        let size = |split: Split| {
            let in_split = || {
                subjects
                    .iter()
                    .filter(move |subject| subject.split == split)
            };
            SplitTruth {
                clips: in_split().map(|subject| subject.ordinals.len()).sum(),
                subjects: in_split().count(),
            }
        };
        let mut counts = [0usize; GROUPS];
        for (subject, _) in clips {
            counts[subject.group] += 1;
        }
        let off = clips
            .iter()
            .filter(|(subject, _)| group_of(subject.age) != subject.group)
            .count();
        let [train, valid, test] = floors(settings.clips);
        Truth {
            schema: "cohort.truth/1".into(),
            drawing: DRAWING,
            seed: settings.seed,
            clips: clips.len(),
            subjects: subjects.len(),
            splits: Splits {
                train: size(Split::Train),
                valid: size(Split::Valid),
                test: size(Split::Test),
            },
            groups: (0..GROUPS)
                .map(|group| Group {
                    code: group + 1,
                    name: GROUP_NAMES[group].into(),
                    clips: counts[group],
                    real_share: real_shares()[group],
                })
                .collect(),
            modalities: Modality::ALL
                .into_iter()
                .map(|modality| ModalityTruth {
                    modality: modality.name().into(),
                    rank: modality as usize + 1,
                    relative_sd: modality.relative_sd(),
                    years_at_30: rounded(30.0 * modality.relative_sd()),
                    subject_share: SUBJECT_SHARE,
                    correlation: rounded(correlation(clips, modality)),
                })
                .collect(),
            disadvantage: Disadvantage {
                attribute: "Gender".into(),
                group: format!("{DISADVANTAGED:?}"),
                code: DISADVANTAGED as u8,
                modality: Modality::Image.name().into(),
                factor: FACTOR,
                how: format!(
                    "the age that the picture shows errs {FACTOR} times as much; wrinkles are fainter (make-up, soft focus), hair is dyed"
                ),
            },
            no_disadvantage: vec!["Ethnicity".into()],
            label_noise: LabelNoise {
                annotators: [1, MOST_ANNOTATORS],
                relative_sd: ANNOTATOR_SD,
                off_label: rounded(off as f64 / clips.len().max(1) as f64),
            },
            floors: Floors { train, valid, test },
            ceilings: ceilings(clips, &counts),
        }
    }
}

/// Bayes accuracy of all seven sets of modalities.
fn ceilings(clips: &[(&Subject, [f64; 3])], counts: &[usize; GROUPS]) -> Vec<CeilingTruth> {
    let ceiling = Ceiling::new(&counts.map(|n| n as f64 / clips.len().max(1) as f64));
    (1..8usize)
        .map(|set| {
            let inputs: Vec<Modality> = Modality::ALL
                .into_iter()
                .filter(|m| set & (1 << *m as usize) != 0)
                .collect();
            let gender = |gender: Gender| {
                rounded(ceiling.accuracy(clips, &inputs, |subject| subject.gender == gender))
            };
            CeilingTruth {
                inputs: inputs
                    .iter()
                    .map(|modality| modality.name().into())
                    .collect(),
                accuracy: rounded(ceiling.accuracy(clips, &inputs, |_| true)),
                male: gender(Gender::Male),
                female: gender(Gender::Female),
            }
        })
        .collect()
}

/// Pearson's correlation of the logarithms of a cue age and the latent age.
fn correlation(clips: &[(&Subject, [f64; 3])], modality: Modality) -> f64 {
    let (mut sx, mut sy, mut sxx, mut syy, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (subject, cues) in clips {
        let (x, y) = (libm::log(subject.age), libm::log(cues[modality as usize]));
        sx += x;
        sy += y;
        sxx += x * x;
        syy += y * y;
        sxy += x * y;
    }
    let n = clips.len().max(1) as f64;
    (sxy - sx * sy / n) / libm::sqrt((sxx - sx * sx / n) * (syy - sy * sy / n))
}

/// Four decimals: enough to compare with, and the same text on every machine.
fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}
