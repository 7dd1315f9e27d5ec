//! Degradation curves of a run: its test clips made worse step by step, and what its late and joint models make of them.

use std::collections::HashMap;
use std::path::Path;

use cohort_data::{Clip, Dataset, MediaKind};
use cohort_eval::IntervalSettings;
use cohort_fusion::{Curves, DegradedPredictions, curves};
use cohort_tables::{FolderLock, Predictions, write_atomic};
use cohort_vision::declared_pixels;

use crate::branches::{ClipMedia, Damage};
use crate::dataset::{fusion_settings, splits, target_index};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::models::{Predictor, Seen};
use crate::run_folder::write_json;
use crate::watch::{Watch, apart, say_notes, say_warnings};

/// Pixels of all test pictures together: they stay decoded, three bytes each, and as many again while they are made worse.
const MOST_PIXELS: u64 = 1 << 31;

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
    say_notes(&dataset.notes, watch);
    let mut found = apart(watch, || {
        curves_of(run, dataset, damages, clips, intervals, watch)
    })?;
    found.notes = dataset.notes_for_documents();
    write_json(&run.join("degradation.json"), &found)?;
    write_atomic(&run.join("degradation.csv"), found.to_csv().as_bytes())?;
    drop(lock);
    Ok(found)
}

/// Refuses test pictures that would not fit into memory, as `pixels` of them together.
fn check_memory(pixels: u64, run: &Path) -> Result<(), PipelineError> {
    if pixels <= MOST_PIXELS {
        return Ok(());
    }
    Err(PipelineError::Unusable {
        path: run.to_path_buf(),
        expected: format!("test pictures of at most {MOST_PIXELS} pixels together"),
        found: format!("{pixels}; --clips N takes fewer test clips"),
    })
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
    let names: Vec<String> = chosen.iter().map(|clip| clip.id.clone()).collect();
    let truth: HashMap<&str, usize> = chosen
        .iter()
        .map(|clip| (clip.id.as_str(), clip.levels[target]))
        .collect();
    // media of the test clips, decoded once
    let files: Vec<ClipMedia> = chosen.iter().map(|clip| ClipMedia::from(*clip)).collect();
    if (predictor.branches()).any(|branch| branch.modality() == Modality::Image) {
        let pictures = files
            .iter()
            .filter_map(|clip| clip.media.file(MediaKind::Picture));
        check_memory(pictures.map(declared_pixels).sum(), run)?;
    }
    let (mut media, mut clean) = (HashMap::new(), Vec::new());
    for branch in predictor.branches() {
        let modality = branch.modality();
        let mut warnings = Vec::new();
        let decoded = branch.decode(&files, &mut warnings)?;
        say_warnings(&warnings, watch);
        clean.push(predictor.see(modality, &decoded)?);
        media.insert(modality, decoded);
    }
    let usable: Vec<&Damage> = damages
        .iter()
        .filter(|damage| media.contains_key(&damage.modality))
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
            let worse = media[&damage.modality].damaged(damage, severity, seed);
            let worse = predictor.see(damage.modality, &worse)?;
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
                let family = predictor.joint_family();
                add(
                    family.expect("a joint model that answered has a name"),
                    joint,
                );
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
    let mut found = curves(&inputs, &fusion.subjects, fusion.ordered, intervals)?;
    found.nouns = dataset.schema.nouns();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_that_do_not_fit_into_memory_are_refused() {
        let run = Path::new("run");
        assert!(check_memory(MOST_PIXELS, run).is_ok());
        let told = check_memory(50 * 89_000_000, run).unwrap_err().to_string();
        assert!(
            told.contains("found 4450000000; --clips N takes fewer"),
            "{told}"
        );
    }
}
