//! What was planted in an embedded corpus, for the page of a run on it.

use std::path::Path;

use cohort_report::Planted;
use cohort_synth::Truth;

use crate::error::PipelineError;
use crate::run_folder::read_json;

/// The document in a run folder.
pub(super) const DOCUMENT: &str = "planted.json";

/// What `truth.json` in the folder of the data set says; none where there is no such file, or it says something else.
///
/// # Errors
/// A file that is no JSON or cannot be read.
pub(super) fn of(root: &Path) -> Result<Option<Planted>, PipelineError> {
    let Some(document) = read_json(&root.join("truth.json"))? else {
        return Ok(None);
    };
    // a data set may hold a file of this name that is not ours
    let Ok(truth) = serde_json::from_value::<Truth>(document) else {
        return Ok(None);
    };
    let planted = &truth.disadvantage;
    let mut modalities = truth.modalities.clone();
    modalities.sort_by_key(|modality| modality.rank);
    let ceiling = truth.ceilings.iter().max_by_key(|one| one.inputs.len());
    Ok(Some(Planted {
        schema: Planted::SCHEMA.to_string(),
        attribute: planted.attribute.clone(),
        group: planted.group.clone(),
        modality: planted.modality.clone(),
        factor: planted.factor,
        how: planted.how.clone(),
        no_disadvantage: truth.no_disadvantage.clone(),
        modalities: modalities.into_iter().map(|one| one.modality).collect(),
        best_accuracy: ceiling.map(|ceiling| ceiling.accuracy),
    }))
}
