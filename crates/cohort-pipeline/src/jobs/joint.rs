//! The joint model: one network over what the single models see, which answers for any subset of them.
//!
//! It learns from the training split, on which the single models were fitted and are therefore surer of themselves than
//! they will ever be again. What is done about it: the network begins as the sum of the single models' logits and
//! is dropped out, decayed and stopped by its loss on the validation split, which no model was fitted on; and for each
//! subset the network's logits are weighed on that split against the single models' own, by the rule of late fusion
//! (temperatures, weights and class biases, penalties by folds of subjects).

use std::path::Path;

use cohort_data::{Dataset, Split};
use cohort_fusion::{FusionSettings, JointModel, ModelPredictions, fuse};
use cohort_tables::{FolderLock, Predictions};
use cohort_train::{EpochMetrics, Job, JointConfig, JointInput, ModelConfig, RunFolder, Trained};
use serde_json::json;

use super::train::{fit, of_target};
use crate::branches::{self, Branch};
use crate::config::{JointSettings, RunConfig};
use crate::dataset::{classes, splits, target_index};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::models::{JOINT_SCHEMA, JointPart, JointRecord, Seen, joint_samples, seen_by};
use crate::run_folder::{
    JOINT, PREDICTIONS, PREDICTIONS_VALID, check_inputs, make_folder, write_sealed,
};
use crate::watch::{Watch, apart};

/// A trained joint model's predictions.
#[derive(Debug)]
pub struct TrainedJoint {
    /// Name of the family, e.g. `joint gated`.
    pub family: String,
    /// Every subset of the modalities, each as often answered as clips have it.
    pub subsets: Vec<JointSubset>,
    /// The epochs up to the best one.
    pub history: Vec<EpochMetrics>,
}

/// One subset of the modalities.
#[derive(Debug)]
pub struct JointSubset {
    /// Names of its modalities.
    pub modalities: Vec<String>,
    /// Predictions of the validation split, each by a calibration that had not seen the clip's subject.
    pub valid: Predictions,
    /// Predictions of the test split.
    pub test: Predictions,
}

impl TrainedJoint {
    /// The subset of all modalities.
    pub fn full(&self) -> Option<&JointSubset> {
        self.subsets.iter().max_by_key(|s| s.modalities.len())
    }

    /// The subsets as an ablation takes them.
    pub fn models(&self) -> Vec<JointModel> {
        let subsets = self.subsets.iter();
        subsets
            .map(|subset| JointModel {
                family: self.family.clone(),
                modalities: subset.modalities.clone(),
                test: subset.test.clone(),
            })
            .collect()
    }

    /// One line for a terminal.
    pub fn to_text(&self) -> String {
        let best = self.history.last();
        let score = best.map_or_else(String::new, |epoch| {
            format!(
                ": best epoch {}, validation loss {:.3}, balanced accuracy {:.3}",
                epoch.epoch,
                epoch.valid_loss(),
                epoch.value("valid_balanced_accuracy")
            )
        });
        format!(
            "{}{score}; {} subsets of the modalities predicted",
            self.family,
            self.subsets.len()
        )
    }
}

/// Where a joint model gets what it needs, and how it is fitted.
pub struct JointPlan<'a> {
    /// The run's configuration.
    pub config: &'a RunConfig,
    /// The data set.
    pub dataset: &'a Dataset,
    /// The modalities, whose models are trained already.
    pub modalities: &'a [Modality],
    /// Folder that holds a run folder `image`, `audio`, `text` of each model.
    pub models: &'a Path,
    /// Folder of the feature tables.
    pub features: &'a Path,
    /// The late fusion that it is compared with; the network is weighed against the single models by the same rule.
    pub fusion: &'a FusionSettings,
}

/// Trains the joint model in the run folder `out` and writes its predictions there: of all modalities together
/// `predictions-valid.csv` and `predictions.csv`, of each subset `subsets/NAME+NAME.csv` (test).
///
/// # Errors
/// Fewer than two modalities; a model that is not trained; as for the media and the training.
pub fn train_joint(
    plan: &JointPlan,
    out: &Path,
    resume: bool,
    watch: &dyn Watch,
) -> Result<TrainedJoint, PipelineError> {
    let mut open = Vec::new();
    for &modality in plan.modalities {
        open.push(branches::open(modality, plan.config, watch)?);
    }
    let open: Vec<&dyn Branch> = open.iter().map(|branch| &**branch).collect();
    join(plan, &open, out, resume, watch)
}

/// [`train_joint`] of branches that are open, one for each of the plan's modalities in their order.
pub(super) fn join(
    plan: &JointPlan,
    branches: &[&dyn Branch],
    out: &Path,
    resume: bool,
    watch: &dyn Watch,
) -> Result<TrainedJoint, PipelineError> {
    let JointPlan {
        config, dataset, ..
    } = plan;
    if branches.len() < 2 {
        return Err(PipelineError::Setting {
            name: "modalities",
            expected: "at least two for a joint model",
            found: branches.len().to_string(),
        });
    }
    let _lock = FolderLock::take(out)?;
    let mut seen = Vec::new();
    for &branch in branches {
        let model = plan.models.join(branch.modality().name());
        let trained = Trained::load(model, config.device)?;
        seen.push(seen_by(branch, &trained, dataset, plan.features, watch)?);
    }
    let classes = classes(dataset);
    let settings = &config.joint;
    let network = ModelConfig::Joint(network(settings, &seen, classes.len()));
    let run = RunFolder::open(out)?;
    let hashes = seen.iter().map(|one| &one.table.provenance);
    let hashes: Vec<_> = hashes.map(|p| json!([p.weights, p.source])).collect();
    check_inputs(out, resume, &json!(hashes))?;
    let target = target_index(dataset)?;
    let [train_split, valid, test] = splits(dataset)?;
    let everything = vec![true; seen.len()];
    let of = |split: &Split| joint_samples(&seen, &everything, &labelled(split, target));
    let (train_samples, _) = of(train_split)?;
    let (valid_samples, _) = of(valid)?;
    let train_settings = of_target(&settings.train, dataset);
    let job = Job {
        network: &network,
        train: &train_samples,
        valid: &valid_samples,
        settings: &train_settings,
        start: None,
        run: &run,
        resume,
    };
    let trained = fit(&job, JOINT, watch)?;
    let family = format!("joint {}", kind_name(settings));
    let mut record = JointRecord {
        schema: JOINT_SCHEMA.to_string(),
        family: family.clone(),
        modalities: plan.modalities.to_vec(),
        parts: Vec::new(),
    };
    let mut subsets = Vec::new();
    make_folder(&out.join("subsets"))?;
    for mask in 1..1u32 << seen.len() {
        let keep: Vec<bool> = (0..seen.len()).map(|m| mask >> m & 1 == 1).collect();
        let predict = |split: &Split| raw(&trained, &seen, &keep, split, target, &classes);
        let mut answers = vec![ModelPredictions {
            name: JOINT.to_string(),
            valid: predict(valid)?,
            test: predict(test)?,
        }];
        let members = seen.iter().zip(&keep).filter(|(_, keep)| **keep);
        let members: Vec<&Seen> = members.map(|(one, _)| one).collect();
        for one in &members {
            answers.push(ModelPredictions {
                name: one.modality.to_string(),
                valid: own(one, valid, target, &classes),
                test: own(one, test, target, &classes),
            });
        }
        let fitted = apart(watch, || fuse(&answers, plan.fusion))?;
        let members: Vec<Modality> = members.iter().map(|one| one.modality).collect();
        let names: Vec<String> = members.iter().map(ToString::to_string).collect();
        let file = format!("subsets/{}.csv", names.join("+"));
        fitted.test.write(&out.join(file))?;
        record.parts.push(JointPart {
            modalities: members,
            calibration: fitted.record.model,
        });
        subsets.push(JointSubset {
            modalities: names,
            valid: fitted.valid,
            test: fitted.test,
        });
    }
    let joint = TrainedJoint {
        family,
        subsets,
        history: trained.history().to_vec(),
    };
    if let Some(full) = joint.full() {
        full.valid.write(&out.join(PREDICTIONS_VALID))?;
        full.test.write(&out.join(PREDICTIONS))?;
    }
    write_sealed(&out.join("joint.json"), &record)?;
    Ok(joint)
}

/// The network for these models.
fn network(settings: &JointSettings, seen: &[Seen], classes: usize) -> JointConfig {
    let inputs = seen.iter().map(|one| JointInput {
        name: one.modality.to_string(),
        embedding: one.embedding,
    });
    JointConfig {
        fusion: settings.fusion,
        token: settings.token,
        hidden: settings.hidden,
        dropout: settings.dropout,
        modality_dropout: settings.modality_dropout,
        ..JointConfig::new(inputs.collect(), classes)
    }
}

fn kind_name(settings: &JointSettings) -> &'static str {
    match settings.fusion {
        cohort_train::JointKind::Concat => "concat",
        cohort_train::JointKind::Gated => "gated",
        cohort_train::JointKind::Attention => "attention",
    }
}

/// Every clip of a split with its class.
fn labelled(split: &Split, target: usize) -> Vec<(&str, usize)> {
    let clips = split.clips.iter();
    clips
        .map(|clip| (clip.id.as_str(), clip.levels[target]))
        .collect()
}

/// The network's answers for the clips of a split that have a modality of `keep`.
fn raw(
    trained: &Trained,
    seen: &[Seen],
    keep: &[bool],
    split: &Split,
    target: usize,
    classes: &[String],
) -> Result<Predictions, PipelineError> {
    let labelled = labelled(split, target);
    let (samples, positions) = joint_samples(seen, keep, &labelled)?;
    let scores = trained.predict(&samples)?;
    // `labelled` has every clip of the split, in its order
    Ok(Predictions::from_logits(
        positions
            .iter()
            .map(|&at| split.clips[at].name.clone())
            .collect(),
        classes.to_vec(),
        Some(positions.iter().map(|&at| labelled[at].1).collect()),
        &scores.logits,
    ))
}

/// A single model's own answers for the clips of a split.
fn own(one: &Seen, split: &Split, target: usize, classes: &[String]) -> Predictions {
    let index = one.index();
    let (mut names, mut labels, mut logits) = (Vec::new(), Vec::new(), Vec::new());
    for clip in &split.clips {
        if let Some(&row) = index.get(clip.id.as_str()) {
            names.push(clip.name.clone());
            labels.push(clip.levels[target]);
            logits.extend_from_slice(one.logits(row));
        }
    }
    Predictions::from_logits(names, classes.to_vec(), Some(labels), &logits)
}
