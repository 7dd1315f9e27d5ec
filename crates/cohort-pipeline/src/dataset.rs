//! What the jobs ask of a data set: its splits by their part, its classes, whose the clips are.

use std::collections::HashMap;

use cohort_data::{Clip, Dataset, Split};
use cohort_fusion::{FusionSettings, Subjects};
use cohort_tables::{LabelTable, Predictions, content_hash, id_key};

use crate::error::PipelineError;

/// Every clip of all splits.
pub(crate) fn all_clips(dataset: &Dataset) -> impl Iterator<Item = &Clip> {
    dataset.splits.iter().flat_map(|split| &split.clips)
}

/// The three splits by their part: training, validation, test, in the schema's order.
pub(crate) fn splits(dataset: &Dataset) -> Result<[&Split; 3], PipelineError> {
    let names = &dataset.schema.splits;
    let found: Vec<&Split> = names
        .iter()
        .filter_map(|name| dataset.split(name))
        .collect();
    match found.as_slice() {
        [train, valid, test] => Ok([train, valid, test]),
        other => Err(PipelineError::Unusable {
            path: dataset.root.clone(),
            expected: format!("label tables of three splits ({})", names.join(", ")),
            found: format!(
                "{} ({})",
                other.len(),
                other
                    .iter()
                    .map(|split| split.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }),
    }
}

/// Every label row of all splits.
pub(crate) fn all_labels(dataset: &Dataset) -> Result<LabelTable, PipelineError> {
    let mut labels = LabelTable::default();
    for split in &dataset.splits {
        labels.append(&split.labels, &dataset.root)?;
    }
    Ok(labels)
}

/// How a data set's models are fused: subjects from its label tables, order from its schema.
///
/// # Errors
/// Label tables that contradict each other.
pub fn fusion_settings(dataset: &Dataset, seed: u64) -> Result<FusionSettings, PipelineError> {
    let schema = &dataset.schema;
    let labels = all_labels(dataset)?;
    Ok(FusionSettings {
        seed,
        subjects: Subjects::from_labels(&labels, &schema.subject_column)?,
        ordered: is_ordered(dataset),
        ..FusionSettings::default()
    })
}

/// Position of the target among the schema's attributes.
pub(crate) fn target_index(dataset: &Dataset) -> Result<usize, PipelineError> {
    dataset
        .schema
        .target_index()
        .ok_or_else(|| PipelineError::Unusable {
            path: dataset.root.clone(),
            expected: format!("a schema with the target {}", dataset.schema.target),
            found: "none".to_string(),
        })
}

/// Whether the target's classes are in an order that means something.
pub(crate) fn is_ordered(dataset: &Dataset) -> bool {
    let target = dataset.schema.target_attribute();
    target.is_some_and(|target| target.ordered)
}

/// Class codes of the target, in order.
pub(crate) fn classes(dataset: &Dataset) -> Vec<String> {
    dataset
        .schema
        .target_attribute()
        .map_or_else(Vec::new, |target| {
            target
                .levels
                .iter()
                .map(|level| level.code.clone())
                .collect()
        })
}

/// Hash of who is in a data set: the clips of every split with their classes, in order. The same data set in another place
/// has the same.
pub(crate) fn hash_of_labels(dataset: &Dataset, target: usize) -> String {
    let mut text = String::new();
    for split in &dataset.splits {
        text += &format!("{}\n", split.name);
        for clip in &split.clips {
            text += &format!("{:?} {:?}\n", clip.name, clip.levels.get(target));
        }
    }
    content_hash(text.as_bytes())
}

/// Subject of each row as a dense number, in order of first appearance.
///
/// # Panics
/// Predictions of a clip that is not among `clips`.
pub(crate) fn subject_numbers(clips: &[Clip], predictions: &Predictions) -> Vec<usize> {
    let subjects: HashMap<&str, &str> = clips
        .iter()
        .map(|clip| (clip.id.as_str(), clip.subject.as_str()))
        .collect();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let names = predictions.names.iter();
    names
        .map(|name| {
            let subject = subjects.get(id_key(name).as_str());
            let next = numbers.len();
            let number = numbers.entry(subject.expect("a clip of the split"));
            *number.or_insert(next)
        })
        .collect()
}
