//! What is tried before anything is trained, so that nothing fails when hours have passed.

use cohort_data::{Dataset, Split};
use cohort_eval::{AuditSettings, audit};
use cohort_tables::{Predictions, plural};

use super::audit::audit_settings;
use crate::config::RunConfig;
use crate::dataset::{all_labels, classes, fusion_settings, splits, target_index};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::watch::{Watch, apart};

/// Checks settings and labels by what comes after the training, so that nothing of it fails when hours have passed: the
/// audit's groups, subjects that contradict each other, classes that cannot be learnt, and the audit itself, on guesses
/// in the place of a model's answers.
pub(super) fn rehearse(
    config: &RunConfig,
    dataset: &Dataset,
    modalities: &[Modality],
    watch: &dyn Watch,
) -> Result<(), PipelineError> {
    let unusable = |expected: String, found: String| PipelineError::Unusable {
        path: dataset.root.clone(),
        expected,
        found,
    };
    let attributes: Vec<&str> = dataset
        .schema
        .attributes
        .iter()
        .map(|attribute| attribute.column.as_str())
        .filter(|column| *column != dataset.schema.target)
        .collect();
    for group in &config.audit.groups {
        if !attributes.contains(&group.as_str()) {
            return Err(unusable(
                format!(
                    "in audit.groups attributes of the data set other than its target ({})",
                    attributes.join(", ")
                ),
                group.clone(),
            ));
        }
    }
    fusion_settings(dataset, config.seed)?;
    let target = target_index(dataset)?;
    let [train, valid, test] = splits(dataset)?;
    let classes = classes(dataset);
    let counts = |split: &Split, modality: Modality| {
        let mut counts = vec![0usize; classes.len()];
        let clips = split.clips.iter().filter(|clip| modality.is_in(clip));
        for clip in clips {
            counts[clip.levels[target]] += 1;
        }
        counts
    };
    let items = plural(&dataset.schema.item);
    for &modality in modalities {
        let (learnt, tried) = (counts(train, modality), counts(valid, modality));
        let found: usize = learnt.iter().sum();
        if found < 2 {
            return Err(unusable(
                format!("at least two training {items} with {modality}"),
                found.to_string(),
            ));
        }
        if !learnt.iter().zip(&tried).any(|(a, b)| *a > 0 && *b > 0) {
            return Err(unusable(
                format!(
                    "a validation {} with {modality} of a class that has training {items} with it",
                    dataset.schema.item
                ),
                "none".to_string(),
            ));
        }
    }
    let clips = || test.clips.iter();
    let guesses = Predictions::from_logits(
        clips().map(|clip| clip.name.clone()).collect(),
        classes.clone(),
        Some(clips().map(|clip| clip.levels[target]).collect()),
        &vec![0.0; test.clips.len() * classes.len()],
    );
    let settings = AuditSettings {
        resamples: 100,
        permutations: 100,
        ..audit_settings(config, dataset)
    };
    apart(watch, || {
        audit(&guesses, &all_labels(dataset)?, &settings).map_err(PipelineError::from)
    })?;
    Ok(())
}
