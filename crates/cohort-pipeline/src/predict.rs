//! New clips through a run's models: label, probabilities and each modality's share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cohort_data::folder::{self, Entry, Unused};
use cohort_data::{Dataset, MediaKind, MediaSource};
use cohort_tables::{AUDIO_EXTENSIONS, IMAGE_EXTENSIONS, TRANSCRIPT_EXTENSIONS, shown};
use rayon::prelude::*;
use serde::Serialize;

use crate::predictor::{Answer, Predictor};
use crate::watch::say_warnings;
use crate::{Modality, PipelineError, Watch};

/// Version of the document.
const SCHEMA: &str = "cohort.predict/1";
/// Clips whose media are in memory at once.
const CHUNK: usize = 128;

/// What there is of one clip; at least one of the three should be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipMedia {
    /// Name of the clip.
    pub clip: String,
    /// Picture.
    pub image: Option<PathBuf>,
    /// Sound.
    pub audio: Option<PathBuf>,
    /// Words.
    pub words: Option<MediaSource>,
}

/// The answers for some clips; JSON `cohort.predict/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Predictions {
    /// `cohort.predict/1`.
    pub schema: String,
    /// Codes of the classes, in order.
    pub classes: Vec<String>,
    /// Their names for people, when the run's data set is there to tell them.
    pub names: Vec<String>,
    /// One a clip.
    pub clips: Vec<Prediction>,
    /// What was odd about media files that were read even so, a line each; absent where nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The answer for one clip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
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

impl ClipMedia {
    /// Groups files by their name without extension: `a.jpg`, `a.wav` and `a.txt` are the clip `a`. A folder stands for
    /// the pictures, sounds and transcripts in it and below it. Where files of one kind in several folders have one name, clips of
    /// that name are called by their paths ([`folder::clip_ids`]). Also gives what the folders hold besides, by kind.
    ///
    /// # Errors
    /// A folder that cannot be read, a file of another kind, two pictures (sounds, transcripts) of one clip.
    pub fn from_files(paths: &[PathBuf]) -> Result<(Vec<Self>, Unused), PipelineError> {
        let wanted = [
            &IMAGE_EXTENSIONS[..],
            &AUDIO_EXTENSIONS,
            &TRANSCRIPT_EXTENSIONS,
        ]
        .concat();
        let mut unused = Unused::default();
        let mut groups: BTreeMap<Modality, Vec<Entry>> = BTreeMap::new();
        for path in paths {
            let entries = if path.is_dir() {
                let listing = folder::search(path, &wanted)?;
                unused.add(listing.unused);
                listing.files
            } else {
                vec![folder::named(path)]
            };
            for entry in entries {
                let Some(modality) = kind(&entry.path) else {
                    return Err(PipelineError::Unusable {
                        path: entry.path,
                        expected: format!(
                            "a picture ({}), a sound ({}) or a transcript ({})",
                            IMAGE_EXTENSIONS.join(", "),
                            AUDIO_EXTENSIONS.join(", "),
                            TRANSCRIPT_EXTENSIONS.join(", ")
                        ),
                        found: "another kind of file".to_string(),
                    });
                };
                groups.entry(modality).or_default().push(entry);
            }
        }
        let entries: Vec<&[Entry]> = groups.values().map(Vec::as_slice).collect();
        let ids = folder::clip_ids(&entries);
        let mut clips: BTreeMap<String, Self> = BTreeMap::new();
        for ((&modality, entries), ids) in groups.iter().zip(ids) {
            for (entry, id) in entries.iter().zip(ids) {
                add(&mut clips, &entry.path, modality, &id)?;
            }
        }
        Ok((clips.into_values().collect(), unused))
    }

    /// Every clip of a data set, or of one split of it.
    ///
    /// # Errors
    /// A split that the data set does not have.
    pub fn from_dataset(
        dataset: &Dataset,
        split: Option<&str>,
    ) -> Result<Vec<Self>, PipelineError> {
        if let Some(name) = split
            && dataset.split(name).is_none()
        {
            let names: Vec<&str> = dataset.splits.iter().map(|s| s.name.as_str()).collect();
            return Err(PipelineError::Unusable {
                path: dataset.root.clone(),
                expected: format!("the split {name}"),
                found: names.join(", "),
            });
        }
        let splits = dataset.splits.iter();
        let wanted = splits.filter(|one| split.is_none_or(|name| one.name == name));
        let clips = wanted.flat_map(|split| &split.clips);
        Ok(clips
            .map(|clip| Self {
                clip: clip.id.clone(),
                image: clip.picture().map(Path::to_path_buf),
                audio: clip.sound().map(Path::to_path_buf),
                words: clip.words().cloned(),
            })
            .collect())
    }
}

fn kind(path: &Path) -> Option<Modality> {
    match MediaKind::of_file(path)? {
        MediaKind::Picture => Some(Modality::Image),
        MediaKind::Sound => Some(Modality::Audio),
        MediaKind::Text => Some(Modality::Text),
        MediaKind::Video => None,
    }
}

fn add(
    clips: &mut BTreeMap<String, ClipMedia>,
    path: &Path,
    modality: Modality,
    name: &str,
) -> Result<(), PipelineError> {
    let clip = clips.entry(name.to_string()).or_insert_with(|| ClipMedia {
        clip: name.to_string(),
        ..ClipMedia::default()
    });
    let file = path.to_path_buf();
    let twice = match modality {
        Modality::Image => clip.image.replace(file).is_some(),
        Modality::Audio => clip.audio.replace(file).is_some(),
        Modality::Text => clip.words.replace(MediaSource::File(file)).is_some(),
    };
    if twice {
        return Err(PipelineError::Unusable {
            path: path.to_path_buf(),
            expected: format!("one {modality} of the clip {name}"),
            found: "two".to_string(),
        });
    }
    Ok(())
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
) -> Result<Predictions, PipelineError> {
    let predictor = Predictor::load(run, watch)?;
    let classes = predictor.classes().to_vec();
    let names = Dataset::open(&predictor.config().data, None)
        .ok()
        .and_then(|dataset| {
            let levels = &dataset.schema.target_attribute()?.levels;
            Some(levels.iter().map(|level| level.name.clone()).collect())
        });
    let (mut all, mut warnings) = (Vec::new(), Vec::new());
    watch.begin("clips", clips.len());
    for (number, some) in clips.chunks(CHUNK).enumerate() {
        if watch.stopped() {
            watch.end();
            return Err(PipelineError::Stopped);
        }
        all.extend(answer(&predictor, &classes, some, &mut warnings)?);
        watch.at(number * CHUNK + some.len());
    }
    watch.end();
    predictor.say_missed(watch);
    say_warnings(&warnings, watch);
    Ok(Predictions {
        schema: SCHEMA.to_string(),
        classes,
        names: names.unwrap_or_default(),
        clips: all,
        warnings,
    })
}

fn answer(
    predictor: &Predictor,
    classes: &[String],
    clips: &[ClipMedia],
    warnings: &mut Vec<String>,
) -> Result<Vec<Prediction>, PipelineError> {
    let mut seen = Vec::new();
    for modality in predictor.modalities() {
        let of = |clip: &ClipMedia, error: PipelineError| error.of_clip(&clip.clip);
        seen.push(match modality {
            Modality::Image => {
                let decoded: Result<Vec<_>, PipelineError> = clips
                    .par_iter()
                    .filter_map(|clip| Some((clip, clip.image.as_deref()?)))
                    .map(|(clip, file)| {
                        let decoded =
                            cohort_vision::decode_warned(file).map_err(|e| of(clip, e.into()))?;
                        Ok((clip.clip.clone(), decoded))
                    })
                    .collect();
                let mut pictures = Vec::new();
                for (clip, decoded) in decoded? {
                    warnings.extend(decoded.warnings);
                    pictures.push((clip, decoded.picture));
                }
                predictor.see(&pictures)?
            }
            Modality::Audio => {
                let decoded: Result<Vec<_>, PipelineError> = clips
                    .par_iter()
                    .filter_map(|clip| Some((clip, clip.audio.as_deref()?)))
                    .map(|(clip, file)| {
                        let decoded =
                            cohort_audio::decode_warned(file).map_err(|e| of(clip, e.into()))?;
                        Ok((clip.clip.clone(), decoded))
                    })
                    .collect();
                let mut sounds = Vec::new();
                for (clip, decoded) in decoded? {
                    warnings.extend(decoded.warnings);
                    sounds.push((clip, decoded.sound));
                }
                predictor.hear(&sounds)?
            }
            Modality::Text => {
                let texts: Result<Vec<_>, PipelineError> = clips
                    .iter()
                    .filter_map(|clip| Some((clip, clip.words.as_ref()?)))
                    .map(|(clip, words)| {
                        let text = words.read_words().map_err(|e| of(clip, e.into()))?;
                        Ok((clip.clip.clone(), text))
                    })
                    .collect();
                predictor.read(&texts?)?
            }
        });
    }
    let seen: Vec<&_> = seen.iter().collect();
    let names: Vec<String> = clips.iter().map(|clip| clip.clip.clone()).collect();
    let joint = predictor.joint(&seen, &names)?;
    let code = |class: usize| classes.get(class).cloned().unwrap_or_default();
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
                Some((joint.predicted.get(row)?, joint.row(row)?.to_vec()))
            });
            Prediction {
                clip,
                modalities: shares.iter().map(|(modality, _)| *modality).collect(),
                class: code(class),
                probabilities,
                shares: shares.into_iter().collect(),
                joint_class: found.as_ref().map(|(class, _)| code(**class)),
                joint_probabilities: found.map(|(_, p)| p),
            }
        })
        .collect())
}

impl Predictions {
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
            let quoted = if clip.clip.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", clip.clip.replace('"', "\"\""))
            } else {
                clip.clip.clone()
            };
            csv += &format!(
                "{quoted},{},{},{}\n",
                clip.class,
                p.join(","),
                shares.join(",")
            );
        }
        csv
    }
}
