//! A run's models at work on media: what each sees, and what late fusion and the joint model make of it, whichever of
//! picture, sound and words a clip has.

use std::path::{Path, PathBuf};

use cohort_audio::Sound;
use cohort_fusion::{FusionModel, shapley};
use cohort_tables::Predictions;
use cohort_text::clean_transcript;
use cohort_train::{MemorySource, Trained};
use cohort_vision::Picture;
use rayon::prelude::*;

use crate::config::ImageMode;
use crate::downloads::text_weights;
use crate::embeddings::{Seen, joint_samples};
use crate::faces::FaceNetwork;
use crate::joint::{JOINT, JointRecord};
use crate::sealed::read_sealed;
use crate::sentence_vectors::vectors_of;
use crate::stages::{document_of, model_settings};
use crate::tuned_text::TunedBert;
use crate::view::View;
use crate::word_vectors::means_of;
use crate::{Modality, PipelineError, RunConfig, TextEncoder, Watch};

/// Pictures that are turned into tensors at once.
const PICTURES: usize = 256;

/// The trained models of a run folder.
pub struct Predictor {
    config: RunConfig,
    models: Vec<(Modality, Trained)>,
    /// What the face model looks through, when it is a head on a frozen network.
    faces: Option<FaceNetwork>,
    /// What a face model on pixels sees of a picture.
    view: View,
    /// The text encoder's weights, when it has any.
    words: Option<PathBuf>,
    /// The text encoder, when its last layers were trained.
    tuned: Option<TunedBert>,
    late: FusionModel,
    joint: Option<(Trained, JointRecord)>,
}

/// What a run says of one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Probabilities of the classes.
    pub probabilities: Vec<f64>,
    /// Position of the class that is answered.
    pub class: usize,
    /// What each modality of the clip adds to the logarithm of that class's probability over its share in the
    /// validation split: exact Shapley values over the clip's modalities; they sum to the whole.
    pub shares: Vec<(Modality, f64)>,
}

impl Predictor {
    /// Loads the models of the run folder `run`.
    ///
    /// # Errors
    /// A folder without configuration, models or fusion; files that are damaged.
    pub fn load(run: &Path, watch: &dyn Watch) -> Result<Self, PipelineError> {
        let fusion = run.join("fused/fusion.json");
        let fusion = read_sealed(&fusion)?.ok_or_else(|| PipelineError::Unusable {
            path: run.to_path_buf(),
            expected: "the folder of a finished `cohort run` or `cohort demo`".to_string(),
            found: if run.join("checkpoints").is_dir() {
                "that of one model; the run's is the one above it".to_string()
            } else {
                "no fused/fusion.json in it".to_string()
            },
        })?;
        let config = RunConfig::read(&run.join("config.toml"))?;
        if fusion.get("settings").and_then(|hash| hash.as_str()) != Some(&model_settings(&config)?)
        {
            return Err(PipelineError::Unusable {
                path: run.join("config.toml"),
                expected: "the settings of features and models that this run was made with"
                    .to_string(),
                found: "others; restore the file, or start a new run in another folder".to_string(),
            });
        }
        let late = fusion.get("model").cloned().unwrap_or_default();
        let late: FusionModel = document_of(late, &run.join("fused/fusion.json"))?;
        let mut models = Vec::new();
        for modality in Modality::ALL {
            if late.modalities.iter().any(|name| name == modality.name()) {
                let trained = Trained::load(run.join(modality.name()), config.device)?;
                models.push((modality, trained));
            }
        }
        let joint = match read_sealed(&run.join(JOINT).join("joint.json"))? {
            None => None,
            Some(record) => {
                let path = run.join(JOINT).join("joint.json");
                let record: JointRecord = document_of(record, &path)?;
                Some((Trained::load(run.join(JOINT), config.device)?, record))
            }
        };
        let sees = models
            .iter()
            .any(|(modality, _)| *modality == Modality::Image);
        let frozen = sees && config.image.mode == ImageMode::Frozen;
        let faces = match frozen {
            true => Some(FaceNetwork::open(
                &config.image.frozen(),
                config.device,
                watch,
            )?),
            false => None,
        };
        let detector = match sees {
            true => config.image.detector.as_str(),
            false => "",
        };
        let view = View::open(config.image.crop, detector, config.image.backbone)?;
        let reads = models
            .iter()
            .any(|(modality, _)| *modality == Modality::Text);
        let words = match reads {
            true => text_weights(&config.features.text, watch)?,
            false => None,
        };
        let tuned = match reads {
            true => TunedBert::open(&config.features.text, watch)?,
            false => None,
        };
        Ok(Self {
            config,
            models,
            faces,
            view,
            words,
            tuned,
            late,
            joint,
        })
    }

    /// The run's configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Codes of the classes.
    pub fn classes(&self) -> &[String] {
        &self.late.classes
    }

    /// The modalities that the run has models of.
    pub fn modalities(&self) -> impl Iterator<Item = Modality> + '_ {
        self.models.iter().map(|(modality, _)| *modality)
    }

    /// Name of the joint model, when the run has one.
    pub fn joint_family(&self) -> Option<&str> {
        self.joint
            .as_ref()
            .map(|(_, record)| record.family.as_str())
    }

    fn model(&self, modality: Modality) -> Result<&Trained, PipelineError> {
        let found = self.models.iter().find(|(known, _)| *known == modality);
        found
            .map(|(_, trained)| trained)
            .ok_or_else(|| PipelineError::Setting {
                name: "modality",
                expected: "one that the run has a model of",
                found: modality.to_string(),
            })
    }

    /// What the face model sees in pictures.
    pub(crate) fn see(&self, pictures: &[(String, Picture)]) -> Result<Seen, PipelineError> {
        let transform = self.config.plain_transform();
        let n = transform.output_len();
        let mut seen: Option<Seen> = None;
        for some in pictures.chunks(PICTURES) {
            let rows: Result<Vec<Vec<f32>>, PipelineError> = match &self.faces {
                Some(network) => network.embed_all(some.iter().map(|(_, picture)| picture)),
                None => some
                    .par_iter()
                    .map(|(_, picture)| {
                        let mut row = vec![0.0; n];
                        let seen = self.view.of(picture, transform.size)?;
                        transform.apply(&seen, None, &mut row)?;
                        Ok(row)
                    })
                    .collect(),
            };
            let names = some.iter().map(|(clip, _)| clip.clone()).collect();
            let part = self.scores(Modality::Image, Vec::new(), names, rows?)?;
            match &mut seen {
                None => seen = Some(part),
                Some(seen) => {
                    seen.table.clips.extend(part.table.clips);
                    seen.table.sources.extend(part.table.sources);
                    seen.table.values.extend(part.table.values);
                }
            }
        }
        match seen {
            Some(seen) => Ok(seen),
            None => self.scores(Modality::Image, Vec::new(), Vec::new(), Vec::new()),
        }
    }

    /// Says in how many of the pictures so far no face was found, where faces are searched for.
    pub(crate) fn say_missed(&self, watch: &dyn Watch) {
        let view = self.faces.as_ref().map_or(&self.view, FaceNetwork::view);
        view.say(watch);
    }

    /// What the voice model hears in sounds.
    pub(crate) fn hear(&self, sounds: &[(String, Sound)]) -> Result<Seen, PipelineError> {
        let settings = self.config.features.audio.settings();
        let rows: Result<Vec<Vec<f32>>, PipelineError> = sounds
            .par_iter()
            .map(|(clip, sound)| {
                let features = cohort_audio::acoustic_features(sound, &settings)
                    .map_err(|error| PipelineError::from(error).of_clip(clip))?;
                Ok(features.vector())
            })
            .collect();
        let names = sounds.iter().map(|(clip, _)| clip.clone()).collect();
        self.scores(Modality::Audio, Vec::new(), names, rows?)
    }

    /// What the word model reads in transcripts.
    pub(crate) fn read(&self, texts: &[(String, String)]) -> Result<Seen, PipelineError> {
        let settings = &self.config.features.text;
        if let Some(bert) = &self.tuned {
            let names = texts.iter().map(|(clip, _)| clip.clone()).collect();
            let scores = self.model(Modality::Text)?.predict(&bert.texts(texts))?;
            return Ok(Seen::new(Modality::Text, names, &scores));
        }
        let words = texts.iter().map(|(_, text)| text.as_str());
        let rows = match (settings.encoder, &self.words) {
            (TextEncoder::Bert, Some(weights)) => {
                vectors_of(words, weights, settings, self.config.device)?
            }
            (TextEncoder::FastText, Some(weights)) => means_of(words, weights)?,
            _ => {
                let ngrams = settings.ngrams();
                words
                    .map(|text| ngrams.embed(&clean_transcript(text)))
                    .collect()
            }
        };
        let names = texts.iter().map(|(clip, _)| clip.clone()).collect();
        self.scores(Modality::Text, Vec::new(), names, rows)
    }

    /// `shape` empty: that of the network.
    fn scores(
        &self,
        modality: Modality,
        shape: Vec<usize>,
        names: Vec<String>,
        rows: Vec<Vec<f32>>,
    ) -> Result<Seen, PipelineError> {
        let trained = self.model(modality)?;
        let shape = if shape.is_empty() {
            trained.network().input_shape()
        } else {
            shape
        };
        let labels = vec![0; names.len()];
        let samples = MemorySource::new(shape, names.clone(), labels, rows.concat())?;
        Ok(Seen::new(modality, names, &trained.predict(&samples)?))
    }

    /// Late fusion of what is there for each clip; clips of which nothing is there are left out.
    pub(crate) fn late(&self, seen: &[&Seen]) -> Result<Predictions, PipelineError> {
        let tables: Vec<(&str, Predictions)> = seen
            .iter()
            .map(|one| {
                let rows = 0..one.table.len();
                let logits: Vec<f32> = rows.flat_map(|row| one.logits(row).to_vec()).collect();
                let clips = one.table.clips.clone();
                let classes = self.late.classes.clone();
                let table = Predictions::from_logits(clips, classes, None, &logits);
                (one.modality.name(), table)
            })
            .collect();
        let tables: Vec<(&str, &Predictions)> = tables.iter().map(|(n, t)| (*n, t)).collect();
        Ok(self.late.apply(&tables)?)
    }

    /// The joint model's answers from what is there for each of `clips`, each weighed as its subset was on the
    /// validation split; `None` when the run has no joint model. Clips of which nothing is there are left out.
    pub(crate) fn joint(
        &self,
        seen: &[&Seen],
        clips: &[String],
    ) -> Result<Option<Predictions>, PipelineError> {
        let Some((trained, record)) = &self.joint else {
            return Ok(None);
        };
        let mut blocks = Vec::new();
        for &modality in &record.modalities {
            let given = seen.iter().find(|one| one.modality == modality);
            blocks.push(match given {
                Some(given) => (*given).clone(),
                None => self.scores(modality, Vec::new(), Vec::new(), Vec::new())?,
            });
        }
        // An empty table does not know its width; the model's own does.
        for block in &mut blocks {
            if block.table.is_empty() {
                block.embedding = self.width(record, block.modality);
                block.table.dim = block.embedding + self.late.classes.len();
            }
        }
        let indices: Vec<_> = blocks.iter().map(Seen::index).collect();
        let mut all: Option<Predictions> = None;
        for part in &record.parts {
            let wanted: Vec<bool> = record
                .modalities
                .iter()
                .map(|modality| part.modalities.contains(modality))
                .collect();
            let of_part = |clip: &str| {
                let present = indices.iter().map(|index| index.contains_key(clip));
                present.eq(wanted.iter().copied())
            };
            let own: Vec<(&str, usize)> = clips
                .iter()
                .filter(|clip| of_part(clip))
                .map(|clip| (clip.as_str(), 0))
                .collect();
            if own.is_empty() {
                continue;
            }
            let (samples, _) = joint_samples(&blocks, &wanted, &own)?;
            let scores = trained.predict(&samples)?;
            let names = own.iter().map(|(clip, _)| clip.to_string()).collect();
            let table = |names, logits: &[f32]| {
                Predictions::from_logits(names, self.late.classes.clone(), None, logits)
            };
            let mut tables = vec![(JOINT, table(names, &scores.logits))];
            for ((block, index), _) in blocks.iter().zip(&indices).zip(&wanted).filter(|w| *w.1) {
                let rows = own
                    .iter()
                    .filter_map(|(clip, _)| Some((*clip, *index.get(clip)?)));
                let (names, rows): (Vec<String>, Vec<usize>) =
                    rows.map(|(clip, row)| (clip.to_string(), row)).unzip();
                let logits: Vec<f32> = rows
                    .iter()
                    .flat_map(|&row| block.logits(row).to_vec())
                    .collect();
                tables.push((block.modality.name(), table(names, &logits)));
            }
            let tables: Vec<(&str, &Predictions)> = tables.iter().map(|(n, t)| (*n, t)).collect();
            let answers = part.calibration.apply(&tables)?;
            all = Some(match all {
                None => answers,
                Some(mut all) => {
                    all.names.extend(answers.names);
                    all.predicted.extend(answers.predicted);
                    if let (Some(all), Some(new)) = (&mut all.probabilities, answers.probabilities)
                    {
                        all.extend(new);
                    }
                    all
                }
            });
        }
        Ok(all)
    }

    fn width(&self, record: &JointRecord, modality: Modality) -> usize {
        let Some((trained, _)) = &self.joint else {
            return 0;
        };
        let at = record.modalities.iter().position(|m| *m == modality);
        match (trained.network(), at) {
            (cohort_train::ModelConfig::Joint(network), Some(at)) => {
                network.inputs.get(at).map_or(0, |input| input.embedding)
            }
            _ => 0,
        }
    }

    /// Late fusion's answer for each clip of which anything is there, in order of name, with each modality's share.
    pub(crate) fn answers(&self, seen: &[&Seen]) -> Result<Vec<(String, Answer)>, PipelineError> {
        let full = self.late(seen)?;
        let mut tables = vec![None; 1 << seen.len()];
        for (mask, table) in tables.iter_mut().enumerate().skip(1) {
            let members: Vec<&Seen> = (0..seen.len())
                .filter(|m| mask >> m & 1 == 1)
                .filter_map(|m| seen.get(m).copied())
                .collect();
            *table = Some(self.late(&members)?);
        }
        let indices: Vec<_> = seen.iter().map(|one| one.index()).collect();
        let rows_of: Vec<std::collections::HashMap<&str, usize>> = tables
            .iter()
            .map(|table| {
                let names = table
                    .iter()
                    .flat_map(|table| table.names.iter().enumerate());
                names.map(|(row, name)| (name.as_str(), row)).collect()
            })
            .collect();
        let mut answers = Vec::new();
        for (row, clip) in full.names.iter().enumerate() {
            let probabilities = full.row(row).unwrap_or(&self.late.prior).to_vec();
            let class = full.predicted.get(row).copied().unwrap_or(0);
            let members: Vec<usize> = (0..seen.len())
                .filter(|&m| {
                    indices
                        .get(m)
                        .is_some_and(|i| i.contains_key(clip.as_str()))
                })
                .collect();
            let log = |p: Option<&f64>| p.map_or(0.0, |p| p.max(f64::MIN_POSITIVE).ln());
            let values: Vec<f64> = (0..1usize << members.len())
                .map(|coalition| {
                    let mask = (members.iter().enumerate())
                        .filter(|(i, _)| coalition >> i & 1 == 1)
                        .fold(0usize, |mask, (_, m)| mask | 1 << m);
                    let table = tables.get(mask).and_then(Option::as_ref);
                    let at = rows_of.get(mask).and_then(|rows| rows.get(clip.as_str()));
                    match table.zip(at).and_then(|(table, &at)| table.row(at)) {
                        Some(p) => log(p.get(class)),
                        None => log(self.late.prior.get(class)),
                    }
                })
                .collect();
            let shares = shapley(members.len(), &values);
            let named = members.iter().zip(shares);
            let shares = named
                .filter_map(|(&m, share)| Some((seen.get(m)?.modality, share)))
                .collect();
            let answer = Answer {
                probabilities,
                class,
                shares,
            };
            answers.push((clip.clone(), answer));
        }
        Ok(answers)
    }
}
