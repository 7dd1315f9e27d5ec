//! One model of one modality: samples from a data set, a run folder with predictions of validation and test.

use std::path::Path;

use cohort_data::Dataset;
use cohort_tables::{FolderLock, Predictions};
use cohort_train::{EpochMetrics, Job, ModelConfig, RunFolder, TrainSettings, Trained, train};
use serde_json::Value;

use super::progress::EpochBar;
use crate::branches::{self, Branch, Part, Purpose, Skipped};
use crate::config::RunConfig;
use crate::dataset::{classes, is_ordered};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{PREDICTIONS, PREDICTIONS_VALID, check_inputs};
use crate::watch::Watch;

/// A trained model's predictions, as they stand in its run folder.
#[derive(Debug)]
pub struct TrainedModality {
    /// What the model looks at.
    pub modality: Modality,
    /// Predictions of the validation split.
    pub valid: Predictions,
    /// Predictions of the test split.
    pub test: Predictions,
    /// Clips left out because their media could not be used.
    pub skipped: Vec<Skipped>,
    /// The epochs up to the best one.
    pub history: Vec<EpochMetrics>,
}

impl TrainedModality {
    /// One line for a terminal.
    pub fn to_text(&self) -> String {
        format!(
            "{}: {}; {} validation and {} test samples predicted",
            self.modality,
            best_of(&self.history),
            self.valid.len(),
            self.test.len()
        )
    }
}

/// The best epoch in a few words, the last of the history up to it.
pub(super) fn best_of(history: &[EpochMetrics]) -> String {
    history.last().map_or_else(String::new, |best| {
        format!(
            "best epoch {}, validation balanced accuracy {:.3}",
            best.epoch,
            best.value("valid_balanced_accuracy")
        )
    })
}

/// Trains the model of one modality in the run folder `out`, and writes its predictions of the validation
/// and the test split there. `features` is the folder of the feature tables, brought up to date first.
///
/// # Errors
/// As for the features, the pictures and the training: see [`PipelineError`].
pub fn train_modality(
    config: &RunConfig,
    dataset: &Dataset,
    modality: Modality,
    features: &Path,
    out: &Path,
    resume: bool,
    watch: &dyn Watch,
) -> Result<TrainedModality, PipelineError> {
    let branch = branches::open(modality, config, watch)?;
    train_branch(config, dataset, &*branch, features, out, resume, watch)
}

/// What a model of one modality would be trained on: the hashes that its `inputs.json` holds. Nothing is trained; the
/// feature tables are brought up to date.
///
/// # Errors
/// As [`train_modality`], but for the training.
pub(super) fn model_inputs(
    branch: &dyn Branch,
    dataset: &Dataset,
    features: &Path,
    watch: &dyn Watch,
) -> Result<Value, PipelineError> {
    let samples = branch.samples(dataset, features, Purpose::Training, watch)?;
    Ok(samples.inputs())
}

/// [`train_modality`] of a branch that is open.
pub(super) fn train_branch(
    config: &RunConfig,
    dataset: &Dataset,
    branch: &dyn Branch,
    features: &Path,
    out: &Path,
    resume: bool,
    watch: &dyn Watch,
) -> Result<TrainedModality, PipelineError> {
    let _lock = FolderLock::take(out)?;
    let modality = branch.modality();
    let samples = branch.samples(dataset, features, Purpose::Training, watch)?;
    let [train_part, valid, test] = &samples.parts;
    let classes = classes(dataset);
    let settings = of_target(config.train_settings(modality), dataset);
    let network: ModelConfig = branch.network(train_part.source.shape(), classes.len());
    let start = branch.start(&network, settings.seed, watch)?;
    let run = RunFolder::open(out)?;
    check_inputs(out, resume, &samples.inputs())?;
    let job = Job {
        network: &network,
        train: &*train_part.source,
        valid: &*valid.source,
        settings: &settings,
        start: start.as_ref(),
        run: &run,
        resume,
    };
    let trained = fit(&job, modality.name(), watch)?;
    let predict = |part: &Part, file: &str| -> Result<Predictions, PipelineError> {
        if part.clips.is_empty() {
            return Err(PipelineError::Unusable {
                path: dataset.root.clone(),
                expected: format!("{modality} of clips in every split"),
                found: "a split without any".to_string(),
            });
        }
        let scores = trained.predict(&*part.source)?;
        let predictions = Predictions::from_logits(
            part.clips.iter().map(|clip| clip.name.clone()).collect(),
            classes.clone(),
            Some(part.labels.clone()),
            &scores.logits,
        );
        predictions.write(&out.join(file))?;
        Ok(predictions)
    };
    let valid = predict(valid, PREDICTIONS_VALID)?;
    let test = predict(test, PREDICTIONS)?;
    Ok(TrainedModality {
        modality,
        valid,
        test,
        history: trained.history().to_vec(),
        skipped: samples.skipped,
    })
}

/// The settings of a model's loop, without what rests on an order where the target's classes have none.
pub(super) fn of_target(settings: &TrainSettings, dataset: &Dataset) -> TrainSettings {
    match is_ordered(dataset) {
        true => settings.clone(),
        false => settings.clone().without_order(),
    }
}

/// Trains a network, shown on the watch by the name `model`.
pub(super) fn fit(job: &Job, model: &str, watch: &dyn Watch) -> Result<Trained, PipelineError> {
    let mut progress = EpochBar::new(model, job.settings.epochs, watch);
    let trained = train(job, &mut progress, watch.stop());
    watch.end();
    trained.map_err(PipelineError::of_training)
}
