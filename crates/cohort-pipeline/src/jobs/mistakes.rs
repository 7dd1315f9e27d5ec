//! The most telling mistakes of a model: wrong answers that it was surest of, with small pictures.

use std::collections::HashMap;
use std::path::Path;

use cohort_data::{Clip, Dataset, Split};
use cohort_report::{Mistake, Mistakes, jpeg_address};
use cohort_tables::{Predictions, id_key, write_atomic};
use cohort_vision::{decode, encode_jpeg, small};

use crate::error::PipelineError;
use crate::run_folder::{document_of, make_folder, read_json, write_json};

/// The document, and the folder of its pictures beside it.
const DOCUMENT: &str = "mistakes.json";
const PICTURES: &str = "mistakes";
/// Most mistakes that are shown.
const MOST: usize = 24;
/// Most of one class taken for one other.
const MOST_OF_A_PAIR: usize = 3;
/// Longer side of a small picture in pixels, and its JPEG quality.
const SIDE: usize = 160;
const QUALITY: u8 = 85;

/// Writes the mistakes of `predictions` for clips of `split` that have pictures into the run folder.
///
/// # Errors
/// Files that cannot be written. A picture that cannot be decoded is passed over: it was looked at before.
pub(super) fn write(
    model: &str,
    predictions: &Predictions,
    dataset: &Dataset,
    split: &Split,
    out: &Path,
) -> Result<(), PipelineError> {
    let Some(truth) = &predictions.truth else {
        return Ok(());
    };
    let clips: HashMap<&str, &Clip> = (split.clips.iter())
        .map(|clip| (clip.id.as_str(), clip))
        .collect();
    let mut wrong: Vec<(f64, usize)> = Vec::new();
    for (row, (&truth, &predicted)) in truth.iter().zip(&predictions.predicted).enumerate() {
        if let (true, Some(p)) = (truth != predicted, predictions.row(row)) {
            wrong.push((p[predicted], row));
        }
    }
    let all = wrong.len();
    // the surest first; the order of rows among equals
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let names = dataset.schema.target_attribute();
    let name = |class: usize| {
        let code = &predictions.classes[class];
        let level = names.and_then(|target| Some(&target.levels[target.level(code)?]));
        level.map_or_else(|| code.clone(), |level| level.name.clone())
    };
    make_folder(&out.join(PICTURES))?;
    let mut pairs: HashMap<(usize, usize), usize> = HashMap::new();
    let mut mistakes = Vec::new();
    for (probability, row) in wrong {
        if mistakes.len() == MOST {
            break;
        }
        let (truth, predicted) = (truth[row], predictions.predicted[row]);
        let shown = pairs.entry((truth, predicted)).or_insert(0);
        let clip = clips.get(id_key(&predictions.names[row]).as_str());
        let Some(file) = clip.and_then(|clip| clip.picture()) else {
            continue;
        };
        if *shown == MOST_OF_A_PAIR {
            continue;
        }
        let Ok(jpeg) = small_jpeg(file) else { continue };
        *shown += 1;
        let picture = format!("{PICTURES}/{:02}.jpg", mistakes.len() + 1);
        write_atomic(&out.join(&picture), &jpeg)?;
        let p = predictions.row(row).expect("a row with probabilities");
        mistakes.push(Mistake {
            clip: predictions.names[row].clone(),
            truth: name(truth),
            predicted: name(predicted),
            probability,
            truth_probability: p[truth],
            picture,
            address: None,
        });
    }
    let document = Mistakes {
        schema: Mistakes::SCHEMA.to_string(),
        model: model.to_string(),
        wrong: all,
        clips: predictions.len(),
        mistakes,
    };
    write_json(&out.join(DOCUMENT), &document)
}

/// The mistakes that a run folder holds, with their pictures.
///
/// # Errors
/// A document that is no such document. A picture that is gone is left out.
pub(super) fn read(run: &Path) -> Result<Option<Mistakes>, PipelineError> {
    let path = run.join(DOCUMENT);
    let Some(document) = read_json(&path)? else {
        return Ok(None);
    };
    let mut document: Mistakes = document_of(document, &path)?;
    for one in &mut document.mistakes {
        // the name is the document's, and a document may come from anywhere
        let inside = Path::new(&one.picture)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        if let (true, Ok(jpeg)) = (inside, std::fs::read(run.join(&one.picture))) {
            one.address = Some(jpeg_address(&jpeg));
        }
    }
    Ok(Some(document))
}

fn small_jpeg(file: &Path) -> Result<Vec<u8>, PipelineError> {
    Ok(encode_jpeg(&small(&decode(file)?, SIDE)?, QUALITY)?)
}
