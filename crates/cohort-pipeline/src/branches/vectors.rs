//! Rows of an embedding table as training samples.

use std::collections::HashMap;
use std::path::Path;

use cohort_data::{Clip, Dataset};
use cohort_tables::{EmbeddingTable, FolderLock, content_hash, id_key};
use cohort_train::MemorySource;
use serde_json::Value;

use super::branch::{Branch, Facts, Part, Samples};
use crate::dataset::{splits, target_index};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::watch::Watch;

/// The samples of a branch's feature table, which is brought up to date in the folder `features`; `view` is what of the
/// pictures it is made of. The folder is kept for this process meanwhile.
///
/// # Errors
/// As [`Branch::table`]; a data set without three splits.
///
/// # Panics
/// A branch without a table.
pub(crate) fn vector_samples<'a>(
    branch: &dyn Branch,
    dataset: &'a Dataset,
    features: &Path,
    view: Option<Value>,
    watch: &dyn Watch,
) -> Result<Samples<'a>, PipelineError> {
    let lock = FolderLock::take(features)?;
    let path = features.join(branch.table_file());
    let made = branch.table(dataset, &path, watch)?;
    drop(lock);
    let made = made.expect("a branch that learns from vectors has a table");
    let target = target_index(dataset)?;
    let [train, valid, test] =
        splits(dataset)?.map(|split| vector_part(&made.table, &split.clips, target));
    let provenance = &made.table.provenance;
    let how = [
        provenance.producer.as_str(),
        provenance.settings.as_str(),
        &provenance.columns.join(" "),
    ];
    let facts = Facts {
        cut: made.cut,
        weights: (!provenance.weights.is_empty()).then(|| provenance.weights.clone()),
        features: Some(content_hash(how.join("\n").as_bytes())),
        view,
    };
    Ok(Samples {
        parts: [train?, valid?, test?],
        skipped: made.skipped,
        facts,
    })
}

/// The samples of a table that somebody made: those clips of the data set that have a row in it.
///
/// # Errors
/// A data set without three splits; a table that has no clip of one of them.
pub(crate) fn table_samples<'a>(
    table: &EmbeddingTable,
    dataset: &'a Dataset,
    modality: Modality,
    watch: &dyn Watch,
) -> Result<Samples<'a>, PipelineError> {
    let target = target_index(dataset)?;
    let mut parts = Vec::with_capacity(3);
    for split in splits(dataset)? {
        let part = vector_part(table, &split.clips, target)?;
        if part.clips.is_empty() {
            return Err(PipelineError::Unusable {
                path: dataset.root.clone(),
                expected: format!("vectors of clips of the split {}", split.name),
                found: format!(
                    "none among {} clips and {} vectors",
                    split.clips.len(),
                    table.len()
                ),
            });
        }
        let missing = split.clips.len() - part.clips.len();
        if missing > 0 {
            watch.say(&format!(
                "note: split {}: {missing} of {} clips have no vector and are left out",
                split.name,
                split.clips.len()
            ));
        }
        parts.push(part);
    }
    // a table of others may say no source: what its rows hold then stands for it
    let rows = table.values.iter().flat_map(|value| value.to_le_bytes());
    let content: Vec<u8> = rows.collect();
    let parts: [Part; 3] = parts.try_into().ok().expect("three splits");
    Ok(Samples {
        parts,
        skipped: Vec::new(),
        facts: Facts {
            features: Some(content_hash(&content)),
            view: Some(format!("vectors instead of {modality}").into()),
            ..Facts::default()
        },
    })
}

/// Those of `clips` that have a row in `table`, in their order; `target` is the position of the target attribute.
fn vector_part<'a>(
    table: &EmbeddingTable,
    clips: &'a [Clip],
    target: usize,
) -> Result<Part<'a>, PipelineError> {
    // a foreign table may name a clip by its file
    let mut index: HashMap<String, usize> = HashMap::with_capacity(table.len());
    for (row, clip) in table.clips.iter().enumerate() {
        if let Some(first) = index.insert(id_key(clip), row) {
            return Err(PipelineError::Unusable {
                path: "vectors".into(),
                expected: "every clip once".to_string(),
                found: format!("{:?} and {clip:?}", table.clips[first]),
            });
        }
    }
    let mut kept = Vec::new();
    let (mut labels, mut hashes, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for clip in clips {
        let Some(&row) = index.get(&id_key(&clip.id)) else {
            continue;
        };
        kept.push(clip);
        labels.push(clip.levels[target]);
        hashes.push(table.sources[row].clone());
        values.extend_from_slice(table.row(row).expect("a table has a vector a clip"));
    }
    let names = kept.iter().map(|clip| clip.id.clone()).collect();
    let samples = MemorySource::new(vec![table.dim], names, labels.clone(), values)?
        .with_columns(table.provenance.columns.clone());
    Ok(Part {
        source: Box::new(samples),
        clips: kept,
        labels,
        hashes,
    })
}
