//! Degradation curves of a run: its test clips made worse step by step, and what its late and joint models make of them.

use std::path::Path;

use cohort_audio::Sound;
use cohort_data::{Clip, Dataset};
use cohort_eval::IntervalSettings;
use cohort_fusion::{Curves, DegradedPredictions, curves};
use cohort_tables::{FolderLock, Predictions, write_atomic};
use cohort_train::derive_seed;
use cohort_vision::{Degradation, Picture};
use rayon::prelude::*;

use crate::embeddings::Seen;
use crate::stages::{fusion_settings, splits, write_json};
use crate::training::target_index;
use crate::watch::{apart, say_warnings};
use crate::{Modality, PipelineError, Predictor, Watch};

/// One way in which clips are made worse, and how far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Damage {
    /// Name in tables and charts.
    pub name: &'static str,
    /// What it is done to.
    pub modality: Modality,
    /// Unit of the severity.
    pub unit: &'static str,
    /// Severities, the first of which does nothing (or next to it).
    pub severities: &'static [f64],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Noise,
    Cut,
    Blur,
    Darkness,
    Occlusion,
    Words,
}

/// The grid: white noise and cut of the sound, blur, darkness and occlusion of the picture, words dropped. Severities
/// rise from left to right; that of noise is the noise's level relative to the sound's (dB), so that 0 is as loud as the
/// voice and -60 is nothing.
pub const DAMAGES: [Damage; 6] = [
    Damage {
        name: "noise",
        modality: Modality::Audio,
        unit: "noise to signal, dB",
        severities: &[-60.0, -30.0, -20.0, -10.0, 0.0],
        kind: Kind::Noise,
    },
    Damage {
        name: "cut sound",
        modality: Modality::Audio,
        unit: "share of the sound removed",
        severities: &[0.0, 0.25, 0.5, 0.75],
        kind: Kind::Cut,
    },
    Damage {
        name: "blur",
        modality: Modality::Image,
        unit: "sigma in % of the picture's side",
        severities: &[0.0, 1.0, 2.0, 4.0, 8.0],
        kind: Kind::Blur,
    },
    Damage {
        name: "darkness",
        modality: Modality::Image,
        unit: "share of the light removed",
        severities: &[0.0, 0.25, 0.5, 0.75, 0.9],
        kind: Kind::Darkness,
    },
    Damage {
        name: "occlusion",
        modality: Modality::Image,
        unit: "share of the picture hidden",
        severities: &[0.0, 0.1, 0.25, 0.5, 0.75],
        kind: Kind::Occlusion,
    },
    Damage {
        name: "dropped words",
        modality: Modality::Text,
        unit: "share of the words dropped",
        severities: &[0.0, 0.25, 0.5, 0.75, 0.95],
        kind: Kind::Words,
    },
];

/// Draws for one clip of the degradation `name`.
fn seed_of(seed: u64, name: &str, clip: &str) -> u64 {
    derive_seed(seed, &format!("degrade {name} {clip}"), &[])
}

/// A uniform number in [0, 1), the `i`-th of a seed.
fn uniform(seed: u64, i: u64) -> f64 {
    (derive_seed(seed, "uniform", &[i]) >> 11) as f64 / (1u64 << 53) as f64
}

/// White Gaussian noise at `level` dB relative to the sound's mean power, drawn from `seed`. A silent sound stays silent.
pub(crate) fn noisy(sound: &Sound, level: f64, seed: u64) -> Sound {
    let power: f64 = sound.samples.iter().map(|&s| f64::from(s).powi(2)).sum();
    let power = power / sound.samples.len().max(1) as f64;
    let sd = (power * 10f64.powf(level / 10.0)).sqrt();
    let samples = sound.samples.iter().enumerate().map(|(i, &sample)| {
        let (u, v) = (uniform(seed, 2 * i as u64), uniform(seed, 2 * i as u64 + 1));
        let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        (f64::from(sample) + sd * normal) as f32
    });
    Sound {
        samples: samples.collect(),
        sample_rate: sound.sample_rate,
    }
}

/// The sound without the last `share` of it; at least one sample stays.
pub(crate) fn cut(sound: &Sound, share: f64) -> Sound {
    let kept = (sound.samples.len() as f64 * (1.0 - share.clamp(0.0, 1.0))).round() as usize;
    Sound {
        samples: sound.samples.iter().copied().take(kept.max(1)).collect(),
        sample_rate: sound.sample_rate,
    }
}

/// The text without each word with probability `share`, drawn from `seed`: a word that is dropped stays dropped at
/// every larger share.
pub(crate) fn drop_words(text: &str, share: f64, seed: u64) -> String {
    let words = text.split_whitespace().enumerate();
    let kept = words.filter(|(i, _)| uniform(seed, *i as u64) >= share);
    kept.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

fn damaged_picture(picture: &Picture, kind: Kind, severity: f64) -> Picture {
    let damage = match kind {
        Kind::Blur => {
            let side = picture.width().max(picture.height());
            Degradation::Blur(severity / 100.0 * side as f64)
        }
        Kind::Darkness => Degradation::Darkness(1.0 - severity),
        _ => Degradation::Occlusion(severity),
    };
    damage.apply(picture, 0)
}

/// Media of the test clips, decoded once.
struct Test {
    pictures: Vec<(String, Picture)>,
    sounds: Vec<(String, Sound)>,
    texts: Vec<(String, String)>,
}

impl Test {
    fn load(
        clips: &[&Clip],
        predictor: &Predictor,
        watch: &dyn Watch,
    ) -> Result<Self, PipelineError> {
        let [image, audio, text] = Modality::ALL.map(|m| predictor.modalities().any(|n| n == m));
        let of = |clip: &&Clip, error: PipelineError| error.of_clip(&clip.id);
        let pictures: Result<Vec<_>, PipelineError> = clips
            .par_iter()
            .filter(|_| image)
            .filter_map(|clip| Some((clip, clip.picture()?)))
            .map(|(clip, file)| {
                let decoded = cohort_vision::decode_warned(file).map_err(|e| of(clip, e.into()))?;
                say_warnings(&decoded.warnings, watch);
                Ok((clip.id.clone(), decoded.picture))
            })
            .collect();
        let sounds: Result<Vec<_>, PipelineError> = clips
            .par_iter()
            .filter(|_| audio)
            .filter_map(|clip| Some((clip, clip.sound()?)))
            .map(|(clip, file)| {
                let sound = cohort_audio::decode(file).map_err(|e| of(clip, e.into()))?;
                Ok((clip.id.clone(), sound))
            })
            .collect();
        let texts: Result<Vec<_>, PipelineError> = clips
            .iter()
            .filter(|clip| text && clip.words().is_some())
            .map(|clip| {
                let text = clip.read_transcript().map_err(|e| of(clip, e.into()))?;
                Ok((clip.id.clone(), text))
            })
            .collect();
        Ok(Self {
            pictures: pictures?,
            sounds: sounds?,
            texts: texts?,
        })
    }

    fn seen(
        &self,
        predictor: &Predictor,
        damage: &Damage,
        severity: f64,
        seed: u64,
    ) -> Result<Seen, PipelineError> {
        let draw = |clip: &str| seed_of(seed, damage.name, clip);
        match damage.modality {
            Modality::Image => {
                let worse: Vec<(String, Picture)> = self
                    .pictures
                    .par_iter()
                    .map(|(clip, p)| (clip.clone(), damaged_picture(p, damage.kind, severity)))
                    .collect();
                predictor.see(&worse)
            }
            Modality::Audio => {
                let worse: Vec<(String, Sound)> = self
                    .sounds
                    .par_iter()
                    .map(|(clip, sound)| {
                        let worse = match damage.kind {
                            Kind::Noise => noisy(sound, severity, draw(clip)),
                            _ => cut(sound, severity),
                        };
                        (clip.clone(), worse)
                    })
                    .collect();
                predictor.hear(&worse)
            }
            Modality::Text => {
                let texts = self.texts.iter();
                let worse: Vec<(String, String)> = texts
                    .map(|(clip, text)| (clip.clone(), drop_words(text, severity, draw(clip))))
                    .collect();
                predictor.read(&worse)
            }
        }
    }
}

/// Scores the run's late and joint models on the test clips of `dataset` under every damage of `damages`, one at a time and
/// to one modality at a time; writes `degradation.json` and `degradation.csv` into the run folder.
///
/// At most `clips` test clips are used, whole subjects in the order of their names; all when it is none.
///
/// # Errors
/// Resamples out of their range, before anything is done; a run that is not finished or in use by another process; media
/// that cannot be read, [`PipelineError::Stopped`].
pub fn degrade(
    run: &Path,
    dataset: &Dataset,
    damages: &[Damage],
    clips: Option<usize>,
    intervals: &IntervalSettings,
    watch: &dyn Watch,
) -> Result<Curves, PipelineError> {
    intervals.check()?;
    let lock = FolderLock::take(run)?;
    let found = apart(watch, || {
        curves_of(run, dataset, damages, clips, intervals, watch)
    })?;
    write_json(&run.join("degradation.json"), &found)?;
    write_atomic(&run.join("degradation.csv"), found.to_csv().as_bytes())?;
    drop(lock);
    Ok(found)
}

/// The curves; no file is changed.
fn curves_of(
    run: &Path,
    dataset: &Dataset,
    damages: &[Damage],
    clips: Option<usize>,
    intervals: &IntervalSettings,
    watch: &dyn Watch,
) -> Result<Curves, PipelineError> {
    let predictor = Predictor::load(run, watch)?;
    let target = target_index(dataset)?;
    let [_, _, test] = splits(dataset)?;
    let mut chosen: Vec<&Clip> = test.clips.iter().collect();
    chosen.sort_by(|a, b| (&a.subject, &a.id).cmp(&(&b.subject, &b.id)));
    if let Some(most) = clips.filter(|most| *most < chosen.len()) {
        let mut end = most.max(1);
        while chosen.get(end).map(|c| &c.subject) == chosen.get(end - 1).map(|c| &c.subject) {
            end += 1;
        }
        chosen.truncate(end);
    }
    let media = Test::load(&chosen, &predictor, watch)?;
    let names: Vec<String> = chosen.iter().map(|clip| clip.id.clone()).collect();
    let truth: std::collections::HashMap<&str, usize> = chosen
        .iter()
        .filter_map(|clip| Some((clip.id.as_str(), *clip.levels.get(target)?)))
        .collect();
    let mut clean = Vec::new();
    for modality in predictor.modalities() {
        clean.push(match modality {
            Modality::Image => predictor.see(&media.pictures)?,
            Modality::Audio => predictor.hear(&media.sounds)?,
            Modality::Text => predictor.read(&media.texts)?,
        });
    }
    let usable: Vec<&Damage> = damages
        .iter()
        .filter(|damage| predictor.modalities().any(|m| m == damage.modality))
        .collect();
    let steps = usable.iter().map(|damage| damage.severities.len()).sum();
    let seed = predictor.config().seed;
    let mut inputs = Vec::new();
    let mut done = 0;
    watch.begin("degradations", steps);
    for damage in usable {
        for &severity in damage.severities {
            if watch.stopped() {
                watch.end();
                return Err(PipelineError::Stopped);
            }
            let worse = media.seen(&predictor, damage, severity, seed)?;
            let seen: Vec<&Seen> = clean
                .iter()
                .map(|one| {
                    if one.modality == worse.modality {
                        &worse
                    } else {
                        one
                    }
                })
                .collect();
            let mut add = |model: &str, mut predictions: Predictions| {
                let truths = predictions
                    .names
                    .iter()
                    .map(|n| truth.get(n.as_str()).copied());
                predictions.truth = truths.collect();
                inputs.push(DegradedPredictions {
                    model: model.to_string(),
                    degradation: damage.name.to_string(),
                    severity,
                    unit: damage.unit.to_string(),
                    predictions,
                });
            };
            let late = predictor.late(&seen)?;
            let answered = late.len();
            add("late", late);
            if let Some(joint) = predictor.joint(&seen, &names)? {
                add(predictor.joint_family().unwrap_or("joint"), joint);
            }
            // Points are compared on the same clips, so a modality that some clips lack has no curve of its own.
            if worse.table.len() == answered {
                add(
                    &format!("{} alone", damage.modality),
                    predictor.late(&[&worse])?,
                );
            }
            done += 1;
            watch.at(done);
        }
    }
    watch.end();
    let fusion = fusion_settings(dataset, seed)?;
    Ok(curves(
        &inputs,
        &fusion.subjects,
        fusion.ordered,
        intervals,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone() -> Sound {
        Sound {
            samples: (0..16_000)
                .map(|i| (f64::from(i) * 0.3).sin() as f32 * 0.5)
                .collect(),
            sample_rate: 8_000,
        }
    }

    #[test]
    fn noise_has_the_level_that_was_asked_for() {
        let sound = tone();
        let power = |samples: &[f64]| samples.iter().map(|s| s * s).sum::<f64>();
        let voice: Vec<f64> = sound.samples.iter().map(|&s| f64::from(s)).collect();
        for level in [-20.0, -10.0, 0.0] {
            let worse = noisy(&sound, level, 7);
            let noise: Vec<f64> = (worse.samples.iter().zip(&sound.samples))
                .map(|(a, b)| f64::from(*a) - f64::from(*b))
                .collect();
            let found = 10.0 * (power(&noise) / power(&voice)).log10();
            assert!((found - level).abs() < 0.2, "{level}: {found}");
            assert_eq!(worse, noisy(&sound, level, 7));
        }
    }

    #[test]
    fn cut_and_dropped_shares_are_what_they_say() {
        assert_eq!(cut(&tone(), 0.25).samples.len(), 12_000);
        assert_eq!(cut(&tone(), 1.0).samples.len(), 1);
        let text = (0..4000)
            .map(|i| i.to_string())
            .collect::<Vec<_>>()
            .join(" ");
        let words = |share| -> Vec<String> {
            let left = drop_words(&text, share, 3);
            left.split_whitespace().map(str::to_string).collect()
        };
        assert_eq!(words(0.0).len(), 4000);
        assert!(words(1.0).is_empty());
        let (half, most) = (words(0.5), words(0.9));
        assert!((half.len() as f64 / 4000.0 - 0.5).abs() < 0.03);
        assert!(most.iter().all(|word| half.contains(word)), "nested");
    }
}
