//! A run's models at work on media: what each sees, and what late fusion and the joint model make of it, whichever of
//! picture, sound and words a clip has.

use std::collections::HashMap;
use std::path::Path;

use cohort_fusion::{FusionModel, FusionSets, shapley};
use cohort_tables::Predictions;
use cohort_train::{ModelConfig, Trained};

use super::joint_record::JointRecord;
use super::seen::{Seen, joint_samples};
use crate::branches::{self, Branch, DecodedMedia};
use crate::config::RunConfig;
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{JOINT, SETS, document_of, model_settings, read_sealed};
use crate::watch::Watch;

/// The trained models of a run folder, each with what it looks at media through.
pub struct Predictor {
    config: RunConfig,
    models: Vec<(Box<dyn Branch>, Trained)>,
    late: FusionModel,
    joint: Option<(Trained, JointRecord)>,
    /// None in runs of before there were sets.
    sets: Option<FusionSets>,
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
                models.push((branches::open(modality, &config, watch)?, trained));
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
        let path = run.join(SETS);
        let sets = read_sealed(&path)?.map(|sets| document_of(sets, &path));
        Ok(Self {
            config,
            models,
            late,
            joint,
            sets: sets.transpose()?,
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

    /// What each of the run's models looks through, in the order of [`Modality::ALL`].
    pub(crate) fn branches(&self) -> impl Iterator<Item = &dyn Branch> + '_ {
        self.models.iter().map(|(branch, _)| &**branch)
    }

    /// Which classes are in the sets of clips, where the run says so.
    pub(crate) fn sets(&self) -> Option<&FusionSets> {
        self.sets.as_ref()
    }

    /// Name of the joint model, when the run has one.
    pub fn joint_family(&self) -> Option<&str> {
        self.joint
            .as_ref()
            .map(|(_, record)| record.family.as_str())
    }

    /// What the model of a modality sees in media of it.
    ///
    /// # Errors
    /// A medium that its features cannot be computed of.
    ///
    /// # Panics
    /// A modality that the run has no model of.
    pub(crate) fn see(
        &self,
        modality: Modality,
        media: &DecodedMedia,
    ) -> Result<Seen, PipelineError> {
        let mut models = self.models.iter();
        let found = models.find(|(branch, _)| branch.modality() == modality);
        let (branch, trained) = found.expect("a modality that the run has a model of");
        let scores = trained.predict(&*branch.see(media)?)?;
        Ok(Seen::new(modality, media.clips.clone(), &scores))
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
                Some(given) if !given.table.is_empty() => (*given).clone(),
                // an empty table does not know its width; the joint model does
                _ => {
                    let width = width_of(trained, record, modality);
                    Seen::empty(modality, width, self.late.classes.len())
                }
            });
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

    /// Late fusion's answer for each clip of which anything is there, in order of name, with each modality's share.
    pub(crate) fn answers(&self, seen: &[&Seen]) -> Result<Vec<(String, Answer)>, PipelineError> {
        let full = self.late(seen)?;
        let mut tables = vec![None; 1 << seen.len()];
        for (mask, table) in tables.iter_mut().enumerate().skip(1) {
            let members = seen.iter().enumerate();
            let members: Vec<&Seen> = members
                .filter(|(m, _)| mask >> m & 1 == 1)
                .map(|(_, one)| *one)
                .collect();
            *table = Some(self.late(&members)?);
        }
        let indices: Vec<_> = seen.iter().map(|one| one.index()).collect();
        let rows_of: Vec<HashMap<&str, usize>> = tables
            .iter()
            .map(|table| {
                let names = table.iter().flat_map(|table| table.names.iter());
                let rows = names.enumerate();
                rows.map(|(row, name)| (name.as_str(), row)).collect()
            })
            .collect();
        let mut answers = Vec::new();
        for (row, clip) in full.names.iter().enumerate() {
            let probabilities = full.row(row).expect("fused answers are probabilities");
            let class = full.predicted[row];
            let members: Vec<usize> = (0..seen.len())
                .filter(|&m| indices[m].contains_key(clip.as_str()))
                .collect();
            let log = |p: f64| p.max(f64::MIN_POSITIVE).ln();
            let values: Vec<f64> = (0..1usize << members.len())
                .map(|coalition| {
                    let mask = (members.iter().enumerate())
                        .filter(|(i, _)| coalition >> i & 1 == 1)
                        .fold(0usize, |mask, (_, m)| mask | 1 << m);
                    let Some(table) = &tables[mask] else {
                        return log(self.late.prior[class]);
                    };
                    let row = rows_of[mask][clip.as_str()];
                    let p = table.row(row).expect("fused answers are probabilities");
                    log(p[class])
                })
                .collect();
            let shares = shapley(members.len(), &values);
            let named = members.iter().zip(shares);
            let answer = Answer {
                probabilities: probabilities.to_vec(),
                class,
                shares: named.map(|(&m, share)| (seen[m].modality, share)).collect(),
            };
            answers.push((clip.clone(), answer));
        }
        Ok(answers)
    }
}

/// Length of the embedding that the joint network takes of a modality.
///
/// # Panics
/// A network that is not the record's.
fn width_of(trained: &Trained, record: &JointRecord, modality: Modality) -> usize {
    let at = record.modalities.iter().position(|m| *m == modality);
    match trained.network() {
        ModelConfig::Joint(network) => {
            network.inputs[at.expect("a modality of the record")].embedding
        }
        _ => panic!("the joint model's network is a joint one"),
    }
}
